"""The packages of a host, from dpkg's files or from rpm. Changes nothing.

dpkg's database is read as the text that it is: deb-status(5), and one list of
paths for each package. rpm's is asked.
"""

import re
from typing import Dict, NamedTuple

from ..errors import AicaError
from . import look

STATUS = "/var/lib/dpkg/status"
INFO = "/var/lib/dpkg/info"
AUTOMATIC = "/var/lib/apt/extended_states"
RPM = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
RPM_CONFIG = 1  # RPMFILE_CONFIG of rpm's file flags
# What the survey looks at; dpkg's lists name a hundred times as much.
WATCHED = ("/etc/", "/home/", "/opt/", "/root/", "/srv/", "/usr/local/",
           "/lib/systemd/system/", "/usr/lib/systemd/system/")
ASK_S = 60


class Package(NamedTuple):
    """size_bytes is what it takes on the disk, installed_at (epoch) its last installation."""

    name: str
    size_bytes: int = 0
    installed_at: float = 0.0


class Database(NamedTuple):
    """packages and automatic (names that came as somebody's dependency), by name.

    owned maps a path of WATCHED to its package, config a path to the digest
    (hexadecimal) that the package brought it with.
    """

    packages: Dict[str, Package] = {}
    automatic: frozenset = frozenset()
    owned: Dict[str, str] = {}
    config: Dict[str, str] = {}


def kind_of(host):
    """Return "dpkg", "rpm", or "" where there is neither."""
    if host.lstat(STATUS) is not None:
        return "dpkg"
    return "rpm" if any(host.lstat(path) is not None for path in RPM) else ""


def read(host):
    """Return the Database of a host. Raise AicaError if it cannot be read."""
    kind = kind_of(host)
    return _dpkg(host) if kind == "dpkg" else _rpm(host) if kind == "rpm" else Database()


def names(host, timeout_s=ASK_S):
    """Return the names of the installed packages, as quickly as they can be had."""
    kind = kind_of(host)
    if kind == "dpkg":
        return parse_names(_text(host, STATUS))
    return frozenset(_ask(host, "%{NAME}\n", timeout_s).split()) if kind else frozenset()


def _text(host, path):
    return host.read_file(path).decode("utf-8", "surrogateescape")


# -- dpkg ------------------------------------------------------------------


def parse_names(text):
    """Return the names of the installed packages: quicker than parse_status(). Pure."""
    return frozenset(re.findall(
        r"^Package: (\S+)\n(?:(?:Essential|Protected): \S+\n)*Status: \S+ \S+ installed$",
        text, re.M))


def parse_status(text):
    """Yield (name, size in bytes, {path: digest}) of every installed package. Pure."""
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.M))
        if fields.get("Status", "").endswith(" installed") and fields.get("Package"):
            size = fields.get("Installed-Size", "0")
            yield (fields["Package"], int(size) * 1024 if size.isdigit() else 0,
                   _conffiles(fields.get("Conffiles", "")))


def _conffiles(text):
    """The lines are " /path md5", perhaps with "obsolete" behind: of what is still brought."""
    found = re.findall(r"^ (/.+?) ([0-9a-f]{32})$", text, re.M)
    return dict(found)


def parse_automatic(text):
    """Return the names that apt installed only because others need them. Pure."""
    return frozenset(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Auto-Installed: 1$", text, re.M))


def _dpkg(host):
    packages, config = {}, {}
    for name, size_bytes, conffiles in parse_status(_text(host, STATUS)):
        packages[name] = Package(name, size_bytes)
        config.update(conffiles)
    owned = {}
    with host.folder(INFO):  # it must be there, or everything would be nobody's
        lists = [name for name in host.names(INFO) if name.endswith(".list")]
    for name in lists:
        package = name[:-len(".list")].split(":")[0]
        path = "{}/{}".format(INFO, name)
        owned.update((line, package) for line in _text(host, path).split("\n")
                     if line.startswith(WATCHED))
        if package in packages:
            written = look.at(host, path).st_ctime
            packages[package] = packages[package]._replace(installed_at=written)
    return Database(packages, _automatic(host), owned, config)


def _automatic(host):
    try:
        return parse_automatic(_text(host, AUTOMATIC))
    except FileNotFoundError:
        return frozenset()


# -- rpm -------------------------------------------------------------------

PACKAGE_FORMAT = "%{NAME}\t%{SIZE}\t%{INSTALLTIME}\n"
FILE_FORMAT = "[%{=NAME}\t%{FILEFLAGS}\t%{FILEDIGESTS}\t%{FILENAMES}\n]"


def _ask(host, wanted, timeout_s=ASK_S):
    where = [] if host.live else ["--root", host.root]
    result = host.query(["rpm"] + where + ["-qa", "--qf", wanted], timeout_s=timeout_s)
    if result.code != 0:
        raise AicaError("rpm does not tell its packages: {}".format(result.err.strip()))
    return result.out


def _rpm(host):
    packages = parse_rpm_packages(_ask(host, PACKAGE_FORMAT))
    return Database(packages, frozenset(), *parse_rpm_files(_ask(host, FILE_FORMAT)))


def parse_rpm_packages(text):
    """Return {name: Package} of the answer to PACKAGE_FORMAT. Pure."""
    rows = (line.split("\t") for line in text.splitlines())
    return {row[0]: Package(row[0], int(row[1]), float(row[2])) for row in rows
            if len(row) == 3 and row[1].isdigit() and row[2].isdigit()}


def parse_rpm_files(text):
    """Return (owned, config) of the answer to FILE_FORMAT. Pure."""
    owned, config = {}, {}
    for line in text.splitlines():
        row = line.split("\t", 3)
        if len(row) == 4 and row[3].startswith(WATCHED):
            owned[row[3]] = row[0]
            if row[1].isdigit() and int(row[1]) & RPM_CONFIG and row[2].strip("0"):
                config[row[3]] = row[2]
    return owned, config
