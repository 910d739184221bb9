"""The vault: what every account is, kept on /data as native passwd, group and shadow lines.

The registry says who shall exist, the vault says with which ids, shell and
password. It only ever follows what people did on the running server; a fresh
image teaches it nothing. No line is ever removed: an id once given stays
reserved.
"""

from collections import OrderedDict

from . import accounts
from .accounts import AccountSet, Group, Shadow
from .errors import ConfigError, Conflict

FORMATS = OrderedDict([
    # passwd last: a passwd line in the vault means that the others were written.
    ("subuid", (accounts.parse_subids, accounts.format_subids)),
    ("subgid", (accounts.parse_subids, accounts.format_subids)),
    ("group", (accounts.parse_group, accounts.format_group)),
    ("shadow", (accounts.parse_shadow, accounts.format_shadow)),
    ("passwd", (accounts.parse_passwd, accounts.format_passwd)),
])
LOCKED = "!"


def empty():
    """Return a vault that knows nothing."""
    return AccountSet({}, {}, {})


def read(host, folder):
    """Return the vault, or None if there is none. Raise ConfigError unless it is root's alone."""
    found = {}
    try:
        present = host.names(folder)
        if "passwd" not in present:
            return None
        for name, (parse, _) in FORMATS.items():
            data = host.read_trusted("{}/{}".format(folder, name)) if name in present else b""
            found[name] = parse(data.decode("utf-8", "surrogateescape"))
    except Conflict as error:
        raise ConfigError("the account records cannot be trusted: {}".format(error), error.hint)
    return AccountSet(**found)


def texts(vault):
    """Return [(file name, bytes)] of a vault, in the order they are to be written."""
    return [(name, render(getattr(vault, name)).encode("utf-8", "surrogateescape"))
            for name, (_, render) in FORMATS.items()]


def record(vault, host, name, home, keep_password=True):
    """Return the vault with everything that the host knows about an account. Pure.

    host and vault are AccountSets. Only `aica` asks for this, after the
    account was checked; see follow() for what happens by itself.
    """
    user = host.passwd[name]
    known = AccountSet(*(dict(part) for part in vault[:3]), subuid=dict(vault.subuid),
                       subgid=dict(vault.subgid))
    known.passwd[name] = user._replace(home=home)
    _record_groups(known.group, host, user)
    known.shadow[name] = _followed_line(vault.shadow.get(name), host.shadow.get(name),
                                        name, keep_password)
    for field in ("subuid", "subgid"):
        ranges = getattr(host, field).get(name)
        if ranges:
            getattr(known, field)[name] = ranges
    return known


def _record_groups(groups, host, user):
    """Follow the primary group and, by name, the memberships of one user."""
    primary = host.name_of_gid(user.gid)
    if primary is not None:
        groups.setdefault(primary, Group(primary, user.gid))
    if primary == user.name:  # a private group; its gid differs only when it is adopted anew
        groups[primary] = groups[primary]._replace(gid=user.gid)
    current = host.groups_of(user.name)
    for group in current:
        groups.setdefault(group, Group(group, host.group[group].gid))
    for group in list(groups.values()):
        if group.name not in host.group:
            continue  # this image lacks it: nobody left it
        others = tuple(member for member in group.members if member != user.name)
        members = others + (user.name,) if group.name in current else others
        if set(members) != set(group.members):
            groups[group.name] = group._replace(members=members)


def _followed_line(known, found, name, keep_password):
    """Return the shadow line to remember.

    A placeholder or an empty password never replaces a hash: it is what a
    fresh image, or a half-created account, has. A locked hash ("!$6$...") is
    an admin's decision and is followed, so that a locked account is still
    locked after the wipe.
    """
    if found is None:
        return known or Shadow(name, LOCKED)
    no_password = found.hash == "" or found.hash in accounts.PLACEHOLDERS
    if not keep_password:
        source = known if known is not None and no_password else found
        return source._replace(hash=LOCKED)
    if known is not None and no_password and known.hash not in accounts.PLACEHOLDERS:
        return known
    return found._replace(hash=LOCKED) if found.hash == "" else found


def follow(vault, host, names, home_of, keep_passwords=True):
    """Return the vault brought up to date for the accounts `names`. Pure.

    names are those whose last outcome in this boot was right: for them the
    running server is the newer source. An account that is gone, or whose ids
    differ from the record, teaches nothing.
    """
    for name in names:
        known, found = vault.passwd.get(name), host.passwd.get(name)
        if known and found and (known.uid, known.gid) == (found.uid, found.gid):
            vault = record(vault, host, name, home_of(name), keep_passwords)
    return vault


def reserved_ids(vault):
    """Return (uids, gids) that were given once and stay reserved."""
    return ({user.uid for user in vault.passwd.values()},
            {group.gid for group in vault.group.values()}
            | {user.gid for user in vault.passwd.values()})


def changes(before, after):
    """Return [(what, what happened)] between two vaults, with no hash in it. Pure."""
    found = []
    for part in FORMATS:
        old, new = getattr(before, part), getattr(after, part)
        for name in sorted(new):
            if old.get(name) != new[name]:
                found.append(("{}.{}".format(name, part), _difference(old.get(name), new[name])))
    return found


def _difference(old, new):
    if old is None:
        return "recorded"
    if not hasattr(new, "_fields"):
        return "{} -> {}".format(", ".join(old), ", ".join(new))
    fields = [field for field in new._fields if getattr(old, field) != getattr(new, field)]
    shown = [field for field in fields if field not in ("hash", "aging")]
    words = ["{} {!r} -> {!r}".format(f, getattr(old, f), getattr(new, f)) for f in shown]
    if "hash" in fields:
        words.insert(0, "a new password")
    elif "aging" in fields:
        words.insert(0, "new password dates")
    return "; ".join(words)
