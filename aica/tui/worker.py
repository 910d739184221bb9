"""Where the menu's work is done: in a child process, an item at a time.

A child and not a thread: the use cases fork and hold back signals, the
terminal's Ctrl-C must not reach useradd, and whatever a program prints must
not land on the screen. Cancelling stops after the item in hand.
"""

import os
import pickle
import select
import signal
import struct
import traceback

ITEM, ERROR, BUG, END, STOPPED, WARNING = (
    "item", "error", "bug", "end", "stopped", "warning")
_SIZE = struct.Struct("!I")
_gathered = []
# Workers that nobody waits for any more, until their processes have ended.
left = []


def reap():
    """Let those that are left and have ended go, without waiting."""
    for one in list(left):
        one.take()
        if one.done:
            left.remove(one)


def watch(warnings):
    """Let workers bring what is put into this list while they work: it is the one of the App."""
    global _gathered
    _gathered = warnings


class Worker:
    """Runs make() -> iterable in a child. take() returns what has arrived since."""

    def __init__(self, make):
        reap()
        self.done = False
        self.error = None  # (words, hint) if an AicaError ended it
        self.stopped = False  # it was asked to stop, and there might have been more
        self.trace = ""  # the traceback if a bug ended it
        self.warnings = []  # what was warned of meanwhile, each once; complete when it is done
        self._buffer = b""
        self._results, theirs = os.pipe()
        stop, self._stop = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._results)
            os.close(self._stop)
            _work(make, theirs, stop)
        os.close(theirs)
        os.close(stop)

    @property
    def failed(self):
        """True if an error or a bug ended it."""
        return bool(self.error or self.trace)

    def fileno(self):
        """Return what select() can wait for."""
        return self._results

    def take(self):
        """Return the items that have arrived, without waiting; then `done` tells if it ended."""
        items = []
        while not self.done and select.select([self._results], [], [], 0)[0]:
            part = os.read(self._results, 1 << 16)
            self._buffer += part
            items += self._unpacked()
            if not part:
                self._finish()
        return items

    def cancel(self):
        """Ask it to stop after the item in hand; never in the middle of one."""
        if not self.done and self._stop is not None:
            os.close(self._stop)
            self._stop = None

    def leave(self):
        """Nobody waits for it any more: it stops like that, and is reaped when it has ended."""
        self.cancel()
        left.append(self)

    def wait(self):
        """Wait for the end and return the last items."""
        items = []
        while not self.done:
            select.select([self._results], [], [])
            items += self.take()
        return items

    def _unpacked(self):
        items = []
        while len(self._buffer) >= _SIZE.size:
            size = _SIZE.unpack(self._buffer[:_SIZE.size])[0]
            if len(self._buffer) < _SIZE.size + size:
                break
            data = self._buffer[_SIZE.size:_SIZE.size + size]
            self._buffer = self._buffer[_SIZE.size + size:]
            items += self._sorted(*pickle.loads(data))
        return items

    def _sorted(self, kind, value):
        if kind == ITEM:
            return [value]
        if kind == ERROR:
            self.error = value
        if kind == STOPPED:
            self.stopped = True
        if kind == BUG:
            self.trace = value
        if kind == WARNING:
            self.warnings.append(value)
        return []

    def _finish(self):
        self.done = True
        os.close(self._results)
        status = os.waitpid(self._child, 0)[1]
        if self._stop is not None:
            os.close(self._stop)
            self._stop = None
        if status and not self.error and not self.trace:
            self.trace = "the work ended with status {}".format(status)


def _work(make, results, stop):
    """Do the work and tell of it. Never returns."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)  # that one is the screen's
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        _leave_the_terminal()
        known = len(_gathered)
        end = _items(make, results, stop)
        for text in dict.fromkeys(_gathered[known:]):
            _tell(results, WARNING, text)
        _tell(results, *end)
        code = 0
    finally:
        os._exit(code)


def _leave_the_terminal():
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _items(make, results, stop):
    """Send every item; return how it ended."""
    from ..errors import AicaError
    try:
        for item in make():
            _tell(results, ITEM, item)
            if select.select([stop], [], [], 0)[0]:
                return STOPPED, None
    except (AicaError, OSError) as error:
        return ERROR, (str(error), getattr(error, "hint", ""))
    except Exception:  # a bug: the screen must show it, not lose it
        return BUG, traceback.format_exc()
    return END, None


def _tell(results, kind, value):
    data = pickle.dumps((kind, value))
    data = _SIZE.pack(len(data)) + data
    while data:
        data = data[os.write(results, data):]
