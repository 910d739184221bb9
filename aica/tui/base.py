"""The kinds of screens: menu, table, text, form, question, run. They know keys, not curses.

A screen draws itself from its state, and answers a key with an effect: push
another screen, go back, quit, or nothing. What takes time is a Worker.
"""

from typing import Any, NamedTuple

from ..report import summary
from . import keys, text, view
from .view import Page
from .words import _, tr
from .worker import Worker

POP, QUIT = "pop", "quit"


class Push(NamedTuple):
    """Show another screen on top."""

    screen: Any


class Replace(NamedTuple):
    """Show another screen in place of this one."""

    screen: Any


class Screen:
    """Something that is shown. `command` is what does the same without the menu."""

    title = ""
    command = ""
    footer = (keys.BACK, keys.HELP)
    typing = False
    tick_s = None  # how often it wants to be drawn again by itself

    def __init__(self):
        self.note = ""
        self.note_role = "muted"

    def body(self, width, height):
        """Return the lines between title and note."""
        raise NotImplementedError(self.title)

    def draw(self, where, width, height):
        """Return the whole screen."""
        note = self.note or (tr("same as: {}").format(self.command) if self.command else "")
        page = Page(self.title, where, note, self.note_role if self.note else "muted",
                    keys.shown(self.footer, self.typing))
        return view.frame(page, self.body, width, height)

    def press(self, action, name):
        """Answer a key: an effect, or None. `name` is the key itself."""
        if action in (keys.BACK, keys.CANCEL):
            return POP
        return None

    def say(self, words, role="info"):
        """Show a word above the footer until the next key."""
        self.note, self.note_role = words, role

    def workers(self):
        """Return the Workers whose results this screen waits for."""
        return ()

    def arrived(self):
        """Take what the workers brought."""

    def shown(self):
        """It is on top now, for the first time or again."""

    def close(self):
        """It is gone: nobody waits for its workers any more."""
        for worker in self.workers():
            worker.cancel()


class List(Screen):
    """Lines with a cursor, which can be filtered by a text."""

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.FILTER, keys.HELP)

    def __init__(self):
        super().__init__()
        self.cursor = 0
        self.filter = ""
        self._page = 10

    def entries(self):
        """Return all entries."""
        raise NotImplementedError(self.title)

    def words_of(self, entry):
        """Return the text by which an entry is filtered."""
        raise NotImplementedError(self.title)

    def visible(self):
        """Return the entries that the filter leaves."""
        wanted = self.filter.lower()
        return [one for one in self.entries() if wanted in self.words_of(one).lower()]

    def current(self):
        """Return the entry at the cursor, None if there is none."""
        entries = self.visible()
        self.cursor = max(0, min(self.cursor, len(entries) - 1))
        return entries[self.cursor] if entries else None

    def press(self, action, name):
        if self.typing:
            return self._type(action, name)
        moves = {keys.UP: -1, keys.DOWN: 1, keys.PAGE_UP: -self._page,
                 keys.PAGE_DOWN: self._page, keys.FIRST: -10 ** 6, keys.LAST: 10 ** 6}
        if action in moves:
            self.cursor += moves[action]
            self.current()
        elif action == keys.FILTER:
            self.typing = True
        elif action == keys.BACK and self.filter:
            self.filter = ""
        elif action == keys.ENTER and self.current() is not None:
            return self.choose(self.current())
        elif name.isdigit() and name != "0":
            return self._jump(int(name) - 1)
        else:
            return super().press(action, name)
        return None

    def _type(self, action, name):
        if action == keys.ERASE:
            self.filter = self.filter[:-1]
        elif action in (keys.BACK, keys.CANCEL):
            self.filter, self.typing = "", False
        elif action in (keys.ENTER, keys.NEXT, keys.PREVIOUS):
            self.typing = False
        elif len(name) == 1:
            self.filter += name
        self.current()

    def _jump(self, place):
        if place < len(self.visible()):
            self.cursor = place
            return self.choose(self.current())
        return None

    def choose(self, entry):
        """Answer Enter on an entry."""

    def _filter_line(self, width):
        cursor = "_" if self.typing else ""
        return [view.line(width, ("/ " + self.filter + cursor, "key"))]

    def body(self, width, height):
        lines = self._filter_line(width) if self.typing or self.filter else []
        self._page = max(1, height - 2)
        self.current()
        return lines + self.lines(width, height - len(lines))

    def lines(self, width, height):
        """Return the lines of the list itself."""
        raise NotImplementedError(self.title)


class Menu(List):
    """A list of Items. Their value is an effect, or what returns one."""

    def __init__(self, title, items, command=""):
        super().__init__()
        self.title, self.items = title, list(items)
        self._command = command

    @property
    def command(self):
        """That of the item at the cursor, where it has one."""
        item = self.current()
        return getattr(item.value, "command", "") or self._command if item else self._command

    def entries(self):
        return self.items

    def words_of(self, entry):
        return tr(entry.label) + " " + tr(entry.detail)

    def lines(self, width, height):
        return view.menu(self.visible(), self.cursor, width, height)

    def choose(self, entry):
        if entry.off:
            self.say(tr(entry.off), "warning")
            return None
        return entry.value() if callable(entry.value) else entry.value


class Opens:
    """The value of an Item: opens the screen that make() returns; `command` does the same."""

    def __init__(self, make, command=""):
        self.make = make
        self.command = command

    def __call__(self):
        return Push(self.make())


class Table(List):
    """Rows that a worker brings. rows are (cells, role, value)."""

    def __init__(self, title, head, load, command=""):
        """load() -> iterable of (cells, role, value), read in a worker."""
        super().__init__()
        self.title, self.head, self.command = title, head, command
        self._load = load
        self._worker = None
        self.rows = []
        self.empty = _("nothing here")

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.FILTER, keys.REFRESH, keys.HELP)

    def shown(self):
        self.refresh()

    def refresh(self):
        """Read all rows again; the old ones stay until the first new one comes."""
        self.close()
        self._worker = Worker(self._load)
        self._fresh = []

    def workers(self):
        return (self._worker,) if self._worker and not self._worker.done else ()

    def arrived(self):
        if self._worker is None:
            return
        self._fresh += self._worker.take()
        if self._worker.done:
            self.rows = self._fresh
            if self._worker.error or self._worker.trace:
                self.say(*failure(self._worker))
            self._worker = None

    def entries(self):
        return self.rows

    def words_of(self, entry):
        return " ".join(entry[0])

    def lines(self, width, height):
        rows = self.visible()
        if not rows:
            words = tr("reading ...") if self._worker else tr(self.empty)
            return [view.line(width, (words, "muted"))]
        return view.table(self.head, [row[0] for row in rows], self.cursor, width, height,
                          [row[1] for row in rows])

    def press(self, action, name):
        if action == keys.REFRESH and not self.typing:
            self.refresh()
            return None
        return super().press(action, name)


class Text(Screen):
    """Paragraphs to read. blocks are (text, role); load() brings them, in a worker."""

    footer = (keys.UP, keys.DOWN, keys.PAGE_DOWN, keys.BACK, keys.REFRESH, keys.HELP)

    def __init__(self, title, blocks=(), command="", load=None):
        super().__init__()
        self.title, self.blocks, self.command = title, list(blocks), command
        self._load, self._worker = load, None
        self.top = 0
        self._size = (1, 1)

    def shown(self):
        if self._load is not None:
            self.close()
            self._worker, self.blocks = Worker(self._load), []

    def workers(self):
        return (self._worker,) if self._worker and not self._worker.done else ()

    def arrived(self):
        if self._worker is not None:
            self.blocks += self._worker.take()
            if self._worker.done:
                if self._worker.error or self._worker.trace:
                    self.say(*failure(self._worker))
                self._worker = None

    def body(self, width, height):
        self._size = width, height
        self.top = max(0, min(self.top, view.count_lines(self.blocks, width) - height))
        if not self.blocks:
            return [view.line(width, (tr("reading ...") if self._worker else tr("nothing here"),
                                      "muted"))]
        return view.paragraphs(self.blocks, self.top, width, height)

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


class Form(Screen):
    """Fields to fill in. submit(values) returns an effect, or raises Invalid."""

    typing = True
    footer = (keys.NEXT, keys.ENTER, keys.BACK)

    def __init__(self, title, fields, submit, command_of=lambda values: ""):
        super().__init__()
        self.title, self.fields = title, list(fields)
        self._submit, self._command_of = submit, command_of
        self.cursor = 0

    @property
    def command(self):
        """What does the same as the form as it is filled in now."""
        return self._command_of(self.values())

    def values(self):
        """Return {name: value} of the fields."""
        return {field.name: field.value for field in self.fields}

    def body(self, width, height):
        return view.form(self.fields, self.cursor, width, height)

    def press(self, action, name):
        field = self.fields[self.cursor]
        if action in (keys.BACK, keys.CANCEL):
            return POP
        if action == keys.ENTER:
            return self._next(field)
        if action in (keys.NEXT, keys.PREVIOUS):
            step = 1 if action == keys.NEXT else -1
            self.cursor = (self.cursor + step) % len(self.fields)
        else:
            self._change(field, action, name)
        return None

    def _next(self, field):
        if self.cursor < len(self.fields) - 1:
            self.cursor += 1
            return None
        try:
            return self._submit(self.values())
        except Invalid as error:
            self._mark(error)
        return None

    def _mark(self, error):
        names = [field.name for field in self.fields]
        self.cursor = names.index(error.field) if error.field in names else 0
        self.fields[self.cursor] = self.fields[self.cursor]._replace(error=str(error))

    def _change(self, field, action, name):
        value = changed(field, action, name)
        self.fields[self.cursor] = field._replace(value=value, error="")


def changed(field, action, name):
    """Return the value of a field after a key. Pure."""
    if field.kind == "switch":
        return not field.value if name == " " else field.value
    if field.kind == "choice":
        steps = {"LEFT": -1, "RIGHT": 1, " ": 1}
        place = field.choices.index(field.value) + steps.get(name, 0)
        return field.choices[place % len(field.choices)]
    if action == keys.ERASE:
        return field.value[:-1]
    return field.value + name if len(name) == 1 and name.isprintable() else field.value


class Invalid(Exception):
    """What was typed cannot be taken: which field, and why."""

    def __init__(self, field, words):
        super().__init__(words)
        self.field = field


class Question(Screen):
    """Asks before something is done. `word` must be typed where much is at stake."""

    typing = True
    footer = (keys.ENTER, keys.BACK)

    def __init__(self, title, blocks, answer, word="", command=""):
        """answer() returns the effect of a yes."""
        super().__init__()
        self.title, self.blocks, self.command = title, list(blocks), command
        self._answer, self._word, self.typed = answer, word, ""

    def body(self, width, height):
        wanted = self._word or "y"
        ask = tr("Type {} and press Enter to go on, Esc to leave: ").format(wanted)
        lines = view.paragraphs(self.blocks, 0, width, height - 2)
        return lines + [view.blank(width), view.line(width, (ask, "warning"),
                                                     (self.typed + "_", "title"))]

    def press(self, action, name):
        if action in (keys.BACK, keys.CANCEL):
            return POP
        if action == keys.ERASE:
            self.typed = self.typed[:-1]
        elif action == keys.ENTER:
            if self.typed == (self._word or "y"):
                return self._answer()
            self.say(tr("nothing was changed"), "muted")
            return POP
        elif len(name) == 1:
            self.typed += name
        return None


class Run(Screen):
    """Something is being done, and every outcome is shown as it comes."""

    footer = (keys.UP, keys.DOWN, keys.BACK, keys.CANCEL)

    def __init__(self, title, make, command="", total=0, after=None):
        """make() -> iterable of Outcomes. after(outcomes) -> blocks of text shown at the end."""
        super().__init__()
        self.title, self.command, self.total = title, command, total
        self._make, self._after = make, after
        self.outcomes, self._worker, self.over = [], None, False
        self._verdict = ("", "muted")
        self._back = 0

    def shown(self):
        if self._worker is None:
            self._worker = Worker(self._make)

    def draw(self, where, width, height):
        if not self.note:
            self.note, self.note_role = self._verdict
        return super().draw(where, width, height)

    def workers(self):
        return (self._worker,) if self._worker and not self._worker.done else ()

    def arrived(self):
        if self._worker is None or self.over:
            return
        self.outcomes += self._worker.take()
        self.over = self._worker.done
        if self.over:
            self._tell_the_end()

    def _tell_the_end(self):
        if self._worker.error or self._worker.trace:
            self._verdict = failure(self._worker)
            return
        bad = {one.status for one in self.outcomes} & {"failed", "blocked"}
        self._verdict = tr("done: {}").format(counts(self.outcomes)), "error" if bad else "ok"

    def body(self, width, height):
        after = self._after(self.outcomes) if self.over and self._after else ()
        below = view.paragraphs(after, 0, width, height // 2)
        shown = self.outcomes[:len(self.outcomes) - self._back] or self.outcomes
        return view.progress(shown, self.total, self.over, width, height - len(below)) + below

    def press(self, action, name):
        if action in (keys.UP, keys.PAGE_UP):
            self._back = min(self._back + (1 if action == keys.UP else 10), len(self.outcomes))
        elif action in (keys.DOWN, keys.PAGE_DOWN):
            self._back = max(self._back - (1 if action == keys.DOWN else 10), 0)
        elif action in (keys.BACK, keys.ENTER) and self.over:
            return POP
        elif action in (keys.BACK, keys.CANCEL) and not self.over:
            self._worker.cancel()
            self.say(tr("stopping after the step in hand ..."), "warning")
        return None


def counts(outcomes):
    """Return how many Outcomes ended in which status, in words."""
    return ", ".join("{} {}".format(n, tr(status)) for status, n in summary(outcomes) if n) \
        or tr("nothing to do")


def failure(worker):
    """Return (words, role) of how a worker failed."""
    if worker.trace:
        return tr("a bug: {}").format(worker.trace.strip().split("\n")[-1]), "error"
    words, hint = worker.error
    return (words + "  " + tr("hint: ") + hint if hint else words), "error"


class Findings(List):
    """Outcomes of a look: what needs attention, or (Space) everything; Enter opens one."""

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.MARK, keys.FILTER, keys.REFRESH)

    def __init__(self, title, make, command, details):
        """make() -> iterable of Outcomes. details(outcome) -> the screen of one."""
        super().__init__()
        self.title, self.command = title, command
        self._make, self._details = make, details
        self._worker, self.outcomes, self._all = None, [], False

    def shown(self):
        self.refresh()

    def refresh(self):
        """Look again; what was seen stays until the look is over."""
        self.close()
        self._worker, self._fresh = Worker(self._make), []

    def workers(self):
        return (self._worker,) if self._worker and not self._worker.done else ()

    def arrived(self):
        if self._worker is None or self._worker.done:
            return
        self._fresh += self._worker.take()
        if self._worker.done or len(self._fresh) > len(self.outcomes):
            self.outcomes = list(self._fresh)
        if self._worker.done and (self._worker.error or self._worker.trace):
            self.say(*failure(self._worker))

    def entries(self):
        return [one for one in self.outcomes if self._all or one.status not in ("ok", "skipped")]

    def words_of(self, entry):
        return "{} {} {}".format(entry.status, entry.resource, entry.message)

    def press(self, action, name):
        if not self.typing and action == keys.MARK:
            self._all = not self._all
        elif not self.typing and action == keys.REFRESH:
            self.refresh()
        else:
            return super().press(action, name)
        return None

    def choose(self, entry):
        return Push(self._details(entry))

    def lines(self, width, height):
        going = self._worker is not None and not self._worker.done
        head = [view.line(width, (tr("looking: ") if going else tr("looked: "), "muted"),
                          (counts(self.outcomes), "title")), view.blank(width)]
        shown = self.visible()
        if not shown:
            words = tr("reading ...") if going else tr("Everything is as it should be.")
            return head + [view.line(width, (words, "muted" if going else "ok"))]
        rows = [(one.status, one.resource, happened(one)) for one in shown]
        roles = [view.STATUS_ROLES[one.status] for one in shown]
        return head + view.table((_("STATUS"), _("WHAT"), _("DETAILS")), rows, self.cursor,
                                 width, height - len(head), roles)


def happened(outcome):
    """Return in one line what an Outcome says."""
    return outcome.message or "; ".join(line.split("\n", 1)[0] for line in outcome.lines)


def help_screen():
    """Return the screen of all keys, made from their table."""
    def block(key):
        return text.pad(key.label, 10) + tr(key.text), "text"
    return Text(_("Keys"), [block(key) for key in keys.TABLE] + [
        ("", "text"), (tr("While a text is typed:"), "title")] + [
            block(key) for key in keys.TYPING])
