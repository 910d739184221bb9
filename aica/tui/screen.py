"""The terminal: the only place that knows curses. Paints lines, reads keys, never crashes for a size.

Incidents it answers: init_pair() with a colour that a terminal lacks raises
ValueError; use_default_colors() and curs_set() raise curses.error on vt100;
addstr() in the last cell always does.
"""

import contextlib
import curses
import locale
import os
import select
import signal
import sys

from . import text, theme

NAMES = {
    "\n": "ENTER", "\r": "ENTER", "\x1b": "ESC", "\x7f": "BACKSPACE", "\b": "BACKSPACE",
    "\t": "TAB", "\x03": "CTRL_C", "\x0c": "REDRAW",
    curses.KEY_UP: "UP", curses.KEY_DOWN: "DOWN", curses.KEY_LEFT: "LEFT",
    curses.KEY_RIGHT: "RIGHT", curses.KEY_NPAGE: "PAGE_DOWN", curses.KEY_PPAGE: "PAGE_UP",
    curses.KEY_HOME: "HOME", curses.KEY_END: "END", curses.KEY_ENTER: "ENTER",
    curses.KEY_BACKSPACE: "BACKSPACE", curses.KEY_BTAB: "BACKTAB",
}
ATTRIBUTES = (
    (theme.BOLD, curses.A_BOLD), (theme.DIM, curses.A_DIM), (theme.REVERSE, curses.A_REVERSE),
    (theme.UNDERLINE, curses.A_UNDERLINE),
)


class Terminal:
    """One terminal that is ours until close(). A context manager."""

    def __init__(self, wanted_theme="auto", ascii_only=False):
        with contextlib.suppress(locale.Error):  # a LANG that this server does not have
            locale.setlocale(locale.LC_ALL, "")
        os.environ.setdefault("ESCDELAY", "25")
        # What the C library says: in Python's UTF-8 mode getpreferredencoding() does not.
        self._encoding = locale.nl_langinfo(locale.CODESET)
        self._ascii = ascii_only or self._encoding.lower().replace("-", "") != "utf8"
        sys.__stdout__ = sys.stdout  # initscr() asks it for its number; cli.py took it apart
        self._window = curses.initscr()
        try:
            self._begin(wanted_theme)
        except BaseException:
            self.close()
            raise

    def _begin(self, wanted_theme):
        self._resized = Resized()
        curses.noecho()
        curses.raw()  # Ctrl-C is a key: work must not be cut off by it
        self._window.keypad(True)
        self._window.nodelay(True)
        with contextlib.suppress(curses.error):
            curses.curs_set(0)
        self._looks = self._make_looks(wanted_theme)

    def _make_looks(self, wanted):
        with contextlib.suppress(curses.error):
            curses.start_color()
            curses.use_default_colors()
        colors = curses.COLORS if curses.has_colors() else 0
        table, looks = theme.choose(wanted, colors, os.environ), {}
        for number, role in enumerate(theme.ROLES, 1):
            look = table[role]
            looks[role] = sum(ours for bit, ours in ATTRIBUTES if look.attributes & bit)
            if colors and (look.ink, look.paper) != (theme.OWN, theme.OWN):
                with contextlib.suppress(curses.error, ValueError):
                    curses.init_pair(number, look.ink, look.paper)
                    looks[role] |= curses.color_pair(number)
        return looks

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Give the terminal back as it was."""
        with contextlib.suppress(curses.error):
            self._window.keypad(False)
            curses.noraw()
            curses.echo()
            curses.endwin()
        self._resized.close()

    def size(self):
        """Return (columns, lines)."""
        height, width = self._window.getmaxyx()
        return width, height

    def paint(self, lines):
        """Show lines of Spans, from the first row on."""
        self._window.erase()
        for row, spans in enumerate(lines):
            column = 0
            for words, role in spans:
                self._put(row, column, words, role)
                column += text.columns(words)
        self._window.refresh()

    def _put(self, row, column, words, role):
        with contextlib.suppress(curses.error):  # the last cell, or a resize since size()
            self._window.addstr(row, column, self._writable(words), self._looks[role])

    def _writable(self, words):
        """Return the text in characters that the terminal can show, in as many columns."""
        if not self._ascii:
            return words
        words = words.translate(text.ASCII)
        return "".join(char if _fits(char, self._encoding) else "?" * text.width_of(char)
                       for char in words)

    def keys(self, watched=(), timeout_s=None):
        """Wait for a key, one of the watched files or the time; return the names of keys.

        Raise EOFError if the terminal is gone.
        """
        ready = select.select([sys.stdin, self._resized] + list(watched), [], [], timeout_s)[0]
        names = ["RESIZE"] if self._resized.take() else []
        if names:
            self._window.clear()  # all of it: nobody knows what the terminal kept
        while True:
            try:
                code = self._window.get_wch()
            except curses.error:  # nothing left
                if sys.stdin in ready and not names and not sys.stdin.isatty():
                    raise EOFError("the terminal is gone")  # and would be "ready" for ever
                return names
            name = NAMES.get(code, code if isinstance(code, str) else "")
            if name == "REDRAW":
                self._window.clear()
            names.append(name)


class Resized:
    """Wakes select() when the terminal gets another size.

    curses tells of it only when a key is read, and an idle menu would stay as
    it was painted until then: select() goes on by itself after a signal.
    """

    def __init__(self):
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        self._writer = writer
        self._before = signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.set_wakeup_fd(writer)

    def fileno(self):
        """Return what select() can wait for."""
        return self._reader

    def take(self):
        """Tell curses of the new size, if there is one; return whether there is."""
        try:
            if not os.read(self._reader, 4096):
                return False
        except BlockingIOError:
            return False
        size = os.get_terminal_size(sys.stdout.fileno())
        with contextlib.suppress(curses.error):
            curses.resizeterm(max(1, size.lines), max(1, size.columns))
        return True

    def close(self):
        """Give the signal back."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGWINCH, self._before)
        os.close(self._reader)
        os.close(self._writer)


def _fits(char, encoding):
    try:
        char.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_terminal():
    """True if somebody sits in front of a terminal that curses can use."""
    return (sys.stdin.isatty() and sys.stdout.isatty()
            and os.environ.get("TERM", "") not in ("", "dumb", "unknown"))
