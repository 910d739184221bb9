"""`aica user remove`: somebody leaves. The account goes, the ids stay reserved, no file is lost."""

from typing import NamedTuple, Tuple

from .. import ids, registry, report, to_keep, vault
from ..accounts import Passwd
from ..engine import converge
from ..errors import ConfigError, Conflict
from ..resources.leaving import REMOVED, NoProcesses, in_words
from ..site.people import leaver
from . import common, journal, logins, signals

# So long an admin waits for the size of a home before it is called "more than".
SIZE_BUDGET_S = 5.0


class Farewell(NamedTuple):
    """What an admin should know before somebody is removed. size_bytes is None without a home."""

    name: str
    uid: int
    account: str
    registered: bool
    home: str
    size_bytes: object
    size_complete: bool
    last_login: str
    processes: Tuple[str, ...]
    jobs: Tuple[str, ...]


def plan_removal(app, name, keep_home=False, end=False):
    """Return the Farewell of a name.

    Raise ConfigError if nothing of that name can be removed, Conflict while
    it has processes that nobody said to end.
    """
    host = app.host(read_only=True)
    desired = common.open_site(app, host)
    user, account = _who(app, host, desired, name)
    running = _refuse_running(host, desired, user, end)
    home = _home(host, desired, user, keep_home)
    stands = bool(home) and host.lstat(home).kind == "folder"
    size, _, complete = host.measure(home, SIZE_BUDGET_S) if stands else (None, 0, True)
    return Farewell(
        name, user.uid, account, desired.registry.get(name) is not None, home,
        size, complete, logins.read(host, desired.settings).get(name, ""),
        tuple("{} ({})".format(one.name, one.pid) for one in running),
        tuple(what for what, there in (
            ("crontab", name in desired.kept.crontabs),
            ("lingering", name in desired.kept.lingering),
            ("jobs of at", desired.kept.jobs_of(name, user.uid))) if there))


def _who(app, host, desired, name):
    """Return (Passwd, "local", "directory" or "none") of who is to be removed."""
    registry.check_name(name, app.rules(host, desired.settings))
    here, known = host.accounts().passwd.get(name), desired.vault.passwd.get(name)
    found = host.directory_user(name)
    if here is not None:
        low, high = desired.id_range
        if not low <= here.uid <= high:
            raise ConfigError("{} has uid {}: not one of the people here ({}..{})".format(
                name, here.uid, low, high))
        return here, "local"
    if found is not None:
        return Passwd(name, found[0], found[1], "", "", ""), "directory"
    if known is None and name in journal.unfinished(host, desired.settings):
        return journal.read(host, desired.settings, name).newcomer.user, "none"
    if known is None:
        raise ConfigError("{!r} is neither registered nor has an account here".format(name)
                          if desired.registry.get(name) is None else
                          "{} has no account and no record here".format(name),
                          hint="aica user list; aica user unregister NAME")
    _refuse_gone(host, desired, name)
    return known, "none"


def _refuse_gone(host, desired, name):
    """Raise ConfigError if somebody was removed already, and say where the home is."""
    places = (common.home_of(desired, name), "{}/{}".format(desired.settings.users, name))
    if desired.registry.get(name) is None and not any(host.lstat(place) for place in places):
        folder = "{}/{}".format(desired.settings.users, REMOVED)
        kept_homes = [home for home in host.names(folder) if home.startswith(name + "-")]
        raise ConfigError("{} was removed already".format(name), hint="; ".join(
            "{}/{}".format(folder, home) for home in kept_homes) or "its ids stay reserved")


def _home(host, desired, user, keep):
    """Return the path of a home, "" if there is none. Raise Conflict if it cannot be moved."""
    home = "{}/{}".format(desired.settings.users, user.name)
    info = host.lstat(home)
    if info is None:
        return ""
    if not keep and (info.kind != "folder" or info.uid != user.uid):
        raise Conflict("{} is a {} of uid {}, expected a folder of uid {}".format(
            home, info.kind, info.uid, user.uid),
            hint="look inside; to leave it where it is: aica user remove {} --keep-home".format(
                user.name))
    if not keep and info.device != host.lstat(desired.settings.users).device:
        raise Conflict("{} is a disk of its own and cannot be moved".format(home),
                       hint="umount {0}, or: aica user remove {1} --keep-home".format(
                           home, user.name))
    return home


def _refuse_running(host, desired, user, end):
    """Return the processes of who leaves, those in containers too."""
    running = host.processes(user.uid, ids.subuids_of(
        user.name, user.uid, host.accounts(), desired.vault))
    ours = set(host.ancestors()) & {one.pid for one in running}
    if ours:
        raise Conflict("you are logged in as {} yourself: process {}".format(
            user.name, min(ours)), hint="log in as somebody else")
    if not end and (running or _runs_unseen(host, desired, user)):
        raise Conflict(in_words(user.name, running) if running else
                       "something of {} forks all the time: nobody can count it".format(user.name),
                       hint="wait for them, or end them: aica user remove {} "
                            "--end-processes".format(user.name))
    return running


def _runs_unseen(host, desired, user):
    who = NoProcesses(user.name, user.uid, desired.vault, desired.id_range)
    return who.is_sole(host) and host.runs_unseen(user.uid)


def remove(app, name, keep_home=False, end=False):
    """Yield the Outcomes of removing somebody. What is cut off is finished by a second run."""
    host = app.host()
    with app.locked(host, common.WAIT_S), signals.held():
        desired = common.open_site(app, host)
        user, account = _who(app, host, desired, name)
        _refuse_running(host, desired, user, end)
        _home(host, desired, user, keep_home)
        if account == "local":
            desired = desired._replace(vault=_reserved(host, desired, user))
        resources, outcomes = leaver(desired, name, user, keep_home, end), []
        for outcome in converge(resources, host):
            outcomes.append(outcome)
            yield outcome
            if signals.asked_to_stop():
                break
        if report.exit_status(outcomes) == 0:
            yield from common.refresh_copy(host, desired)
            to_keep.forget(host, name)
            if name in journal.unfinished(host, desired.settings):
                journal.remove(host, desired.settings, name)
        app.write_log(host, outcomes, report.exit_status(outcomes))


def _reserved(host, desired, user):
    """Return the vault in which the ids of an account are reserved, whoever recorded what."""
    known, after, name = desired.vault.passwd.get(user.name), desired.vault, user.name
    if known is None:
        after = vault.record(after, host.accounts(), name, common.home_of(desired, name),
                             desired.keep_passwords)
    elif (known.uid, known.gid) != (user.uid, user.gid):
        after = vault.reserve(after, user)
        name = vault.reserved_name(user.uid)
    return vault.reserve_subids(after, host.accounts(), user, name)
