"""systemd units that are to be enabled."""

import os

from ..errors import Conflict, NotApplicable
from .base import Resource

FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
LINKS = "/etc/systemd/system/{}.wants/{}"


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
        for target in self.wanted_by:
            info = host.lstat(LINKS.format(target, self.name))
            if info is not None and info.kind != "symlink":
                raise Conflict("{} is a {}, expected a symlink".format(
                    LINKS.format(target, self.name), info.kind))
            state[target] = info is not None
        return state

    def folders(self):
        return tuple(os.path.dirname(LINKS.format(target, self.name))
                     for target in self.wanted_by)

    def apply(self, host, changes):
        # The links that `systemctl enable` makes, also where no systemd runs.
        path = _file_of(host, self.name)
        for change in changes:
            link = LINKS.format(change.field, self.name)
            host.make_parents(link)
            host.replace_symlink(link, path)
        if host.live:
            host.execute(["systemctl", "daemon-reload"])

    def describe(self, changes):
        return ("enabled for " + ", ".join(change.field for change in changes),)


class StartedUnit(Unit):
    """A unit that is started too: on a fresh image its target was reached before it was enabled."""

    def apply(self, host, changes):
        super().apply(host, changes)
        if host.live:
            host.execute(["systemctl", "--no-block", "start", self.name])

    def describe(self, changes):
        return ("{} and started".format(super().describe(changes)[0]),)


def _file_of(host, name):
    """Return where the unit file lies: /usr/lib only counts where /lib is a link to it."""
    for folder in FOLDERS:
        try:
            if host.lstat("{}/{}".format(folder, name)) is not None:
                return "{}/{}".format(folder, name)
        except Conflict:
            continue  # /lib is a link on merged systems, which is not followed
    return None
