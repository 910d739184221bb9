"""systemd units that are to be enabled."""

import os

from ..bash_version import LABEL
from ..errors import Conflict, NotApplicable
from .base import Resource

FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
LINKS = "/etc/systemd/system/{}.wants/{}"


def is_active(host, name):
    """True if systemd runs this unit now. Raise NotApplicable where there is no systemctl."""
    return host.query(["systemctl", "is-active", "--quiet", name]).code == 0


class Unit(Resource):
    """A unit that its targets want. Enabling starts nothing."""

    kind = "unit"

    def __init__(self, name, wanted_by, needs=()):
        super().__init__(name, needs)
        self.wanted_by = tuple(wanted_by)

    def desired(self):
        return {target: True for target in self.wanted_by}

    def inspect(self, host):
        if _file_of(host, self.name) is None:
            raise NotApplicable("{} is not installed here".format(self.name))
        mask = host.lstat("/etc/systemd/system/" + self.name)
        if mask is not None and mask.target == "/dev/null":
            raise Conflict("{} is masked".format(self.name),
                           hint="systemctl unmask {}".format(self.name))
        state = {}
        if mask is not None and mask.kind == "file" and self._is_old(host):
            return dict.fromkeys(self.wanted_by, "of the bash version")
        for target in self.wanted_by:
            info = host.lstat(LINKS.format(target, self.name))
            if info is not None and info.kind != "symlink":
                raise Conflict("{} is a {}, expected a symlink".format(
                    LINKS.format(target, self.name), info.kind))
            state[target] = info is not None
        return state

    def _is_old(self, host):
        """True if the bash version's unit hides ours and may be moved aside."""
        path = "/etc/systemd/system/" + self.name
        text = host.read_file(path).decode("utf-8", "replace")
        if self.predecessor is None or not self.predecessor(text):
            return False
        if not self.takes_over or _file_of(host, self.name, FOLDERS[1:]) is None:
            raise Conflict("{} is of the bash version and hides the unit of the package".format(
                path), hint="aica setup")
        return True

    def folders(self):
        return tuple(os.path.dirname(LINKS.format(target, self.name))
                     for target in self.wanted_by)

    def apply(self, host, changes):
        # The links that `systemctl enable` makes, also where no systemd runs.
        if any(change.before == "of the bash version" for change in changes) \
                and self._is_old(host):
            host.move_aside("/etc/systemd/system/" + self.name, LABEL)
        path = _file_of(host, self.name)
        for change in changes:
            link = LINKS.format(change.field, self.name)
            host.make_parents(link)
            host.replace_symlink(link, path)
        if host.live:
            host.execute(["systemctl", "daemon-reload"])

    def describe(self, changes):
        words = "enabled for " + ", ".join(change.field for change in changes)
        if any(change.before == "of the bash version" for change in changes):
            words = "of the bash version: moved aside; ours " + words
        return (words,)


class DisabledUnit(Unit):
    """A unit that its targets no longer want: it is not started at boot. What runs goes on."""

    def desired(self):
        return {target: False for target in self.wanted_by}

    def apply(self, host, changes):
        for change in changes:
            host.remove_file(LINKS.format(change.field, self.name))
        if host.live:
            host.execute(["systemctl", "daemon-reload"])

    def describe(self, changes):
        return ("disabled for " + ", ".join(change.field for change in changes),)


class StartedUnit(Unit):
    """A unit that is started too: on a fresh image its target was reached before it was enabled."""

    def apply(self, host, changes):
        super().apply(host, changes)
        if host.live:
            host.execute(["systemctl", "--no-block", "start", self.name])

    def describe(self, changes):
        return ("{} and started".format(super().describe(changes)[0]),)


def _file_of(host, name, folders=FOLDERS):
    """Return where the unit file lies: /usr/lib only counts where /lib is a link to it."""
    for folder in folders:
        try:
            if host.lstat("{}/{}".format(folder, name)) is not None:
                return "{}/{}".format(folder, name)
        except Conflict:
            continue  # /lib is a link on merged systems, which is not followed
    return None
