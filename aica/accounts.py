"""Text of passwd, group, shadow, subuid <-> records, and the argv of shadow's tools. Pure.

Formats: passwd(5), group(5), shadow(5), subuid(5).
"""

import re
from typing import Dict, NamedTuple, Tuple

# What useradd leaves while nobody has set a password: no password, and not
# one that an admin locked (that one is "!" and the hash, and is kept).
PLACEHOLDERS = ("!", "!!", "*", "x")

NUMBER = re.compile(r"[0-9]{1,10}\Z")


class Passwd(NamedTuple):
    """One line of passwd. shadowed: the password is in shadow, where it belongs."""

    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str
    shadowed: bool = True


class Shadow(NamedTuple):
    """One line of shadow. All fields but the name are text, empty if unset.

    aging is last_change, min, max, warn, inactive, expire (days) and the
    reserved field. repr() never shows the hash.
    """

    name: str
    hash: str
    aging: Tuple[str, ...] = ("", "", "", "", "", "", "")

    def __repr__(self):
        return "Shadow({!r}, {})".format(self.name, " ".join(self.aging))

    @property
    def last_change(self):
        """The day of the last password change, as text; "" if unknown."""
        return self.aging[0]


class Group(NamedTuple):
    """One line of group."""

    name: str
    gid: int
    members: Tuple[str, ...] = ()


class AccountSet(NamedTuple):
    """The account files of a host or of the vault, by name.

    gshadow maps a group to its members, subuid and subgid map a name to its
    ranges as text, "START:COUNT".
    """

    passwd: Dict[str, Passwd]
    shadow: Dict[str, Shadow]
    group: Dict[str, Group]
    gshadow: Dict[str, Tuple[str, ...]] = {}
    subuid: Dict[str, Tuple[str, ...]] = {}
    subgid: Dict[str, Tuple[str, ...]] = {}

    def name_of_uid(self, uid):
        """Return the first name that has this uid, or None."""
        return next((user.name for user in self.passwd.values() if user.uid == uid), None)

    def name_of_gid(self, gid):
        """Return the first group that has this gid, or None."""
        return next((group.name for group in self.group.values() if group.gid == gid), None)

    def groups_of(self, name):
        """Return the sorted names of the groups that list `name` as a member."""
        return tuple(sorted(g.name for g in self.group.values() if name in g.members))


def is_number(text):
    """True for a plain decimal number such as an id. str.isdigit() takes "\u00b2" for one too."""
    return NUMBER.match(text) is not None


def parse_passwd(text):
    """Return {name: Passwd}. Lines that are no entry (NIS's "+", comments) are left out."""
    users = {}
    for fields in _rows(text, 7):
        name, password, uid, gid, gecos, home, shell = fields
        if is_number(uid) and is_number(gid):
            users.setdefault(name, Passwd(name, int(uid), int(gid), gecos, home, shell,
                                          shadowed=password == "x"))
    return users


def parse_shadow(text):
    """Return {name: Shadow}."""
    lines = {}
    for fields in _rows(text, 9):
        lines.setdefault(fields[0], Shadow(fields[0], fields[1], tuple(fields[2:])))
    return lines


def parse_group(text):
    """Return {name: Group}."""
    groups = {}
    for name, _, gid, members in _rows(text, 4):
        if is_number(gid):
            names = tuple(member for member in members.split(",") if member)
            groups.setdefault(name, Group(name, int(gid), names))
    return groups


def parse_gshadow(text):
    """Return {group name: its members}; the administrators and the password are not ours."""
    return {name: tuple(member for member in members.split(",") if member)
            for name, _, _, members in reversed(_rows(text, 4))}


def parse_subids(text):
    """Return {name: ("START:COUNT", ...)} of subuid or subgid."""
    ranges = {}
    for name, start, count in _rows(text, 3):
        if is_number(start) and is_number(count):
            ranges[name] = ranges.get(name, ()) + ("{}:{}".format(start, count),)
    return ranges


def _rows(text, width):
    # Not splitlines(): a GECOS may hold U+2028 or a vertical tab.
    rows = (line.split(":") for line in text.split("\n"))
    return [row for row in rows if len(row) == width and row[0] and row[0][0] not in "+-#"]


def format_passwd(users):
    """Return passwd text for {name: Passwd}, in the order of the mapping."""
    return _lines((u.name, "x", u.uid, u.gid, u.gecos, u.home, u.shell) for u in users.values())


def format_shadow(lines):
    """Return shadow text for {name: Shadow}."""
    return _lines((line.name, line.hash) + line.aging for line in lines.values())


def format_group(groups):
    """Return group text for {name: Group}."""
    return _lines((g.name, "x", g.gid, ",".join(g.members)) for g in groups.values())


def format_subids(ranges):
    """Return subuid or subgid text for {name: ranges}."""
    return _lines((name, entry) for name, entries in ranges.items() for entry in entries)


def _lines(rows):
    return "".join(":".join(str(field) for field in row) + "\n" for row in rows)


# -- the tools of the shadow suite ---------------------------------------


def _prefix(root):
    return [] if root == "/" else ["--prefix", root]


def _chroot(root):
    return [] if root == "/" else ["--root", root]


def groupadd_argv(name, gid, root="/"):
    """Return the command that creates a group with exactly this gid."""
    return ["groupadd"] + _prefix(root) + ["--gid", str(gid), name]


def useradd_argv(user, root="/"):
    """Return the command that creates an account, locked, without home, mail or new group.

    useradd must not hand out subordinate ids of its own. SUB_UID_COUNT=0 says
    so; shadow 4.8 (Debian 11, Ubuntu 20.04) takes that for an error, but gives
    none to an account beyond UID_MAX, and --uid is not held to that limit.
    """
    return ["useradd"] + _prefix(root) + [
        "--no-create-home", "--no-user-group", "--no-log-init",
        "--key", "UID_MAX=999", "--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0",
        "--uid", str(user.uid), "--gid", str(user.gid), "--home-dir", user.home,
        "--shell", user.shell, "--comment", user.gecos, user.name,
    ]


def add_to_groups_argv(name, groups, root="/"):
    """Return the command that adds a user to supplementary groups and leaves the others."""
    return ["usermod"] + _prefix(root) + ["--append", "--groups", ",".join(groups), name]


def add_subids_argv(name, option, ranges, root="/"):
    """Return the command that gives a user subordinate ids; option is --add-subuids or -subgids."""
    argv = ["usermod"] + _prefix(root)
    for entry in ranges:
        start, count = (int(number) for number in entry.split(":"))
        argv += [option, "{}-{}".format(start, start + count - 1)]
    return argv + [name]


def lock_argv(name, root="/"):
    """Return the command that locks an account: its password, and by its date all else."""
    return ["usermod"] + _prefix(root) + ["--lock", "--expiredate", "1", name]


def userdel_argv(name, root="/"):
    """Return the command that removes an account, and none of its files."""
    return ["userdel"] + _prefix(root) + [name]


def groupdel_argv(name, root="/"):
    """Return the command that removes a group."""
    return ["groupdel"] + _prefix(root) + [name]


def new_password_argv(method, root="/"):
    """Return the command that reads "name:password" lines from its standard input."""
    return ["chpasswd"] + _chroot(root) + ["--crypt-method", method]


def expire_password_argv(name, root="/"):
    """Return the command after which a password must be changed at the next login."""
    return ["chage"] + _chroot(root) + ["--lastday", "0", name]


def chpasswd_argv(root="/"):
    """Return the command that reads "name:hash" lines from its standard input."""
    return ["chpasswd"] + _chroot(root) + ["--encrypted"]


AGING_OPTIONS = ("--lastday", "--mindays", "--maxdays", "--warndays", "--inactive", "--expiredate")


def chage_argv(line, root="/"):
    """Return the command that sets the aging fields of a Shadow line; unset is -1."""
    argv = ["chage"] + _chroot(root)
    for option, value in zip(AGING_OPTIONS, line.aging):
        argv += [option, value or "-1"]
    return argv + [line.name]


def conversion_argv(program, root="/"):
    """Return the command that completes shadow (pwconv) or gshadow (grpconv) from its twin."""
    return [program] + _chroot(root)
