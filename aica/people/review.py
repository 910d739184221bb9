"""`aica user list` and `show`: who is registered, and what is wrong with whom."""

from typing import NamedTuple

from ..disk import scan, usage
from ..errors import AicaError, Conflict
from ..resources import own_umask
from . import journal, logins

WIDEST = 0o750


class Row(NamedTuple):
    """One user as `aica user list` shows it.

    group is None for a folder that nobody is registered for, uid None without
    an account, size the bytes of the home, None if neither the nightly scan
    nor this run counted them. notes says what a review should look at.
    """

    name: str
    group: object
    uid: object
    account: str
    home: str
    link: str
    last_login: object
    size: object
    notes: str


def rows(app, sizes=False):
    """Return (Rows, problems of users.txt): everybody registered, then folders of nobody.

    Works for everybody, with what they may see. Sizes are those of the last
    nightly scan; with sizes=True every home is walked through now, which takes
    as long as du.
    """
    host = app.host(read_only=True, need_root=False)
    view = _View(app, host, sizes)
    found = [view.row(entry) for entry in view.entries.entries]
    return found + view.strangers(), view.entries.problems


class _View:
    """What is read once for all rows."""

    def __init__(self, app, host, sizes):
        self.host = host
        self.sizes = sizes
        self.settings = app.settings(host)
        self.entries = app.registry(host, self.settings)
        self.present = host.accounts()
        self.logins = logins.read(host, self.settings)
        last = None if sizes else scan.load(host, self.settings)
        self.scanned = last.parts if last is not None else {}
        try:
            self.unfinished = journal.unfinished(host, self.settings)
        except PermissionError:  # root's alone
            self.unfinished = ()

    def row(self, entry):
        """Return the Row of somebody registered."""
        name = entry.name
        user = self.present.passwd.get(name)
        ids = (user.uid, user.gid) if user else self.host.directory_user(name)
        folder, home, link = self._places(name)
        return Row(
            name, entry.group, ids[0] if ids else None,
            self._account(user, ids),
            "missing" if home is None else "foreign" if ids and home.uid != ids[0] else "ok",
            "missing" if link is None else "ok" if link.target == folder else link.kind,
            self.logins.get(name), self._size(folder, home),
            "; ".join(self._notes(entry, user, home)))

    def _places(self, name):
        folder = "{}/{}".format(self.settings.users, name)
        return (folder, self.host.lstat(folder),
                self.host.lstat("{}/{}".format(self.settings.home, name)))

    def _account(self, user, ids):
        if user is None:
            return "directory" if ids else "missing"
        line = self.present.shadow.get(user.name)
        locked = line is not None and line.hash.startswith("!") and len(line.hash) > 1
        return "locked" if locked else "local"

    def _size(self, folder, home):
        if home is None or home.kind != "folder":
            return None
        if not self.sizes:
            known = self.scanned.get((usage.HOME, folder.rsplit("/", 1)[1]))
            return known.size_bytes if known is not None else None
        try:
            return self.host.measure(folder)[0]
        except (OSError, AicaError):  # not ours to look into
            return None

    def _notes(self, entry, user, home):
        """Yield what drifted: groups, the home's mode, the umask."""
        if user is not None:
            yield from self._group_notes(entry, user)
        if home is not None and home.mode & ~WIDEST:
            yield "home {:04o}".format(home.mode)
        try:
            folder = "{}/{}".format(self.settings.users, entry.name)
            if user is not None:
                own_umask.OwnUmask(user.name, folder, user.uid, user.gecos).inspect(self.host)
        except Conflict as error:
            place = own_umask.own_line(self.host, folder, user.uid)
            yield "{} says umask {}".format(*place) if place else str(error)
        if entry.name in self.unfinished:
            yield "an aica user add was cut off"

    def _group_notes(self, entry, user):
        group = self.present.group.get(entry.group)
        if group is None:
            yield "no group {} here".format(entry.group)
        elif user.name not in group.members and user.gid != group.gid:
            yield "not in {}".format(entry.group)
        primary = self.present.name_of_gid(user.gid)
        if primary is None:
            yield "gid {} has no name".format(user.gid)
        elif primary in self.settings.member_groups:
            yield "primary group {}".format(primary)

    def strangers(self):
        """Return Rows of what lies in the folder of the homes, and nobody is registered for."""
        known = set(self.entries.names())
        found = [name for name in self.host.names(self.settings.users)
                 if name not in known and not name.startswith(".")]
        return [self._stranger(name) for name in found]

    def _stranger(self, name):
        folder, home, link = self._places(name)
        user = self.present.passwd.get(name)
        return Row(name, None, user.uid if user else None, self._account(user, None),
                   home.kind if home is not None else "missing",
                   "missing" if link is None else "ok" if link.target == folder else link.kind,
                   self.logins.get(name), self._size(folder, home),
                   "; ".join(self._stranger_notes(name, home)))

    def _stranger_notes(self, name, home):
        yield "nobody is registered"
        if home is not None and home.kind == "folder":
            owner = self.present.name_of_uid(home.uid)
            yield "belongs to uid {}".format(home.uid) if owner in (None, name) \
                else "belongs to uid {} ({})".format(home.uid, owner)
        if name in self.unfinished:
            yield "an aica user add was cut off"


def removed_homes(app):
    """Return (folder, how many homes of those who left are kept there), of what we may see."""
    host = app.host(read_only=True, need_root=False)
    folder = app.settings(host).users + "/.removed"
    try:
        return folder, len(host.names(folder))
    except PermissionError:
        return folder, 0
