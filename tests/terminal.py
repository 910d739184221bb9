"""A terminal for tests: the real program in a pty, seen through pyte."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte
from wiped import REPOSITORY

# So long may a program paint nothing at all while something of it is waited for.
SILENCE_S = 50
# pyte does not know how xterm repeats a character; this one has 256 colours without it.
TERM = "screen-256color"
KEYS = {
    "UP": "\x1bOA", "DOWN": "\x1bOB", "RIGHT": "\x1bOC", "LEFT": "\x1bOD", "ENTER": "\r",
    "ESC": "\x1b", "BACKSPACE": "\x7f", "CTRL_C": "\x03", "TAB": "\t",
}


class Screen(pyte.Screen):
    """pyte's screen, which cannot scroll on command: curses does that."""

    def scroll_up(self, count=1):
        """SU of ECMA-48."""
        self._scroll(count, self.index, bottom=True)

    def scroll_down(self, count=1):
        """SD of ECMA-48."""
        self._scroll(count, self.reverse_index, bottom=False)

    def _scroll(self, count, step, bottom):
        top, last = self.margins or (0, self.lines - 1)
        row, self.cursor.y = self.cursor.y, last if bottom else top
        for _ in range(count or 1):
            step()
        self.cursor.y = row


class Stream(pyte.ByteStream):
    """pyte's stream, with these two."""

    csi = dict(pyte.ByteStream.csi, S="scroll_up", T="scroll_down")
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Menu:
    """aica-tui on a server below a root, or (root "/") on this one. A context manager."""

    def __init__(self, root, *words, size=(80, 24), term=TERM, language="C.UTF-8", argv=()):
        """argv: what is run in the terminal instead, such as aica-tui on another server."""
        self.screen = Screen(*size)
        self._stream = Stream(self.screen)
        self.code = None
        self._painted = time.monotonic()
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            environ = {"PATH": os.environ["PATH"], "TERM": term, "LC_ALL": language,
                       "PYTHONPATH": REPOSITORY}
            ours = [sys.executable, "-m", "aica", "tui", "--root", root] + list(words)
            os.execvpe((argv or ours)[0], list(argv) or ours, environ)
        self.resize(*size)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.code is None:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._terminal)

    def resize(self, columns, lines):
        """Give the terminal another size."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self.screen.resize(lines, columns)

    def press(self, *names):
        """Press keys: names of KEYS, or characters."""
        for name in names:
            os.write(self._terminal, KEYS.get(name, name).encode("utf-8"))

    def signal(self, number):
        """Send a signal to the program."""
        os.kill(self._process, number)

    def cpu_s(self):
        """Return the processor time that the program has taken so far."""
        with open("/proc/{}/stat".format(self._process), encoding="utf-8") as line:
            fields = line.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))

    def lines(self):
        """Return what stands on the screen, without blanks at the ends."""
        # Not pyte's display: the empty cell behind a wide character stops it.
        rows, width = self.screen.buffer, self.screen.columns
        return ["".join(rows[y][x].data for x in range(width)).rstrip()
                for y in range(self.screen.lines)]

    def see(self, *texts):
        """Wait until all texts stand on the screen; return its lines."""
        return self._wait(lambda lines: all(text in "\n".join(lines) for text in texts),
                          "{} not seen".format(texts))

    def see_title(self, title):
        """Wait until a screen of this title is shown; return its lines."""
        return self._wait(lambda lines: lines[0].startswith(" " + title),
                          "{} not opened".format(title))

    def _wait(self, is_there, problem):
        """Wait as long as something is painted: a slow machine fails nothing, a silent program does."""
        self._painted = time.monotonic()
        while not is_there(self.lines()):
            assert self._read() and time.monotonic() < self._painted + SILENCE_S, \
                "{}:\n{}".format(problem, "\n".join(self.lines()))
        return self.lines()

    def end(self):
        """Wait for the end and return the exit status."""
        while self._read():
            pass
        self.code = _status(os.waitpid(self._process, 0)[1])
        return self.code

    def _read(self):
        """Take what the program paints; False if it is gone."""
        if not select.select([self._terminal], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._terminal, 1 << 16)
        except OSError:  # EIO: the other side is closed
            return False
        self._stream.feed(data)
        self._painted = time.monotonic()
        return bool(data)


def _status(status):
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
