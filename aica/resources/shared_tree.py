"""What members put into the shared trees: may everybody use it, and is anything there unwise?"""

import shlex
import stat
import time

from .. import permissions
from ..change import Change
from ..errors import Conflict, NotApplicable
from .base import Resource

REMARKED = 3
COUNTS = (permissions.ENTRIES, permissions.CHANGED, permissions.NEW)


class SharedTree(Resource):
    """Everything below a shared folder has the modes and the group of permissions.py.

    name is the tree's top or a folder inside of it. A tree is not listed, it
    is counted: its state is a tally of what is wrong. shallow looks at so
    many entries of the first level only, which is quick whatever lies below.
    """

    kind = "shared-tree"
    repaired = permissions.REPAIRED

    def __init__(self, name, top, gid, shallow=0, tick=None, needs=()):
        super().__init__(name, needs)
        self.top = top
        self.found = None
        names = name[len(top):].split("/")
        path = tuple(part.encode("utf-8", "surrogateescape") for part in names if part)
        self.order = permissions.Order(gid, path, shallow, 0, tick)

    def inspect(self, host):
        if host.lstat(self.top) is None:
            raise NotApplicable("{} is missing".format(self.top))
        self.found = host.survey_tree(self.top, self.order)
        return self.found

    def plan(self, actual):
        found = sorted((-number, kind) for kind, number in actual.counts.items()
                       if kind in self.repaired)
        return tuple(
            Change(kind, {"count": -number, "examples": actual.examples.get(kind, [])},
                   {"count": 0})
            for number, kind in found)

    def apply(self, host, changes):
        # What goes wrong from now on is not what we failed to repair.
        self.order = self.order._replace(since_ns=int(time.time() * 1e9))
        host.repair_tree(self.top, self.order)

    def remark(self, actual):
        number = actual.counts.get(permissions.ENTRIES, 0)
        parts = ["{:,} entries of the first level (all: aica check --deep)".format(number)
                 if self.order.shallow else "{:,} entries".format(number)]
        for kind, number in sorted(actual.counts.items()):
            if kind in permissions.LEFT_ALONE:
                parts.append("left alone: {:,} {}{}".format(
                    number, permissions.LEFT_ALONE[kind], _named(actual, kind)))
            elif kind not in self.repaired and kind not in COUNTS:
                parts.append("not reached: {:,} {}{}".format(number, kind, _named(actual, kind)))
        return "; ".join(parts)

    def describe_one(self, change):
        before = change.before
        lines = ["{:,} {}".format(before["count"], self.repaired[change.field])]
        lines += ["  " + _one_line(path) for path in before["examples"]]
        more = before["count"] - len(before["examples"])
        return "\n".join(lines + (["  and {:,} more".format(more)] if more else []))


def _named(actual, kind):
    """Return the first examples of a kind, as the end of a remark."""
    shown = actual.examples.get(kind, [])[:REMARKED]
    more = actual.counts[kind] - len(shown)
    names = ", ".join(shown) + (" and {:,} more".format(more) if more else "")
    return " ({})".format(names) if shown else ""


def _one_line(path):
    """A name may hold a line feed, and a line of ours is one thing."""
    return path.replace("\n", "\\x0a")


class SavedModes(SharedTree):
    """Everything below a shared folder has the mode and group that a file of saved modes says.

    entries() yields what the file says of this tree, depth names above it in each path.
    """

    kind = "saved-modes"

    def __init__(self, name, depth, entries, repaired):
        super().__init__(name, name, -1)
        self.repaired = repaired
        self._depth = depth
        self._entries = entries

    def inspect(self, host):
        if host.lstat(self.top) is None:
            raise NotApplicable("{} is missing".format(self.top))
        return host.compare_modes(self.top, self._depth, self._entries())

    def apply(self, host, changes):
        host.restore_modes(self.top, self._depth, self._entries())


class SharedSecrets(Resource):
    """No secret in a shared tree that others can read. It looks at what the tree's walk found."""

    kind = "secret"

    def __init__(self, tree):
        super().__init__(tree.name, needs=[tree.id])
        self._tree = tree

    def desired(self):
        return {}

    def inspect(self, host):
        found = self._tree.found
        if found is None:
            raise NotApplicable("{} is missing".format(self.name))
        number = found.counts.get(permissions.OPEN_SECRET, 0)
        if number:
            raise Conflict(
                "{:,} that others can read{}".format(
                    number, _named(found, permissions.OPEN_SECRET)),
                hint="their owners should revoke them, and keep new ones in their homes")
        return {}


class OpenToAll(Resource):
    """A folder of root's in which nothing is writable for everybody, but for the like of /tmp."""

    kind = "world-writable"

    def desired(self):
        return {}

    def inspect(self, host):
        found = [name for name in sorted(host.names(self.name))
                 if _is_open(host.lstat("{}/{}".format(self.name, name)))]
        if found:
            more = len(found) - REMARKED
            shown = ", ".join(found[:REMARKED]) + (" and {} more".format(more) if more > 0 else "")
            raise Conflict("every account may change {}".format(shown),
                           hint="for the group alone: chmod o-w {}".format(
                               shlex.quote("{}/{}".format(self.name, found[0]))))
        return {}


def _is_open(info):
    sticky = info is not None and info.kind == "folder" and info.mode & stat.S_ISVTX
    return info is not None and info.kind != "symlink" and info.mode & stat.S_IWOTH and not sticky


class Stray(Resource):
    """A path in a shared tree where nothing may stand; only a human can judge what does."""

    kind = "stray"

    def __init__(self, name, why, hint):
        super().__init__(name)
        self.why = why
        self.hint = hint

    def desired(self):
        return {}

    def inspect(self, host):
        if host.lstat(self.name) is None:
            return {}
        raise Conflict("{}: {}".format(self.name, self.why), self.hint)
