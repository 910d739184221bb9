"""`aica bootstrap`: the package on /data, for images that come back without it."""

import hashlib
import os
import re

from .. import report
from ..engine import converge
from ..errors import ConfigError
from ..resources.directory import Directory
from ..resources.file import PlainFile
from ..site.units import UNITS
from . import starter

LIMIT_BYTES = 16 << 20
EXPECTED = "name the .deb or .rpm of {} that was installed".format(starter.NAME)
QUERIES = {
    "deb": ["dpkg-deb", "--show", "--showformat=${Package} ${Version}"],
    "rpm": ["rpm", "-qp", "--nosignature", "--qf", "%{NAME} %{VERSION}-%{RELEASE}"],
}


class Bootstrap:
    """The package file to put on /data, read and judged when this is made.

    Raise ConfigError if FILE is no package of ours.
    """

    def __init__(self, app, path):
        self.app = app
        host = app.host(read_only=True)  # root first: what else is wrong is the next thing
        self.data = _read(path)
        self.package = _judge(host, path, self.data)

    def run(self, dry_run=False):
        """Yield the Outcomes of putting package and script in place."""
        host = self.app.host(read_only=dry_run)
        settings = self.app.settings(host)
        if dry_run:
            yield from converge(self._resources(settings), host, dry_run=True)
            return
        with self.app.locked(host):
            outcomes = []
            for outcome in converge(self._resources(settings), host):
                outcomes.append(outcome)
                yield outcome
            self.app.write_log(host, outcomes, report.exit_status(outcomes))

    def _resources(self, settings):
        folder = Directory(settings.bootstrap, 0o700)
        text = starter.render(settings.data, folder.name, self.package,
                              [name for name, _ in UNITS], settings.require_mount)
        package = PlainFile("{}/{}".format(folder.name, self.package.file), self.data,
                            needs=[folder.id])
        # After the package that it names: until then the older pair is whole, and stays.
        script = PlainFile("{}/{}".format(folder.name, starter.SCRIPT), text.encode("ascii"),
                           needs=[package.id])
        return [folder, package, script]

    def line(self):
        """Return the one line that has to be outside of /data."""
        settings = self.app.settings(self.app.host(read_only=True))
        return starter.one_line(settings.data, settings.bootstrap)


def _read(path):
    try:
        with open(path, "rb") as package:
            data = package.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError("--package {}: {}".format(path, error.strerror), hint=EXPECTED)
    if len(data) > LIMIT_BYTES:
        raise ConfigError("--package {}: larger than {} bytes".format(path, LIMIT_BYTES), EXPECTED)
    return data


def _judge(host, path, data):
    """Return the Package that the bytes of a file are."""
    kind = starter.kind_of(data)
    if kind is None:
        raise ConfigError("--package {}: neither a .deb nor an .rpm".format(path), hint=EXPECTED)
    result = host.query(QUERIES[kind] + [os.path.abspath(path)])
    name, _, version = result.out.strip().partition(" ")
    if result.code != 0 or name != starter.NAME or not _is_plain(version):
        raise ConfigError("--package {}: expected {}, found {!r} {}".format(
            path, starter.NAME, name, result.err.strip()), hint=EXPECTED)
    return starter.Package(kind, version, hashlib.sha256(data).hexdigest())


def _is_plain(version):
    """It ends up in a shell script, between quotes."""
    return re.match(r"[0-9A-Za-z.+~:^-]+\Z", version) is not None
