"""One cache: the things in it that may go, and why the others stay."""

import heapq
import os
import stat

from .. import report, tree
from ..errors import AicaError, NotApplicable
from ..resources.base import Resource
from .measure import Measure, measure
from .rules import FOREIGN, LINKED, OPEN, OTHERS, UNREAD, LastUse
from .thing import Sweep, Thing, sweepable

# So many things of a cache in one run, the largest: a million names end no list.
MOST = 5000
EXAMPLES = 3


class Kept:
    """How much is kept, by reason, with the first names."""

    def __init__(self):
        self.reasons = {}

    def add(self, why, name, allocated_bytes=0):
        """Count one that stays."""
        number, size, names = self.reasons.get(why, (0, 0, ()))
        shown = names + (name,) if len(names) < EXAMPLES else names
        self.reasons[why] = number + 1, size + allocated_bytes, shown

    def texts(self):
        """Return a text for each reason."""
        found = []
        for why, (number, size, names) in sorted(self.reasons.items()):
            more = ", ..." if number > len(names) else ""
            found.append("{:,} {} ({}{}; {})".format(
                number, why, ", ".join(names), more, report.size(size)))
        return found


class Cache(Resource):
    """One cache: its folder, the rules of the run, and what became of the things in it.

    As a resource it changes nothing: it says what was kept and what was freed.
    data: where /data is; layout: one of the modules beside this one; gid: the
    site's group, whose rights a foreign program may have, None for no such program.
    """

    kind = "cache"

    def __init__(self, data, layout, rules, opened, gid=None):
        super().__init__("{}/{}".format(data, layout.TOP))
        self.data = data
        self.gid = gid
        self.layout = layout
        self.rules = rules
        self.opened = opened
        self.kept = Kept()
        self.things = ()
        self.freed_bytes = self.removed = 0
        self._planned_bytes = 0
        self._looked = False
        self._problem = None

    def refuse(self, error):
        """Nothing is looked for: `error` says why."""
        self._problem = error

    def resources(self, host):
        """Look for the things that may go; return them, and this cache as the last.

        What was found once is not looked for again: what people agreed to is
        what is removed. What is in the way is told when the cache is inspected.
        """
        if self._problem is None and not self._looked:
            self._looked = True
            self._find(host)
        return self.things + (self,)

    def _find(self, host):
        try:
            with host.folder(self.name) as top, tree.Walk(top) as walk:
                self.opened.watch(top)
                found = self.layout.find(self, walk, host)
                self.things = self._largest(found)
        except (AicaError, OSError) as error:
            self._problem = error
        self._planned_bytes = sum(thing.before.allocated_bytes for thing in self.things)

    def _largest(self, found):
        heap = []
        for number, thing in enumerate(found):
            heapq.heappush(heap, (thing.before.allocated_bytes, -number, thing))
            if len(heap) > MOST:
                size, _, dropped = heapq.heappop(heap)
                self.kept.add("more, for the next run", dropped.label, size)
        return tuple(sorted((item[2] for item in heap), key=lambda thing: (thing.late, thing.label)))

    def desired(self):
        return {}

    def inspect(self, host):
        if isinstance(self._problem, FileNotFoundError):
            raise NotApplicable("there is no such folder")
        if self._problem is not None:
            raise self._problem
        return {}

    def remark(self, actual):
        done = "nothing to remove"
        if self.removed:
            done = "{} freed".format(report.size(self.freed_bytes))
        elif self.things:
            done = "{} to be freed".format(report.size(self._planned_bytes))
        return "; ".join([done] + (["kept " + ", ".join(self.kept.texts())]
                                   if self.kept.reasons else []))

    # -- for the layouts ---------------------------------------------------

    def judge(self, walk, kind, path, rules=None, found=None, make=Thing, **options):
        """Measure what lies at `path`; yield it as a Thing, or count why it is kept."""
        found = found or Measure(self.opened.inodes())
        if not measure(walk, path, found):
            return
        why = self.why_kept(found, rules, options.get("links_matter", False))
        if why:
            self.kept.add(why, os.fsdecode(path[-1]), found.allocated_bytes)
        else:
            yield make(self, kind, path, found, rules, **options)

    def sweep(self, walk, kind, path, rules=None, make=Sweep, **options):
        """Yield a Sweep of the old files below `path`, if there are any."""
        found = sweepable(self, walk, path, rules or self.rules)
        if found is not None:
            yield make(self, kind, path, found, rules, **options)

    def why_kept(self, found, rules=None, links_matter=False):
        """Return why a measured thing stays, "" if it may go."""
        rules = rules or self.rules
        if found.unread:
            return UNREAD
        if found.foreign:
            return FOREIGN
        if rules.owner is not None and found.owners != {rules.owner}:
            return OTHERS
        if found.open:
            return OPEN
        if links_matter and found.linked:
            return LINKED
        return rules.too_young(found.newest)

    def guard(self, rules, links_matter=False, glanced_at=b""):
        """Return spare(folder, status) for a removal: each file is looked at once more."""
        opened, owner, last_use = self.opened.inodes(), rules.owner, LastUse(glanced_at)

        def spare(here, status):
            if status.st_ino in opened:
                return OPEN
            if links_matter and status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
                return LINKED
            if owner is not None and status.st_uid != owner:
                return OTHERS
            return rules.too_young(last_use(here, status))
        return spare
