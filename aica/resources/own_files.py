"""What lies inside a home: only its owner's modes, or one old owner's files. Never at boot."""

from ..change import Change
from ..errors import Conflict, NotApplicable
from ..tree import own_files
from .home import HomeFolder
from .shared_tree import SharedTree

REMARKED = 3


class OwnHome(HomeFolder):
    """The top of a home as sshd and its owner need it: nothing beyond 0750, all for the owner."""

    def desired(self):
        return dict(super().desired(), **{"owner's rights": 0o700})

    def inspect(self, host):
        state = super().inspect(host)
        state["owner's rights"] = host.lstat(self.name).mode & 0o700
        return state

    def apply(self, host, changes):
        info = host.lstat(self.name)
        host.set_attributes(self.name, info.mode & 0o750 | 0o700, info.uid, self.gid,
                            expected=info)

    def describe_one(self, change):
        if change.field == "owner's rights":
            return "owner's rights {:04o} -> 0700".format(change.before)
        return super().describe_one(change)


class OwnFiles(SharedTree):
    """The modes of the owner's own files; what is somebody else's is named, and left alone.

    named maps a uid to a name, for those that have one.
    """

    kind = "own-files"
    repaired = own_files.REPAIRED

    def __init__(self, name, order, named=None, needs=()):
        super().__init__(name, name, order.gid, needs=needs)
        self.order = order
        self.named = named or {}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None or info.kind != "folder":
            raise NotApplicable("{} is no folder".format(self.name))
        self.found = host.survey_home(self.name, self.order)
        return self.found

    def apply(self, host, changes):
        host.repair_home(self.name, self.order)

    def remark(self, actual):
        counts = actual.counts
        parts = ["{:,} entries".format(counts.get(own_files.ENTRIES, 0))]
        for kind, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
            if kind.startswith(own_files.OWNER):
                uid = int(kind[len(own_files.OWNER):])
                parts.append("{:,} of uid {}{}".format(number, self._who(uid), _few(actual, kind)))
            elif kind in own_files.LEFT_ALONE:
                parts.append("left alone: {:,} {}{}".format(
                    number, own_files.LEFT_ALONE[kind], _few(actual, kind)))
            elif kind not in self.repaired and kind != own_files.ENTRIES:
                parts.append("not reached: {:,} {}{}".format(number, kind, _few(actual, kind)))
        return "; ".join(parts)

    def _who(self, uid):
        name = self.named.get(uid)
        return "{} ({})".format(uid, name) if name else str(uid)


class ForeignFiles(OwnFiles):
    """What lies in a home and is somebody else's: told, never taken.

    Files of root's are a remark only: sudo and containers leave them behind.
    """

    kind = "foreign-files"

    def __init__(self, user, name, order, named=None):
        super().__init__(name, order, named)
        self.user = user

    def inspect(self, host):
        found = super().inspect(host)
        uids = [int(kind[len(own_files.OWNER):]) for kind in found.counts
                if kind.startswith(own_files.OWNER)]
        strangers = [uid for uid in uids if uid != 0]
        if strangers:
            raise Conflict(self.remark(found), self._hint(strangers))
        return found

    def plan(self, actual):
        return ()

    def remark(self, actual):
        if not any(kind != own_files.ENTRIES and kind not in self.repaired
                   for kind in actual.counts):
            return ""
        glance = "first level (all: aica check --deep): " if self.order.shallow else ""
        return glance + super().remark(actual)

    def _hint(self, uids):
        known = [self.named[uid] for uid in uids if uid in self.named]
        if known:
            return "ask {} how they came there: ls -lan {}".format(", ".join(known), self.name)
        return "list and take them: aica user fix-permissions {} --from {}".format(
            self.user, uids[0])


class TakenFiles(OwnFiles):
    """The files of one old owner belong to the owner of the home."""

    kind = "taken-files"
    repaired = {own_files.TAKEN: "of the old owner"}

    def plan(self, actual):
        number = actual.counts.get(own_files.TAKEN, 0)
        examples = actual.examples.get(own_files.TAKEN, [])
        return (Change(own_files.TAKEN, {"count": number, "examples": examples},
                       {"count": 0}),) if number else ()


def _few(actual, kind):
    """Return the first examples of a kind, as the end of a remark."""
    shown = [path.replace("\n", "\\x0a") for path in actual.examples.get(kind, [])[:REMARKED]]
    more = actual.counts[kind] - len(shown)
    names = ", ".join(shown) + (" and {:,} more".format(more) if more else "")
    return " ({})".format(names) if shown else ""
