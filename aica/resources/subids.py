"""The subordinate ids of a user, which rootless containers live on: subuid(5)."""

from .. import accounts, ids
from ..errors import Conflict
from . import shadow_tools
from .base import Resource


class SubordinateIds(Resource):
    """The recorded ranges, and no others.

    They are a resource of their own: when a new image gives them to an
    account of its own, the user still gets everything else back. taken are
    the (uids, gids) that somebody has or had: who gets one of them as a
    subordinate id is that person to the kernel.
    """

    kind = "subids"

    def __init__(self, name, subuid=(), subgid=(), needs=(), taken=((), ())):
        super().__init__(name, needs)
        self.ranges = {"subuid": tuple(subuid), "subgid": tuple(subgid)}
        self.taken = dict(zip(("subuid", "subgid"), taken))

    def desired(self):
        return {field: ranges for field, ranges in self.ranges.items() if ranges}

    def inspect(self, host):
        present = host.accounts()
        return {field: self._mine(field, getattr(present, field)) for field in self.desired()}

    def _mine(self, field, present):
        wanted, mine = self.ranges[field], present.get(self.name, ())
        self._refuse_somebody(field, wanted)
        for name, ranges in present.items():
            if name != self.name and ids.overlap(wanted, ranges):
                raise Conflict("the {} range {} of {} overlaps that of {}".format(
                    field, ",".join(wanted), self.name, name),
                    hint="give {} other ranges, see usermod(8); then: aica recover".format(name))
        if sorted(mine) == sorted(wanted):  # usermod writes a second range above the first
            return wanted
        if mine:
            raise Conflict("the {} range of {} is {} here, {} recorded".format(
                field, self.name, ",".join(mine), ",".join(wanted)),
                hint="to keep what is here: aica user adopt {}".format(self.name))
        return mine

    def _refuse_somebody(self, field, wanted):
        """usermod(8) takes a number beyond all ids, and what it writes is another one: 2^32 less."""
        for first, last in ids.spans(wanted):
            somebody = [number for number in self.taken[field] if first <= number <= last]
            hint = "correct it in the account records, or: aica user adopt {}".format(self.name)
            if somebody:
                raise Conflict("the {} range recorded for {} holds the id {}, which is "
                               "somebody's".format(field, self.name, min(somebody)), hint)
            if last > ids.LAST_ID:
                raise Conflict("the {} range recorded for {} goes beyond the last id".format(
                    field, self.name), hint)

    def apply(self, host, changes):
        for change in changes:
            if host.lstat("/etc/" + change.field) is None:  # usermod wants the file
                host.write_file("/etc/" + change.field, b"", 0o644)
            option = "--add-{}s".format(change.field)
            shadow_tools.execute(host, accounts.add_subids_argv(
                self.name, option, self.ranges[change.field], host.root))
