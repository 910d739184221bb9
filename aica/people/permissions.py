"""`aica user fix-permissions`: what keeps somebody out of the own home, and whose files lie there."""

import time

from .. import lock, report, storage
from ..engine import converge
from ..errors import ConfigError, Conflict
from ..resources.own_files import OwnFiles, OwnHome, TakenFiles
from ..site.people import home_gid
from ..tree.own_files import TAKEN, Order
from . import common

# Not that of the maintenance: who cannot log in must not wait for 50 TB.
LOCK = lock.FOLDER + "/homes.lock"
# The kernel's clock for files is this coarse: what changed in the last moments counts as late.
COARSE_NS = 20000000


def fix(app, name, dry_run=False):
    """Yield the Outcomes of giving the user's own files the modes that sshd and the team need."""
    host = app.host(read_only=dry_run)
    desired = common.open_site(app, host)
    user = _user(host, desired, name)
    home = _home(desired, name)
    top = OwnHome(home, name, user.uid, home_gid(desired, user.gid))
    files = OwnFiles(home, Order(user.uid, user.gid), _names(host, desired), needs=[top.id])
    yield from _run(app, host, [top, files], dry_run)


def _run(app, host, resources, dry_run):
    if dry_run:
        yield from converge(resources, host, dry_run=True)
        return
    with lock.hold(host, 0, LOCK):
        outcomes = []
        try:
            for outcome in converge(resources, host):
                outcomes.append(outcome)
                yield outcome
        finally:  # Ctrl-C too: what was changed until then is told
            app.write_log(host, outcomes, report.exit_status(outcomes), verbose=True)


def _user(host, desired, name):
    """Return the Passwd of somebody who has an account here, or a record."""
    found = host.accounts().passwd.get(name) or desired.vault.passwd.get(name)
    low, high = desired.id_range
    if found is None:
        raise ConfigError("{!r} has no account and no record here".format(name),
                          hint="aica user list")
    if not low <= found.uid <= high:
        raise ConfigError("{} has uid {}: not one of the people here".format(name, found.uid))
    return found


def _home(desired, name):
    return "{}/{}".format(desired.settings.users, name)


def _names(host, desired):
    """Return {uid: name} of the host, and of the records, where nobody has the uid now."""
    found = {user.uid: "once " + user.name for user in desired.vault.passwd.values()}
    found.update((user.uid, user.name) for user in host.accounts().passwd.values())
    return found


class Taking:
    """The files of one old uid in the home of a user: listed first, then given to the user."""

    def __init__(self, app, name, old):
        self.app = app
        self.name = name
        self.old = old
        self.since_ns = int(time.time() * 1e9) - COARSE_NS

    def listing(self):
        """Return what may be taken and what is left alone, as Listed. Raise Conflict.

        Nobody's files are taken who has an account, or will have one again
        after a wipe, and none of root's or of the system's.
        """
        host = self.app.host(read_only=True)
        return Listed(self._resource(host).inspect(host))

    def plan(self):
        """Yield the Outcome of a dry run: what listing() says, for programs."""
        host = self.app.host(read_only=True)
        yield from _run(self.app, host, [self._resource(host)], dry_run=True)

    def run(self):
        """Yield the Outcome of taking what was listed and has not changed since."""
        host = self.app.host()
        yield from _run(self.app, host, [self._resource(host)], dry_run=False)

    def _resource(self, host):
        desired = common.open_site(self.app, host)
        user = _user(host, desired, self.name)
        self._refuse_owned(host, desired, user)
        home = host.lstat(_home(desired, self.name))
        if home is not None and home.uid != user.uid:
            raise Conflict("{} itself belongs to uid {}, but {} has uid {}".format(
                _home(desired, self.name), home.uid, self.name, user.uid),
                hint="look inside first; aica user home {}".format(self.name))
        gids = {line.gid for line in desired.vault.passwd.values() if line.uid == self.old}
        taken = {group.gid for group in host.accounts().group.values()}
        slack_ns = storage.clock_slack_ns(host.real(desired.settings.data))
        return TakenFiles(_home(desired, self.name), Order(
            user.uid, user.gid, self.old, frozenset((gids | {self.old}) - taken),
            self.since_ns - slack_ns,
            private=_is_private(host.accounts(), user)))

    def _refuse_owned(self, host, desired, user):
        low, high = desired.id_range
        if self.old == user.uid:
            raise ConfigError("--from {}: that is {}".format(self.old, self.name))
        if not low <= self.old <= high:
            raise Conflict("--from {}: expected {}..{}, the range for people".format(
                self.old, low, high), hint="look at each of these files, and chown -h it by hand")
        registered = set(desired.registry.names())
        owners = [line.name for line in desired.vault.passwd.values()
                  if line.uid == self.old and line.name in registered]
        owner = (host.accounts().name_of_uid(self.old) or host.directory_name(self.old)
                 or (owners[0] if owners else None))
        if owner is not None:
            raise Conflict("uid {} belongs to {}: none of these files is given to {}".format(
                self.old, owner, self.name),
                hint="ask {} how they came there: a member can move files of others".format(owner))


def _is_private(present, user):
    """True if the user's primary group is nobody else's. Pure."""
    others = [one for one in present.passwd.values() if one.gid == user.gid and one.uid != user.uid]
    members = [name for group in present.group.values() if group.gid == user.gid
               for name in group.members if name != user.name]
    return not others and not members


class Listed:
    """A listing in words: `number` entries may be taken, `lines` name them, `rest` the others."""

    def __init__(self, tally):
        words = TakenFiles("", Order(0, 0))
        self.number = tally.counts.get(TAKEN, 0)
        self.lines = [line for change in words.plan(tally)
                      for line in words.describe_one(change).split("\n")]
        self.rest = words.remark(tally).partition("; ")[2]
