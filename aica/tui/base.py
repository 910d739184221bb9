"""What every screen is, and the menu. Screens know keys, not curses; the other kinds stand beside.

A screen draws itself from its state, and answers a key with an effect: push
another screen, go back, quit, or nothing. What takes time is a Worker.
"""

from typing import Any, NamedTuple

from . import keys, view
from .outcomes import said
from .results import failure
from .view import Page
from .words import tr

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
    trace = ""  # the traceback of a worker that ended with a bug, until it is shown
    is_told = False  # it was, and the screen need not look again when that is left
    tick_s = None  # how often it wants to look again by itself

    def __init__(self):
        self.note = ""
        self.note_role = "muted"
        # Why a worker failed, and what it warned of, as blocks of text: the body shows them whole.
        self.failure, self.warnings = (), []
        self._worker = None

    def body(self, width, height):
        """Return the lines between title and note."""
        raise NotImplementedError(self.title)

    def draw(self, where, width, height):
        """Return the whole screen."""
        note = self.note or (tr("same as: {}").format(self.command) if self.command else "")
        page = Page(self.title, where, note, self.note_role if self.note else "muted",
                    self.footer_keys())
        return view.frame(page, self.body, width, height)

    def footer_keys(self):
        """Return what the footer says: [(key, what it does)]."""
        return keys.shown(self.footer, self.typing)

    def press(self, action, name):
        """Answer a key: an effect, or None. `name` is the key itself."""
        if action in (keys.BACK, keys.CANCEL):
            return POP
        return None

    def say(self, words, role="info"):
        """Show a word above the footer until the next key."""
        self.note, self.note_role = words, role

    def ended(self, worker):
        """Keep how a worker failed, if it did, and what it warned of."""
        self.failure, self.trace = failure(worker), worker.trace
        self.warnings = list(worker.warnings)

    def troubles(self):
        """Return why the work failed and what it warned of, as blocks of text."""
        return list(self.failure) + [("! " + said(one), "warning") for one in self.warnings]

    def workers(self):
        """Return the Workers whose results this screen waits for: its own, while it works."""
        return (self._worker,) if self._worker and not self._worker.done else ()

    def arrived(self):
        """Take what the workers brought."""

    def ticked(self):
        """tick_s seconds are over."""

    def shown(self):
        """It is on top now, for the first time or again."""

    def close(self):
        """It is gone: nobody waits for its workers any more."""
        for worker in self.workers():
            worker.leave()


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
