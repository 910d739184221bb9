"""Remove one entry of a tree that other people control, and everything below it.

Each step is one name below an open folder: what is swapped for a link is
itself removed and never followed. A folder is removed only if it is the one
that was looked at before, its files only if `spare` has nothing against
them, and no mount is crossed. Nothing is written and nothing is renamed, so
it works where not one block or inode is free.
"""

import errno
import os
import stat

from .. import files
from .tally import Tally
from .walk import MOUNT, SWAPPED, Visitor, Walk

# A folder that is emptied while it is read may not show all of its names (NFS, tmpfs).
PASSES = 10
BLOCK_BYTES = 512  # of st_blocks: stat(2)


class Remover(Visitor):
    """Removes what it visits; counts what it freed and, by reason, what it had to leave.

    spare(folder, status) is asked about everything but folders, and returns why an
    entry must stay, "" if it need not. keep_folders: only what is no folder goes.
    """

    def __init__(self, spare=lambda _here, _status: "", keep_folders=False):
        self._spare = spare
        self._keep_folders = keep_folders
        self.removed = 0
        self.freed_bytes = 0
        self.left_over = Tally()

    def visit(self, here, name, status):
        if stat.S_ISDIR(status.st_mode):
            return True
        why = self._spare(here, status)
        if why:
            self.left_over.add(why, here, name)
            return False
        try:
            os.unlink(name, dir_fd=here.handle)
        except FileNotFoundError:
            return False
        except OSError as error:  # immutable, read-only, swapped for a folder: told, and passed by
            self.left_over.add(os.strerror(error.errno), here, name)
            return False
        self.removed += 1
        # The last name of several gives the space back; the others see more links.
        if status.st_nlink == 1:
            self.freed_bytes += status.st_blocks * BLOCK_BYTES
        return False

    def left(self, here, name):
        if self._keep_folders:
            return
        try:
            os.rmdir(name, dir_fd=here.handle)
            self.removed += 1
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                self.left_over.add(os.strerror(error.errno), here, name)

    def problem(self, here, name, what):
        self.left_over.add(what, here, name)

    def report(self):
        return self.left_over.report()


def remove(top, path, expected, spare=lambda _here, _status: "", first=()):
    """Remove the entry at `path` (names, bytes) below the open folder `top`; return the Remover.

    expected is its (st_dev, st_ino); another one is left alone, as swapped.
    first: paths below it that go (folders: that are emptied) before the rest, in
    this order: who is killed in the middle leaves what its programs can read.
    """
    remover = Remover(spare)
    with Walk(top) as walk:
        above = walk.open(remover, path[:-1])
        if above is not None:
            try:
                _remove_entry(walk, remover, above, path[-1], expected, first)
            except FileNotFoundError:
                pass  # removed by somebody else: what we wanted
            finally:
                os.close(above.handle)
    return remover


def empty(top, path, spare=lambda _here, _status: "", keep_folders=False):
    """Remove everything below the folder at `path`, but not the folder itself."""
    remover = Remover(spare, keep_folders)
    with Walk(top) as walk:
        here = walk.open(remover, path)
        if here is not None:
            try:
                _empty(here.handle, remover)
            finally:
                os.close(here.handle)
    return remover


def _remove_entry(walk, remover, above, name, expected, first):
    status = os.lstat(name, dir_fd=above.handle)
    if (status.st_dev, status.st_ino) != expected:
        remover.problem(above, name, SWAPPED)
        return
    if not stat.S_ISDIR(status.st_mode):
        remover.visit(above, name, status)
        return
    handle = os.open(name, files.OPEN_FOLDER, dir_fd=above.handle)
    try:
        status = os.fstat(handle)
        if (status.st_dev, status.st_ino) != expected:
            remover.problem(above, name, SWAPPED)
        elif not walk.fence.holds(handle, status):
            remover.problem(above, name, MOUNT)
        else:
            _empty(handle, remover, first)
            remover.left(above, name)
    finally:
        os.close(handle)


def _empty(handle, remover, first=()):
    with Walk(handle) as walk:
        for path in first:
            _early(walk, remover, path)
        for _ in range(PASSES):
            before = remover.removed
            remover.left_over = Tally()
            walk.run(remover)
            if remover.removed == before or not os.listdir(handle):
                return


def _early(walk, remover, path):
    """Remove a file, or what is in a folder, before its turn; its turn comes again anyway."""
    above = walk.open(remover, path[:-1])
    if above is not None:
        try:
            if remover.visit(above, path[-1], os.lstat(path[-1], dir_fd=above.handle)):
                walk.run(remover, path)
        except FileNotFoundError:
            pass
        finally:
            os.close(above.handle)
