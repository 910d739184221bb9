"""What an attacker can do, and the tree that she does it to."""

import contextlib
import ctypes
import os
import resource
import signal
import stat
import traceback

import snapshot

from aica.permissions import Order
from aica.tree import sharing

GID = 2000
MEMBER, COLLEAGUE = 2001, 2002
FULL = bool(os.environ.get("CI"))
RACE_S = 20 if FULL else 2
BIND = 1 << 12
libc = ctypes.CDLL(None, use_errno=True)


class Place:
    """A shared tree, and the victims beside it."""

    def __init__(self, root):
        self.root = str(root)
        self.top = self.root + "/tree"
        self.outside = self.root + "/outside"
        for folder in (self.top, self.outside, self.outside + "/home"):
            os.mkdir(folder)
            os.chmod(folder, 0o700)
        for name in ("shadow", "home/thesis"):
            self.file(self.outside + "/" + name, 0o600)

    def file(self, path, mode, uid=0, gid=0):
        path = path if path.startswith("/") else self.top + "/" + path
        with open(path, "wb"):
            pass
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def folder(self, path, mode=0o755, uid=0, gid=0):
        path = path if path.startswith("/") else self.top + "/" + path
        os.mkdir(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def stat(self, path):
        info = os.lstat(path if path.startswith("/") else self.top + "/" + path)
        return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid

    def victims(self):
        return snapshot.tree(self.outside, times=True)

    def run(self, work, **order):
        top = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return work(top, Order(GID, **order))
        finally:
            os.close(top)

    def repair(self, **order):
        return self.run(sharing.repair, **order)

    def survey(self, **order):
        return self.run(sharing.survey, **order)


def wrong(tally):
    """Return what a survey counts, without the number of entries."""
    return {kind: number for kind, number in tally.counts.items() if kind != "entries"}


# -- mounts and limits -----------------------------------------------------------------------


def in_private_mounts(function):
    """Run function in a child whose mounts nobody else sees; return its exit status or -signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if libc.unshare(0x00020000) != 0:
                os._exit(77)
            mount(b"none", b"/", None, 1 << 14 | 1 << 18)  # MS_REC | MS_PRIVATE
            function()
            code = 0
        except BaseException:  # noqa: BLE001 - the edge of a child
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def mount(source, target, fstype, flags=0, data=None):
    """mount(2). All words are bytes."""
    if libc.mount(source, target, fstype, flags, data) != 0:
        raise OSError(ctypes.get_errno(), "mount {}".format(target))


# What the program takes by itself. The tests' own process grows with every test before.
PROGRAM_BYTES = 40 << 20


@contextlib.contextmanager
def limited(descriptors, memory_bytes):
    """The soft limits that a hostile caller, or a small container, leaves us.

    memory_bytes is what the program might take alone: what the tests take more is added.
    """
    memory_bytes += max(0, _address_space() - PROGRAM_BYTES)
    with contextlib.ExitStack() as stack:
        for what, limit in ((resource.RLIMIT_NOFILE, descriptors),
                            (resource.RLIMIT_AS, memory_bytes)):
            before = resource.getrlimit(what)
            stack.callback(resource.setrlimit, what, before)
            resource.setrlimit(what, (limit, before[1]))
        yield


def _address_space():
    with open("/proc/self/statm", encoding="ascii") as pages:
        return int(pages.read().split()[0]) * resource.getpagesize()


def in_child(function):
    """Run function in a child, so that a limit that it hits hits nobody else."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.closerange(3, 256)
            function()
            code = 0
        except BaseException:  # noqa: BLE001 - the edge of a child
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def set_immutable(path, on):
    """Do chattr +i or -i; return whether the file system can."""
    import fcntl
    import struct
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, 0x40086602, struct.pack("l", 0x10 if on else 0))  # FS_IOC_SETFLAGS
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


# -- races -----------------------------------------------------------------------------------


def exchange(first, second):
    """Swap two names in one step: renameat2(2) with RENAME_EXCHANGE."""
    return libc.renameat2(-100, first, -100, second, 2)


@contextlib.contextmanager
def attacker(*pairs):
    """A process that swaps pairs of paths as fast as it can."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                for first, second in pairs:
                    exchange(first, second)
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def close(folder, name):
    """Make the inode itself private again, whatever its name is by now."""
    with contextlib.suppress(OSError):
        handle = os.open(folder + "/" + name, os.O_RDONLY | os.O_NOFOLLOW)
        os.fchmod(handle, 0o700)
        os.close(handle)
