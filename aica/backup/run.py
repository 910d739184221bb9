"""`aica backup`: one snapshot of all homes and of /data/config, and those that it replaces.

Every run begins with an empty folder whose name says that it is unfinished,
and links to earlier copies what did not change: no finished snapshot is ever
written to, because its files have the same inodes. What a killed run left is
linked to as well, so what it had copied is not copied again; after a reboot,
which may have been a power cut, its contents are compared first.
"""

import os
import time

from .. import lock, report, storage
from ..change import BLOCKED, Outcome
from ..change import FAILED as FAILED_OUTCOME
from ..engine import converge
from ..errors import AicaError, ConfigError, NotReady
from ..resources.base import Resource
from ..resources.directory import Directory
from . import copies, records, snapshots
from .copies import FAILED, PARTIAL, WHOLE, Copy, Target

# So many earlier snapshots are looked through for what need not be copied; rsync takes 20.
BASES = 3
SECRETS = {"keep_passwords": ("/accounts/shadow", "/accounts/shadow-"),
           "keep_host_keys": ("/ssh/",)}


def open_disk(app, host):
    """Return the settings once the backup disk was found right.

    From then on the host refuses to step into it if it is another one. Raise
    NotReady, Conflict, or ConfigError.
    """
    settings = app.settings(host)
    _refuse_to_copy_copies(settings)
    host.fence(settings.backup, storage.probe(host.real(settings.backup)))
    if host.live:
        storage.require_mounted(settings.backup)
    with host.folder(settings.backup, trusted=True):
        pass
    return settings


def _refuse_to_copy_copies(settings):
    """Raise ConfigError where snapshots would lie in what they are made of.

    With `backup = /data` the folder of the homes would be that of the
    snapshots: closed to everybody but root, and copied into itself.
    """
    for source in (settings.users, settings.config):
        inner, outer = sorted((settings.snapshots + "/", source + "/"), key=len, reverse=True)
        if inner.startswith(outer):
            raise ConfigError("[paths] backup = {}: the snapshots in {} and {} would lie in one "
                              "another".format(settings.backup, settings.snapshots, source),
                              hint="correct /etc/aica/aica.conf: a disk of its own")


def require_rsync(host):
    """Raise NotReady if the program that copies is not here."""
    if not host.has_program("rsync"):
        raise NotReady("rsync is not installed: nothing can be copied",
                       hint="apt install rsync (or: yum install rsync)")


class Backup:
    """One run. users: only these homes; checksum: compare contents, not only sizes and times."""

    def __init__(self, app, users=(), checksum=False, now=time.time):
        self.app = app
        self.users = tuple(users)
        self.checksum = checksum
        self.now = now
        self.homes = ()
        self.missing = ()
        self.copies = ()

    def run(self, dry_run=False):
        """Yield the Outcomes of making a snapshot, or (dry_run) of what that would take."""
        host = self.app.host(read_only=dry_run)
        settings = open_disk(self.app, host)
        require_rsync(host)
        self.homes = self._find_homes(host, settings)
        self.missing = self._find_missing(host, settings)
        if dry_run:
            yield from self._plan(host, settings)
            return
        with lock.hold(host, 0, lock.BACKUP) as held:
            outcomes, good = [], []
            try:
                for outcome in self._make(host, settings, held, good):
                    outcomes.append(outcome)
                    yield outcome
            finally:  # Ctrl-C too: what was done until then is told
                self._tell(host, settings, outcomes, good)

    def _plan(self, host, settings):
        yield from converge([Directory(settings.snapshots, 0o700)], host, dry_run=True)
        target = self._target(host, settings, -1)
        for copy in self._copies(host, settings, target):
            yield from converge([copy], host, dry_run=True)
        yield from self._without_home(settings)
        name = self._name(target, ())
        yield from converge([Snapshot(name, target)], host, dry_run=True)
        names = snapshots.finished(host.names(settings.snapshots)) + (name,)
        yield from converge(self._removals(settings, names, name), host, dry_run=True)

    def _make(self, host, settings, held, good):
        outcomes = list(converge([Directory(settings.snapshots, 0o700)], host))
        yield from outcomes
        if report.exit_status(outcomes):
            return
        # What a run left that filled the disk helps nobody: it would keep us from beginning.
        full = not copies.has_room(host, settings.snapshots)
        yield from self._sweep(host, settings, everything=full)
        target = self._target(host, settings, held)
        folder = "{}/{}".format(target.top, target.unfinished)
        for path in (folder, folder + "/users"):
            host.make_folder(path, 0o700)
        records.begin(host, folder)
        self.copies = self._copies(host, settings, target)
        for copy in self.copies:
            yield from converge([copy], host)
            if copy.fatal:
                return
        yield from self._without_home(settings)
        if all(copy.state not in (WHOLE, PARTIAL) for copy in self.copies):
            return
        name = self._name(target, self.copies)
        made = list(converge([Snapshot(name, target, self.copies)], host))
        yield from made
        if report.exit_status(made) == 0:
            good += [] if snapshots.is_part(name) else [name]
            yield from self._sweep(host, settings, everything=not self.users)
            names = snapshots.finished(host.names(settings.snapshots))
            yield from converge(self._removals(settings, names, name), host)

    def _target(self, host, settings, held):
        names = host.names(settings.snapshots)
        bases = tuple(reversed(snapshots.unfinished(names)[-BASES:])) + tuple(
            reversed(snapshots.finished(names)[-BASES:]))
        now = self.now()
        while any(snapshots.name_at(now) in name for name in names):
            now += 1
        torn = () if held < 0 else tuple(  # a dry run only asks how much there is
            base for base in snapshots.unfinished(bases)
            if not records.is_of_this_boot(host, "{}/{}".format(settings.snapshots, base)))
        return Target(settings.snapshots, snapshots.UNFINISHED + snapshots.name_at(now), bases,
                      self.checksum, torn, held)

    def _name(self, target, made):
        """Return the name of the snapshot: when it was begun, and if something is missing."""
        part = bool(self.users or self.missing) or any(copy.state != WHOLE for copy in made)
        return target.unfinished[len(snapshots.UNFINISHED):] + (snapshots.PART if part else "")

    # -- what is copied --------------------------------------------------

    def _copies(self, host, settings, target):
        """Return the Copy of /data/config, of what lies beside the homes, and of each home."""
        found = [Copy(settings.config, settings.config, "config", target,
                      self._config_exclude(host, settings))]
        if not self.users:
            found.append(Copy(settings.users, settings.users, "users", target, ("/*/",)))
        return found + [
            Copy(name, "{}/{}".format(settings.users, name), "users/" + name, target,
                 settings.backup_exclude) for name in self.homes]

    def _find_homes(self, host, settings):
        homes = []
        with host.folder(settings.users, trusted=True) as folder:
            names = sorted(os.listdir(folder))
        for name in names:
            info = host.lstat("{}/{}".format(settings.users, name))
            if info is not None and info.kind == "folder":
                homes.append(name)
            elif info is not None and info.kind == "symlink":
                self.app.warnings.append(
                    "{}/{} is a link to {}: the link is in the backup, not what it leads "
                    "to".format(settings.users, name, info.target))
        for name in self.users:
            if name not in homes:
                raise ConfigError("--user {}: there is no {}/{}".format(
                    name, settings.users, name), hint="ls {}".format(settings.users))
        return [name for name in homes if not self.users or name in self.users]

    def _find_missing(self, host, settings):
        """Return who is registered and has no home: a loss must not push out what is left of it."""
        if self.users:
            return ()
        try:
            names = self.app.registry(host, settings).names()
        except (OSError, AicaError):  # aica check says what is wrong with it
            return ()
        return tuple(name for name in names
                     if host.lstat("{}/{}".format(settings.users, name)) is None)

    def _without_home(self, settings):
        for name in self.missing:
            yield Outcome("copy:" + name, BLOCKED, message="{}/{} is missing: nothing to copy".format(
                settings.users, name), hint="find the home, or: aica user unregister " + name)

    def _config_exclude(self, host, settings):
        """No secret goes to a network disk unless the site says so: there others could read it."""
        found = [".aica-tmp.*", "/state/backup.json"]
        if not storage.is_network(host.real(settings.backup)):
            return tuple(found)
        for field, patterns in SECRETS.items():
            if getattr(settings, field) != "yes":
                found += patterns
                self.app.warnings.append("{} is a network disk: {} not copied there ({})".format(
                    settings.backup, ", ".join(patterns), field))
        return tuple(found)

    # -- what goes -------------------------------------------------------

    def _removals(self, settings, names, made):
        keep = snapshots.Keep(settings.backup_daily, settings.backup_weekly,
                              settings.backup_monthly)
        gone = snapshots.choose_removed(names, made, keep)
        return [Removal(settings.snapshots, name) for name in gone if name != made]

    def _sweep(self, host, settings, everything=False):
        """Remove what killed runs left; the newest unfinished ones still serve as bases."""
        names = host.names(settings.snapshots)
        left = snapshots.unfinished(names)
        gone = snapshots.being_removed(names) + (left if everything else left[:-BASES])
        yield from converge([Removal(settings.snapshots, name) for name in gone], host)

    # -- how it ended ----------------------------------------------------

    def _tell(self, host, settings, outcomes, good):
        code = report.exit_status(outcomes)
        problems = ["{} {}".format(o.resource, o.message) for o in outcomes
                    if o.status in (FAILED_OUTCOME, BLOCKED)]
        if code == 0 and not any(o.kind == "snapshot" for o in outcomes):
            code = AicaError.exit_status
            problems.append("it was stopped before its end")
        self.app.write_log(host, outcomes, code)
        try:
            records.save(host, settings, good[0] if good else "", code, problems)
        except (OSError, AicaError) as error:
            self.app.warnings.append("{} cannot be written: {}".format(
                records.path_of(settings), error))


class Snapshot(Resource):
    """A snapshot gets its name: everything is in it, compared, and on the disk."""

    kind = "snapshot"

    def __init__(self, name, target, made=()):
        super().__init__(name)
        self.target = target
        self.made = tuple(made)

    def desired(self):
        return {"finished": True}

    def inspect(self, host):
        found = host.lstat("{}/{}".format(self.target.top, self.name))
        return None if found is None else {"finished": found.kind == "folder"}

    def describe(self, changes):
        if not self.made:
            return ("would be made",)
        done = [copy for copy in self.made if copy.state in (WHOLE, PARTIAL)]
        text = "{} copies, {} new".format(
            len(done), report.size(sum(copy.measured.new_bytes for copy in done)))
        changed = sum(copy.changed for copy in done)
        text += "; {:,} entries changed meanwhile".format(changed) if changed else ""
        missing = [copy.name for copy in self.made if copy.state != WHOLE]
        return (text + ("; not whole: " + ", ".join(missing) if missing else ""),)

    def apply(self, host, changes):
        folder = "{}/{}".format(self.target.top, self.target.unfinished)
        for copy in self.made:
            if copy.state == FAILED:
                self._set_apart(host, folder, copy.place)
        records.write(host, folder, self.made)
        # A power cut must not leave a finished name over what was never written.
        host.sync(folder)
        host.rename(folder, self.name)

    def _set_apart(self, host, folder, place):
        """A copy that broke off must not stand where whole ones do."""
        if host.lstat("{}/{}".format(folder, place)) is not None:
            parent = "{}/{}".format(folder, os.path.dirname(place)).rstrip("/")
            host.move_aside("{}/{}".format(parent, os.path.basename(place)), "broken-off")


class Removal(Resource):
    """A snapshot that nothing keeps any more, or what a killed run left. It goes."""

    kind = "snapshot"

    def __init__(self, top, name, needs=()):
        super().__init__(name, needs)
        self.top = top

    def desired(self):
        return {"removed": True}

    def inspect(self, host):
        return {"removed": host.lstat("{}/{}".format(self.top, self.name)) is None}

    def describe(self, changes):
        return ("removed",)

    def apply(self, host, changes):
        # First it loses its name: what is half removed must not pass for a snapshot.
        name = self.name
        if not name.startswith(snapshots.REMOVING):
            host.rename("{}/{}".format(self.top, name), snapshots.REMOVING + name)
            name = snapshots.REMOVING + name
        left = host.remove_tree("{}/{}".format(self.top, name)).counts
        if left:
            raise AicaError("not quite removed: " + "; ".join(
                "{} {}".format(number, why) for why, number in sorted(left.items())))
