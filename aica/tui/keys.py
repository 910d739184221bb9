"""The one table of keys: what they are called, what they do, what the help says. Pure."""

from typing import NamedTuple, Tuple

from .words import _


class Key(NamedTuple):
    """An action, the keys that mean it, how the footer shows them, and what it does."""

    action: str
    names: Tuple[str, ...]
    label: str
    text: str


UP, DOWN, PAGE_UP, PAGE_DOWN, FIRST, LAST = "up", "down", "page-up", "page-down", "first", "last"
ENTER, BACK, QUIT, FILTER, HELP, REFRESH, MARK = (
    "enter", "back", "quit", "filter", "help", "refresh", "mark")
NEXT, PREVIOUS, ERASE, CANCEL, RESIZE = "next", "previous", "erase", "cancel", "resize"

TABLE = (
    Key(UP, ("UP", "k"), "↑ k", _("up")),
    Key(DOWN, ("DOWN", "j"), "↓ j", _("down")),
    Key(PAGE_UP, ("PAGE_UP",), "PgUp", _("a page up")),
    Key(PAGE_DOWN, ("PAGE_DOWN",), "PgDn", _("a page down")),
    Key(FIRST, ("HOME", "g"), "g", _("to the beginning")),
    Key(LAST, ("END", "G"), "G", _("to the end")),
    Key(ENTER, ("ENTER", "RIGHT", "l"), "Enter", _("open, do")),
    Key(BACK, ("ESC", "LEFT", "h", "q"), "Esc q", _("back; at the beginning: quit")),
    Key(MARK, (" ",), "Space", _("choose or leave out")),
    Key(FILTER, ("/",), "/", _("show only lines that contain a text")),
    Key(REFRESH, ("r",), "r", _("look again")),
    Key(CANCEL, ("CTRL_C",), "Ctrl-C", _("stop after the step in hand; otherwise quit")),
    Key(HELP, ("?",), "?", _("this help")),
)
# While a text is typed, letters are letters.
TYPING = (
    Key(NEXT, ("TAB", "DOWN"), "Tab ↓", _("next field")),
    Key(PREVIOUS, ("BACKTAB", "UP"), "↑", _("field before")),
    Key(ENTER, ("ENTER",), "Enter", _("next field; at the last one: done")),
    Key(ERASE, ("BACKSPACE",), "Bksp", _("erase")),
    Key(BACK, ("ESC",), "Esc", _("back")),
    Key(CANCEL, ("CTRL_C",), "Ctrl-C", _("back")),
)


def action_of(name, typing=False):
    """Return the action of a key name; "" if it means nothing here (a digit, a letter)."""
    for key in TYPING if typing else TABLE:
        if name in key.names:
            return key.action
    return ""


def shown(actions, typing=False):
    """Return [(label, text)] of some actions for the footer, in the order of the table."""
    return [(key.label, key.text) for key in (TYPING if typing else TABLE)
            if key.action in actions]
