"""The shared conda installation: is it there, and can members trust it? Nothing of it is run."""

import json
import re

from ..errors import Conflict, NotApplicable
from .base import Resource
from .file import ManagedFile, render

# Written last by `aica install miniconda`: what was installed, from where.
MARKER = "aica-install.json"
# What members run or source, and the folders that lead there.
TRUSTED = ("", "/bin", "/condabin", "/etc", "/etc/profile.d", "/conda-meta")
FILES = ("/bin/conda", "/etc/profile.d/conda.sh")

# What a note says, and what is the case.
INSTALLING = "installing"
TAKING = "taking over"
UPDATING = "updating"
ABSENT = "absent"
UNFINISHED = "unfinished"
COMPLETE = "complete"


class CondaPrefix(Resource):
    """The folder that conda is installed in.

    note_path is where a running, or a killed, installation has said what it
    does. This class only looks: recovery installs nothing.
    """

    kind = "conda-base"

    def __init__(self, name, note_path, expected="", needs=()):
        """expected is what to say where nothing is installed."""
        super().__init__(name, needs)
        self.note_path = note_path
        self.expected = expected
        self.state = ABSENT

    def desired(self):
        return {"state": COMPLETE}

    def inspect(self, host):
        self.state = self.judge(host)
        if self.state == ABSENT:
            raise NotApplicable("conda is not installed" + self.expected,
                                hint="aica install miniconda")
        if self.state == UNFINISHED:
            raise NotApplicable("conda is being installed, or that was cut off",
                                hint="aica install miniconda completes it")
        return {"state": self.state, "version": version_in(host, self.name)}

    def judge(self, host):
        """Return ABSENT, UNFINISHED or COMPLETE. Raise Conflict for what is not to be trusted."""
        info = host.lstat(self.name)
        if info is None or self._is_empty(host, info):
            return ABSENT
        note = read_note(host, self.note_path)
        if note and info.kind == "folder" and not info.mode & 0o077 \
                and info.uid in _owners(note):
            return UNFINISHED
        if info.kind != "folder" or not _looks_like_conda(host, self.name):
            raise Conflict("{} is there and is no installation of conda: it is left alone".format(
                self.name), hint="look inside, then: mv {0} {0}.old".format(self.name))
        for path in TRUSTED + FILES:
            _require_roots(host, self.name, path)
        return COMPLETE

    def _is_empty(self, host, info):
        return info.kind == "folder" and info.uid == 0 and not host.names(self.name)

    def remark(self, actual):
        if not actual or actual["state"] != COMPLETE:
            return ""
        return "conda {}".format(actual.get("version") or "of unknown version")


def read_note(host, path):
    """Return what an unfinished installation has noted, {} if there is none that can be believed."""
    try:
        note = json.loads(host.read_trusted(path).decode("utf-8"))
    except (FileNotFoundError, ValueError, Conflict):
        return {}
    return note if isinstance(note, dict) and isinstance(note.get("uid"), int) else {}


def _owners(note):
    """Return who may own an unfinished prefix: while the installer runs never root.

    A note that was left behind must not make anybody empty what root has
    installed there since.
    """
    return (note["uid"],) if note.get("state") == INSTALLING else (0, note["uid"])


def version_in(host, prefix):
    """Return the version of conda in a prefix as text, by its records; "" if that is not to see."""
    found = [re.match(r"conda-(\d+(?:\.\d+)+)-", name) for name in host.names(
        prefix + "/conda-meta")]
    versions = [match.group(1) for match in found if match]
    return max(versions, key=as_numbers) if versions else ""


def as_numbers(version):
    """Return "25.11.0" as (25, 11, 0), for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _looks_like_conda(host, prefix):
    found = [host.lstat(prefix + path) for path in ("/conda-meta", "/bin/conda")]
    return None not in found and found[0].kind == "folder"


def _require_roots(host, prefix, path):
    info = host.lstat(prefix + path)
    if info is None or info.kind == "symlink":
        return  # a link is as good as the folder it lies in, which was looked at
    if info.uid != 0 or info.mode & 0o022:
        raise Conflict("{}{} belongs to uid {} with mode {:04o}: who can write there can run code "
                       "as everybody who uses conda".format(prefix, path, info.uid, info.mode),
                       hint="if all in it is known to be good: chown -hR root:root {0}; "
                            "chmod -R go-w {0}".format(prefix))


class CondaFile(ManagedFile):
    """A file below /etc that only makes sense where the shared conda is."""

    def __init__(self, name, body, where, prefix, needs=()):
        super().__init__(name, body, where, needs=needs)
        self.prefix = prefix

    def inspect(self, host):
        if host.lstat(self.prefix + "/bin/conda") is None:
            raise NotApplicable("conda is not installed")
        return super().inspect(host)


class CondaRc(CondaFile):
    """/etc/conda/.condarc.

    make(no_lock) returns its body: where locks fail on the disk of `probed`
    (NFS without its lock daemon), conda would hang or give up.
    """

    def __init__(self, name, make, where, prefix, probed, needs=()):
        super().__init__(name, make(False), where, prefix, needs)
        self.make = make
        self.where = where
        self.probed = probed

    def inspect(self, host):
        if not host.locks_work(self.probed):
            self.text = render(self.make(True), self.where)
        return super().inspect(host)
