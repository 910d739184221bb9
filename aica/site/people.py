"""Desired state: groups, accounts, memberships, homes, and their records on /data. Pure."""

from typing import NamedTuple, Optional, Tuple

from ..accounts import Passwd
from ..registry import Entry
from ..resources.account import Account, DirectoryAccount, Membership, UnrecordedAccount
from ..resources.conda_user import CondaUser
from ..resources.directory import Directory
from ..resources.file import PlainFile
from ..resources.group import Group, UnrecordedGroup
from ..resources.home import AdoptingHomeLink, HomeFolder, HomeLink, NewHome
from ..resources.home_move import HomeMove
from ..resources.joining import AuthorizedKeys, FirstPassword
from ..resources.leaving import (
    REMOVED,
    LockedAccount,
    NoAccount,
    NoHome,
    NoJobs,
    NoLink,
    NoNewHome,
    NoProcesses,
    NoRecord,
    NothingCameBack,
)
from ..resources.records import AccountRecords, RegistryEntry
from ..resources.subids import SubordinateIds
from . import guards, kept


class Newcomer(NamedTuple):
    """Somebody who is to get an account: a Passwd, and what comes with it.

    subids are the ranges for subuid and those for subgid, keys ssh_keys.Keys,
    password is text or None, method how it is hashed (login.defs: ENCRYPT_METHOD).
    """

    user: Passwd
    private_group: str
    subids: Tuple[Tuple[str, ...], Tuple[str, ...]] = ((), ())
    keys: Tuple = ()
    password: Optional[str] = None
    must_change: bool = False
    method: str = "SHA512"

    def __repr__(self):
        return "Newcomer({!r})".format(self.user)

    @property
    def key_lines(self):
        """The keys as lines of authorized_keys."""
        return tuple(key.line for key in self.keys)


def groups(site):
    """The site's group and the allowed ones, with the gids that were recorded."""
    known = site.vault.group
    return [Group(name, known[name].gid) if name in known
            else UnrecordedGroup(name, required=name == site.settings.group)
            for name in site.settings.member_groups]


def records(site):
    """The vault, and the registry's last known good copy."""
    settings = site.settings
    erase = settings.keep_passwords == "no"
    resources = [AccountRecords(settings.vault, site.vault, erase, based_on=site.recorded)]
    if not site.registry.problems:
        resources.append(PlainFile(settings.state + "/users.txt", site.registry_data))
    return resources


def user(site, entry):
    """One registered user: private group, account, memberships, home, link."""
    known = site.vault.passwd.get(entry.name)
    if known is not None:
        account = _account(site, known)
        ids = (known.uid, known.gid)
    elif entry.name in site.directory_users:
        ids = site.directory_users[entry.name]
        account = [DirectoryAccount(entry.name, ids[0])]
    else:
        return [UnrecordedAccount(entry.name)]
    need = [account[-1].id]
    resources = account
    if known is not None:
        group = "group:" + entry.group
        resources = resources + [membership(site, entry, needs=need + [group])]
        resources += _subids(site, entry.name, need)
    else:
        resources = resources + [Membership(entry.name, [entry.group],
                                            needs=need + ["group:" + entry.group])]
    home = HomeFolder(_home_folder(site, entry.name), entry.name, ids[0], home_gid(site, ids[1]),
                      needs=need, link=_home(site, entry.name), group=entry.group)
    link = HomeLink(home.link, home.name, entry.name, entry.group, needs=[home.id])
    label = guards.home(site, entry.name, home, ids)
    return resources + [home] + label + [link]


def jobs(site, entries):
    """What registered users let run without being logged in.

    After everything else: how much of it there is to restore is the users' to say, and
    nobody's account may wait for that.
    """
    resources = []
    for entry in entries:
        resources += kept.jobs(site, entry, needs=["account:" + entry.name])
    return resources


def accounts(site):
    """The accounts and memberships of everybody who is registered and recorded."""
    resources = []
    for entry in site.registry.entries:
        if entry.name in site.vault.passwd:
            account = _account(site, site.vault.passwd[entry.name])
            needs = [account[-1].id, "group:" + entry.group]
            resources += account + [membership(site, entry, needs)]
    return resources


def _account(site, known):
    """The account and, unless it is a site group, its primary group."""
    name, vault = site.vault.name_of_gid(known.gid), site.vault
    group, needs = [], []
    if name is not None:
        needs = ["group:" + name]
        if name not in site.settings.member_groups:
            group = [Group(name, known.gid)]
    return group + [Account(
        known, vault.shadow.get(known.name), site.id_range, needs=needs,
        keep_password=site.keep_passwords, seen_right=known.name in site.looks,
        flaw=_flaw(site, known, name))]


def _subids(site, name, needs):
    """The subordinate ids, for those who have some."""
    ranges = [getattr(site.vault, field).get(name, ()) for field in ("subuid", "subgid")]
    users, groups = site.vault.passwd.values(), site.vault.group.values()
    taken = ({user.uid for user in users},
             {user.gid for user in users} | {group.gid for group in groups})
    return [SubordinateIds(name, *ranges, needs=needs, taken=taken)] if any(ranges) else []


def _flaw(site, known, group):
    """Return what forbids to restore an account from its record, "" if nothing does."""
    low, high = site.id_range
    if group is None:
        return "its primary group, gid {}, is not recorded".format(known.gid)
    if group not in site.settings.shared_groups and not low <= known.gid <= high:
        return "its primary group {} is a system group".format(group)
    if site.keep_passwords and known.name not in site.vault.shadow:
        return "its password is not recorded"
    return ""


def membership(site, entry, needs=()):
    """The groups that the registry names and, of those recorded, the ones that are kept."""
    recorded = site.vault.groups_of(entry.name)
    settings = site.settings
    kept = [group for group in recorded
            if group in settings.keep_groups and group != entry.group]
    dropped = settings.not_kept(recorded)
    return Membership(entry.name, [entry.group], kept, dropped, needs)


def new_user(site, entry, uid, gid, while_running=False):
    """What `aica user setup` walks through for an account that exists: membership, home, link.

    while_running: a home with content moves although processes of the user may write to it.
    """
    name = entry.name
    move = HomeMove(_home(site, name), _home_folder(site, name), name, uid, gid, while_running,
                    known=site.vault)
    home = NewHome(move.data, name, uid, home_gid(site, gid))
    link = AdoptingHomeLink(move.name, home.name, name, entry.group, needs=[home.id])
    label = guards.home(site, name, home, (uid, gid))
    return [Membership(name, [entry.group]), move, home] + label + [link]


def home(site, entry, user, create=False):
    """The home of a registered user, a Passwd, and its link: `aica user home`."""
    kind = NewHome if create else HomeFolder
    folder = kind(_home_folder(site, user.name), user.name, user.uid, home_gid(site, user.gid))
    label = guards.home(site, user.name, folder, (user.uid, user.gid))
    return [folder] + label + [HomeLink(_home(site, user.name), folder.name, user.name,
                                        entry.group, needs=[folder.id])]


def conda(site, entry, user):
    """What conda needs in a home that is as it should be: `aica user conda`."""
    folder = home(site, entry, user)[0]
    return [folder, CondaUser(folder.name, user.uid, user.gid,
                              site.settings.data + "/cache/conda/pkgs", needs=[folder.id])]


def new_member(site, entry, newcomer):
    """What `aica user add` walks through: everything of a Newcomer but records and registry."""
    user, name = newcomer.user, entry.name
    account = Account(user, None, site.id_range, needs=["group:" + newcomer.private_group])
    need = [account.id]
    resources = [Group(newcomer.private_group, user.gid), account,
                 membership(site, entry, needs=need)]
    if any(newcomer.subids):
        resources.append(SubordinateIds(name, *newcomer.subids, needs=need))
    home = NewHome(_home_folder(site, name), name, user.uid, home_gid(site, user.gid), needs=need)
    link = HomeLink(_home(site, name), home.name, name, entry.group, needs=[home.id])
    resources += [home, link]
    if newcomer.keys:
        resources.append(AuthorizedKeys(home.name, user.uid, user.gid, newcomer.keys,
                                        needs=[home.id]))
    resources += guards.home(site, name, home, (user.uid, user.gid))
    return resources + [FirstPassword(name, newcomer.password, newcomer.must_change,
                                      newcomer.method, needs=need)]


def no_member(site, entry, newcomer, keep_home=False, keep_record=False):
    """What undoes new_member(), and the record and the line that came after it."""
    user, name, settings = newcomer.user, entry.name, site.settings
    account = NoAccount(name, user.uid, user.gid)
    home = NoNewHome(_home_folder(site, name), user.uid, user.gid, newcomer.key_lines,
                     needs=[account.id])
    resources = [RegistryEntry(settings.users_txt, name, None), account,
                 NoLink(_home(site, name), home.name)]
    resources += [] if keep_home else [home]
    return resources + ([] if keep_record else [NoRecord(settings.vault, name, user.gid,
                                                         needs=[account.id])])


def leaver(site, name, user, keep_home=False, end=False):
    """What `aica user remove` walks through, for the Passwd of who leaves.

    The line in users.txt goes early: whatever comes between, no boot restores
    the account any more. What runs is ended before the jobs are taken away: it
    could put them back.
    """
    settings = site.settings
    reserved = AccountRecords(settings.vault, site.vault, settings.keep_passwords == "no",
                              based_on=site.recorded)
    lock = LockedAccount(name, needs=[reserved.id])
    copies = kept.jobs(site, Entry(name, ""), restores=False)
    line = RegistryEntry(settings.users_txt, name, None,
                         needs=[lock.id] + [copy.id for copy in copies])
    processes = NoProcesses(name, user.uid, site.vault, site.id_range, end, needs=[line.id])
    jobs = NoJobs(name, user.uid, site.kept.spool, site.kept.at_spool, settings.jobs,
                  needs=[processes.id])
    quiet = NothingCameBack(processes, jobs, needs=[processes.id, jobs.id])
    account = NoAccount(name, user.uid, user.gid, processes, needs=[quiet.id])
    link = NoLink(_home(site, name), _home_folder(site, name), needs=[account.id])
    resources = [reserved, lock] + copies + [line, processes, jobs, quiet, account, link]
    if keep_home:
        return resources
    removed = Directory("{}/{}".format(settings.users, REMOVED), 0o700)
    return resources + [removed, NoHome(_home_folder(site, name), user.uid,
                                        needs=[account.id, removed.id])]


def _home(site, name):
    return "{}/{}".format(site.settings.home, name)


def _home_folder(site, name):
    return "{}/{}".format(site.settings.users, name)


def home_gid(site, private_gid):
    """Return the group of somebody's home: the private one, or the site's ([accounts] home_group)."""
    group = site.vault.group.get(site.settings.group)
    shared = site.settings.home_group == "shared" and group is not None
    return group.gid if shared else private_gid
