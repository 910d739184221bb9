"""Is /data really there? Asked without touching it from the main process.

A dead NFS server, or a hung disk, blocks whoever touches it, beyond any
timeout: so a child goes first and is abandoned if it does not come back.
"""

import errno
import fcntl
import os
import select
import signal
import stat
import time
from typing import NamedTuple

from . import patience
from .errors import NotReady

PROBE_TIMEOUT_S = 10
# So far may the clock of a file server be behind ours.
SERVER_CLOCK_NS = 600 * 10**9
MOUNTINFO = "/proc/self/mountinfo"
NETWORK_TYPES = ("nfs", "nfs4", "cifs", "smb3", "9p", "glusterfs", "ceph", "lustre")


class Mount(NamedTuple):
    """One line of /proc/self/mountinfo: proc(5)."""

    point: str
    fstype: str
    options: str
    source: str = ""


def parse_mountinfo(text):
    """Return the Mounts in order; a later one at the same point hides an earlier one.

    A member may mount something at a name of her own choice. The kernel
    escapes the space and the line feed in it, and nothing else: only these
    two part fields and lines.
    """
    mounts = []
    for line in text.split("\n"):
        left, _, right = line.partition(" - ")
        fields, tail = left.split(" "), right.split(" ")
        if len(fields) >= 6 and len(tail) >= 3:
            point = _unescaped(fields[4])
            mounts.append(Mount(point, tail[0], fields[5] + "," + tail[2],
                                _unescaped(tail[1])))
    return mounts


def _unescaped(text):
    for code in ("040", "011", "012", "134"):
        text = text.replace("\\" + code, chr(int(code, 8)))
    return text


def mounts():
    """Return the Mounts of this process. Reading it never hangs."""
    with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        return parse_mountinfo(lines.read())


def mount_at(path, present):
    """Return the Mount whose point is exactly path, or None."""
    return next((mount for mount in reversed(present) if mount.point == path), None)


def mount_of(path, present):
    """Return the Mount that path lies on, of several at one point the last."""
    inside = [m for m in reversed(present) if (path + "/").startswith(m.point.rstrip("/") + "/")]
    return max(inside, key=lambda mount: len(mount.point)) if inside else None


def probe(path, timeout_s=PROBE_TIMEOUT_S):
    """Return the device (st_dev) of a folder, looked at by a child.

    Raise NotReady if it is missing, no folder, or does not answer in time.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _probe_in_child(path, writer)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], timeout_s)
        answer = os.read(reader, 200).decode("ascii") if ready else ""
    finally:
        os.close(reader)
        let_go(child)
    if not ready:
        raise NotReady("{} does not answer (waited {} s)".format(path, timeout_s),
                       hint="is the disk or the NFS server alive? dmesg | tail")
    if not answer.startswith("dev "):
        raise NotReady("{} is not there: {}".format(path, answer or "no answer"),
                       hint="mount it: mount {}".format(path))
    return int(answer.split()[1])


def _probe_in_child(path, writer):
    """Look and answer through the pipe. Never returns; holds no lock of ours."""
    try:
        os.closerange(3, writer)
        os.closerange(writer + 1, 256)
        status = os.lstat(path)
        os.statvfs(path)
        is_folder = stat.S_ISDIR(status.st_mode)
        answer = "dev {}".format(status.st_dev) if is_folder else "it is not a folder"
    except OSError as error:
        answer = os.strerror(error.errno)
    os.write(writer, answer.encode("ascii", "replace"))
    os._exit(0)


def locks_work(path, timeout_s=PROBE_TIMEOUT_S):
    """True if a file can be locked for reading (fcntl): without its daemon NFS says no, or hangs.

    A child asks, and nothing is changed. A file that cannot be opened says nothing: True.
    """
    child = os.fork()
    if child == 0:
        _lock_in_child(path)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) == 0 if os.WIFEXITED(status) else False
        time.sleep(0.01)
    let_go(child)
    return False


def _lock_in_child(path):
    """Never returns."""
    code = 0
    try:
        os.closerange(3, 256)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            code = 0 if error.errno in (errno.EAGAIN, errno.EACCES) else 1
    except OSError:
        pass
    os._exit(code)


def let_go(child):
    """Kill a child and reap it if it can be; one in the kernel's hands is abandoned."""
    os.kill(child, signal.SIGKILL)
    patience.gone(lambda: os.waitpid(child, os.WNOHANG)[0])


def require_mounted(path):
    """Raise NotReady unless path is a mount point."""
    if mount_at(path, mounts()) is None:
        raise NotReady("{} is not mounted".format(path), hint="mount {}".format(path))


def is_read_only(path):
    """True if nothing can be written below path, as after errors of the disk."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def clock_slack_ns(path):
    """Return how much older than it is a file below path may look, as it comes from another clock."""
    return SERVER_CLOCK_NS if is_network(path) else 0


def is_network(path):
    """True if path lies on a file system that other machines can read too."""
    mount = mount_of(path, mounts())
    return mount is not None and mount.fstype in NETWORK_TYPES
