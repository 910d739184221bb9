"""The vault: what every account is, kept on /data as native passwd, group and shadow lines.

The registry says who shall exist, the vault says with which ids, shell and
password. It only ever follows what people did on the running server; a fresh
image teaches it nothing. No line is ever removed: an id once given stays
reserved.
"""

import hashlib
from collections import OrderedDict

from . import accounts, ids
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
    """Return the vault, or None if there is none.

    Raise ConfigError if it is not root's alone, or if a part of it is
    missing: what is left must be neither believed nor written over.
    """
    found = {}
    try:
        present = host.names(folder)
        if not set(FORMATS) & set(present):
            return None
        for name, (parse, _) in FORMATS.items():
            _require(folder, name, present)
            data = host.read_trusted("{}/{}".format(folder, name))
            found[name] = parse(data.decode("utf-8", "surrogateescape"))
    except Conflict as error:
        raise ConfigError("the account records cannot be trusted: {}".format(error), error.hint)
    return AccountSet(**found)


def _require(folder, name, present):
    if name in present:
        return
    path = "{}/{}".format(folder, name)
    if name + "-" in present:
        hint = "its older generation: cp -p {0}- {0}".format(path)
    else:
        hint = "restore it from a backup; or, if a first setup was cut off: mv {0} {0}.old " \
               "and repeat it".format(folder)
    raise ConfigError("{} is missing, but the other account records are there".format(path), hint)


def unknown_lines(name, data):
    """Return the lines of a vault file that writing it anew would lose, as text. Pure."""
    parse, render = FORMATS[name]
    text = data.decode("utf-8", "surrogateescape")
    kept = set(render(parse(text)).split("\n"))
    return [line for line in text.split("\n") if line not in kept]


def texts(vault):
    """Return [(file name, bytes)] of a vault, in the order they are to be written."""
    return [(name, render(getattr(vault, name)).encode("utf-8", "surrogateescape"))
            for name, (_, render) in FORMATS.items()]


def record(vault, host, name, home, keep_password=True):
    """Return the vault with everything that the host knows about an account. Pure.

    host and vault are AccountSets. Only on an admin's word and after
    ids.check(); see follow() for what happens by itself. Memberships are
    only added here: that a group is missing now may be the image's doing.
    """
    user = host.passwd[name]
    known = _copy(vault)
    known.passwd[name] = user._replace(home=home)
    primary = host.name_of_gid(user.gid)
    if primary is not None:
        known.group.setdefault(primary, Group(primary, user.gid))
    if primary == name:  # a private group; its gid differs only when it is adopted anew
        known.group[name] = known.group[name]._replace(gid=user.gid)
    _change_groups(known.group, host, name, joined=host.groups_of(name))
    known.shadow[name] = _followed_line(vault.shadow.get(name), host.shadow.get(name),
                                        name, keep_password)
    _record_subids(known, host, name)
    return known


def _copy(vault):
    return AccountSet(dict(vault.passwd), dict(vault.shadow), dict(vault.group),
                      subuid=dict(vault.subuid), subgid=dict(vault.subgid))


def _change_groups(groups, host, name, joined=(), left=()):
    for group in joined:
        line = groups.get(group, Group(group, host.group[group].gid))
        if name not in line.members:
            line = line._replace(members=line.members + (name,))
        groups[group] = line
    for group in left:
        if group in groups and group in host.group:  # a group that is gone was not left
            members = tuple(member for member in groups[group].members if member != name)
            groups[group] = groups[group]._replace(members=members)


def _record_subids(known, host, name):
    for field in ("subuid", "subgid"):
        ranges = getattr(host, field).get(name)
        if ranges:
            getattr(known, field)[name] = ranges


def _followed_line(known, found, name, keep_password):
    """Return the shadow line to remember.

    A placeholder or an empty password never replaces a hash: it is what a
    fresh image, or a half-created account, has. A locked hash ("!$6$...") is
    an admin's decision and is followed, so that a locked account is still
    locked after the wipe. Without keep_password the dates alone are followed.
    """
    if found is None:
        return known or Shadow(name, LOCKED)
    no_password = found.hash == "" or found.hash in accounts.PLACEHOLDERS
    if known is not None and no_password and known.hash not in accounts.PLACEHOLDERS:
        return known
    if not keep_password:
        return found._replace(hash=known.hash if known is not None else LOCKED)
    return found._replace(hash=LOCKED) if found.hash == "" else found


def follow(vault, host, seen, groups, keep_passwords=True):
    """Return the vault with what changed on the host since it was seen right. Pure.

    seen maps a name to the look_of() it had then: only a difference from
    that is news, everything else is the image's. An account that is gone, or
    whose ids differ from the record, teaches nothing. groups maps a name to
    the group that the registry gives it: nobody leaves that one.
    """
    for name, before in sorted(seen.items()):
        known, found = vault.passwd.get(name), host.passwd.get(name)
        same = known and found and (known.uid, known.gid) == (found.uid, found.gid)
        after = look_of(host, name)
        if same and after != before:
            always = {groups[name]} if name in groups else set()
            vault = _follow_one(vault, host, name, before, after, keep_passwords, always)
    return vault


def _follow_one(vault, host, name, before, after, keep_password, always):
    known, found = _copy(vault), host.passwd[name]
    if after["passwd"] != before["passwd"]:
        known.passwd[name] = known.passwd[name]._replace(gecos=found.gecos, shell=found.shell)
    if after["shadow"] != before["shadow"]:
        known.shadow[name] = _followed_line(vault.shadow.get(name), host.shadow.get(name),
                                            name, keep_password)
    was, now = set(before["groups"]), set(after["groups"])
    _change_groups(known.group, host, name, sorted(now - was), sorted(was - now - always))
    if (after["subuid"], after["subgid"]) != (before["subuid"], before["subgid"]):
        _record_subids(known, host, name)
    return known


def look_of(present, name):
    """Return how an account looks: digests of its lines, its groups, its subordinate ids. Pure."""
    return {
        "passwd": _digest(present.passwd.get(name)),
        "shadow": _digest(present.shadow.get(name)),
        "groups": list(present.groups_of(name)),
        "subuid": list(present.subuid.get(name, ())),
        "subgid": list(present.subgid.get(name, ())),
    }


def _digest(line):
    if line is None:
        return ""
    text = ":".join(str(field) for field in line)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def has_passwords(vault):
    """True if the vault holds a hash, a locked one too. Pure."""
    return any(line.hash.strip("!*x") for line in vault.shadow.values())


def without_passwords(vault):
    """Return the vault without any hash: the site wants none on /data. Pure."""
    return vault._replace(shadow={name: line._replace(hash=LOCKED)
                                  for name, line in vault.shadow.items()})


def reserved_name(uid):
    """Return the name under which ids are reserved that nobody has now."""
    return "aica-reserved-{}".format(uid)


def reserve(vault, user):
    """Return the vault with the ids of a Passwd reserved although nobody has them now. Pure."""
    name = reserved_name(user.uid)
    line = user._replace(name=name, gecos="", home="/nonexistent", shell="/usr/sbin/nologin")
    return vault._replace(passwd=dict(vault.passwd, **{name: line}))


def reserve_subids(vault, present, user, name):
    """Return the vault with the subordinate ids that a user has here reserved as `name`'s. Pure.

    They are added to those that are recorded: what either has ever been used
    with is in files and must be nobody else's. What is recorded for somebody
    else is reserved already.
    """
    known = _copy(vault)
    for field in ("subuid", "subgid"):
        here, ranges = getattr(present, field), getattr(known, field)
        taken = [entry for other, theirs in ranges.items() if other != name for entry in theirs]
        for entry in here.get(user.name, ()) + here.get(str(user.uid), ()):
            if entry not in ranges.get(name, ()) and not ids.overlap((entry,), taken):
                ranges[name] = ranges.get(name, ()) + (entry,)
    return known


def without(vault, name, gid):
    """Return the vault without a record that never became anybody's: an undone `user add`. Pure.

    gid is that of the private group that was made with it.
    """
    known = _copy(vault)
    for part in (known.passwd, known.shadow, known.subuid, known.subgid):
        part.pop(name, None)
    if name in known.group and known.group[name].gid == gid:
        del known.group[name]
    _change_groups(known.group, known, name, left=known.groups_of(name))
    return known


def changes(before, after):
    """Return [(what, what happened)] between two vaults, with no hash in it. Pure."""
    found = []
    for part in FORMATS:
        old, new = getattr(before, part), getattr(after, part)
        for name in sorted(new):
            if old.get(name) != new[name]:
                found.append(("{}.{}".format(name, part), _difference(old.get(name), new[name])))
    return found


def _shown(value):
    """Return a field's value in words: members by name, text in quotes."""
    return (", ".join(value) or "nobody") if isinstance(value, tuple) else repr(value)


def _difference(old, new):
    if old is None:
        return "recorded"
    if not hasattr(new, "_fields"):
        return "{} -> {}".format(", ".join(old), ", ".join(new))
    fields = [field for field in new._fields if getattr(old, field) != getattr(new, field)]
    shown = [field for field in fields if field not in ("hash", "aging")]
    words = ["{} {} -> {}".format(f, _shown(getattr(old, f)), _shown(getattr(new, f)))
             for f in shown]
    if "hash" in fields:
        words.insert(0, "a new password")
    elif "aging" in fields:
        words.insert(0, "new password dates")
    return "; ".join(words)
