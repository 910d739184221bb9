"""Which files do programs have open? Asked of /proc, by a child that may be abandoned.

A look at a file of somebody's dead network disk, or at the memory map of a
process that hangs in one, may never come back: so only files that lie on the
disks of the caches are looked at, and not by us.
"""

import contextlib
import os
import select
import struct
import time

from .. import files, storage
from ..errors import AicaError
from ..tree.fence import mount_id

PROC = "/proc"
TIMEOUT_S = 60
# A look that is older than this is repeated before something is removed.
FRESH_S = 30


class Opened:
    """The inode numbers that are open, mapped, or a working folder, on the disks of the caches.

    An inode number of another disk may be among them: then one thing too many is kept.
    """

    def __init__(self):
        self._devices = set()
        self._inodes = frozenset()
        self._looked = None

    def watch(self, top):
        """From now on the disk of an open folder counts too."""
        device = os.fstat(top).st_dev
        found = {(os.major(device), os.minor(device))}
        with contextlib.suppress(KeyError, OSError):
            found.add(_mounts(PROC + "/self/mountinfo")[mount_id(top)])
        if not found <= self._devices:
            self._devices |= found
            self._looked = None

    def inodes(self):
        """Return what is open now, or was a moment ago. Raise AicaError if nobody can tell."""
        now = time.monotonic()
        if self._looked is None or now - self._looked > FRESH_S:
            self._inodes = _ask_child(frozenset(self._devices))
            self._looked = now
        return self._inodes


def _ask_child(devices):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(devices, writer)
    os.close(writer)
    try:
        data = _read_all(reader, time.monotonic() + TIMEOUT_S)
    finally:
        os.close(reader)
        storage.let_go(child)
    if data is None or len(data) % 8 or data[-8:] != bytes(8):  # an inode is never 0
        raise AicaError("cannot see which files are in use: a process does not answer",
                        hint="ps -eo pid,user,stat,comm | grep ' D'; nothing more was removed")
    return frozenset(struct.unpack("={}Q".format(len(data) // 8), data)[:-1])


def _read_all(reader, deadline):
    parts = []
    while True:
        ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(reader, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _answer(devices, writer):
    """Look through /proc and write what is open, then a zero. Never returns, holds no lock."""
    code = 1
    try:
        os.closerange(3, writer)
        os.closerange(writer + 1, 256)
        found = scan(devices, (str(os.getpid()), str(os.getppid())))
        data = struct.pack("={}Q".format(len(found) + 1), *(list(found) + [0]))
        while data:
            data = data[os.write(writer, data):]
        code = 0
    finally:
        os._exit(code)


def scan(devices, leave_out=()):
    """Return the inode numbers of all that is open on these (major, minor) devices.

    leave_out: process ids, as text.
    """
    found, mounts = set(), {}
    for name in os.listdir(PROC):
        if name.isdigit() and name not in leave_out:
            with contextlib.suppress(OSError):  # it ended, or is not ours to look at
                _one_process("{}/{}".format(PROC, name), devices, found, mounts)
    return found


def _one_process(folder, devices, found, mounts):
    with contextlib.suppress(OSError):
        found.update(_mapped(folder + "/maps", devices))
    handles = ["{}/fd/{}".format(folder, number) for number in os.listdir(folder + "/fd")]
    for path in [folder + "/cwd"] + handles:
        with contextlib.suppress(OSError):
            if os.readlink(path).startswith("/"):
                found.update(_inode(path, folder, devices, mounts))


def _inode(path, folder, devices, mounts):
    """Return the inode number of something open, () if it lies elsewhere: then it is not touched."""
    handle = os.open(path, files.OPEN_PIN & ~os.O_NOFOLLOW)
    try:
        mount = mount_id(handle)
        if mount not in mounts:  # the numbers are the kernel's: one for the mounts of all containers
            mounts.update(_mounts(folder + "/mountinfo"))
        return (os.fstat(handle).st_ino,) if mounts.get(mount) in devices else ()
    finally:
        os.close(handle)


def _mounts(path):
    """Return {mount id: (major, minor)} of a mountinfo: proc(5)."""
    with open(path, "rb") as lines:
        rows = [line.split(None, 3)[:3] for line in lines]
    return {int(number): tuple(int(part) for part in device.split(b":"))
            for number, _parent, device in rows}


def _mapped(path, devices):
    """Yield the inodes of the files that a process has mapped: proc(5), maps."""
    with open(path, "rb") as lines:
        for line in lines:
            fields = line.split(None, 5)
            inode = int(fields[4])
            if inode and tuple(int(part, 16) for part in fields[3].split(b":")) in devices:
                yield inode
