"""Standard output and standard error, which may be closed, full, or a pipe that nobody reads."""

import contextlib
import io
import os
import sys

NAMES = {"stdout": "standard output", "stderr": "standard error"}


class Stream(io.TextIOWrapper):
    """A standard stream. What cannot be encoded comes out escaped: a Korean name in the C locale.

    What is not essential is never a reason to stop: standard error, and from
    go_on() on standard output too. What cannot be written is lost then, and
    `lost` is the OSError of it; otherwise that is raised.
    """

    def __init__(self, name, old):
        super().__init__(old.detach(), encoding=old.encoding, errors="backslashreplace",
                         line_buffering=True)
        self.label = NAMES[name]
        self.lost = None
        self.essential = name == "stdout"

    def write(self, text):
        """Write text, or lose it."""
        return self._try(super().write, text)

    def flush(self):
        """Write what is still buffered, or lose it."""
        self._try(super().flush)

    def _try(self, function, *words):
        try:
            return function(*words)
        except OSError as error:
            self.lost = self.lost or error
            error.filename = self.label
            self._lead_nowhere()
            if self.essential:
                raise
            return len(words[0]) if words else None

    def _lead_nowhere(self):
        """Let what comes now succeed: what is still buffered would fail again at our end."""
        with contextlib.suppress(OSError, ValueError):  # no file at all
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)


def make_safe():
    """Replace both streams. Those that the caller closed lead to /dev/null.

    A file that we open must not get their numbers.
    """
    handle = 0
    while handle < 3:
        handle = os.open(os.devnull, os.O_RDWR)
    os.close(handle)
    for name in NAMES:
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))
        elif isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, Stream(name, stream))


def go_on():
    """From now on lose what standard output does not take: half of a change is worse."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.essential = False


def lost():
    """Return the OSError with which standard output was lost, None if it was not.

    None too if whoever read it has left: they wanted no more.
    """
    found = getattr(sys.stdout, "lost", None)
    return None if isinstance(found, BrokenPipeError) else found
