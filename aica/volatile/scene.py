"""What the survey knows when it looks at a thing: what is safe, and what would keep it."""

import shlex
import stat

from .. import registry, site
from ..change import OK
from ..engine import converge
from ..errors import AicaError, ConfigError
from ..resources.kept import Kept
from ..settings import keepable
from . import database, image, look

KEPT_LIMIT_BYTES = 8 << 20


class Scene:
    """One server, read once. rules say who may be registered, id_range which uids people have."""

    def __init__(self, host, desired, rules, budget):
        self.host = host
        self.desired = desired
        self.settings = desired.settings
        self.rules = rules
        self.budget = budget
        self.image = image.load(host)
        self.packages = database.read(host)
        self.accounts = host.accounts()
        self._safe_ids = _kept(host, desired)
        self._safe_paths = _restored(desired) | {
            name.split(":", 1)[1] + suffix for name in self._safe_ids
            if name.startswith(("kept-file:", "host-key:")) for suffix in ("", ".pub")} | {
            path for rule in site.guards.rule(desired) for path in rule.files(host)}
        self._has_saved = look.at(host, self.settings.saved) is not None

    # -- what is safe ------------------------------------------------------

    def is_new(self, status):
        """True unless the image brought it as it is. A change of any kind sets the ctime."""
        return not self.image.known or status.st_ctime > self.image.since

    def is_lost(self, path, status):
        """True if a wipe loses an entry: new, no package's, not restored, not saved."""
        return self.is_new(status) and path not in self.packages.owned \
            and not self.is_safe(path, status)

    def is_safe(self, path, status):
        """True if the recovery restores it, or there is a copy in the folder of saved things."""
        return path in self._safe_paths or self._has_saved and self._is_saved(path, status)

    def _is_saved(self, path, status):
        copy = look.at(self.host, self.settings.saved + path)
        if copy is None or stat.S_IFMT(copy.st_mode) != stat.S_IFMT(status.st_mode):
            return False
        return not stat.S_ISREG(status.st_mode) or (
            copy.st_size, int(copy.st_mtime)) == (status.st_size, int(status.st_mtime))

    def is_kept(self, resource_id):
        """True if the copy of a kept thing is as the thing itself is now."""
        return resource_id in self._safe_ids

    def below(self, top):
        """Return the Lost (see look.py) of everything below a folder."""
        return look.below(self.host, top, self.is_lost, self.budget)

    # -- what keeps it -----------------------------------------------------

    def user(self, name):
        """Return the account of somebody who could be registered, or None."""
        user = self.accounts.passwd.get(name)
        low, high = self.desired.id_range
        try:
            registry.check_name(name, self.rules)
        except ConfigError:
            return None
        return user if user and low <= user.uid <= high else None

    def set_up_command(self, name):
        """Return the command that gives an account its home on the data disk."""
        return "aica user setup {} {}".format(name, self._group_of(name))

    def register_command(self, name):
        """Return the command that lets every boot restore an account; its home comes first."""
        register = "aica user register {} {}".format(name, self._group_of(name))
        home = look.at(self.host, "{}/{}".format(self.settings.users, name))
        link = look.at(self.host, "{}/{}".format(self.settings.home, name))
        if home is not None and link is not None and stat.S_ISLNK(link.st_mode):
            return register
        return "{} && {}".format(self.set_up_command(name), register)

    def _group_of(self, name):
        mine = self.accounts.groups_of(name)
        return next((group for group in self.settings.member_groups if group in mine),
                    self.settings.group)

    def keep_command(self, path, status):
        """Return what keeps a file or folder: [keep] where that restores it, else a copy."""
        alone = (status.st_uid, status.st_gid, status.st_nlink) == (0, 0, 1)
        if stat.S_ISREG(status.st_mode) and alone and not status.st_mode & 0o7022 \
                and status.st_size <= KEPT_LIMIT_BYTES and keepable(path):
            if path in self.settings.keep_files:
                return "aica record"
            return "add {} to [keep] files in {}, then: aica record".format(
                path, self.settings.site_conf)
        return self.save_command(path)

    def save_command(self, path):
        """Return the command that copies something to the data disk, for root alone."""
        return "install -d -m 700 {0} && cp -a --parents {1} {0}  # a copy: you put it back".format(
            self.settings.saved, shlex.quote(path))


def _kept(host, desired):
    """Return the ids of the kept things whose copies are what they are now."""
    try:
        found = converge(site.kept.copies(desired), host, dry_run=True)
        return frozenset(outcome.resource for outcome in found if outcome.status == OK)
    except AicaError:
        return frozenset()


def _restored(desired):
    """Return the paths that the recovery makes anew, whatever is in the copies."""
    return frozenset(resource.name for resource in site.recovery(desired)
                     if resource.name.startswith("/") and not isinstance(resource, Kept))
