"""`aica backup --list` and `--restore`: which snapshots there are, and what is in them."""

import os
from typing import NamedTuple, Optional

from .. import report
from ..change import CHANGED
from ..engine import converge
from ..errors import AicaError, ConfigError, Conflict
from ..resources.base import Resource
from . import records, run, snapshots


def rows(app, users=()):
    """Return the records.Rows of all snapshots, the oldest first; of those with these users."""
    host = app.host(read_only=True)
    settings = run.open_disk(app, host)
    names = host.names(settings.snapshots)
    found = [records.row(host, settings.snapshots, name, users)
             for name in snapshots.finished(names) + snapshots.unfinished(names)]
    return [row for row in found if row is not None]


def bring_back(app, user, path, snapshot="", dry_run=False):
    """Yield the Outcome of restoring a path of a user's home beside what is there now.

    snapshot "" takes the newest one that has it.
    """
    host = app.host(read_only=dry_run)
    settings = run.open_disk(app, host)
    home = _home(host, settings, user)
    names = _names(settings, user, path)
    name = _choose(host, settings, user, names, snapshot)
    restored = Restored(home, "{}/{}/users/{}".format(settings.snapshots, name, user), names, name)
    outcomes = []
    for outcome in converge([restored], host, dry_run):
        if outcome.status == CHANGED:  # only now it is known under which name
            outcome = outcome._replace(message="now {}/{}".format(home, restored.where))
        outcomes.append(outcome)
        yield outcome
    if not dry_run:
        app.write_log(host, outcomes, report.exit_status(outcomes))


class Entry(NamedTuple):
    """What lies in a folder of a snapshot; size_bytes is None of what is no plain file."""

    name: str
    is_folder: bool
    size_bytes: Optional[int]


def inside(app, snapshot, names=()):
    """Yield the Entries of a folder of a snapshot: first of all the homes; links are not followed."""
    host = app.host(read_only=True)
    settings = run.open_disk(app, host)
    if snapshot not in snapshots.finished(host.names(settings.snapshots)):
        raise ConfigError("--from {}: there is no such snapshot".format(snapshot),
                          hint="aica backup --list")
    folder = "/".join((settings.snapshots, snapshot, "users") + tuple(names))
    for name in host.names(folder):
        info = host.lstat("{}/{}".format(folder, name))
        if info is not None:
            yield Entry(name, info.kind == "folder", info.size if info.kind == "file" else None)


def _home(host, settings, user):
    if not user or user in (".", "..") or "/" in user:
        raise ConfigError("--restore {!r}: expected the name of a user".format(user),
                          hint="aica user list")
    home = "{}/{}".format(settings.users, user)
    info = host.lstat(home)
    if info is None or info.kind != "folder":
        raise ConfigError("--restore {}: there is no home {}".format(user, home),
                          hint="aica user setup {} GROUP".format(user))
    if info.uid == 0:
        raise Conflict("{} belongs to root: nothing is restored into it".format(home))
    return home


def _names(settings, user, path):
    """Return the names of a path below the home: PATH may be relative to it, or whole."""
    for top in ("{}/{}".format(settings.users, user), "{}/{}".format(settings.home, user)):
        if path == top or path.startswith(top + "/"):
            path = path[len(top):].lstrip("/")
            break
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if path.startswith("/") or ".." in names:
        raise ConfigError("--restore {} {!r}: expected a path in the home, such as "
                          "thesis/main.tex".format(user, path))
    return names


def _choose(host, settings, user, names, wanted):
    """Return the newest snapshot that has the path, or the wanted one if it has."""
    there = snapshots.finished(host.names(settings.snapshots))
    if wanted and wanted not in there:
        raise ConfigError("--from {}: there is no such snapshot".format(wanted),
                          hint="aica backup --list")
    for name in [wanted] if wanted else reversed(there):
        path = "/".join((settings.snapshots, name, "users", user) + names)
        try:
            if host.lstat(path) is not None:
                return name
        except Conflict:
            continue  # a link on the way there, which is not followed
    raise AicaError("{} of {} is in no snapshot{}".format(
        "/".join(names) or "the home", user, " " + wanted if wanted else ""),
        hint="aica backup --list --user {}".format(user))


class Restored(Resource):
    """What is brought back, beside what is there now."""

    kind = "restored"

    def __init__(self, home, source, names, snapshot):
        super().__init__("/".join((home,) + names))
        self.home = home
        self.source = source
        self.names = names
        self.snapshot = snapshot
        self.where = ""

    def desired(self):
        return {"snapshot": self.snapshot}

    def inspect(self, host):
        if not self.where:
            return None
        there = host.lstat("{}/{}".format(self.home, self.where)) is not None
        return {"snapshot": self.snapshot} if there else None

    def remark(self, actual):
        return "as " + (self.names or ("home",))[-1] + self._suffix()

    def _suffix(self):
        return ".restored-" + snapshots.time_of(self.snapshot)

    def describe(self, changes):
        return ("from snapshot " + self.snapshot,)

    def apply(self, host, changes):
        with host.folder(self.source) as source, host.folder(self.home) as home:
            there, here = os.fstat(source), os.fstat(home)
            if there.st_uid != here.st_uid:
                raise Conflict("in the snapshot the home belongs to uid {}, today to {}".format(
                    there.st_uid, here.st_uid), hint="look whose files they are: ls -ln {}".format(
                        self.source))
            found = host.bring_back(source, home, tuple(map(os.fsencode, self.names)),
                                    os.fsencode(self._suffix()),
                                    (here.st_uid, here.st_gid))
        self.where = found["where"]
        left = ["{} {}".format(number, why) for why, number in sorted(found["left"].items())]
        if found["error"] or left:
            raise AicaError("from snapshot {}: {} entries are in {}/{}; left out: {}".format(
                self.snapshot, found["entries"], self.home, self.where,
                "; ".join(([found["error"]] if found["error"] else []) + left)))
