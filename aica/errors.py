"""The errors that aica raises on purpose, each with the exit status it leads to.

Everything else that escapes is a bug (exit status 70).
"""

import errno


class AicaError(Exception):
    """Something failed. `hint` is what to do about it, a command where possible."""

    exit_status = 1

    def __init__(self, message, hint=""):
        super().__init__(message)
        self.hint = hint


class ConfigError(AicaError):
    """Wrong usage, configuration or an untrusted registry: nothing was tried."""

    exit_status = 2


class Conflict(AicaError):
    """Something that is not ours stands in the way: a human must decide.

    `details` are lines that help with that, such as a difference.
    """

    exit_status = 4

    def __init__(self, message, hint="", details=()):
        super().__init__(message, hint)
        self.details = tuple(details)


class NotReady(AicaError):
    """Not root, /data not there, wrong disk, or another run holds the lock."""

    exit_status = 5


class Busy(NotReady):
    """Another run holds the lock."""


class NotApplicable(AicaError):
    """This host has no such thing (no visudo, no PAM profile): skipped, and said."""


class TimedOut(AicaError):
    """A program did not end in the time that it had."""


class Changed(AicaError):
    """A file changed between reading and replacing it: read again and redo."""


def of_the_system(error):
    """Return an OSError as an AicaError, with a hint where its number says what to do."""
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = ("df -h and df -i say which disk is full; for room on the data disk: "
                "aica clean --all --older-than 60")
    elif error.errno == errno.EROFS:
        hint = "the disk is mounted read-only: dmesg says why"
    elif error.errno in (errno.EIO, errno.ESTALE):
        hint = "the disk or its file server fails: dmesg says how"
    return AicaError(str(error), hint=hint)


class ReadOnlyViolation(Exception):
    """A dry run tried to change the host: a bug, therefore not an AicaError."""
