"""Screens to read: paragraphs, and the help."""

from . import keys, text, view
from .base import Screen
from .words import _, tr
from .worker import Worker


class Text(Screen):
    """Paragraphs to read. blocks are (text, role); load() brings them, in a worker."""

    footer = (keys.UP, keys.DOWN, keys.PAGE_DOWN, keys.BACK, keys.REFRESH, keys.HELP)

    def __init__(self, title, blocks=(), command="", load=None):
        super().__init__()
        self.title, self.blocks, self.command = title, list(blocks), command
        self._load = load
        self.top = 0
        self._size = (1, 1)

    def shown(self):
        if self._load is not None:
            self.close()
            self._worker, self.blocks, self.failure = Worker(self._load), [], ()
            self.warnings = []

    def arrived(self):
        if self._worker is not None:
            self.blocks += self._worker.take()
            if self._worker.done:
                self.ended(self._worker)
                self._worker = None

    def body(self, width, height):
        self._size = width, height
        # What was wrong stands first: what was read may be long.
        blocks = self.troubles()
        blocks += [("", "text")] * bool(blocks) + self.blocks
        self.top = max(0, min(self.top, view.count_lines(blocks, width) - height))
        if not blocks:
            return [view.line(width, (tr("reading ...") if self._worker else tr("nothing here"),
                                      "muted"))]
        return view.paragraphs(blocks, self.top, width, height)

    def press(self, action, name):
        page = max(1, self._size[1] - 1)
        moves = {keys.UP: -1, keys.DOWN: 1, keys.PAGE_UP: -page, keys.PAGE_DOWN: page,
                 keys.ENTER: page, keys.FIRST: -10 ** 6, keys.LAST: 10 ** 6}
        if action in moves and name not in ("LEFT", "RIGHT"):
            self.top += moves[action]
            return None
        if action == keys.REFRESH:
            self.shown()
            return None
        return super().press(action, name)


def help_screen():
    """Return the screen of all keys, made from their table."""
    def block(key):
        return text.pad(key.label, 10) + tr(key.text), "text"
    return Text(_("Keys"), [block(key) for key in keys.TABLE] + [
        ("", "text"), (tr("While a text is typed:"), "title")] + [
            block(key) for key in keys.TYPING])
