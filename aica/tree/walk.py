"""Visit a tree that other people change while we are in it.

Every step is one name below an open folder, never followed, so a swap leads
nowhere; the stack is explicit, because 5,000 levels are one `mkdir` loop away;
32 levels are held open and the way back from deeper ones, "..", is believed
only if it leads to the folder that we came from. Names are bytes.
"""

import binascii
import errno
import itertools
import os
import stat

from .. import files
from .fence import Fence

HELD = 32
# A descriptor as a path: scandir gives bytes for it, and takes no descriptor in Python 3.6.
OPEN = b"/proc/self/fd/%d"
# The share of a walk that nobody else takes part in.
WHOLE = (0, 1)


class Enough(Exception):
    """A visitor has seen all that it wants: the walk ends."""


class Visitor:
    """What a walk is for. It decides and counts; the walk finds the way."""

    # True: the names of a folder in order, for output that people compare.
    ordered = False
    # The Fence of the walk that asks: tells whether a descriptor lies in the tree.
    fence = None

    def visit(self, here, name, status):
        """Look at an entry (its lstat is `status`) of an open Folder; true to enter it."""
        raise NotImplementedError

    def left(self, here, name):
        """Everything below the folder `name` was visited. Told only where one worker does all."""

    def problem(self, here, name, what):
        """Something could not be visited; `what` says why, in words."""

    def report(self):
        """Return what was found as a value for JSON: it may have to come from another process."""
        raise NotImplementedError


class Folder:
    """An open folder on the way down. handle is -1 while the walk is far below it.

    below are the names to be entered yet, None before it was read. share is
    (which, of how many): the part of its names that this walk is to visit.
    """

    __slots__ = ("handle", "name", "parent", "identity", "depth", "below", "share")

    def __init__(self, handle, name, parent, status=None, depth=0):
        self.handle = handle
        self.name = name
        self.parent = parent
        self.identity = _identity(status) if status else None
        self.depth = depth
        self.below = None
        self.share = WHOLE

    def close(self):
        """Give the descriptor back."""
        os.close(self.handle)
        self.handle = -1

    def path(self, name=b""):
        """Return the path of an entry, relative to the top, as bytes."""
        parts, here = [name] if name else [], self
        while here.parent is not None:
            parts.append(here.name)
            here = here.parent
        return b"/".join(reversed(parts))


class Walk:
    """Walks below one open folder, `top`, that others are trusted to have chosen well.

    held is how many levels may be open at a time. halt is a list: when
    somebody puts something in it, the walk ends with Enough. tick(n) is told
    after each folder how many entries there were in it. fence: what keeps it
    inside, a class such as Fence.
    """

    def __init__(self, top, held=HELD, halt=(), tick=None, fence=Fence):
        self._top = top
        self._held = held
        self._halt = halt
        self._tick = tick
        self.fence = fence(top)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.fence.close()

    def run(self, visitor, path=(), share=WHOLE):
        """Visit everything below the folder at `path` (its names, below top), or a share of it."""
        start = here = self.open(visitor, path)
        if start is not None:
            start.share = share
        try:
            while here is not None:
                if here.below is None:
                    self.scan(visitor, here)
                elif here.below:
                    here = self._enter(visitor, here, here.below.pop())
                elif here is start:
                    return
                else:
                    here = self._leave(visitor, here)
        finally:
            while here is not None:
                if here.handle >= 0:
                    os.close(here.handle)
                here = here.parent

    def open(self, visitor, path=()):
        """Return the open Folder at `path`, None (and a problem) if the way is barred."""
        visitor.fence = self.fence
        here = Folder(os.dup(self._top), b"", None, os.fstat(self._top))
        for name in path:
            below = self._child(visitor, here, name)
            os.close(here.handle)
            here.handle = -1
            if below is None:
                return None
            here = below
        here.depth = 0
        return here

    def scan(self, visitor, here):
        """Visit every entry of a folder, return how many; here.below are then the ones to enter."""
        here.below, seen = [], 0
        lstat, visit, handle, halt = os.lstat, visitor.visit, here.handle, self._halt
        for name in self._to_visit(visitor, here):
            seen += 1
            if halt:
                raise Enough
            try:
                status = lstat(name, dir_fd=handle)
            except FileNotFoundError:
                continue  # removed a moment ago: that is its owner's right
            except OSError as error:
                visitor.problem(here, name, os.strerror(error.errno))
                continue
            if visit(here, name, status):
                here.below.append(name)
        here.below.reverse()
        if self._tick is not None:
            self._tick(seen)
        return seen

    def _to_visit(self, visitor, here):
        """Yield the names of a folder that are our share and no mount points."""
        names, barred = _names(visitor, here), self.fence.barred(here)
        if here.share != WHOLE:
            names = _shared_out(names, *here.share)
        return _without(names, barred, visitor, here) if barred else names

    def _enter(self, visitor, here, name):
        below = self._child(visitor, here, name)
        if below is None:
            return here
        if here.depth >= self._held:
            os.close(here.handle)
            here.handle = -1
        return below

    def _child(self, visitor, here, name):
        """Return the open Folder `name`, None if it is none any more or lies elsewhere."""
        if name in self.fence.barred(here):
            visitor.problem(here, name, MOUNT)
            return None
        try:
            handle = os.open(name, files.OPEN_FOLDER, dir_fd=here.handle)
        except FileNotFoundError:
            return None
        except OSError as error:
            swapped = error.errno in (errno.ENOTDIR, errno.ELOOP)
            visitor.problem(here, name, SWAPPED if swapped else os.strerror(error.errno))
            return None
        status = os.fstat(handle)
        if not self.fence.holds(handle, status):
            os.close(handle)
            visitor.problem(here, name, MOUNT)
            return None
        return Folder(handle, name, here, status, here.depth + 1)

    def _leave(self, visitor, here):
        """Return the folder above, or the next one above that is still certain."""
        parent = here.parent
        if parent.handle < 0:
            parent.handle = _back(here.handle, parent.identity)
        os.close(here.handle)
        here.handle = -1
        if parent.handle >= 0:
            visitor.left(parent, here.name)
            return parent
        visitor.problem(parent, here.name, MOVED)
        while parent.handle < 0:
            parent = parent.parent
        return parent


SWAPPED = "swapped for something else"
MOUNT = "another file system is mounted there"
MOVED = "moved away during the walk"


def has_more_names(here, limit):
    """True if an open Folder has more than `limit` names."""
    try:
        with os.scandir(OPEN % here.handle) as entries:
            return next(itertools.islice(entries, limit, None), None) is not None
    except OSError:
        return False  # told when it is visited


def _names(visitor, here):
    """Yield the names of a folder as bytes, without holding a million of them."""
    try:
        with os.scandir(OPEN % here.handle) as entries:
            names = (entry.name for entry in entries)
            yield from sorted(names) if visitor.ordered else names
    except OSError as error:  # of reading the folder: what a visitor raises is not thrown in here
        visitor.problem(here, b"", os.strerror(error.errno))


def _without(names, barred, visitor, here):
    for name in names:
        if name in barred:
            visitor.problem(here, name, MOUNT)
        else:
            yield name


def _shared_out(names, which, count):
    """Yield the names of a share. Whoever reads the folder, a name belongs to the same one."""
    return (name for name in names if binascii.crc32(name) % count == which)


def _identity(status):
    return status.st_dev, status.st_ino


def _back(handle, identity):
    """Return the open folder above, -1 if it is not the one that we came from."""
    try:
        above = os.open("..", files.OPEN_FOLDER, dir_fd=handle)
    except OSError:
        return -1
    if _identity(os.fstat(above)) == identity:
        return above
    os.close(above)
    return -1


def is_folder(status):
    """True if a stat result is that of a real folder."""
    return stat.S_ISDIR(status.st_mode)
