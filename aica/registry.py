"""users.txt: who shall exist. Text <-> entries, and edits that keep everything else. Pure.

Grammar: at most 1 MiB; UTF-8 BOM and CR before LF are dropped; comments may
hold any bytes; an entry is exactly `name:group`. A line that is wrong is
skipped and reported, it never hides the others. A last line without its LF
may be cut off (a torn write), so it is reported and ignored.
"""

import re
from typing import NamedTuple, Tuple

from .errors import AicaError, ConfigError

LIMIT_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"

NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
NAME_WITH_DOTS = re.compile(r"[a-z_][a-z0-9_.-]{0,31}\Z")

# Names that are somebody else's on every system, whether they exist or not.
DENIED = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy backup list irc nobody nogroup "
    "sudo wheel admin adm disk shadow kmem mem tty dialout docker lxd libvirt kvm input "
    "utmp staff operator src crontab ssh sshd sasl plugdev netdev systemd-journal "
    "systemd-network systemd-resolve messagebus".split())

DOTS = "names with dots: [accounts] allow_dots = yes in aica.conf"

HEADER = """\
# Who shall exist on this server: username:groupname, one a line.
# Change it with `aica user register` and `aica user unregister`, or here.
"""


class Entry(NamedTuple):
    """One registered user."""

    name: str
    group: str


class Registry(NamedTuple):
    """The entries in order, and one sentence for every line that was not accepted."""

    entries: Tuple[Entry, ...] = ()
    problems: Tuple[str, ...] = ()

    def names(self):
        """Return the registered names in order."""
        return tuple(entry.name for entry in self.entries)

    def get(self, name):
        """Return the Entry of a name, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)


class Rules(NamedTuple):
    """What an entry may say on this host.

    groups: the group names an entry may have. system_names: names of this
    host's system accounts and groups, which no entry may have.
    """

    groups: Tuple[str, ...]
    system_names: frozenset = frozenset()
    allow_dots: bool = False


def check_name(name, rules):
    """Raise ConfigError, saying why, unless a user may have this name."""
    pattern = NAME_WITH_DOTS if rules.allow_dots else NAME
    if not pattern.match(name):
        raise ConfigError(
            "{!r} is not a valid user name: expected {}".format(name, pattern.pattern[:-2]),
            hint=DOTS if NAME_WITH_DOTS.match(name) else "")
    if name in DENIED or name in rules.system_names:
        raise ConfigError("{!r} is the name of a system account or group".format(name),
                          hint="only people are registered, each with a name that is no system's")


def check_group(group, rules):
    """Raise ConfigError, saying why, unless an entry may have this group."""
    if group not in rules.groups:
        raise ConfigError(
            "group {!r} is not allowed: expected {}".format(group, " or ".join(rules.groups)),
            hint="list it in [site] allowed_groups of aica.conf")


def parse(data, rules):
    """Return the Registry of the bytes of users.txt.

    Raise AicaError if the file as a whole cannot be one (NUL, too large).
    """
    if len(data) > LIMIT_BYTES:
        raise AicaError("users.txt is larger than {} bytes: not a registry".format(LIMIT_BYTES))
    if b"\0" in data:
        raise AicaError("users.txt holds a NUL byte: not a registry")
    entries, problems = {}, []
    found = lines(data)
    for number, line in enumerate(found, 1):
        torn = number == len(found) and line
        try:
            entry = None if _silent(line) else _parse_line(line, rules, torn, entries)
        except ConfigError as error:
            problems.append("line {}: {}".format(number, error))
            continue
        if entry is not None:
            entries[entry.name] = entry
    return Registry(tuple(entries.values()), tuple(problems))


def lines(data):
    """Split at LF; the last element is what follows the last LF, empty if nothing is torn."""
    data = data[len(BOM):] if data.startswith(BOM) else data
    text = data.decode("utf-8", "surrogateescape")
    return [line[:-1] if line.endswith("\r") else line for line in text.split("\n")]


def _silent(line):
    return not line.strip() or line.lstrip().startswith("#")


def _parse_line(line, rules, torn, entries):
    if torn:
        raise ConfigError("{!r} does not end with a newline, it may be cut off: "
                          "ignored".format(line))
    name, colon, group = line.partition(":")
    if not colon or ":" in group:
        raise ConfigError("{!r}: expected username:groupname".format(line))
    check_name(name, rules)
    check_group(group, rules)
    if name in entries:
        raise ConfigError("{!r} is registered twice: the first line counts".format(name))
    return Entry(name, group)


def with_entry(data, entry):
    """Return data with the entry appended; everything else stays byte for byte.

    Raise ConfigError if the last line is torn: a newline would revive it.
    """
    if data and not data.endswith(b"\n"):
        raise ConfigError("the last line of users.txt does not end with a newline",
                          hint="complete or remove that line with an editor")
    return data + "{}:{}\n".format(*entry).encode("ascii")


def without_entry(data, name):
    """Return data without the lines of exactly this name; everything else stays."""
    wanted = name.encode("ascii") + b":"
    mark = BOM if data.startswith(BOM) else b""
    # Each line with its own LF: the one before a torn line must not lose it.
    whole = re.findall(b"[^\n]*\n|[^\n]+", data[len(mark):])
    return mark + b"".join(line for line in whole if not line.startswith(wanted))
