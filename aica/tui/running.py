"""The screen on which something is being done."""

from . import keys, view
from .asking import Question
from .base import POP, Replace, Screen
from .results import counts
from .words import tr
from .worker import Worker

LEAST = 4  # lines of the progress, whatever stands below it


def asked(title, words, make, command, role="text", word=""):
    """Return the question before something is done: a yes leads to the Run of make()."""
    return Question(title, [(words, role)], lambda: Replace(Run(title, make, command)), word,
                    command)


class Run(Screen):
    """Something is being done, and every outcome is shown as it comes."""

    footer = (keys.UP, keys.DOWN, keys.BACK, keys.CANCEL)

    def __init__(self, title, make, command="", total=0, after=None):
        """make() -> iterable of Outcomes. after(outcomes) -> blocks of text shown at the end."""
        super().__init__()
        self.title, self.command, self.total = title, command, total
        self._make, self._after = make, after
        self.outcomes, self.over = [], False
        self._verdict = ("", "muted")
        # How far it is scrolled: back among the outcomes, on in what stands below them.
        self._back, self._top, self._below = 0, 0, []

    def shown(self):
        if self._worker is None:
            self._worker = Worker(self._make)

    def draw(self, where, width, height):
        if not self.note:
            self.note, self.note_role = self._verdict
        return super().draw(where, width, height)

    def arrived(self):
        if self._worker is None or self.over:
            return
        self.outcomes += self._worker.take()
        self.over = self._worker.done
        if self.over:
            self._tell_the_end()

    def _tell_the_end(self):
        self.ended(self._worker)
        self.note = ""  # that it is stopping
        if self.failure:
            self._verdict = tr("not done to its end: see above why"), "error"
            return
        if self._worker.stopped:
            self._verdict = tr("stopped on the way: {}").format(counts(self.outcomes)), "warning"
            return
        bad = {one.status for one in self.outcomes} & {"failed", "blocked"}
        self._verdict = tr("done: {}").format(counts(self.outcomes)), "error" if bad else "ok"
        self._below = list(self._after(self.outcomes)) if self._after else []

    def body(self, width, height):
        blocks, room = self._below + self.troubles(), height - LEAST
        self._top = max(0, min(self._top, view.count_lines(blocks, width) - room))
        below = view.paragraphs(blocks, self._top, width, room)
        shown = self.outcomes[:len(self.outcomes) - self._back] or self.outcomes
        return view.progress(shown, self.total, self.over, width, height - len(below)) + below

    def press(self, action, name):
        steps = {keys.UP: -1, keys.DOWN: 1, keys.PAGE_UP: -10, keys.PAGE_DOWN: 10}
        if action in steps:
            self._scroll(steps[action])
        elif action in (keys.BACK, keys.ENTER) and self.over:
            return POP
        elif action in (keys.BACK, keys.CANCEL) and not self.over:
            self._worker.cancel()
            self.say(tr("stopping after the step in hand ..."), "warning")
        return None

    def _scroll(self, lines):
        """Move down (or up, below 0): outcomes first, then what stands below their end."""
        if lines > 0 and not self._back:
            self._top += lines
        elif lines < 0 and self._top:
            self._top = max(0, self._top + lines)
        else:
            self._back = max(0, min(self._back - lines, len(self.outcomes)))
