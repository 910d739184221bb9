"""A user account, restored as it was recorded: ids, shell, GECOS, password, aging.

An account that exists and says something else is a conflict, with two
exceptions that are traces of an interrupted restoration: a password that
nobody has set yet, and a change date that chpasswd has just written.
"""

from .. import accounts
from ..change import Change
from ..errors import Conflict
from . import shadow_tools
from .base import Resource

IDENTITY = ("uid", "gid", "gecos", "home", "shell")


class Account(Resource):
    """A local account.

    keep_password=False leaves the password alone, not its dates: an account
    that expired must not come back to life. seen_right: in this boot it was
    as recorded, so what differs now was done on purpose. flaw: why its record
    cannot be used, "" if it can.
    """

    kind = "account"

    def __init__(self, user, shadow, id_range=(1000, 60000), needs=(),
                 keep_password=True, seen_right=False, flaw=""):
        super().__init__(user.name, needs)
        self.keep_password = keep_password
        self.seen_right = seen_right
        self.flaw = flaw
        self.user = user
        self.shadow = shadow
        self.id_range = id_range

    def desired(self):
        wanted = {field: getattr(self.user, field) for field in IDENTITY}
        if self.shadow is not None:
            wanted["aging"] = self.shadow.aging
            if self.keep_password:
                wanted["password"] = "as recorded"
        return wanted

    def inspect(self, host):
        if self.flaw:
            raise Conflict("the record of {} is damaged: {}".format(self.name, self.flaw),
                           hint="restore it from the older generation beside it, or: "
                                "aica user adopt {}".format(self.name))
        low, high = self.id_range
        if not low <= self.user.uid <= high:
            raise Conflict("uid {} of {} is outside {}..{}, the range for people".format(
                self.user.uid, self.name, low, high), hint="see UID_MIN in /etc/login.defs")
        present = host.accounts()
        user = present.passwd.get(self.name)
        if user is None:
            self._refuse_taken(host, present)
            return None
        self._refuse_other(user)
        state = {field: getattr(user, field) for field in IDENTITY}
        state.update(self._inspect_password(present.shadow.get(self.name)))
        return state

    def _refuse_taken(self, host, present):
        owner = present.name_of_uid(self.user.uid)
        if owner is not None:
            raise Conflict(
                "uid {} is recorded for {}, but here it belongs to {}".format(
                    self.user.uid, self.name, owner),
                hint="remove {0} or give it another uid: usermod -u".format(owner))
        if host.directory_user(self.name) is not None:
            raise Conflict("a directory service (LDAP, SSSD) provides {} now".format(self.name),
                           hint="aica user unregister {}".format(self.name))
        owner = host.directory_name(self.user.uid)
        if owner is not None:
            raise Conflict("uid {} of {} belongs to {} in a directory service".format(
                self.user.uid, self.name, owner))

    def _refuse_other(self, user):
        if not user.shadowed:
            raise Conflict("the password field of {} in /etc/passwd is not x".format(self.name),
                           hint="pwconv")
        differ = [field for field in IDENTITY if getattr(user, field) != getattr(self.user, field)]
        if differ:
            raise Conflict(
                "account {} differs from its record: {}".format(self.name, "; ".join(
                    "{} {} here, {} recorded".format(
                        field, getattr(user, field), getattr(self.user, field))
                    for field in differ)),
                hint="to keep what is here: aica user adopt {}".format(self.name))

    def _inspect_password(self, line):
        if self.shadow is None:
            return {}
        if line is None:
            return {"password": "missing", "aging": None}
        same = line.hash == self.shadow.hash or not self.keep_password
        if not same and self.seen_right and _unset(line.hash):
            raise Conflict("{} was locked here without keeping its password".format(self.name),
                           hint="lock it so that a wipe keeps it locked: usermod -p "
                                "'!locked' {}".format(self.name))
        if not same and not _unset(line.hash):
            raise Conflict("the password of {} is not the recorded one".format(self.name),
                           hint="to keep what is here: aica user adopt {}".format(self.name))
        if line.aging != self.shadow.aging and not self._unfinished(line):
            # Shown to everybody at login: no dates.
            raise Conflict("the password dates of {} are not the recorded ones".format(self.name),
                           hint="to keep what is here: aica user adopt {}".format(self.name))
        return {"password": "as recorded" if same else "not set", "aging": line.aging}

    def _unfinished(self, line):
        """True for what an interrupted restoration leaves: no password yet, or today's date."""
        if _unset(line.hash):
            return True
        today, recorded = _day(line.last_change), _day(self.shadow.last_change)
        return line.aging[1:] == self.shadow.aging[1:] and today > recorded

    def apply(self, host, changes):
        root = host.root
        fields = {change.field: change for change in changes}
        if host.lstat("/etc/shadow") is None or ("uid" not in fields and _lineless(changes)):
            shadow_tools.execute(host, accounts.conversion_argv("pwconv", root))
        if "uid" in fields:
            shadow_tools.execute(host, accounts.useradd_argv(self.user, root))
        if "password" in fields:
            self._set_password(host, root)
        elif "aging" in fields:
            shadow_tools.execute(host, accounts.chage_argv(self.shadow, root))

    def _set_password(self, host, root):
        # chpasswd writes today's date: the dates are set before it, so that a
        # kill in between leaves something recognisable, and again after it.
        dates = accounts.chage_argv(self.shadow, root)
        shadow_tools.execute(host, dates)
        line = "{}:{}\n".format(self.name, self.shadow.hash)
        shadow_tools.execute(host, accounts.chpasswd_argv(root), stdin=line)
        shadow_tools.execute(host, dates)

    def describe(self, changes):
        fields = [change.field for change in changes]
        if "uid" in fields:
            made = "new account, uid {}, gid {}".format(self.user.uid, self.user.gid)
            has = "password" in fields and not _unset(self.shadow.hash)
            return (made + (", with its password" if has else ""),)
        return super().describe(changes)


def _lineless(changes):
    """True if the account has no line in shadow at all."""
    return any(change.field == "aging" and change.before is None for change in changes)


def _unset(password):
    return password in accounts.PLACEHOLDERS


def _day(text):
    return int(text) if accounts.is_number(text) else -1


class UnrecordedAccount(Resource):
    """A registered user of whom the vault knows nothing: ids are recorded, never guessed."""

    kind = "account"

    def desired(self):
        return {}

    def inspect(self, host):
        raise Conflict("{} is registered, but no record says with which ids".format(self.name),
                       hint="aica user adopt {}".format(self.name))

    def plan(self, actual):
        return (Change("record", None, "missing"),)


class DirectoryAccount(Resource):
    """A user that LDAP or SSSD provides: used, never created."""

    kind = "account"

    def __init__(self, name, uid, needs=()):
        super().__init__(name, needs)
        self.uid = uid

    def desired(self):
        return {"uid": self.uid}

    def inspect(self, host):
        found = host.directory_user(self.name)
        if found is None:
            raise Conflict("the directory service no longer knows {}".format(self.name))
        return {"uid": found[0]}

    def remark(self, actual):
        return "from a directory service: not created, not recorded"


class Membership(Resource):
    """A user's supplementary groups: those of `groups` that the host has, others are left."""

    kind = "membership"

    def __init__(self, name, required, kept=(), dropped=(), needs=()):
        super().__init__(name, needs)
        self.required = tuple(required)
        self.kept = tuple(kept)
        self.dropped = tuple(dropped)

    def desired(self):
        return {group: True for group in self.required + self.kept}

    def inspect(self, host):
        present = host.accounts()
        state = {group: self._is_member(present, group) or self._is_in_directory(host, group)
                 for group in self.required}
        for group in self.kept:  # a group that this image does not have is no error
            known = group in present.group
            state[group] = self._is_member(present, group) if known else "no such group"
        return state

    def _is_in_directory(self, host, group):
        """True if a directory service has group and user in it. Raise Conflict if only the group."""
        if host.directory_group(group) is None:
            return False
        if not host.is_directory_member(self.name, group):
            raise Conflict("{} is not in group {} of the directory service".format(
                self.name, group), hint="add {} to it there".format(self.name))
        return True

    def _is_member(self, present, group):
        """True if both files say so: a usermod that was killed may have written only one."""
        listed = group in present.group and self.name in present.group[group].members
        return listed and self.name in present.gshadow.get(group, (self.name,))

    def plan(self, actual):
        return tuple(change for change in super().plan(actual)
                     if change.before != "no such group")

    def remark(self, actual):
        absent = [group for group, state in actual.items() if state == "no such group"]
        words = ["no group {} here".format(group) for group in sorted(absent)]
        if self.dropped:
            words.append("not restored: {} (see [accounts] keep_groups)".format(
                ", ".join(self.dropped)))
        return "; ".join(words)

    def apply(self, host, changes):
        groups = [change.field for change in changes]
        shadow_tools.execute(host, accounts.add_to_groups_argv(self.name, groups, host.root))

    def describe(self, changes):
        return ("member of " + ", ".join(change.field for change in changes),)
