"""Has a folder been reached through a mount? st_dev alone does not see a bind mount.

The kernel tells the mount of a descriptor in /proc/self/fdinfo, at 7 us a
folder: a quarter of a whole walk. Where no mount lies below the tree, and
none has come since, it need not be asked.
"""

import os
import select

from .. import storage

FDINFO = "/proc/self/fdinfo/{}"
NOTHING = frozenset()


def mount_id(handle):
    """Return the id of the mount through which a descriptor was opened: proc(5)."""
    info = os.open(FDINFO.format(handle), os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(info, 4096)
    finally:
        os.close(info)
    return int(text.split(b"mnt_id:", 1)[1].split(None, 1)[0])


class Fence:
    """What lies on the same file system as `top` (a descriptor), and in the same mount.

    One for each process: a forked one would miss the kernel's news of mounts
    that its parent has heard.
    """

    def __init__(self, top):
        self._device = os.fstat(top).st_dev
        self._mount = mount_id(top)
        # Opened before the list is read: what comes in between is told afterwards.
        self._news = os.open(storage.MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._news, select.POLLPRI | select.POLLERR)
        self._points = _mount_points_below(top)
        self._careful = self._points is None or bool(self._points)

    def close(self):
        """Give the descriptor back."""
        os.close(self._news)

    def barred(self, here):
        """Return the names in an open Folder that were mount points from the start.

        They are not even looked at: a dead file server would never answer.
        """
        return self._points.get(here.path(), NOTHING) if self._points else NOTHING

    def holds(self, handle, status):
        """True if a descriptor, whose fstat is `status`, lies inside."""
        if status.st_dev != self._device:
            return False
        if not self._careful:
            self._careful = bool(self._poll.poll(0))
        return not self._careful or mount_id(handle) == self._mount


class NoFence:
    """For a tree of root's own, where nobody mounts anything, walked by one without rights.

    Some kernels hide /proc/self/fdinfo from a process that gave up root.
    """

    def __init__(self, _top):
        pass

    def close(self):
        """Nothing to give back."""

    def barred(self, _here):
        """No name is."""
        return NOTHING

    def holds(self, _handle, _status):
        """True: there are no bounds."""
        return True


def _mount_points_below(top):
    """Return {path of a folder below top: names of the mount points in it}; None if unknown."""
    path = os.readlink(b"/proc/self/fd/%d" % top)
    if not path.startswith(b"/") or path.endswith(b" (deleted)"):
        return None
    inside, points = path.rstrip(b"/") + b"/", {}
    for mount in storage.mounts():
        point = mount.point.encode("utf-8", "surrogateescape")
        if point.startswith(inside):
            folder, name = os.path.split(point[len(inside):])
            points.setdefault(folder, set()).add(name)
    return points
