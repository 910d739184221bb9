"""The one table of keys: what they are called, what they do, what the help says. Pure."""

from typing import NamedTuple, Tuple

from .words import _


class Key(NamedTuple):
    """An action, the keys that mean it, how they are called, what they do; the same for the footer."""

    action: str
    names: Tuple[str, ...]
    label: str
    text: str
    short: str = ""


UP, DOWN, PAGE_UP, PAGE_DOWN, FIRST, LAST = "up", "down", "page-up", "page-down", "first", "last"
ENTER, BACK, QUIT, FILTER, HELP, REFRESH, MARK = (
    "enter", "back", "quit", "filter", "help", "refresh", "mark")
NEXT, PREVIOUS, ERASE, CANCEL = "next", "previous", "erase", "cancel"

TABLE = (
    Key(UP, ("UP", "k"), "↑ k", _("up")),
    Key(DOWN, ("DOWN", "j"), "↓ j", _("down")),
    Key(PAGE_UP, ("PAGE_UP",), "PgUp", _("a page up")),
    Key(PAGE_DOWN, ("PAGE_DOWN",), "PgDn", _("a page down")),
    Key(FIRST, ("HOME", "g"), "g", _("to the beginning")),
    Key(LAST, ("END", "G"), "G", _("to the end")),
    Key(ENTER, ("ENTER", "RIGHT", "l"), "Enter", _("open, do"), _("open")),
    Key(BACK, ("ESC", "LEFT", "h", "q"), "Esc q", _("back; at the beginning: quit"), _("back")),
    Key(MARK, (" ",), "Space", _("choose or leave out"), _("choose")),
    Key(FILTER, ("/",), "/", _("show only lines that contain a text"), _("filter")),
    Key(REFRESH, ("r",), "r", _("look again")),
    Key(CANCEL, ("CTRL_C",), "Ctrl-C", _("stop after the step in hand; otherwise quit"), _("stop")),
    Key(HELP, ("?",), "?", _("this help"), _("help")),
)
# While a text is typed, letters are letters.
TYPING = (
    Key(NEXT, ("TAB", "DOWN"), "Tab ↓", _("next field")),
    Key(PREVIOUS, ("BACKTAB", "UP"), "↑", _("field before")),
    Key(ENTER, ("ENTER",), "Enter", _("next field; at the last one: done"), _("next, done")),
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
    return [(key.label, key.short or key.text) for key in (TYPING if typing else TABLE)
            if key.action in actions]
