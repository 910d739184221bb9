"""The shared uv: one folder a version, a link to the current one, and the links in /usr/local."""

import re

from ..errors import Conflict, NotApplicable
from .base import Resource
from .symlink import Symlink

CURRENT = "current"
PROGRAMS = ("uv", "uvx")
VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}[A-Za-z0-9.+-]*\Z")


class UvFolder(Resource):
    """The folder of uv. This class only looks: recovery installs nothing, and runs nothing."""

    kind = "uv"

    def __init__(self, name, expected="", needs=()):
        super().__init__(name, needs)
        self.expected = expected

    def desired(self):
        return {"state": "complete"}

    def inspect(self, host):
        version = current_version(host, self.name)
        if version is None:
            raise NotApplicable("uv is not installed" + self.expected, hint="aica install uv")
        require_roots(host, self.name, version)
        return {"state": "complete", "version": version}

    def remark(self, actual):
        return "uv {}".format(actual["version"]) if actual else ""


class UvLink(Symlink):
    """/usr/local/bin/uv, where everybody's PATH finds it: lost at every wipe."""

    def __init__(self, name, folder, needs=()):
        super().__init__(name, "{}/{}/{}".format(folder, CURRENT, name.rsplit("/", 1)[1]),
                         needs=needs)
        self.folder = folder

    def inspect(self, host):
        if current_version(host, self.folder) is None:
            raise NotApplicable("uv is not installed")
        return super().inspect(host)

    def apply(self, host, changes):
        host.make_parents(self.name)
        super().apply(host, changes)


def current_version(host, folder):
    """Return the version that the link says, None if there is none."""
    info = host.lstat("{}/{}".format(folder, CURRENT))
    if info is None:
        return None
    if info.kind != "symlink" or not VERSION.match(info.target):
        raise Conflict("{}/{} is a {}, expected a link to a version".format(
            folder, CURRENT, info.kind), hint="ls -l {}".format(folder))
    return info.target


def require_roots(host, folder, version):
    """Raise Conflict unless the programs of a version are there and root's alone."""
    for path in ("", "/" + version) + tuple("/{}/{}".format(version, name) for name in PROGRAMS):
        info = host.lstat(folder + path)
        if info is None:
            raise Conflict("{}{} is missing".format(folder, path),
                           hint="aica install uv --version {}".format(version))
        if info.uid != 0 or info.mode & 0o022 or info.kind not in ("folder", "file"):
            raise Conflict("{}{} is a {} of uid {} with mode {:04o}: not root's alone".format(
                folder, path, info.kind, info.uid, info.mode), hint="ls -lR {}".format(folder))
