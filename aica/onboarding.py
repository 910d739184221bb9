"""`aica user ...`: who is on this server, from the first account to the last."""

from typing import NamedTuple

from . import ids, registry, report, seen, site, vault
from .accounts import Group, Passwd, Shadow
from .engine import converge
from .errors import ConfigError, Conflict
from .registry import Entry
from .resources.file import PlainFile
from .resources.records import AccountRecords, RegistryEntry


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
            desired = desired._replace(vault=_recorded(host, desired, name))
        yield from _write_down(app, host, desired, entry)


def _open(app, host):
    """Return the Site, also when it has no records yet: this is how they come to be."""
    return app.site(host, app.settings(host), records_required=False)


def _checked_entry(app, host, settings, name, group):
    rules = app.rules(host, settings)
    registry.check_name(name, rules)
    registry.check_group(group, rules)
    return Entry(name, group)


def _recorded(host, desired, name):
    """Return the vault with the account that the host has under this name."""
    present, known = host.accounts(), desired.vault
    user = _account_here(present, name)
    _check_ids(desired, present, user)
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
    after = vault.record(known, present, name, user.home, desired.keep_passwords)
    news = vault.changes(known, after)
    if recorded is not None and news and name not in desired.looks:
        # A fresh image may have an account of this name: it teaches nothing.
        raise Conflict("{} is recorded already, and differs here: {}".format(name, _words(news)),
                       hint="to restore the record: aica recover --user {0}; "
                            "to keep what is here: aica user adopt {0}".format(name))
    return after


def _account_here(present, name):
    if name not in present.passwd:
        raise ConfigError("{} has no account on this server".format(name),
                          hint="adduser {}".format(name))
    return present.passwd[name]


def _words(news):
    return "; ".join("{} {}".format(what, happened) for what, happened in news)


def _home(desired, name):
    return "{}/{}".format(desired.settings.home, name)


def _check_ids(desired, present, user):
    ids.check(user, present, desired.vault, desired.id_range, desired.settings.shared_groups)


def _write_down(app, host, desired, entry):
    """Records first: a record alone only reserves an id, an entry alone blocks every recovery."""
    outcomes = []
    records = AccountRecords(desired.settings.vault, desired.vault)
    line = RegistryEntry(desired.settings.users_txt, entry.name, entry.group, needs=[records.id])
    for outcome in converge([records, line], host):
        outcomes.append(outcome)
        yield outcome
    if report.exit_status(outcomes) == 0:
        yield from _refresh_copy(app, host, desired)
        # Seen right now: from here on the vault follows this account.
        recorded = _open(app, host)
        checked = converge(site.users(recorded, [entry]), host, dry_run=True)
        seen.note(host, list(checked), recorded)
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
        numbers = _ids_here(host, desired, name)
        outcomes = []
        for outcome in converge(site.new_user(desired, entry, *numbers), host):
            outcomes.append(outcome)
            yield outcome
        app.write_log(host, outcomes, report.exit_status(outcomes))


def _ids_here(host, desired, name):
    found = host.directory_user(name)
    if found is not None:
        return found
    present = host.accounts()
    user = _account_here(present, name)
    _check_ids(desired, present, user)
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
    if name in host.accounts().passwd:
        return _adoption_of_account(host, desired, entry)
    return _adoption_of_home(host, desired, entry)


def _adoption_of_account(host, desired, entry):
    name, present = entry.name, host.accounts()
    user = present.passwd[name]
    _check_ids(desired, present, user)
    known = _with_reserved(host, desired, user)
    after = vault.record(known, present, name, _home(desired, name), desired.keep_passwords)
    words = "the account {} here: uid {}, gid {}, shell {}".format(
        name, user.uid, user.gid, user.shell)
    news = vault.changes(desired.vault, after)
    return Adoption(entry, words + "; that changes: " + _words(news) if news else words, after)


def _with_reserved(host, desired, user):
    """Return the vault with the old ids of an account reserved, if it has others now.

    Its files still belong to the old uid: without a home that has the new
    one, the next user with the old uid would own them.
    """
    recorded = desired.vault.passwd.get(user.name)
    if recorded is None or (recorded.uid, recorded.gid) == (user.uid, user.gid):
        return desired.vault
    home = host.lstat("{}/{}".format(desired.settings.users, user.name))
    if home is None or home.uid != user.uid:
        raise Conflict("{} is recorded with uid {}, and its home does not belong to uid {}".format(
            user.name, recorded.uid, user.uid),
            hint="give the account its ids back: usermod -u {} {}; groupmod -g {} {}".format(
                recorded.uid, user.name, recorded.gid, user.name))
    return vault.reserve(desired.vault, recorded)


def _adoption_of_home(host, desired, entry):
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
    gid = ids.free_gid(host.accounts(), known, first=info.uid)
    user = Passwd(name, info.uid, gid, "", _home(desired, name), "/bin/bash")
    _check_ids(desired, host.accounts(), user)
    words = "the owner of {}: uid {}; private group with gid {}; no password".format(
        folder, info.uid, gid)
    return Adoption(entry, words, known._replace(
        passwd=dict(known.passwd, **{name: user}),
        group=dict(known.group, **{name: Group(name, gid)}),
        shadow=dict(known.shadow, **{name: Shadow(name, vault.LOCKED)})))


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
