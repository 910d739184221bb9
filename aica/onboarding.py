"""`aica user ...`: who is on this server, from the first account to the last."""

from typing import NamedTuple

from . import registry, report, site, status, vault
from .accounts import Group, Passwd, Shadow
from .engine import converge
from .errors import ConfigError, Conflict
from .registry import Entry
from .resources.file import PlainFile
from .resources.records import AccountRecords, RegistryEntry

NOBODY = 65534


class Adoption(NamedTuple):
    """What would be recorded for a user, in words for people, and the vault with it."""

    entry: Entry
    words: str
    known: object


def register(app, name, group):
    """Yield the Outcomes of registering an account: recorded first, then in users.txt."""
    host = app.host()
    with app.locked(host):
        desired = _open(app, host)
        entry = _checked_entry(app, host, desired.settings, name, group)
        if host.directory_user(name) is None:
            desired = desired._replace(vault=_recorded(app, host, desired, name))
        yield from _write_down(app, host, desired, entry)


def _open(app, host):
    """Return the Site, also when it has no records yet: this is how they come to be."""
    return app.site(host, app.settings(host), records_required=False)


def _checked_entry(app, host, settings, name, group):
    rules = app.rules(host, settings)
    registry.check_name(name, rules)
    registry.check_group(group, rules)
    return Entry(name, group)


def _recorded(app, host, desired, name):
    """Return the vault with the account that the host has under this name."""
    present, known = host.accounts(), desired.vault
    user = present.passwd.get(name)
    if user is None:
        raise ConfigError("{} has no account on this server".format(name),
                          hint="adduser {}".format(name))
    _check_ids(app, host, known, name, user.uid)
    recorded = known.passwd.get(name)
    if recorded is not None and (recorded.uid, recorded.gid) != (user.uid, user.gid):
        raise Conflict("{} has uid {} gid {} here, uid {} gid {} is recorded".format(
            name, user.uid, user.gid, recorded.uid, recorded.gid),
            hint="usermod -u {} {}, or record what is here: aica user adopt {}".format(
                recorded.uid, name, name))
    if user.home != _home(desired, name):
        raise Conflict("the home of {} is {}, expected {}".format(
            name, user.home, _home(desired, name)),
            hint="usermod -d {} {}".format(_home(desired, name), name))
    return vault.record(known, present, name, user.home, desired.keep_passwords)


def _home(desired, name):
    return "{}/{}".format(desired.settings.home, name)


def _check_ids(app, host, known, name, uid):
    low, high = app.id_range(host)
    if not low <= uid <= high or uid == NOBODY:
        raise ConfigError("{} has uid {}: expected {}..{}, the range for people".format(
            name, uid, low, high), hint="see UID_MIN in /etc/login.defs")
    owner = known.name_of_uid(uid)
    if owner not in (None, name):
        raise Conflict("uid {} is reserved for {}".format(uid, owner),
                       hint="give {} another uid: usermod -u".format(name))


def _write_down(app, host, desired, entry):
    """Records first: a record alone only reserves an id, an entry alone blocks every recovery."""
    outcomes = []
    records = AccountRecords(desired.settings.vault, desired.vault, desired.keep_passwords)
    line = RegistryEntry(desired.settings.users_txt, entry.name, entry.group, needs=[records.id])
    for outcome in converge([records, line], host):
        outcomes.append(outcome)
        yield outcome
    if report.exit_status(outcomes) == 0:
        yield from _refresh_copy(app, host, desired)
        # Seen right now: from here on the vault follows this account.
        seen = converge(site.users(_open(app, host), [entry])[:-2], host, dry_run=True)
        status.note_accounts(host, list(seen))
    app.write_log(host, outcomes, report.exit_status(outcomes))


def _refresh_copy(app, host, desired):
    path = desired.settings.users_txt
    copy = PlainFile(desired.settings.state + "/users.txt", host.read_trusted(path))
    yield from converge([copy], host)


def unregister(app, name):
    """Yield the Outcomes of removing a name from users.txt; its ids stay reserved."""
    host = app.host()
    with app.locked(host):
        desired = _open(app, host)
        app.entry(desired, name)
        line = RegistryEntry(desired.settings.users_txt, name, None)
        outcomes = list(converge([line], host))
        yield from outcomes
        if report.exit_status(outcomes) == 0:
            yield from _refresh_copy(app, host, desired)
        app.write_log(host, outcomes, report.exit_status(outcomes))


def set_up(app, name, group):
    """Yield the Outcomes of giving an existing account its membership, home and link."""
    host = app.host()
    with app.locked(host):
        desired = _open(app, host)
        entry = _checked_entry(app, host, desired.settings, name, group)
        ids = _ids_here(app, host, desired.vault, name)
        outcomes = []
        for outcome in converge(site.new_user(desired, entry, *ids), host):
            outcomes.append(outcome)
            yield outcome
        app.write_log(host, outcomes, report.exit_status(outcomes))


def _ids_here(app, host, known, name):
    user = host.accounts().passwd.get(name)
    if user is None:
        found = host.directory_user(name)
        if found is None:
            raise ConfigError("{} has no account on this server".format(name),
                              hint="adduser {}".format(name))
        return found
    _check_ids(app, host, known, name, user.uid)
    return user.uid, user.gid


def plan_adoption(app, name, group=""):
    """Return the Adoption of a name: of its account here, or else of the owner of its home."""
    host = app.host(read_only=True)
    desired = _open(app, host)
    return _adoption(app, host, desired, name, group)


def _adoption(app, host, desired, name, group):
    entry = desired.registry.get(name)
    if group or entry is None:
        if not group:
            raise ConfigError("{!r} is not registered".format(name),
                              hint="say its group: aica user adopt {} --group {}".format(
                                  name, desired.settings.group))
        entry = _checked_entry(app, host, desired.settings, name, group)
    present, known = host.accounts(), desired.vault
    if name in present.passwd:
        user = present.passwd[name]
        _check_ids(app, host, known, name, user.uid)
        words = "the account {} here: uid {}, gid {}, shell {}".format(
            name, user.uid, user.gid, user.shell)
        return Adoption(entry, words, vault.record(
            known, present, name, _home(desired, name), desired.keep_passwords))
    return _adoption_of_home(app, host, desired, entry)


def _adoption_of_home(app, host, desired, entry):
    name, known = entry.name, desired.vault
    folder = "{}/{}".format(desired.settings.users, name)
    info = host.lstat(folder)
    if info is None or info.kind != "folder":
        raise Conflict("{} has neither an account here nor a folder {}".format(name, folder),
                       hint="adduser {0}, then: aica user register {0} {1}".format(
                           name, entry.group))
    if name in known.passwd:
        raise Conflict("{} is recorded already, with uid {}".format(name, known.passwd[name].uid),
                       hint="aica recover --user {}".format(name))
    _check_ids(app, host, known, name, info.uid)
    gid = _private_gid(host.accounts(), known, info.uid)
    user = Passwd(name, info.uid, gid, "", _home(desired, name), "/bin/bash")
    words = "the owner of {}: uid {}; private group with gid {}; no password".format(
        folder, info.uid, gid)
    return Adoption(entry, words, known._replace(
        passwd=dict(known.passwd, **{name: user}),
        group=dict(known.group, **{name: Group(name, gid)}),
        shadow=dict(known.shadow, **{name: Shadow(name, vault.LOCKED)})))


def _private_gid(present, known, uid):
    """Return the uid's own number as gid, or the next one that nobody ever had."""
    taken = {group.gid for group in present.group.values()} | vault.reserved_ids(known)[1]
    gid = uid
    while gid in taken:
        gid += 1
    return gid


def adopt(app, adoption):
    """Yield the Outcomes of an Adoption that an admin agreed to."""
    host = app.host()
    with app.locked(host):
        desired = _open(app, host)
        again = _adoption(app, host, desired, adoption.entry.name, adoption.entry.group)
        if again.words != adoption.words:
            raise Conflict("{} changed meanwhile: {}".format(again.entry.name, again.words),
                           hint="repeat the command")
        yield from _write_down(app, host, desired._replace(vault=again.known), again.entry)


class Row(NamedTuple):
    """One registered user, as `aica user list` shows it. uid is None without an account."""

    name: str
    group: str
    uid: object
    account: str
    home: str
    link: str


def rows(app):
    """Return the Rows of everybody registered. Works for everybody, with what they may see."""
    host = app.host(read_only=True, need_root=False)
    settings = app.settings(host)
    entries = app.registry(host, settings)
    return [_row(host, settings, entry) for entry in entries.entries], entries.problems


def _row(host, settings, entry):
    user = host.accounts().passwd.get(entry.name)
    ids = (user.uid, user.gid) if user else host.directory_user(entry.name)
    folder = "{}/{}".format(settings.users, entry.name)
    home = host.lstat(folder)
    link = host.lstat("{}/{}".format(settings.home, entry.name))
    return Row(
        entry.name, entry.group, ids[0] if ids else None,
        "local" if user else "directory" if ids else "missing",
        "missing" if home is None else "foreign" if ids and home.uid != ids[0] else "ok",
        "missing" if link is None else "ok" if link.target == folder else link.kind)
