"""What is remembered of backups: beside each snapshot, and on /data for when the disk is away."""

import json
import time
from typing import NamedTuple

from .. import storage
from ..errors import AicaError
from ..resources.base import Resource
from . import snapshots

FILE = "aica-snapshot.json"
TOO_OLD_S = 2 * 86400 + 4 * 3600


def path_of(settings):
    """Return where the state of the backups lies; it survives the wipe."""
    return settings.state + "/backup.json"


def load(host, settings):
    """Return what is remembered: last_good (a snapshot's name, "" if none) and last_run."""
    try:
        found = json.loads(host.read_trusted(path_of(settings)).decode("ascii"))
    except (OSError, ValueError, AicaError):
        found = {}
    found = found if isinstance(found, dict) else {}
    good = found.get("last_good")
    good = good if isinstance(good, str) and snapshots.when(good) else ""
    return {"last_good": good, "last_run": found.get("last_run") or {}}


def save(host, settings, last_good, exit_code, problems):
    """Remember how a run ended. last_good: the whole snapshot that it made, "" if it made none."""
    before = load(host, settings)
    run = {"finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "exit": exit_code,
           "problems": list(problems)[:20]}
    value = {"last_good": last_good or before["last_good"], "last_run": run}
    host.write_file(path_of(settings), _text(value), 0o600)


def begin(host, folder):
    """Note in the folder of a new snapshot in which boot it was begun."""
    host.write_file("{}/{}".format(folder, FILE), _text({"boot": host.instance()}), 0o600)


def is_of_this_boot(host, folder):
    """True if what a run left was surely written since this server was started."""
    try:
        found = json.loads(host.read_trusted("{}/{}".format(folder, FILE)).decode("ascii"))
        return found["boot"] == host.instance()
    except (OSError, ValueError, TypeError, KeyError, AicaError):
        return False


def write(host, folder, copies):
    """Write what a snapshot holds into its folder."""
    homes = {}
    for copy in copies:
        homes[copy.name] = {"state": copy.state, "changed": copy.changed}
        if copy.measured is not None:
            homes[copy.name].update(
                entries=copy.measured.total, bytes=copy.measured.size_bytes,
                new_bytes=copy.measured.new_bytes)
        if copy.answer is not None:
            homes[copy.name]["problems"] = list(copy.answer.problems[:20])
    value = {"copies": homes,
             "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    host.write_file("{}/{}".format(folder, FILE), _text(value), 0o600)


def _text(value):
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("ascii")


class Row(NamedTuple):
    """A snapshot as `aica backup --list` shows it. size and new are bytes, None if not known."""

    snapshot: str
    state: str
    copies: int
    size: int
    new: int


def row(host, top, name, only=()):
    """Return the Row of a snapshot; None if `only` (names of users) are not in it."""
    copies = _copies(host, "{}/{}".format(top, name))
    if only:
        copies = {copy: copies[copy] for copy in only if copy in copies}
        if not copies:
            return None
    if name.startswith(snapshots.UNFINISHED):
        return Row(name, "unfinished", None, None, None)
    whole = all(found.get("state") == "whole" for found in copies.values())
    whole = whole and (bool(only) or not snapshots.is_part(name))
    return Row(name, "unknown" if not copies else "whole" if whole else "part", len(copies),
               _sum(copies, "bytes"), _sum(copies, "new_bytes"))


def _copies(host, folder):
    try:
        found = json.loads(host.read_trusted("{}/{}".format(folder, FILE)).decode("ascii"))
        return {str(name): dict(copy) for name, copy in dict(found["copies"]).items()}
    except (OSError, ValueError, TypeError, KeyError, AicaError):
        return {}


def _sum(copies, field):
    numbers = [copy.get(field) for copy in copies.values()]
    return sum(n for n in numbers if isinstance(n, int))


class LastBackup(Resource):
    """When the last whole snapshot was made. Nothing is changed: a backup takes hours."""

    kind = "backup"

    def __init__(self, settings, now=None):
        super().__init__(settings.snapshots)
        self.settings = settings
        self.now = now or time.time

    def desired(self):
        return {}

    def inspect(self, host):
        return load(host, self.settings)

    def remark(self, actual):
        if not actual["last_good"]:
            return "no whole backup was made yet"
        return "the last whole backup is {}, {}".format(
            actual["last_good"], age_text(_age_s(actual["last_good"], self.now())))


def warnings(host, settings, now=None):
    """Return what is to be said when the timer is on and the last whole backup is too old."""
    if not settings.backup_timer:
        return []
    if host.live and storage.mount_at(settings.backup, storage.mounts()) is None:
        return ["[backup] timer is on, but {} is not mounted".format(settings.backup)]
    last = load(host, settings)["last_good"]
    if not last:
        return ["[backup] timer is on, but no whole backup was made yet: aica backup"]
    age_s = _age_s(last, now or time.time())
    if 0 <= age_s <= TOO_OLD_S:
        return []
    return ["the last whole backup, {}, is {}: aica backup".format(last, age_text(age_s))]


def _age_s(name, now):
    then = snapshots.when(name)
    return now - (then - type(then)(1970, 1, 1)).total_seconds()


def age_text(age_s):
    """Return an age as people read it."""
    if age_s < 0:
        return "from the future: is the clock right?"
    for unit, seconds in (("days", 86400), ("hours", 3600)):
        if age_s >= 2 * seconds:
            return "{:.0f} {} old".format(age_s // seconds, unit)
    return "{:.0f} min old".format(age_s // 60)
