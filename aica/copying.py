"""What a folder holds, and what differs between two: asked before one takes the other's place.

It runs as the owner of the folders (see child.py) and never writes into a file.
Paths are bytes; the answers are text, with surrogates for what is no UTF-8.
"""

import hashlib
import os
import stat

# So many names of each sort are told; all are counted.
TOLD = 20
BLOCK_BYTES = 512
CHUNK_BYTES = 1 << 20
GROUP = stat.S_IRWXG


class Found:
    """Paths of one sort: how many, and the first few."""

    def __init__(self):
        self.number = 0
        self.first = []

    def add(self, path):
        """Count a path, and remember it if it is one of the first."""
        self.number += 1
        if self.number <= TOLD:
            self.first.append(os.fsdecode(path))

    def answer(self):
        """Return it as a value for JSON: [number, names]."""
        return [self.number, self.first]


def survey(top):
    """Return what a folder holds, as its owner can see it.

    entries and bytes (allocated) say what a copy needs, files how many there
    are; unreadable, foreign (of other owners), special (sockets, FIFOs,
    devices), extended (with attributes or ACLs), grouped (open to another
    group than the owner's own) and mounts are [number, first names]. print
    tells by names, sizes and times whether anything changed.
    """
    top = os.fsencode(top)
    sorts = {name: Found() for name in (
        "unreadable", "foreign", "special", "extended", "grouped", "mounts")}
    seen, digest = set(), hashlib.sha256()
    total = {"entries": 0, "files": 0, "bytes": 0}
    for path, status in _walk(top, sorts["unreadable"].add, sorts["mounts"].add):
        total["entries"] += 1
        _sort(top, path, status, sorts)
        if stat.S_ISREG(status.st_mode):
            total["files"] += 1
        if (status.st_dev, status.st_ino) not in seen:
            total["bytes"] += status.st_blocks * BLOCK_BYTES
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            seen.add((status.st_dev, status.st_ino))
        digest.update(_line(path, status))
    total.update((name, found.answer()) for name, found in sorts.items())
    return dict(total, print=digest.hexdigest())


def _line(path, status):
    """Return what must stay the same of an entry while it is copied."""
    what = [stat.S_IFMT(status.st_mode)]
    if not stat.S_ISDIR(status.st_mode):
        what += [status.st_size, getattr(status, "st_mtime_ns", status.st_mtime)]
    return path + b"\0" + " ".join(map(str, what)).encode("ascii") + b"\0"


def _sort(top, path, status, sorts):
    whole = os.path.join(top, path)
    if status.st_uid != os.getuid():
        sorts["foreign"].add(path)
    if is_special(status):
        sorts["special"].add(path)
    elif stat.S_ISREG(status.st_mode) and not os.access(whole, os.R_OK):
        sorts["unreadable"].add(path)
    if not stat.S_ISLNK(status.st_mode) and _has_attributes(whole):
        sorts["extended"].add(path)
    if not stat.S_ISLNK(status.st_mode) and status.st_gid != os.getgid() and status.st_mode & GROUP:
        sorts["grouped"].add(path)


def close_groups(old, new):
    """Take the group's rights away in a copy where the group is another one than in the original.

    They were meant for somebody else; and where an ACL stayed behind, what
    looks like them was only its mask. Return how many entries were closed.
    """
    old, new, closed = os.fsencode(old), os.fsencode(new), 0
    for path, status in [(b"", os.lstat(new))] + list(_walk(new, lambda _path: None)):
        whole = os.path.join(new, path)
        try:
            before = os.lstat(os.path.join(old, path))
        except FileNotFoundError:
            continue
        other = before.st_gid != status.st_gid or _has_acl(os.path.join(old, path), before)
        if other and status.st_mode & GROUP and not stat.S_ISLNK(status.st_mode):
            _set_mode(whole, stat.S_IMODE(status.st_mode) & ~GROUP)
            closed += 1
    return closed


def _set_mode(path, mode):
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def _has_acl(path, status):
    if stat.S_ISLNK(status.st_mode):
        return False
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False


def is_special(status):
    """True for a socket, a FIFO or a device: nothing that a copy could keep."""
    return not any(kind(status.st_mode) for kind in (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK))


def _has_attributes(path):
    try:
        return any(name.startswith(("user.", "system.posix_acl")) for name in os.listxattr(path))
    except OSError:
        return False


def _walk(top, unreadable, mounts=None):
    """Yield (path below top, stat result) of everything in a folder, folders before their content.

    The order is that of the names. A folder that cannot be read, and a mount,
    is told and not entered.
    """
    device = os.lstat(top).st_dev
    left = [b""]
    while left:
        folder = left.pop()
        try:
            names = sorted(os.listdir(os.path.join(top, folder)), reverse=True)
        except PermissionError:
            unreadable(folder)
            continue
        found = []
        for name in reversed(names):
            path = os.path.join(folder, name)
            try:
                status = os.lstat(os.path.join(top, path))
            except PermissionError:  # a folder that may be listed and not entered
                unreadable(path)
                continue
            except FileNotFoundError:
                continue  # gone since: the print will tell
            yield path, status
            if stat.S_ISDIR(status.st_mode):
                found.append((path, status))
        for path, status in reversed(found):
            if status.st_dev == device:
                left.append(path)
            elif mounts is not None:
                mounts(path)


def compare(old, new):
    """Return what would be lost if `new` took the place of `old`, each as [number, first names].

    missing: only in old. different: another kind, content or link target in
    new. more: only in new. Sockets, FIFOs and devices are left out.
    """
    old, new = os.fsencode(old), os.fsencode(new)
    missing, different, more = Found(), Found(), Found()
    for path, status in _walk(old, different.add, different.add):
        if is_special(status):
            continue
        other = _look(os.path.join(new, path))
        if other is None:
            missing.add(path)
        elif not _same(os.path.join(old, path), status, os.path.join(new, path), other):
            different.add(path)
    for path, _ in _walk(new, different.add):
        if _look(os.path.join(old, path)) is None:
            more.add(path)
    return {"missing": missing.answer(), "different": different.answer(), "more": more.answer()}


def _look(path):
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _same(left, status, right, other):
    if stat.S_IFMT(status.st_mode) != stat.S_IFMT(other.st_mode):
        return False
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(left) == os.readlink(right)
    if not stat.S_ISREG(status.st_mode):
        return True
    return status.st_size == other.st_size and _same_content(left, right)


def _same_content(left, right):
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with open(os.open(left, flags), "rb") as one, open(os.open(right, flags), "rb") as two:
            while True:
                parts = one.read(CHUNK_BYTES), two.read(CHUNK_BYTES)
                if parts[0] != parts[1]:
                    return False
                if not parts[0]:
                    return True
    except PermissionError:
        return False
