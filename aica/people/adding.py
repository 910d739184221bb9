"""`aica user add`: from nothing to an account that comes back after a wipe, or nothing at all."""

import re
from typing import NamedTuple, Optional, Tuple

from .. import ids, registry, report, vault
from ..accounts import Passwd
from ..engine import converge
from ..errors import ConfigError, Conflict, NotReady
from ..resources.records import AccountRecords
from ..site.people import Newcomer, new_member, no_member
from . import common, journal, signals

SHELL = "/bin/bash"
WITHOUT_UID = "choose another one, or leave out --uid: then it is one that nobody ever had"
METHODS = ("SHA512", "YESCRYPT")
# Strange in a GECOS: ":" ends the field, "," begins the next one, and
# pam_umask obeys "umask=" in it (chfn refuses the same).
NOT_IN_A_NAME = re.compile(r"[:,=\x00-\x1f\x7f]")


class Request(NamedTuple):
    """What an admin wants. uid None means the next free one, password None none at all."""

    name: str
    group: str = ""
    full_name: Optional[str] = None
    shell: str = ""
    uid: Optional[int] = None
    keys: Tuple = ()
    password: Optional[str] = None
    must_change: bool = False

    def __repr__(self):
        return "Request({!r})".format(self.name)


def add(app, request, deliver=lambda: None):
    """Yield the Outcomes of making an account with everything; if one fails, all is undone.

    deliver() is called when all is done and before it counts as done: if the
    password cannot be shown to anybody, nothing has happened.
    """
    host = app.host()
    with app.locked(host, common.WAIT_S), signals.held():
        desired = common.open_site(app, host)
        if request.name in journal.unfinished(host, desired.settings):
            yield from _finish(app, host, desired, request.name)
            desired = common.open_site(app, host)
        plan = plan_addition(app, host, desired, request)
        journal.write(host, desired.settings, plan)
        try:
            for outcome in _steps(app, host, desired, plan):
                yield outcome
                if signals.asked_to_stop() or report.exit_status([outcome]) != 0:
                    app.write_log(host, [outcome], report.exit_status([outcome]))
                    break
            else:
                deliver()
                journal.remove(host, desired.settings, request.name)
                return
        except BaseException:
            _undo(app, host, desired, plan)
            raise
        yield from _undo(app, host, desired, plan)


def check(app, request):
    """Raise what add() would raise, before anybody is asked for anything."""
    host = app.host(read_only=True)
    desired = common.open_site(app, host)
    if request.name not in journal.unfinished(host, desired.settings):
        plan_addition(app, host, desired, request)


def _steps(app, host, desired, plan):
    made = []
    for outcome in converge(new_member(desired, plan.entry, plan.newcomer), host):
        made.append(outcome)
        yield outcome
    app.write_log(host, made, report.exit_status(made))
    # What stands here now is what shall come back. An older record of a user
    # who returns says nothing about the new password.
    known = desired.vault._replace(shadow={
        name: line for name, line in desired.vault.shadow.items() if name != plan.entry.name})
    after = vault.record(known, host.accounts(), plan.entry.name, plan.newcomer.user.home,
                         desired.keep_passwords)
    yield from common.write_down(app, host, desired._replace(vault=after), plan.entry)


def _undo(app, host, desired, plan):
    """Return the Outcomes of taking everything back; the journal stays if that fails."""
    outcomes = list(converge(
        no_member(desired, plan.entry, plan.newcomer, plan.had_home, plan.had_record), host))
    if report.exit_status(outcomes) == 0:
        outcomes += common.refresh_copy(host, desired)
        journal.remove(host, desired.settings, plan.entry.name)
        app.warnings.append("nothing is left of the attempt to add {}".format(plan.entry.name))
    else:
        app.warnings.append("{} is only partly taken back: solve what is named above, then "
                            "repeat the command".format(plan.entry.name))
    app.write_log(host, outcomes, report.exit_status(outcomes))
    return outcomes


def _finish(app, host, desired, name):
    """End what was cut off: somebody who is registered is complete, everybody else is undone.

    Return the Outcomes. Raise Conflict if that does not succeed, or if the
    account that is here now may be of somebody else's making.
    """
    if journal.at_work(host, desired.settings, name):
        raise NotReady("another server is adding {}".format(name),
                       hint="wait; if it died, an hour later this server clears up")
    plan = journal.read(host, desired.settings, name)
    if desired.registry.get(name) is not None and name in desired.vault.passwd:
        journal.remove(host, desired.settings, name)
        app.warnings.append("{0} was added by a command that was cut off at its end; a new "
                            "password: passwd {0}".format(name))
        return ()
    if not plan.this_boot and name in host.accounts().passwd:
        raise Conflict("an earlier attempt to add {0} was cut off before the last reboot, and "
                       "there is an account {0} now".format(name),
                       hint="if nobody needs that account: aica user remove {}".format(name))
    app.warnings.append("an earlier attempt to add {} was cut off".format(name))
    outcomes = _undo(app, host, desired, plan)
    if report.exit_status(outcomes) != 0:
        raise Conflict("{} cannot be taken back: {}".format(name, "; ".join(
            outcome.message for outcome in outcomes if outcome.message)),
            hint="aica user list")
    return outcomes


# -- what can be known before anything is done ---------------------------


def plan_addition(app, host, desired, request):
    """Return the Plan for a Request. Raise ConfigError or Conflict, and nothing was tried."""
    settings, name = desired.settings, request.name
    entry = common.checked_entry(app, host, settings, name, request.group or settings.group)
    _refuse_line(host, settings.users_txt, entry)
    AccountRecords(settings.vault, desired.vault).inspect(host)
    present = host.accounts()
    _refuse_present(host, desired, present, entry)
    if entry.group not in present.group:
        raise ConfigError("there is no group {} here".format(entry.group), hint="aica recover")
    recorded = desired.vault.passwd.get(name)
    if recorded is not None and request.uid != recorded.uid:
        raise Conflict("{} was here before, and uid {} stays reserved".format(
            name, recorded.uid),
            hint="if the same person returns: aica user add {} --uid {}; somebody else needs "
                 "another name".format(name, recorded.uid))
    user = _user(host, desired, present, request, recorded)
    had_home = _home_stands(host, desired, user, recorded)
    if request.password is not None and not desired.keep_passwords:
        app.warnings.append("passwords are not kept on this data disk: after a wipe {} needs an "
                            "SSH key, or a new password".format(name))
    newcomer = Newcomer(user, desired.vault.name_of_gid(user.gid) or name,
                        _subids(host, desired, present, name), request.keys, request.password,
                        request.must_change, _method(host))
    return journal.Plan(entry, newcomer, had_home, recorded is not None)


def _refuse_line(host, path, entry):
    """Raise if users.txt cannot be grown, or has a line that was not accepted: it is an admin's."""
    data = host.read_trusted(path)
    registry.with_entry(data, entry)
    mine = [line for line in registry.lines(data) if line.partition(":")[0] == entry.name]
    if mine and mine != ["{}:{}".format(*entry)]:
        raise Conflict("{} has the line {!r} already".format(path, mine[0]),
                       hint="correct or remove that line")


def _refuse_present(host, desired, present, entry):
    name, group = entry
    if desired.registry.get(name) is not None:
        raise Conflict("{} is registered already".format(name),
                       hint="aica user show {0}; aica recover --user {0}".format(name))
    if name in present.passwd or host.directory_user(name) is not None:
        raise Conflict("{} has an account here already".format(name),
                       hint="aica user setup {0} {1}; aica user register {0} {1}".format(
                           name, group))
    if name in present.group:
        raise Conflict("there is a group {} here already".format(name),
                       hint="another name; or, if nobody needs it: groupdel {}".format(name))
    link = host.lstat(common.home_of(desired, name))
    if link is not None and (link.kind != "symlink" or link.uid != 0):
        raise Conflict("{} is in the way: a {}".format(common.home_of(desired, name), link.kind),
                       hint="look inside and move it aside")


def _home_stands(host, desired, user, recorded):
    """True if somebody who returns has a home; any other that stands there is in the way."""
    path = "{}/{}".format(desired.settings.users, user.name)
    info = host.lstat(path)
    if info is not None and (recorded is None or info.kind != "folder" or info.uid != user.uid):
        raise Conflict("{} exists already: a {} of uid {}".format(path, info.kind, info.uid),
                       hint="if it is this person's: aica user adopt {} --group {}; otherwise "
                            "move it aside".format(user.name, desired.settings.group))
    return info is not None


def _user(host, desired, present, request, recorded):
    """Return the Passwd that the account will have."""
    if recorded is not None:
        uid, gid = recorded.uid, recorded.gid
    else:
        uid, gid = _new_ids(host, desired, present, request.uid)
    gecos = request.full_name if request.full_name is not None else (
        recorded.gecos if recorded is not None else "")
    if request.full_name is not None and NOT_IN_A_NAME.search(request.full_name):
        raise ConfigError("--full-name {!r}: expected a name without ':', ',', '=' and control "
                          "characters".format(request.full_name))
    shell = request.shell or (recorded.shell if recorded is not None else SHELL)
    _check_shell(host, shell)
    user = Passwd(request.name, uid, gid, gecos, common.home_of(desired, request.name), shell)
    common.check_ids(desired, present, user)
    owner = present.name_of_uid(uid) or host.directory_name(uid)
    if owner is not None:
        raise Conflict("uid {} belongs to {} here".format(uid, owner),
                       hint=WITHOUT_UID)
    return user


def _new_ids(host, desired, present, uid):
    """Return (uid, gid): one free number for both where that is possible."""
    if uid is not None:
        _check_uid(uid, desired)
        same = ids.free_gid(present, desired.vault, uid)
        return uid, same if same == uid else ids.free_gid(present, desired.vault, ids.FIRST)
    taken = set(_owners_of_homes(host, desired.settings.users))
    while True:
        number = ids.free_id(present, desired.vault, desired.id_range, taken)
        if host.directory_name(number) is None:
            return number, number
        taken.add(number)


def _check_uid(uid, desired):
    """Say of a --uid what ids.check() would say of the account that nobody has yet."""
    low, high = desired.id_range
    if not low <= uid <= high or uid == ids.NOBODY:
        raise ConfigError("--uid {}: expected {}..{}, the range for people".format(uid, low, high),
                          hint=WITHOUT_UID)
    owner = desired.vault.name_of_uid(uid)
    if owner is not None:
        raise Conflict("--uid {}: it is reserved for {}".format(uid, owner), hint=WITHOUT_UID)


def _owners_of_homes(host, users):
    """Yield the uids that own something in the folder of the homes: they are somebody's."""
    for name in host.names(users):
        info = host.lstat("{}/{}".format(users, name))
        if info is not None:
            yield info.uid


def _subids(host, desired, present, name):
    """Return the ranges that rootless containers live on, for both files; none where there are none.

    Who returns gets the recorded ones, and none where none is: a range of the
    other file may be somebody else's here.
    """
    recorded = tuple(tuple(known.get(name, ()))
                     for known in (desired.vault.subuid, desired.vault.subgid))
    if any(recorded) or host.lstat("/etc/subuid") is None:
        return recorded
    return (ids.free_subids(present, desired.vault),) * 2


def _check_shell(host, shell):
    if not re.match(r"/[A-Za-z0-9._/+-]+\Z", shell):
        raise ConfigError("--shell {!r}: expected an absolute path".format(shell))
    try:
        lines = host.read_file("/etc/shells").decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return
    allowed = [line.strip() for line in lines if line.startswith("/")]
    if shell not in allowed:
        raise ConfigError("--shell {}: not in /etc/shells, expected one of {}".format(
            shell, ", ".join(allowed)))


def _method(host):
    """Return how this system hashes new passwords, as chpasswd calls it."""
    try:
        lines = host.read_file("/etc/login.defs").decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        lines = []
    found = [line.split()[1] for line in lines if re.match(r"\s*ENCRYPT_METHOD\s+\w", line)]
    return found[-1] if found and found[-1] in METHODS else METHODS[0]
