"""How large is a cached thing, when was it used last, and what speaks against removing it?"""

import contextlib
import os
import stat

from .. import tree
from ..tree.walk import OPEN
from .rules import LastUse

BLOCK_BYTES = 512  # of st_blocks: stat(2)


class Measure(tree.Visitor):
    """How large something is, when it was used last, and what speaks against removing it.

    opened: inode numbers. size_bytes is what the files say, allocated_bytes
    what the disk gives for them, each file once.
    """

    glanced_at = b""  # see rules.LastUse

    def __init__(self, opened=frozenset()):
        self._opened = opened
        self._last_use = LastUse(self.glanced_at)
        self._seen = {}
        self.identity = None
        self.owners = set()
        self.files = 0
        self.size_bytes = 0
        self.allocated_bytes = 0
        self.newest_file = 0.0
        self.newest_folder = 0.0
        self.open = self.linked = self.unread = self.foreign = False

    def visit(self, here, name, status):
        self.open = self.open or status.st_ino in self._opened
        if stat.S_ISDIR(status.st_mode):
            self.newest_folder = max(self.newest_folder, status.st_mtime)
            return True
        self.newest_file = max(self.newest_file, self._last_use(here, status))
        self.owners.add(status.st_uid)
        self.files += 1
        if status.st_nlink > 1:
            self._count_linked(status)
        else:
            self._count(status)
        return False

    def _count(self, status):
        self.size_bytes += status.st_size
        self.allocated_bytes += status.st_blocks * BLOCK_BYTES

    def _count_linked(self, status):
        """Count a file with several names once, when its last name is found here."""
        seen = self._seen[status.st_ino] = self._seen.get(status.st_ino, 0) + 1
        if seen == 1:
            self.linked = True
        if seen == status.st_nlink:
            self._count(status)

    def problem(self, here, name, what):
        self.unread = True

    def finish(self, walk):
        """Told when everything was visited."""

    def report(self):
        return [self.files, self.size_bytes, self.allocated_bytes]

    @property
    def newest(self):
        """When it was used last. A folder's own time is that of our last removal in it."""
        return self.newest_file if self.files else self.newest_folder


class Aged(Measure):
    """Measures only the files that may be removed one by one."""

    def __init__(self, spare, opened=frozenset()):
        super().__init__(opened)
        self._spare = spare

    def visit(self, here, name, status):
        if stat.S_ISDIR(status.st_mode) or not self._spare(here, status):
            return super().visit(here, name, status)
        return False


def measure(walk, path, visitor):
    """Measure the entry at `path` (names below the top of a walk); False if it is not there."""
    above = walk.open(visitor, path[:-1])
    if above is None:
        return False
    try:
        status = os.lstat(path[-1], dir_fd=above.handle)
    except FileNotFoundError:
        return False
    else:
        visitor.identity = status.st_dev, status.st_ino
        visitor.owners.add(status.st_uid)
        if visitor.visit(above, path[-1], status):
            walk.run(visitor, path)
        visitor.finish(walk)
        return True
    finally:
        os.close(above.handle)


def entries(walk, path=()):
    """Yield (name, lstat) of all entries of a folder below the top, in no order."""
    here = walk.open(Measure(), path)
    if here is None:
        return
    try:
        # A million names are not held at once.
        with os.scandir(OPEN % here.handle) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):  # removed a moment ago
                    yield entry.name, os.lstat(entry.name, dir_fd=here.handle)
    finally:
        os.close(here.handle)


def look(walk, path):
    """Return the lstat of an entry below the top, None if it is not there."""
    here = walk.open(Measure(), path[:-1])
    if here is None:
        return None
    try:
        return os.lstat(path[-1], dir_fd=here.handle)
    except OSError:
        return None
    finally:
        os.close(here.handle)


def is_kind(status, kind):
    """True if a lstat, or None, is that of a file of this kind (stat.S_IFREG, ...)."""
    return status is not None and stat.S_IFMT(status.st_mode) == kind


def files_in(walk, path):
    """Yield the names of the regular files of a folder."""
    return (name for name, status in entries(walk, path) if stat.S_ISREG(status.st_mode))


def folders_in(walk, path=()):
    """Yield the names of the real folders in a folder."""
    return (name for name, status in entries(walk, path) if stat.S_ISDIR(status.st_mode))
