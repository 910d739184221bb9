"""The nightly look at what fills the data disk, kept there for everybody to read.

Totals only: of a home no name inside is kept, of the shared folders those
names that everybody can list.
"""

import json
import time
from typing import Any, Dict, NamedTuple, Optional, Tuple

from .. import lock, storage
from ..caches.cleaning import TARGETS, Cleaning, Request
from ..change import PLANNED
from ..errors import AicaError, NotReady
from . import usage
from .df import human
from .usage import CACHE, HOME, REST, Size

NAME = "usage.json"
LOCK = "/run/aica/scan.lock"
VERSION = 1
# So many names of a kind are kept, the largest.
MOST_NAMES = 200
DAY_S = 24 * 3600
WEEK_S = 7 * DAY_S
PAST = 9
# Growth over less than this says nothing.
LEAST_S = 20 * 3600
HINTS = 3
# What may grow without being named: a line for each would hide the rest.
NAMED_BYTES = 1 << 30


class Past(NamedTuple):
    """An earlier scan: when, and the bytes of each part."""

    when_s: float
    parts: Dict[Tuple[str, str], int]


class Scan(NamedTuple):
    """What a scan found. owners are bytes outside homes, by name of the owner.

    freeable_bytes is what `aica clean --all` would have freed, None if that is not known.
    """

    when_s: float
    took_s: float
    total: Size
    parts: Dict[Tuple[str, str], Size]
    owners: Dict[str, int]
    problems: Dict[str, int]
    past: Tuple[Past, ...] = ()
    freeable_bytes: Optional[int] = None

    def since(self):
        """Return the earlier scan that growth is measured from, about a week old; or None."""
        old = [one for one in self.past if LEAST_S <= self.when_s - one.when_s <= 2 * WEEK_S]
        return min(old, key=lambda one: abs(self.when_s - one.when_s - WEEK_S), default=None)

    def growth(self, part):
        """Return by how many bytes a part has grown since then, None if that is not known."""
        since = self.since()
        unknown = since is None or part[1] == REST
        if unknown or part not in since.parts and (part[0], REST) in since.parts:
            return None
        return self.parts[part].size_bytes - since.parts.get(part, 0)


def path_of(settings):
    """Return where the last scan lies."""
    return settings.config + "/" + NAME


def load(host, settings):
    """Return the last Scan, None if there is none that can be read."""
    try:
        return parse(host.read_trusted(path_of(settings)).decode("utf-8"))
    except (OSError, ValueError, AicaError):
        return None


def run(app, tick=None):
    """Scan the data disk and keep what was found; return (Scan, why it could not be kept or "").

    Root only.
    """
    host = app.host()
    settings = app.settings(host)
    with lock.hold(host, 0, LOCK):
        started_s = time.time()
        with host.folder(settings.data) as top:
            found = usage.measure(top, usage.by_place,
                                  host.live and storage.is_network(settings.data), tick)
        before = load(host, settings)
        new = Scan(started_s, time.time() - started_s, found.total, cut(found.parts),
                   _by_name(found.owners, host.accounts()), found.problems,
                   past_of(before, started_s), freeable_bytes(app))
        return new, _keep(host, path_of(settings), new)


def freeable_bytes(app):
    """Return what `aica clean --all --dry-run` lists, in bytes on the disk; None if it cannot."""
    try:
        return sum(change.before or 0 for outcome in Cleaning(app, Request(TARGETS)).plan()
                   if outcome.status == PLANNED for change in outcome.changes
                   if change.field == "allocated_bytes")
    except (OSError, AicaError):
        return None


def _keep(host, path, new):
    """Write a Scan; on a full disk it is seen once at least. Return what went wrong, in words."""
    try:
        host.write_file(path, render(new).encode("ascii"), 0o644)
    except (OSError, AicaError) as error:
        return "{} cannot be written: {}".format(path, error)
    return ""


def of_folder(app, path, tick=None):
    """Return the Usage of any folder, by its entries, with the rights of whoever asks."""
    host = app.host(read_only=True, need_root=False)
    storage.probe(host.real(path))
    try:
        with host.folder(path) as top:
            return usage.measure(top, usage.by_child,
                                 host.live and storage.is_network(path), tick)
    except PermissionError as error:
        raise NotReady("{}: {}".format(path, error.strerror), hint="sudo aica disk --path " + path)


def cut(parts):
    """Return the largest parts of each kind; the others as one."""
    kept, number = {}, {}
    for part, size in sorted(parts.items(), key=lambda item: -item[1].size_bytes):
        number[part[0]] = number.get(part[0], 0) + 1
        if number[part[0]] > MOST_NAMES and part[0] != HOME:
            part = (part[0], REST)
        kept[part] = kept.get(part, Size()).plus(size)
    return kept


def _by_name(owners, accounts):
    names = {user.uid: user.name for user in accounts.passwd.values()}
    return {names.get(uid, "uid {}".format(uid)): size for uid, size in owners.items()}


def past_of(before, now_s):
    """Return the earlier scans that are kept: one a day, of the last days."""
    if before is None:
        return ()
    found = {part: size.size_bytes for part, size in before.parts.items()}
    past = (Past(before.when_s, found),) + before.past
    kept = []
    for one in past:
        if one.when_s < now_s and not any(_day(one) == _day(other) for other in kept):
            kept.append(one)
    return tuple(kept[:PAST])


def _day(past):
    return int(past.when_s // DAY_S)


def render(scan):
    """Return a Scan as text."""
    return json.dumps({
        "version": VERSION, "when": scan.when_s, "took_s": round(scan.took_s, 1),
        "total": scan.total, "owners": scan.owners, "problems": scan.problems,
        "freeable": scan.freeable_bytes,
        "parts": [list(part) + list(size) for part, size in sorted(scan.parts.items())],
        "past": [{"when": one.when_s,
                  "parts": [list(part) + [size] for part, size in sorted(one.parts.items())]}
                 for one in scan.past]}, sort_keys=True) + "\n"


def parse(text):
    """Return the Scan that render() wrote. Raise ValueError for anything else."""
    found: Any = json.loads(text)
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise ValueError("not a scan of a disk")
    try:
        past = tuple(Past(one["when"], {(kind, name): size for kind, name, size in one["parts"]})
                     for one in found["past"])
        parts = {(kind, name): Size(size, entries) for kind, name, size, entries in found["parts"]}
        return Scan(found["when"], found["took_s"], Size(*found["total"]), parts,
                    found["owners"], found["problems"], past, found["freeable"])
    except (KeyError, TypeError) as error:
        raise ValueError("not a scan of a disk: {}".format(error))


def hints(host, settings, disk):
    """Return what to do about a full data disk: who grew most, and what can be freed."""
    if disk != settings.data:
        return ("aica disk",)
    last = load(host, settings)
    if last is None:
        return ("sudo aica disk --scan",)
    return growth_in_words(last) + (caches_in_words(last), "aica disk --by-user")


def caches_in_words(scan):
    """Return one line on what could be freed without harm to anybody."""
    if scan.freeable_bytes is not None:
        return "aica clean --all --dry-run: {} in the caches that nobody uses".format(
            human(scan.freeable_bytes))
    size = sum(size.size_bytes for (kind, _), size in scan.parts.items() if kind == CACHE)
    return "the caches hold {}; what can go: aica clean --all --dry-run".format(human(size))


def growth_in_words(scan):
    """Return one line on the homes and caches that have grown most, () if none is known."""
    grown = [(scan.growth(part), part) for part in scan.parts if part[0] in (HOME, CACHE)]
    grown = sorted((pair for pair in grown if pair[0] and pair[0] >= NAMED_BYTES), reverse=True)
    if not grown:
        return ()
    days = max(1, int(round((scan.when_s - scan.since().when_s) / DAY_S)))
    words = ["{} {} +{}".format(kind, name, human(size)) for size, (kind, name) in grown[:HINTS]]
    if days == 1:
        return ("{} grew most within 1 day".format(", ".join(words)),)
    return ("{} grew most within {} days".format(", ".join(words), days),)
