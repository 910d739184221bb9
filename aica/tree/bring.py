"""Bring a file or a folder of one tree back into another: beside what is there, as its owner.

Made for a home and its copy in a snapshot. Root opens the two folders, and a
child that has dropped to the user (child.py) copies from one to the other. So
the kernel decides what may be read: a colleague's private file that was moved
into this home is as closed in the copy as it was there. The child runs no
other program: the user could trace that, and with it reach the open folder of
a snapshot, which is to stay as it is.
"""

import contextlib
import errno
import os
import stat

from .. import files
from .beside import Beside, down
from .fence import NoFence
from .walk import Visitor, Walk

PIECE_BYTES = 1 << 20
ROOM = 200
# What rsync --munge-links puts in front of the target of a link, so that it leads nowhere.
MUNGED = b"/rsyncd-munged/"
ATTRIBUTES = ("user.", "system.posix_acl_")
ACL = "system.posix_acl"


def bring_back(source, home, path, suffix):
    """Copy `path` (its names, bytes; () is all) from one open home to another.

    Run it as the owner of the home. The copy lies beside the original, or in
    the home's top folder if that place is gone, under a name that is free:
    NAME + suffix, or with a number. While it is copied it has a dot in front
    and .part at its end, and so it stays if the work is cut off.

    Return {"where": path below the home, "entries": n, "left": {why: n}, "error": words}.
    """
    found = {"where": "", "entries": 0, "left": {}, "error": ""}
    try:
        _copy(source, home, path, suffix, found)
    except OSError as error:
        found["error"] = os.strerror(error.errno)
    return found


def _copy(source, home, path, suffix, found):
    above = down(source, path[:-1])
    if above < 0:
        raise OSError(errno.EACCES, "")
    beside = down(home, path[:-1])
    folder = path[:-1] if beside >= 0 else ()
    beside = beside if beside >= 0 else os.dup(home)
    name = path[-1] if path else b""
    status = os.lstat(name, dir_fd=above) if path else os.fstat(source)
    copier = Copier(found)
    label = _free_label(beside, _shortened(name or b"home") + suffix)
    working = _working(label)
    found["where"] = os.fsdecode(b"/".join(folder + (working,)))
    if stat.S_ISDIR(status.st_mode):
        top = down(above, path[-1:]) if path else os.dup(source)
        if top < 0:
            raise OSError(errno.EACCES, "")
        copier.whole(top, beside, working, status)
    else:
        copier.one(above, name, status, beside, working)
    os.rename(working, label, src_dir_fd=beside, dst_dir_fd=beside)
    found["where"] = os.fsdecode(b"/".join(folder + (label,)))


def _shortened(name):
    """Return a name that leaves room for what is added: 255 bytes is the limit."""
    return name if len(name) <= ROOM else name[:ROOM].decode("utf-8", "ignore").encode("utf-8")


def _working(label):
    return b"." + label + b".part"


def _free_label(folder, label):
    """Return the first of NAME, NAME.2, NAME.3 ... that is free, as is the name to work under."""
    for number in range(1, 10000):
        numbered = label if number == 1 else label + b".%d" % number
        if not _exists(folder, numbered) and not _exists(folder, _working(numbered)):
            return numbered
    raise OSError(errno.EEXIST, "")


def _exists(folder, name):
    try:
        os.lstat(name, dir_fd=folder)
        return True
    except FileNotFoundError:
        return False


class Copier(Visitor):
    """Copies what it visits to a folder that it makes. Nothing is written over."""

    def __init__(self, found):
        self._found = found
        self._beside = None

    def whole(self, top, parent, label, status):
        """Copy the open folder `top` as `label` of the open folder `parent`."""
        os.mkdir(label, 0o700, dir_fd=parent)
        made = os.open(label, files.OPEN_FOLDER, dir_fd=parent)
        self._found["entries"] += 1
        self._beside = Beside(made)
        with Walk(top, fence=NoFence) as walk:
            walk.run(self)
        self._beside.close()
        _dress(made, top, status)

    def visit(self, here, name, status):
        target = self._beside.folder(here)
        if target < 0:
            self.problem(here, name, "its folder could not be made")
            return False
        if stat.S_ISDIR(status.st_mode):
            try:
                os.mkdir(name, 0o700, dir_fd=target)
            except OSError as error:
                self.problem(here, name, os.strerror(error.errno))
                return False
            self._found["entries"] += 1
            return True
        try:
            self.one(here.handle, name, status, target, name)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # every other one would fail as well
                raise
            self.problem(here, name, os.strerror(error.errno))
        return False

    def left(self, here, name):
        """A folder is complete: now it gets the mode and the time that it had."""
        target = self._beside.folder(here)
        if target < 0:
            return
        with contextlib.suppress(OSError):
            made = os.open(name, files.OPEN_FOLDER, dir_fd=target)
            old = os.open(name, files.OPEN_FOLDER, dir_fd=here.handle)
            try:
                _dress(made, old, os.fstat(old))
            finally:
                os.close(made)
                os.close(old)

    def problem(self, here, name, what):
        left = self._found["left"]
        left[what] = left.get(what, 0) + 1

    def one(self, folder, name, status, target, label):
        """Copy one entry that is no folder."""
        if stat.S_ISREG(status.st_mode):
            _copy_file(folder, name, target, label)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(unmunged(os.readlink(name, dir_fd=folder)), label, dir_fd=target)
            os.utime(label, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target,
                     follow_symlinks=False)
        elif stat.S_ISFIFO(status.st_mode):
            os.mkfifo(label, stat.S_IMODE(status.st_mode) & 0o700, dir_fd=target)
        else:
            raise OSError(errno.EPERM, "")  # a device or a socket: nothing of a user's
        self._found["entries"] += 1


def unmunged(target):
    """Return the target (bytes) that a link had before it was stored."""
    return target[len(MUNGED):] if target.startswith(MUNGED) else target


def _copy_file(folder, name, target, label):
    old = os.open(name, files.OPEN_FILE, dir_fd=folder)
    try:
        status = os.fstat(old)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EPERM, "")
        new = os.open(label, files.OPEN_NEW, 0o600, dir_fd=target)
        try:
            _pour(old, new)
            _dress(new, old, status)
        except BaseException:  # half a file must not pass for one
            os.unlink(label, dir_fd=target)
            raise
        finally:
            os.close(new)
    finally:
        os.close(old)


def _pour(old, new):
    """Copy the content; what is nothing but zeros stays a hole."""
    size = 0
    while True:
        piece = os.read(old, PIECE_BYTES)
        if not piece:
            break
        size += len(piece)
        if piece.count(0) == len(piece):
            os.lseek(new, size, os.SEEK_SET)
            continue
        view = memoryview(piece)
        while view:
            view = view[os.write(new, view):]
    os.ftruncate(new, size)


def _dress(new, old, status):
    """Give an open file or folder the mode, attributes and time of another; never set-id bits.

    In another group it gets none of the group's rights: they were meant for
    somebody else. An ACL says again what the group may, so it stays out too.
    """
    same = os.fstat(new).st_gid == status.st_gid
    os.fchmod(new, stat.S_IMODE(status.st_mode) & (0o1777 if same else 0o1707))
    with contextlib.suppress(OSError):
        for attribute in os.listxattr(old):
            if attribute.startswith(ATTRIBUTES) and (same or not attribute.startswith(ACL)):
                with contextlib.suppress(OSError):
                    os.setxattr(new, attribute, os.getxattr(old, attribute))
    with contextlib.suppress(OSError):
        os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
