"""A cached thing, as the engine sees it: a resource whose desired state is to be gone."""

import os
import time

from .. import report, tree
from ..change import Change
from ..errors import AicaError, NotApplicable
from ..resources.base import Resource
from . import rules as rule
from .measure import Aged, measure
from .rules import OPEN, OTHERS, age_text

# A measure is not taken twice within so many seconds; each file is looked at again anyway.
FRESH_S = 10


class Thing(Resource):
    """A file or folder below the top of a cache that goes as a whole.

    path: its names (bytes); before: how it was measured; first: see tree.remove.
    """

    # What others point to goes after them.
    late = 0

    def __init__(self, cache, kind, path, before, rules=None, first=(), links_matter=False):
        self.label = os.fsdecode(b"/".join(path))
        super().__init__(self.label)
        self.kind = kind
        self.cache = cache
        self.path = path
        self.before = before
        self.rules = rules or cache.rules
        self.first = first
        self.links_matter = links_matter
        self._measured_s = time.monotonic()
        self._removed = False

    def desired(self):
        return {"allocated_bytes": 0, "size_bytes": 0}

    def inspect(self, host):
        if time.monotonic() - self._measured_s < FRESH_S:
            self._measured_s = 0
            return self.before
        with host.folder(self.cache.name) as top, tree.Walk(top) as walk:
            found = self.look_again(walk)
        if found is None or (self._removed and found.identity != self.before.identity):
            return None  # what stands there now was made since
        if self._removed:
            raise AicaError("something was put into it while it was removed: not all of it is gone")
        self._require_unused(found)
        return found

    def look_again(self, walk):
        """Return a new measure, None if it is gone."""
        found = type(self.before)(self.cache.opened.inodes())
        return found if measure(walk, self.path, found) else None

    def _require_unused(self, found):
        why = self.cache.why_kept(found, self.rules, self.links_matter)
        if not why and found.identity != self.before.identity:
            why = "another one than before"
        if why:
            self.cache.kept.add(why, self.label, found.allocated_bytes)
            raise NotApplicable("kept: " + why)

    def plan(self, actual):
        if actual is None:
            return ()
        return tuple(Change(field, getattr(actual, field), 0) for field in sorted(self.desired()))

    def apply(self, host, changes):
        rule.require_steady_clock(self.rules)
        spare = self.cache.guard(self.rules, self.links_matter, self.before.glanced_at)
        self._take_note(host.remove_cached(
            self.cache.name, self.path, self.before.identity, spare, self.first))

    def _take_note(self, remover):
        self._removed = True
        self.cache.freed_bytes += remover.freed_bytes
        self.cache.removed += remover.removed
        counts, examples = remover.left_over.report()
        for why, number in sorted(counts.items()):
            raise AicaError("not all of it could be removed: {:,} {} ({})".format(
                number, why, examples[why][0]))

    def remark(self, actual):
        if actual is None:
            return ""
        age = age_text(self.rules.now - actual.newest)
        return "{}, last used {}".format(report.size(actual.size_bytes), age)

    def describe(self, changes):
        return ()


class Sweep(Thing):
    """The old files of a folder that stays."""

    late = 2

    def __init__(self, cache, kind, path, before, rules=None, keep_folders=False):
        super().__init__(cache, kind, path, before, rules)
        self.keep_folders = keep_folders

    def look_again(self, walk):
        return sweepable(self.cache, walk, self.path, self.rules)

    def _require_unused(self, found):
        """Nothing: each file has been judged by itself."""

    def apply(self, host, changes):
        rule.require_steady_clock(self.rules)
        wanted = self.cache.guard(self.rules)
        remover = host.empty_cached(self.cache.name, self.path, wanted, self.keep_folders)
        for why in (OPEN, OTHERS, rule.FUTURE, self.rules.recent):
            remover.left_over.counts.pop(why, None)  # never planned
        self._take_note(remover)

    def remark(self, actual):
        if actual is None:
            return ""
        return "{:,} old files, {}".format(actual.files, report.size(actual.size_bytes))


def sweepable(cache, walk, path, rules):
    """Return the measure of what a Sweep would remove, None if that is nothing."""
    found = Aged(cache.guard(rules), cache.opened.inodes())
    return found if measure(walk, path, found) and found.files else None
