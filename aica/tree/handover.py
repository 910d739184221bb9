"""A folder that somebody without rights has filled becomes root's own.

Installers must not run as root, and what they leave must be root's: so one
runs with a number that nobody has, in a folder that is closed to everybody
else, and when nothing of it runs any more the whole folder changes hands.
It is opened last. A run that is cut off is simply done again.
"""

import os
import stat

from .. import files, tree
from ..errors import AicaError, Changed, Conflict

READ_AND_RUN = 0o500


def take(top, uid):
    """Give everything below the open folder `top`, and top itself, from uid to root.

    Top must be closed (0700) and belong to uid or root, and stays closed.
    Everybody may read and run what the owner could, only root may write, and
    setuid goes. Raise Conflict, with nothing changed, if there is anything
    that belongs to somebody else, that is neither folder, file nor link, or
    that has a name outside.
    """
    _survey(top, uid)
    if os.fstat(top).st_uid != 0:
        os.fchown(top, 0, 0)
    _hand(top, 0)


def lend(top, uid):
    """Give everything below the open folder `top`, and top itself, from root to uid.

    For an installer that is to renew what take() took. The same conditions.
    """
    _survey(top, uid)
    _hand(top, uid)
    os.fchown(top, uid, uid)


def _survey(top, uid):
    _refuse_open(top, uid)
    survey = _Survey(uid)
    _walk(top, survey)
    survey.refuse()


def _hand(top, uid):
    hand = _Hand(uid)
    _walk(top, hand)
    hand.refuse()


def public_mode(mode):
    """Return the mode of root's own for what had `mode`: nobody else may write."""
    shared = mode & READ_AND_RUN
    return (mode & 0o700) | shared >> 3 | shared >> 6


def _refuse_open(top, uid):
    status = os.fstat(top)
    if status.st_uid not in (0, uid) or stat.S_IMODE(status.st_mode) & 0o077:
        raise Conflict("the folder belongs to uid {} with mode {:04o}, expected uid {} and "
                       "0700".format(status.st_uid, stat.S_IMODE(status.st_mode), uid))


def _walk(top, visitor):
    with tree.Walk(top) as walk:
        walk.run(visitor)


class _Visitor(tree.Visitor):
    """Keeps the first thing that is wrong."""

    def __init__(self):
        self.wrong = ""

    def problem(self, here, name, what):
        path = os.fsdecode(here.path(name))
        self.wrong = self.wrong or "{!r}: {}".format(path, what)

    def refuse(self):
        """Raise Conflict if anything was wrong."""
        if self.wrong:
            raise Conflict("cannot change hands: " + self.wrong)


class _Survey(_Visitor):
    """Looks for what must not be given away."""

    KINDS = (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK)

    def __init__(self, uid):
        super().__init__()
        self._owners = (0, uid)
        self._links = {}  # inode -> [names that it has, names that were seen, one of them]

    def visit(self, here, name, status):
        if stat.S_IFMT(status.st_mode) not in self.KINDS:
            self.problem(here, name, "neither a folder nor a file nor a link")
        if status.st_uid not in self._owners:
            self.problem(here, name, "belongs to uid {}".format(status.st_uid))
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            known = self._links.setdefault(status.st_ino, [status.st_nlink, 0, here.path(name)])
            known[1] += 1
        return stat.S_ISDIR(status.st_mode)

    def refuse(self):
        """conda links its packages into the prefix: more names are right, if all are inside."""
        for names, seen, path in self._links.values():
            if names != seen and not self.wrong:
                self.wrong = "{!r}: has a name outside".format(os.fsdecode(path))
        super().refuse()


class _Hand(_Visitor):
    """Gives everything to a new owner."""

    def __init__(self, uid):
        super().__init__()
        self._uid = uid

    def visit(self, here, name, status):
        try:
            files.give(here.handle, name, lambda pin, now: self._decide(now, status))
        except (OSError, AicaError) as error:
            self.problem(here, name, str(error))
        return stat.S_ISDIR(status.st_mode)

    def _decide(self, now, expected):
        """Return (uid, gid, mode); None if it is right already."""
        if (now.st_dev, now.st_ino) != (expected.st_dev, expected.st_ino):
            raise Changed("was swapped for something else meanwhile")
        mode = stat.S_IMODE(now.st_mode)
        wanted = mode if stat.S_ISLNK(now.st_mode) else public_mode(mode)
        if (now.st_uid, now.st_gid, mode) == (self._uid, self._uid, wanted):
            return None
        return self._uid, self._uid, wanted
