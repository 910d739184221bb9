"""File primitives for root in places that other people control.

Everything works on one component below an open folder (`folder` is always a
file descriptor), never follows a link, and changes attributes only through a
pinned descriptor, so that a swap between looking and acting hits nothing.
Sources of the rules: openat(2), and the incidents of systemd-tmpfiles
CVE-2018-6954 and opentmpfiles CVE-2017-18925.
"""

import errno
import os
import stat
import time
from typing import NamedTuple

from . import labels
from .errors import AicaError, Changed, Conflict

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_PIN = getattr(os, "O_PATH", 0o10000000) | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

READ_LIMIT_BYTES = 16 << 20
# A candidate's name has a dot, so sudo and run-parts ignore it, and a fixed
# beginning, so that the next run recognises what a killed one left behind.
CANDIDATE = ".aica-tmp."

KINDS = {
    stat.S_IFDIR: "folder", stat.S_IFREG: "file", stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


class Info(NamedTuple):
    """What stands at a path. mode is the permission bits only (07777)."""

    kind: str
    mode: int
    uid: int
    gid: int
    target: str = ""
    links: int = 1
    size: int = 0
    device: int = 0
    inode: int = 0


def check_component(name):
    """Raise AicaError unless name is one ordinary path component.

    openat("a/../..") escapes O_NOFOLLOW, hence no slash ever.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise AicaError("not a single path component: {!r}".format(name))


def info_of(status, target=""):
    """Return a stat result as an Info."""
    kind = KINDS.get(stat.S_IFMT(status.st_mode), "device")
    return Info(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, target,
                status.st_nlink, status.st_size, status.st_dev, status.st_ino)


def look(folder, name):
    """Return the Info of an entry, or None if there is none."""
    check_component(name)
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            return info_of(status)
        return info_of(status, os.readlink(name, dir_fd=folder))
    except FileNotFoundError:
        return None


def open_folder(folder, name):
    """Open a subfolder without following a link. Raise Conflict if it is no folder."""
    check_component(name)
    try:
        return os.open(name, OPEN_FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise Conflict("{} is not a folder".format(name))
        raise


def read(folder, name, limit=READ_LIMIT_BYTES):
    """Return (bytes, Info) of a regular file. Raise Conflict for anything else."""
    check_component(name)
    try:
        handle = os.open(name, OPEN_FILE, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Conflict("{} is a symlink, expected a file".format(name))
        raise
    try:
        info = info_of(os.fstat(handle))
        if info.kind != "file":
            raise Conflict("{} is a {}, expected a file".format(name, info.kind))
        return _read_all(handle, limit, name), info
    finally:
        os.close(handle)


def _read_all(handle, limit, name):
    parts, size = [], 0
    while size <= limit:
        part = os.read(handle, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise AicaError("{} is larger than {} bytes".format(name, limit))


def open_lock(folder, name):
    """Open (and create, 0600) a regular file for locking. Raise Conflict for anything else."""
    check_component(name)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
        raise Conflict("{} is not a file".format(name), hint="look at it, and remove it")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Conflict("{} is not a file".format(name), hint="look at it, and remove it")
    return handle


def claim(folder, name, data):
    """Create a file with this content unless the name is taken; return whether it was free.

    Complete from its first moment, and atomic on NFS too: a name is given to
    a finished file. Its link count decides, since the answer may get lost.
    """
    check_component(name)
    candidate = "{}{}.{}.{}".format(CANDIDATE, name, os.getpid(), os.urandom(4).hex())
    handle = os.open(candidate, OPEN_NEW, 0o600, dir_fd=folder)
    try:
        _fill(handle, data, 0o644, 0, 0)
        try:
            os.link(candidate, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            pass
        return look(folder, candidate).links == 2
    finally:
        _discard(folder, candidate)


def replace(folder, name, data, mode, uid, gid, check=None, expect=None):
    """Replace a file in one step; after a crash it is the old or the new one.

    It has the SELinux label of the file that was there before.
    check(candidate name) may raise to veto the new content. expect is the
    content that the decision was based on (None = any, b"" counts as content,
    False = no file): if it is no longer there, raise Changed and change
    nothing.
    """
    _refuse_other_kinds(folder, name)
    candidate = "{}{}.{}.{}".format(CANDIDATE, name, os.getpid(), os.urandom(4).hex())
    handle = os.open(candidate, OPEN_NEW, 0o600, dir_fd=folder)
    try:
        labels.inherit(handle, folder, name)
        _fill(handle, data, mode, uid, gid)
        if check is not None:
            check(candidate)
        if expect is not None and _content(folder, name) != expect:
            raise Changed("{} was changed by somebody else meanwhile".format(name))
        os.rename(candidate, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _discard(folder, candidate)
        raise
    sync_folder(folder)


def _discard(folder, candidate):
    """Remove a candidate; the error that led here matters more than one of ours."""
    try:
        os.unlink(candidate, dir_fd=folder)
    except OSError:
        pass


def _fill(handle, data, mode, uid, gid):
    """Write, give away, fsync and close: NFS tells of a full disk only at the last two."""
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view):]
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)  # after chown, which clears setuid and setgid
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_other_kinds(folder, name):
    info = look(folder, name)
    if info is not None and info.kind != "file":
        raise Conflict("{} is a {}, expected a file".format(name, info.kind))


def _content(folder, name):
    try:
        return read(folder, name)[0]
    except FileNotFoundError:
        return False


def sync_folder(folder):
    """fsync a folder; some file systems cannot, and then there is nothing to do."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise


def sweep_candidates(folder, age_s=None):
    """Remove what a killed run left half-written. Call it under the lock only.

    With age_s only what is older: where the lock does not keep everybody out.
    """
    for name in os.listdir(folder):
        if name.startswith(CANDIDATE) and _is_old(folder, name, age_s):
            os.unlink(name, dir_fd=folder)


def _is_old(folder, name, age_s):
    if age_s is None:
        return True
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return time.time() - status.st_mtime > age_s


def make_folder(folder, name, mode, uid, gid):
    """Create a folder; it is closed to everybody until owner and mode are right."""
    check_component(name)
    # One of root's own is right at once: nobody looks after a folder such as
    # /etc/aica that a killed run left closed.
    first_mode = mode if uid == gid == 0 else 0o700
    os.mkdir(name, first_mode, dir_fd=folder)
    handle = open_folder(folder, name)
    try:
        # In a folder that others may write, somebody can have put another
        # folder in its place meanwhile: only a new one is ours, narrow and empty.
        made = info_of(os.fstat(handle))
        if made.uid != os.geteuid() or made.mode & 0o777 & ~first_mode or os.listdir(handle):
            raise Changed("{} was swapped for something else meanwhile".format(name))
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)  # after chown, which clears setuid and setgid
    finally:
        os.close(handle)
    sync_folder(folder)


def set_attributes(folder, name, mode, uid, gid, expected):
    """Give a file or folder its owner, group and mode through a pinned descriptor.

    expected is the Info that the decision was based on: if anything else
    stands there now, raise Changed. A regular file with a second link is
    refused: the other name may be a colleague's (conda links its packages
    into every environment).
    """
    check_component(name)
    is_folder = expected.kind == "folder"
    pin = open_folder(folder, name) if is_folder else os.open(name, OPEN_PIN, dir_fd=folder)
    try:
        found = _still(pin, name, expected)
        if found.kind not in ("folder", "file") or (found.kind == "file" and found.links != 1):
            raise Conflict("{} is a {} with {} links".format(name, found.kind, found.links))
        # An O_PATH pin can be changed through /proc only, which a chroot that
        # builds an image may not have; a folder can be opened for real.
        handle = pin if is_folder else "/proc/self/fd/{}".format(pin)
        if (found.uid, found.gid) != (uid, gid):
            os.chown(handle, uid, gid)
        os.chmod(handle, mode)  # after chown, which clears setuid and setgid
    finally:
        os.close(pin)


def _still(pin, name, expected):
    """Return the Info of what is pinned. Raise Changed if it is not what was expected there."""
    found = info_of(os.fstat(pin))
    # The kind too: a new thing may get the inode number of a removed one.
    if any(getattr(found, field) != getattr(expected, field)
           for field in ("device", "inode", "kind")):
        raise Changed("{} was swapped for something else meanwhile".format(name))
    return found


def set_label(folder, name, label, expected):
    """Give a folder its SELinux label through a pin; if anything else stands there, raise Changed."""
    check_component(name)
    pin = open_folder(folder, name)
    try:
        _still(pin, name, expected)
        labels.write(pin, label)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name)
    finally:
        os.close(pin)


def replace_symlink(folder, name, target, uid, gid):
    """Put a symlink in place, in one step, over nothing or over another symlink."""
    info = look(folder, name)
    if info is not None and info.kind != "symlink":
        raise Conflict("{} is a {}, expected a symlink".format(name, info.kind))
    candidate = "{}{}.{}.{}".format(CANDIDATE, name, os.getpid(), os.urandom(4).hex())
    os.symlink(target, candidate, dir_fd=folder)
    try:
        os.chown(candidate, uid, gid, dir_fd=folder, follow_symlinks=False)
        os.rename(candidate, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _discard(folder, candidate)
        raise
    sync_folder(folder)


def rename_aside(folder, name, label):
    """Rename an entry to `.NAME.LABEL.N`, the first N that is free, and return that name."""
    check_component(name)
    for number in range(1, 1000):
        aside = ".{}.{}.{}".format(name, label, number)
        if look(folder, aside) is None:
            os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
            sync_folder(folder)
            return aside
    raise AicaError("too many folders named .{}.{}.N".format(name, label))


def move(folder, name, new_folder, new_name):
    """Rename an entry into another folder of the same disk, never over anything."""
    check_component(name)
    check_component(new_name)
    if look(new_folder, new_name) is not None:
        raise Conflict("{} exists already".format(new_name))
    os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=new_folder)
    sync_folder(new_folder)
    sync_folder(folder)


def give(folder, name, decide):
    """Give an entry another owner, if decide(pin, status) returns (uid, gid, mode); None: not.

    As adjust(), but of a symlink too, whose mode is not changed. The callers
    know whose it was (own_files.py, handover.py).
    """
    pin = os.open(name, OPEN_PIN, dir_fd=folder)
    try:
        status = os.fstat(pin)
        wanted = decide(pin, status)
        if wanted is None:
            return False
        handle = "/proc/self/fd/{}".format(pin)
        os.chown(handle, wanted[0], wanted[1])
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(handle, wanted[2])  # after chown, which clears setuid and setgid
        return True
    finally:
        os.close(pin)


def adjust(folder, name, decide):
    """Give an entry the mode and group that decide(pin, status) returns; never another owner.

    decide is asked about what is pinned, which can no longer be swapped, and
    returns (mode, gid), or None to leave it alone. Return True if something
    was changed. The name may be bytes.
    """
    pin = os.open(name, OPEN_PIN, dir_fd=folder)
    try:
        status = os.fstat(pin)
        wanted = decide(pin, status)
        if wanted is None:
            return False
        handle = "/proc/self/fd/{}".format(pin)
        if status.st_gid != wanted[1]:
            os.chown(handle, -1, wanted[1])
        if stat.S_IMODE(status.st_mode) != wanted[0]:
            os.chmod(handle, wanted[0])  # after chown, which clears setuid and setgid
        return True
    finally:
        os.close(pin)
