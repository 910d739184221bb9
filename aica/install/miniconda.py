"""Conda in its final place, by an installer that never runs as root.

conda bakes the path of its prefix into its files: it cannot be installed
elsewhere and moved, and the installer must write where everybody will run
things from. So the prefix is made closed, for a number that nobody has; the
installer runs as that; and when nothing of it runs any more, everything
becomes root's, and the prefix is opened last (handover.py). The folders above
are root's alone, hence nobody can swap anything at any time. A note beside
the prefix says how far that got.
"""

import json
import os
import re
import time

from ..change import Change
from ..errors import AicaError, Conflict
from ..resources import conda
from ..resources.conda import INSTALLING, TAKING, UPDATING
from . import download, worker

TIMEOUT_S = 3600
END_S = 5
# Less than an installer writes between two looks: what failed there failed for want of room.
FULL_BYTES, FULL_ENTRIES = 8 << 20, 100
EMPTY = 'find "$1" -mindepth 1 -delete'
PREPARE = 'rm -rf "$1/.aica-home" && mkdir "$1/.aica-home"'
TIDY = 'rm -rf "$1/.aica-home"'


class CondaInstall(conda.CondaPrefix):
    """The prefix, installed if it is missing, and completed if an installation was cut off.

    work is a folder of root's for downloads. update says that an older
    conda of ours is to be replaced in place by what the installer brings.
    """

    def __init__(self, name, note_path, installer, id_range, update=False, tick=None, needs=()):
        super().__init__(name, note_path, needs=needs)
        self.installer = installer
        self.id_range = id_range
        self.update = update
        self.tick = tick
        self.work = os.path.dirname(note_path)

    def inspect(self, host):
        self.state = self.judge(host)
        if self.state == conda.ABSENT:
            return None
        found = {"state": self.state}
        if self.state == conda.COMPLETE:
            found["version"] = conda.version_in(host, self.name)
        return found

    def plan(self, actual):
        if self.state != conda.COMPLETE:
            return (Change("state", self.state, conda.COMPLETE),)
        before = actual["version"]
        newer = conda.as_numbers(self.installer.version) > conda.as_numbers(before)
        if self.update and before and newer:
            return (Change("version", before, self.installer.version),)
        return ()

    def remark(self, actual):
        said = super().remark(actual)
        if said and self.update and not self.plan(actual):
            said += ": not older than {}, left as it is".format(self.installer.name)
        return said

    def describe(self, changes):
        change = changes[0]
        if change.field == "version":
            return ("conda {} -> {}".format(change.before, change.after),)
        how = "from {}".format(self.installer.name)
        return ({conda.ABSENT: "new, ", conda.UNFINISHED: "cut off before, completed, "}.get(
            change.before, "") + how,)

    # -- changing --------------------------------------------------------

    def apply(self, host, changes):
        note = conda.read_note(host, self.note_path) if self.state == conda.UNFINISHED else {}
        if self.state == conda.COMPLETE or note.get("state") == UPDATING:
            self._renew(host, note)
        elif note.get("state") == TAKING:
            self._publish(host, note)
        else:
            self._install(host, note)

    def _install(self, host, note):
        uid = worker.choose(host, self.id_range, note.get("uid"))
        if self.state == conda.UNFINISHED:
            self._make_empty(host, uid)  # first: it may be what has filled the disk
        path = self._fetch(host, uid)
        note = self._note(host, INSTALLING, uid)
        self._make_empty(host, uid)
        self._run(host, uid, path, "-f")
        self._publish(host, dict(note, state=TAKING))

    def _renew(self, host, note):
        """Update in place. The prefix is closed meanwhile, and never emptied."""
        if not note and host.lstat("{}/{}".format(self.name, conda.MARKER)) is None:
            raise Conflict("{} was not installed by aica: it is left as it is".format(self.name),
                           hint="conda update -n base conda, as who looks after it")
        uid = worker.choose(host, self.id_range, note.get("uid"))
        path = self._fetch(host, uid)
        if not note:
            self._close(host, uid)
        note = self._note(host, UPDATING, uid)
        try:
            host.lend(self.name, uid)
            if self._is_no_downgrade(host):
                self._run(host, uid, path, "-u")
        finally:
            # Whatever the installer made of it: people need it, and it was theirs before.
            host.end_processes(uid, sole=True)
            self._publish(host, note)

    def _close(self, host, uid):
        """Close the prefix for an update; open it again if it could not change hands."""
        self._note(host, UPDATING, uid)
        info = host.lstat(self.name)
        host.set_attributes(self.name, 0o700, 0, 0, expected=info)
        try:
            host.take_over(self.name, uid)  # it is root's: this looks whether all of it is
        except Conflict:
            host.set_attributes(self.name, 0o755, 0, 0, expected=info)
            host.remove_file(self.note_path)
            raise

    def _is_no_downgrade(self, host):
        """An update that was cut off may be completed by another installer than began it."""
        here = conda.version_in(host, self.name)
        return conda.as_numbers(self.installer.version) >= conda.as_numbers(here)

    def _fetch(self, host, uid):
        """Return where the verified installer lies, root's and readable for everybody."""
        path = "{}/{}".format(self.work, self.installer.name)
        if host.lstat(self.work) is None:
            host.make_folder(self.work, 0o755)
        if self._is_here(host, path):
            return path
        part = path + ".part"
        handle = host.open_own(part)
        try:
            if self.installer.path:
                _copy(self.installer.path, handle)
            order = download.Order(self.installer.url or self.installer.path,
                                   self.installer.sha256)
            if self.installer.path:
                download.verify(order, handle)
            else:
                download.fetch(host, uid, order, handle, self.tick)
        finally:
            os.close(handle)
        host.set_attributes(part, 0o644, 0, 0, expected=host.lstat(part))
        host.rename(part, os.path.basename(path))
        return path

    def _is_here(self, host, path):
        """True if an earlier run has fetched this very installer; another one is removed."""
        if host.lstat(path) is None:
            return False
        handle = host.open_own(path)
        try:
            if download.digest(handle) == self.installer.sha256:
                return True
        finally:
            os.close(handle)
        host.remove_file(path)
        return False

    def _note(self, host, state, uid):
        note = {"state": state, "uid": uid, "installer": self.installer.name,
                "sha256": self.installer.sha256, "url": download.shown(self.installer.url)}
        host.write_file(self.note_path, json.dumps(note, sort_keys=True).encode("utf-8"), 0o644)
        return note

    def _make_empty(self, host, uid):
        info = host.lstat(self.name)
        if info is None:
            host.make_folder(self.name, 0o700, uid, uid)
        else:
            host.set_attributes(self.name, 0o700, uid, uid, expected=info)
        # As the owner and not as root: whatever it finds there, it can hurt nobody else.
        self._sh(host, uid, EMPTY)

    def _run(self, host, uid, path, how):
        prefix = host.real(self.name)
        home = prefix + "/.aica-home"
        environment = {
            "HOME": home, "TMPDIR": home, "LC_ALL": "C.UTF-8",
            # Members write into the shared package cache: nothing of it may get in here.
            "CONDA_RESTRICT_RC_SEARCH_PATH": "1", "CONDA_PKGS_DIRS": prefix + "/pkgs",
        }
        argv = ["bash", host.real(path), "-b", how, "-p", prefix]
        self._sh(host, uid, PREPARE)
        try:
            self._as_worker(host, uid, argv, environment)
        finally:
            self._sh(host, uid, TIDY)
        missing = [name for name in ("/bin/conda", "/conda-meta/history")
                   if host.lstat(self.name + name) is None]
        if missing:
            raise AicaError("{} ended with 0, but {} is missing".format(
                self.installer.name, ", ".join(missing)))

    def _sh(self, host, uid, text):
        self._as_worker(host, uid, ["sh", "-c", text, "sh", host.real(self.name)])

    def _as_worker(self, host, uid, argv, environment=()):
        result = host.watch(argv, (uid, uid), environment, timeout_s=TIMEOUT_S, umask=0o022)
        _wait_for_the_last(uid)
        apps = os.path.dirname(self.name)
        if result.code != 0:
            full = ", and {} is full".format(apps) if _is_full(host.free(apps)) else ""
            raise AicaError("{} failed with exit status {}{}: {}".format(
                self.installer.name, result.code, full, _last_words(result.out)),
                hint="nothing of it counts; the same command begins anew")

    def _publish(self, host, note):
        """Everything becomes root's; the marker says so; then the prefix is opened."""
        _wait_for_the_last(note["uid"])
        if note["state"] == TAKING:
            self._note(host, TAKING, note["uid"])
        try:
            host.take_over(self.name, note["uid"])
        except Conflict:
            if note["state"] == TAKING and host.lstat(self.name).uid == note["uid"]:
                # Nothing has changed hands: the next run begins anew.
                self._note(host, INSTALLING, note["uid"])
            raise
        host.sync(self.name)  # the marker must not survive a power cut that takes what it means
        marker = dict(note, state=conda.COMPLETE, version=conda.version_in(host, self.name),
                      installed=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
        host.write_file("{}/{}".format(self.name, conda.MARKER), json.dumps(
            marker, indent=1, sort_keys=True).encode("utf-8") + b"\n", 0o644)
        host.set_attributes(self.name, 0o755, 0, 0, expected=host.lstat(self.name))
        host.remove_file(self.note_path)
        if host.lstat("{}/{}".format(self.work, note["installer"])) is not None:
            host.remove_file("{}/{}".format(self.work, note["installer"]))


def _copy(path, handle):
    """Copy a local file into an open one."""
    os.ftruncate(handle, 0)
    with open(path, "rb") as source:
        at = 0
        for piece in iter(lambda: source.read(download.PIECE), b""):
            at += os.pwrite(handle, piece, at)


def _wait_for_the_last(uid):
    deadline = time.monotonic() + END_S
    while worker.processes_of(uid):
        if time.monotonic() > deadline:
            raise Conflict("something that the installer started still runs as uid {}".format(uid),
                           hint="ps -u {}".format(uid))
        time.sleep(0.1)


def _is_full(free):
    """True if a disk with so many (bytes, entries) left is as good as full."""
    return free[0] < FULL_BYTES or free[1] is not None and free[1] < FULL_ENTRIES


def _last_words(text):
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return "; ".join(lines[-3:])[-500:]
