"""Look through a shared tree, and bring its modes and groups to what permissions.py says."""

import contextlib
import os
import stat

from .. import files, permissions, tree
from ..errors import AicaError, Conflict, NotApplicable

PROTECTED = "/proc/sys/fs/protected_hardlinks"
# Waiting for a network disk: 0.3 ms a call there, 3 us of Python.
NETWORK_THREADS = 16
# Members choose modes and groups: what is remembered of them has an end.
FINDINGS_LIMIT = 1000


def survey(top, order, network=False):
    """Return a Tally of what is wrong below the open folder `top`; change nothing."""
    kind = FirstLevel if order.shallow else Survey
    return _run(top, order, lambda: kind(order), network)


def repair(top, order, network=False):
    """Repair what is wrong below the open folder `top`; return a Tally of what was done.

    Raise AicaError where a member could lead us to a file outside by dropping
    a link to it at the right moment.
    """
    require_protected_links()
    return _run(top, order, lambda: Repair(order), network)


def require_protected_links():
    """Raise AicaError where a member may link to a file that is not hers."""
    with contextlib.suppress(FileNotFoundError), open(PROTECTED, encoding="ascii") as text:
        if text.read().strip() == "1":
            return
    raise AicaError("hard links are not protected: no mode is changed below folders of members",
                    hint="sysctl -w fs.protected_hardlinks=1")


def _run(top, order, make, network):
    if not os.path.isdir("/proc/self/fd"):
        raise NotApplicable("this needs /proc")
    found = tree.Tally()
    with contextlib.ExitStack() as stack:
        if order.path:
            visitor = make()
            top = _inside(top, order.path, visitor, stack)
            found.merge(visitor.report())
        workers = 1 if order.shallow else NETWORK_THREADS if network else 0
        for report in tree.run(top, make, workers, network, order.tick):
            found.merge(report)
    return found


def _inside(top, path, visitor, stack):
    """Visit the folder at `path` itself; return its descriptor, which the stack closes."""
    with tree.Walk(top) as walk:
        above = walk.open(visitor, path[:-1])
        if above is not None:
            stack.callback(os.close, above.handle)
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path[-1], dir_fd=above.handle)
                if visitor.visit(above, path[-1], status):
                    handle = files.open_folder(above.handle, os.fsdecode(path[-1]))
                    stack.callback(os.close, handle)
                    if walk.fence.holds(handle, os.fstat(handle)):
                        return handle
    raise Conflict("{} is no folder of this shared tree".format(os.fsdecode(b"/".join(path))),
                   hint="name a real folder: links and mounts are not followed")


class Survey(tree.Visitor):
    """Counts what is wrong and changes nothing."""

    def __init__(self, order):
        self.order = order
        self.tally = tree.Tally()
        self.entries = 0
        self._right = set()  # the st_modes that are right in the right group
        self._findings = {}

    def visit(self, here, name, status):
        self.entries += 1
        mode = status.st_mode
        if (mode in self._right and status.st_gid == self.order.gid
                and name not in permissions.SECRETS):
            return stat.S_ISDIR(mode)
        found = self.judged(name, status)
        if found is not None:
            self.wrong(here, name, status, found)
            return stat.S_ISDIR(mode) and found.mode is not None
        if status.st_gid == self.order.gid:
            self._right.add(mode)
        return stat.S_ISDIR(mode)

    def judged(self, name, status):
        """Return the Finding; among a million entries there are few different ones."""
        like = (status.st_mode, status.st_gid, status.st_nlink == 1, name[-5:] == b".lock")
        if like in self._findings and name not in permissions.SECRETS:
            return self._findings[like]
        found = _judge(self.order.gid, name, status)
        if name not in permissions.SECRETS and len(self._findings) < FINDINGS_LIMIT:
            self._findings[like] = found
        return found

    def wrong(self, here, name, status, found):
        """Count one that is not as it should be."""
        late = found.mode is not None and 0 < self.order.since_ns <= status.st_ctime_ns
        for kind in (permissions.NEW,) if late else found.kinds:
            self.tally.add(kind, here, name)

    def problem(self, here, name, what):
        self.tally.add(what, here, name)

    def report(self):
        counts, examples = self.tally.report()
        return [dict(counts, **{permissions.ENTRIES: self.entries}), examples]


class FirstLevel(Survey):
    """Counts what is wrong among the first entries of the first level."""

    def visit(self, here, name, status):
        if self.entries >= self.order.shallow:
            raise tree.Enough
        super().visit(here, name, status)
        return False


class Repair(Survey):
    """Repairs what is wrong, through a pinned descriptor, and counts what it did."""

    def wrong(self, here, name, status, found):
        """Repair one, if it still is what it was a moment ago."""
        if found.mode is None:
            super().wrong(here, name, status, found)
            return
        try:
            if files.adjust(here.handle, name,
                            lambda pin, now: self._decide(pin, now, here, name, status, found)):
                self.tally.add(permissions.CHANGED, here, name)
        except FileNotFoundError:
            pass  # removed a moment ago: that is its owner's right
        except OSError as error:  # immutable, read-only, root_squash: told, and passed by
            self.tally.add(os.strerror(error.errno), here, name)

    def _decide(self, pin, now, here, name, before, found):
        if not os.path.samestat(now, before) or stat.S_IFMT(now.st_mode) != stat.S_IFMT(
                before.st_mode):
            self.tally.add(tree.SWAPPED, here, name)
            return None
        if not self.fence.holds(pin, now):
            self.tally.add(tree.MOUNT, here, name)
            return None
        if _judged_by(now) != _judged_by(before):
            found = _judge(self.order.gid, name, now)
        if found is None or found.mode is None:
            return None
        return found.mode, found.gid


def _judged_by(status):
    return status.st_mode, status.st_gid, status.st_nlink


def _judge(gid, name, status):
    return permissions.judge(gid, name, status.st_mode, status.st_gid, status.st_nlink)
