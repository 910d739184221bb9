"""What root runs and others can change: rules, units, jobs and start-up files that lead to /data.

Safety rule 1: root executes nothing below /data. The bash version did, and a
server that it was on may still have what it left; only what surely runs is
named, and nothing is changed here.
"""

import os

from ..bash_version import LABEL, recognise
from ..errors import AicaError, Conflict
from .base import Resource

SCRIPT_FOLDERS = tuple("/etc/cron." + often for often in ("hourly", "daily", "weekly", "monthly"))
ROOTS_CRONTABS = ("/var/spool/cron/crontabs/root", "/var/spool/cron/root")
UNITS = "/etc/systemd/system"
TOLD = 10


class OldJobs(Resource):
    """No file of a cron folder is the bash version's. They are moved aside, where cron is blind."""

    kind = "old-jobs"

    def __init__(self, name, data, needs=()):
        super().__init__(name, needs)
        self.data = data

    def desired(self):
        return {"of the bash version": ()}

    def inspect(self, host):
        return {"of the bash version": tuple(
            name for name in host.names(self.name) if self._is_old(host, name))}

    def _is_old(self, host, name):
        path = "{}/{}".format(self.name, name)
        return not name.startswith(".") and is_old_job(host, path, self.data)

    def apply(self, host, changes):
        for name in changes[0].before:
            if self._is_old(host, name):
                host.move_aside("{}/{}".format(self.name, name), LABEL)

    def describe_one(self, change):
        return "of the bash version, moved aside: {}".format(", ".join(change.before))


def is_old_job(host, path, data):
    """True for a cron file of the bash version, or a link to one of its scripts."""
    info = host.lstat(path)
    if info is not None and info.kind == "symlink":
        return recognise.is_rule(info.target, data)
    return recognise.is_job(_text(host, path), data)


class RootHoles(Resource):
    """Nothing that root runs lies below /data where somebody else could change it.

    repaired: folders and files that will be root's alone before anything runs.
    taken_over: files and folders of files that will not be there any more if they are the bash
    version's.
    """

    kind = "root-hole"

    def __init__(self, name, repaired=(), taken_over=()):
        super().__init__(name)
        self.repaired = frozenset(repaired)
        self.taken_over = frozenset(taken_over)

    def desired(self):
        return {}

    def inspect(self, host):
        found = []
        for path, command in self._commands(host):
            why = self._flaw(host, command)
            if why:
                found.append("{} runs {}: {}".format(path, command, why))
        if found:
            more = "; and {} more".format(len(found) - TOLD) if len(found) > TOLD else ""
            raise Conflict("root runs what others can change. " + "; ".join(found[:TOLD]) + more,
                           hint="take these lines out (root's crontab: crontab -e), or install the "
                                "programs below /usr/local")
        return {}

    def _commands(self, host):
        """Yield (file, path below data that it makes root run)."""
        read = recognise
        for path in ["/etc/sudoers"] + _files(host, "/etc/sudoers.d", dots=False):
            yield from self._in(host, path, read.commands_of_sudoers)
        for path in _files(host, UNITS) + [file for folder in _files(host, UNITS)
                                           if folder.endswith(".d")
                                           for file in _files(host, folder)]:
            if path.endswith((".service", ".conf")):
                yield from self._in(host, path, read.commands_of_unit)
        for path in ["/etc/crontab"] + _files(host, "/etc/cron.d", dots=False):
            yield from self._in(host, path, read.commands_of_crontab)
        for path in ROOTS_CRONTABS:
            yield from self._in(host, path, lambda text, data: read.commands_of_crontab(
                text, data, with_user=False))
        for path in _files(host, "/etc/profile.d"):
            yield from self._in(host, path, read.sourced)
        for path in ["/etc/rc.local"] + [file for folder in SCRIPT_FOLDERS
                                         for file in _files(host, folder, dots=False)]:
            yield from self._in(host, path, read.commands_of_script)

    def _in(self, host, path, commands):
        gone = {path, os.path.dirname(path)} & self.taken_over
        if gone and self._is_old(host, path):
            return []
        info = host.lstat(path)
        if info is not None and info.kind == "symlink":
            return [(path, info.target)] if info.target.startswith(self.name + "/") else []
        return [(path, command) for command in commands(_text(host, path), self.name)]

    def _is_old(self, host, path):
        text = _text(host, path)
        known = (recognise.is_rule, recognise.is_unit, recognise.is_profile)
        return any(is_old(text, self.name) for is_old in known) or is_old_job(
            host, path, self.name)

    def _flaw(self, host, path):
        """Say who besides root can change what stands at a path, "" if nobody can."""
        path = os.path.normpath(path)
        while path != "/":
            try:
                info = host.lstat(path)
            except AicaError as error:
                return str(error)
            if info is not None and path not in self.repaired and (
                    info.kind == "symlink" or info.uid != 0 or info.mode & 0o022):
                return "{} is a {} of uid {} with mode {:04o}".format(
                    path, info.kind, info.uid, info.mode)
            path = os.path.dirname(path)
        return ""


def _files(host, folder, dots=True):
    """Return the paths in a folder; without dots those that sudo, cron and run-parts look at."""
    return ["{}/{}".format(folder, name) for name in host.names(folder)
            if not name.startswith(".") and (dots or "." not in name) and not name.endswith("~")]


def _text(host, path):
    try:
        return host.read_file(path).decode("utf-8", "replace")
    except (OSError, AicaError):
        return ""
