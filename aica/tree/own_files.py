"""Inside a home: modes of its owner's files, and one old owner's files, when an admin says so.

A home is its owner's. What is changed here is what keeps sshd from letting
them in, and set-id bits that older tools left; never who owns a file, with
one exception that names a single uid (safety rule 5: a member can move a
colleague's file into the own home, so that taking "what lies there" is theft).
"""

import os
import stat
from typing import NamedTuple

from .. import files, tree
from .sharing import require_protected_links

SSH = "ssh"
SET_ID = "set-id"
REPAIRED = {SSH: "with modes that ssh or sshd refuses", SET_ID: "with setuid or setgid"}
TAKEN = "taken"
HARD_LINKED = "hard-linked"
SPECIAL = "special"
LATE = "late"
LEFT_ALONE = {HARD_LINKED: "files with a second name", SPECIAL: "devices, FIFOs or sockets",
              LATE: "changed since they were listed"}
ENTRIES = "entries"
OWNER = "owner:"

SET_ID_BITS = stat.S_ISUID | stat.S_ISGID
GROUP_BITS = 0o070
# What sshd and ssh read, and others may: without the rights to write.
PUBLIC = ("authorized_keys", "known_hosts", "config")


class Order(NamedTuple):
    """Whose home it is. old is the uid whose files are taken; since_ns when they were listed.

    private says that gid is the owner's own group, with nobody else in it.
    shallow looks at so many entries of the first level only.
    """

    uid: int
    gid: int
    old: int = -1
    old_gids: frozenset = frozenset()
    since_ns: int = 0
    shallow: int = 0
    private: bool = False


def wanted_mode(order, name, status, in_ssh):
    """Return (what is wrong, right mode) of an entry of the owner's, None if it is right. Pure.

    in_ssh: it is ~/.ssh itself or lies below.
    """
    mode = stat.S_IMODE(status.st_mode)
    folder = stat.S_ISDIR(status.st_mode)
    if not folder and not stat.S_ISREG(status.st_mode):
        return None
    if in_ssh and _ssh_mode(name, mode, folder) != mode:
        return SSH, _ssh_mode(name, mode, folder)
    # On a folder of the own group the bit changes nothing.
    bits = mode & (stat.S_ISUID if folder and status.st_gid == order.gid else SET_ID_BITS)
    return (SET_ID, mode & ~SET_ID_BITS) if bits else None


def _ssh_mode(name, mode, folder):
    if folder:
        return 0o700
    text = os.fsdecode(name)
    if text.startswith(PUBLIC) or text.endswith(".pub"):
        return mode & 0o755 | 0o600
    return mode & 0o700 | 0o600


class Survey(tree.Visitor):
    """Counts what is wrong with the owner's files, and what is somebody else's; changes nothing."""

    def __init__(self, order):
        self.order = order
        self.tally = tree.Tally()
        self._entries = 0
        self._here = None
        self._in_ssh = False

    def visit(self, here, name, status):
        self._entries += 1
        if status.st_uid != self.order.uid:
            self.foreign(here, name, status)
        else:
            found = wanted_mode(self.order, name, status, self.in_ssh(here, name))
            if found is not None:
                self.own(here, name, status, found)
        return tree.is_folder(status)

    def in_ssh(self, here, name):
        """True for ~/.ssh and what lies below it."""
        if here is not self._here:
            self._here = here
            self._in_ssh = (here.path() + b"/").startswith(b".ssh/")
        return self._in_ssh or (here.parent is None and name == b".ssh")

    def own(self, here, name, status, found):
        """Count one of the owner's that is not as it should be."""
        linked = stat.S_ISREG(status.st_mode) and status.st_nlink != 1
        self.tally.add(HARD_LINKED if linked else found[0], here, name)

    def foreign(self, here, name, status):
        """Count one of somebody else's."""
        self.tally.add(OWNER + str(status.st_uid), here, name)

    def problem(self, here, name, what):
        self.tally.add(what, here, name)

    def report(self):
        counts, examples = self.tally.report()
        return [dict(counts, **{ENTRIES: self._entries}), examples]


class FirstLevel(Survey):
    """Looks at the first entries of the first level only."""

    def visit(self, here, name, status):
        if self._entries >= self.order.shallow:
            raise tree.Enough
        super().visit(here, name, status)
        return False


class Repair(Survey):
    """Gives the owner's files the modes that they should have, through a pinned descriptor."""

    def own(self, here, name, status, found):
        def decide(pin, now):
            same = os.path.samestat(now, status) and now.st_uid == self.order.uid
            linked = stat.S_ISREG(now.st_mode) and now.st_nlink != 1
            if not same or linked or not self.fence.holds(pin, now):
                self.tally.add(HARD_LINKED if linked else tree.SWAPPED, here, name)
                return None
            again = wanted_mode(self.order, name, now, self.in_ssh(here, name))
            return (again[1], now.st_gid) if again else None
        _try(self.tally, here, name, lambda: files.adjust(here.handle, name, decide))


class Listing(Survey):
    """Counts what is one old owner's: what may be taken, and what is left alone."""

    def own(self, here, name, status, found):
        """Their modes are another command's business."""

    def foreign(self, here, name, status):
        if status.st_uid == self.order.old:
            self.tally.add(_kind(self.order, status), here, name)


class Take(Listing):
    """Gives the old owner's files to the owner of the home.

    Only what stood there, as it is, when it was listed: a folder that was
    moved here since is not entered, a file that was changed since is left.
    """

    def visit(self, here, name, status):
        return super().visit(here, name, status) and not _is_late(self.order, status)

    def foreign(self, here, name, status):
        if status.st_uid != self.order.old or _kind(self.order, status) != TAKEN:
            return
        order = self.order

        def decide(pin, now):
            same = os.path.samestat(now, status) and now.st_uid == order.old
            if not same or _kind(order, now) != TAKEN or not self.fence.holds(pin, now):
                return None
            mode = stat.S_IMODE(now.st_mode) & ~SET_ID_BITS
            if now.st_gid not in order.old_gids:
                return order.uid, now.st_gid, mode
            # What was for the old owner's own group is not for a group of several people.
            return order.uid, order.gid, mode if order.private else mode & ~GROUP_BITS
        _try(self.tally, here, name, lambda: files.give(here.handle, name, decide))


def _kind(order, status):
    """Return what becomes of an entry of the old owner. Pure."""
    kind = stat.S_IFMT(status.st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        return SPECIAL
    if kind != stat.S_IFDIR and status.st_nlink != 1:
        return HARD_LINKED
    return LATE if _is_late(order, status) else TAKEN


def _is_late(order, status):
    return 0 < order.since_ns <= status.st_ctime_ns


def _try(tally, here, name, change):
    try:
        change()
    except FileNotFoundError:
        pass  # removed a moment ago: that is its owner's right
    except OSError as error:  # immutable, read-only, root_squash: told, and passed by
        tally.add(os.strerror(error.errno), here, name)


def survey(top, order):
    """Return a Tally of what lies below the open folder `top`, the top of a home."""
    if order.shallow:
        return _run(top, order, FirstLevel, workers=1)
    return _run(top, order, Listing if order.old >= 0 else Survey)


def repair(top, order):
    """Repair modes, or take the old owner's files; return a Tally of what could not be done."""
    require_protected_links()
    return _run(top, order, Take if order.old >= 0 else Repair)


def _run(top, order, kind, workers=0):
    found = tree.Tally()
    for report in tree.run(top, lambda: kind(order), workers):
        found.merge(report)
    return found
