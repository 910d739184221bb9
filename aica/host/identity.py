"""What the account files of a host, and its directory services, say about names and ids."""

import grp
import os
import pwd

from .. import accounts

FILES = {
    "passwd": accounts.parse_passwd, "shadow": accounts.parse_shadow,
    "group": accounts.parse_group, "gshadow": accounts.parse_gshadow,
    "subuid": accounts.parse_subids, "subgid": accounts.parse_subids,
}


class AccountFiles:
    """The parsed account files; each is parsed again only if its bytes changed.

    Reading is cheap and certain, while time stamps may repeat within one
    tick: so bytes are compared. With 200 users and five resources each,
    parsing every time would cost seconds.
    """

    def __init__(self, read_file):
        self._read_file = read_file
        self._seen = {}

    def load(self):
        """Return the present AccountSet. A missing file is an empty one."""
        return accounts.AccountSet(**{name: self._parsed(name) for name in FILES})

    def _parsed(self, name):
        try:
            data = self._read_file("/etc/" + name)
        except FileNotFoundError:
            data = b""
        except PermissionError:
            if os.geteuid() == 0:
                raise
            data = b""  # shadow, for everybody else
        known = self._seen.get(name)
        if known is None or known[0] != data:
            known = (data, FILES[name](data.decode("utf-8", "surrogateescape")))
            self._seen[name] = known
        return known[1]


def lookup_user(name):
    """Return (uid, gid) that the system's name services have for a user, or None."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return None
    return user.pw_uid, user.pw_gid


def lookup_uid(uid):
    """Return the name that the system's name services have for a uid, or None."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def has_group(name, gid):
    """True if the system's name services count a group among those of a user."""
    try:
        return gid in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return False


def lookup_group(name):
    """Return the gid that the system's name services have for a group, or None."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
