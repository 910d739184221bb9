"""The desired state of a server, on one page: settings + registry + vault -> ordered resources.

Pure. Order is the order of work; a resource `needs` only what stands above it.
"""

from typing import Dict, NamedTuple, Tuple

from . import environment, site_kept
from .accounts import AccountSet
from .kept import Found
from .registry import Registry
from .resources.account import Account, DirectoryAccount, Membership, UnrecordedAccount
from .resources.directory import Directory, SharedDirectory
from .resources.file import ManagedFile, PlainFile, SeedFile, SudoersFile
from .resources.group import Group, UnrecordedGroup
from .resources.home import AdoptingHomeLink, HomeFolder, HomeLink, NewHome
from .resources.pam import PamProfile
from .resources.records import AccountRecords, RegistryLines
from .resources.shared_tree import SharedSecrets, SharedTree, Stray
from .resources.subids import SubordinateIds
from .resources.unit import Unit
from .settings import Settings, render_site

SHARED = (
    "cache/conda/pkgs", "cache/pip", "cache/npm", "cache/yarn", "cache/python", "cache/uv",
    "models/torch", "models/huggingface", "models/huggingface/hub", "models/huggingface/datasets",
    "models/comfyui", "models/flux", "dataset", "code",
)
# Folders above the shared ones: what lies below them is renamed by root only.
TRUNKS = ("cache", "cache/conda", "models", "apps")

PROFILE = "/etc/profile.d/global_envs.sh"
SUDOERS = "/etc/sudoers.d/aica-datakeeper"
MEMBER_GROUPS = "/etc/aica/member-groups"
PAM_ENV = "/etc/aica/pam_env.conf"
NOTICE = "/run/aica/notice"
DROP_IN = "/etc/systemd/system/aica-recovery.service.d/data-disk.conf"

CLEAN_CACHE = "/usr/sbin/aica-clean-cache"
CLEAN_TARGETS = ("--all", "--conda", "--pip", "--torch", "--hf")

UNITS = (
    ("aica-recovery.service", ("multi-user.target",)),
    ("aica-early.service", ("multi-user.target",)),
    ("aica-record.path", ("multi-user.target",)),
    ("aica-record.timer", ("timers.target",)),
    ("aica-shutdown.service", ("multi-user.target",)),
    ("aica-maintenance.timer", ("timers.target",)),
)
STEPS = ("group", "storage", "folders", "environment", "sudoers", "pam", "conda", "uv", "units")


class Site(NamedTuple):
    """Everything that the desired state is made from.

    vault is what the account records shall say, directory_users the (uid,
    gid) of registered names that only a directory service knows, looks how
    the accounts that were seen right in this boot look now (see seen.py),
    kept what there is to keep besides (see kept.py), host_keys whether that
    includes them.
    """

    settings: Settings = Settings()
    registry: Registry = Registry()
    registry_data: bytes = b""
    vault: AccountSet = AccountSet({}, {}, {})
    variables: Tuple = ()
    keep_passwords: bool = True
    id_range: Tuple[int, int] = (1000, 60000)
    directory_users: Dict[str, Tuple[int, int]] = {}
    looks: Dict[str, Dict] = {}
    kept: Found = Found()
    host_keys: bool = True


def recovery(site):
    """Return what recover and check walk through: the whole server."""
    resources = [RegistryLines(site.settings.users_txt, site.registry.problems)]
    resources += chain(site.settings) + site_kept.early(site) + groups(site) + records(site)
    for entry in site.registry.entries:
        resources += user(site, entry)
    return _unique(resources + folders(site) + environment_files(site)
                   + sudoers(site, needs=["group:" + site.settings.group])
                   + pam(site) + units(site))


def users(site, entries):
    """Return what `aica recover --user` walks through: the groups and these users only."""
    resources = groups(site)
    for entry in entries:
        resources += user(site, entry)
    return _unique(resources)


def _unique(resources):
    """Two users may have the same primary group: it stands once, where it is needed first."""
    first = {}
    for resource in resources:
        first.setdefault(resource.id, resource)
    return list(first.values())


def setup(site, skip=()):
    """Return what `aica setup` walks through: it also creates what recovery relies on."""
    steps = {
        "group": groups, "storage": storage, "folders": folders, "sudoers": sudoers,
        "environment": environment_files, "pam": pam, "units": units,
    }
    # The records are part of storage, but need the groups that they name.
    resources = []
    for step in ("storage", "group", "folders", "environment", "sudoers", "pam", "units"):
        if step not in skip:
            resources += steps[step](site)
        if step == "group" and "storage" not in skip:
            resources += records(site)
            resources += accounts(site) if "group" not in skip else []
            resources += site_kept.copies(site)
    return _unique(resources)


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
    resources = [AccountRecords(settings.vault, site.vault, erase)]
    if not site.registry.problems:
        resources.append(PlainFile(settings.state + "/users.txt", site.registry_data))
    return resources


def all_records(site):
    """What `aica record` brings up to date on /data; it changes nothing on the system disk."""
    return _unique(records(site) + site_kept.copies(site))


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
    home = HomeFolder(_home_folder(site, entry.name), entry.name, ids[0],
                      _home_gid(site, ids[1]), needs=need)
    return resources + [home, HomeLink(_home(site, entry.name), home.name, entry.name,
                                       entry.group, needs=[home.id])] + site_kept.jobs(
                                           site, entry, need)


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
    return [SubordinateIds(name, *ranges, needs=needs)] if any(ranges) else []


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
    dropped = [group for group in recorded
               if group not in settings.keep_groups and group not in settings.member_groups]
    return Membership(entry.name, [entry.group], kept, dropped, needs)


def new_user(site, entry, uid, gid):
    """What `aica user setup` walks through for an account that exists: membership, home, link."""
    name = entry.name
    home = NewHome(_home_folder(site, name), name, uid, _home_gid(site, gid))
    link = AdoptingHomeLink(_home(site, name), home.name, name, entry.group, needs=[home.id])
    return [Membership(name, [entry.group]), home, link]


def _home(site, name):
    return "{}/{}".format(site.settings.home, name)


def _home_folder(site, name):
    return "{}/{}".format(site.settings.users, name)


def _home_gid(site, private_gid):
    group = site.vault.group.get(site.settings.group)
    shared = site.settings.home_group == "shared" and group is not None
    return group.gid if shared else private_gid


def chain(settings):
    """The chain of trust on /data: what lies here is obeyed by root."""
    public = [Directory(path, 0o755) for path in (settings.data, settings.config, settings.users)]
    return public + [Directory(path, 0o700) for path in (settings.vault, settings.state)]


def storage(site):
    """The site's file, which marks the disk, and the registry: written once."""
    settings = site.settings
    return [
        SeedFile(settings.site_conf, render_site(settings).encode("utf-8"), 0o644),
        SeedFile(settings.users_txt, site.registry_data, 0o644),
    ]


def folders(site):
    """The shared caches, models, datasets and code."""
    settings = site.settings
    if settings.group not in site.vault.group:
        return []
    gid = site.vault.group[settings.group].gid
    trunks = [Directory("{}/{}".format(settings.data, path), 0o755) for path in TRUNKS]
    shared = [SharedDirectory("{}/{}".format(settings.data, path), settings.group, gid,
                              _nested(path))
              for path in SHARED]
    return trunks + shared


def _nested(path):
    return any(path.startswith(other + "/") for other in SHARED)


def shared_trees(site, shallow=0, tick=None):
    """Everything that members keep in the shared folders: slow, so never walked at boot."""
    if site.settings.group not in site.vault.group:
        return []
    gid = site.vault.group[site.settings.group].gid
    tops = ["{}/{}".format(site.settings.data, path) for path in SHARED if not _nested(path)]
    return [SharedTree(top, top, gid, shallow, tick) for top in tops]


def sharing(site, shallow=0, tick=None):
    """What `aica check` wants to know of the shared folders beyond their own modes."""
    trees = shared_trees(site, shallow, tick)
    return strays(site) + trees + [SharedSecrets(tree) for tree in trees]


def strays(site):
    """What programs put into a shared HF_HOME, and one must not find there."""
    home = site.settings.data + "/models/huggingface/"
    login = "everybody who can read it can act as its owner at huggingface.co"
    again = "its owner should revoke it and run: hf auth login; then remove {0}"
    return [Stray(home + name, login, again.format(home + name))
            for name in ("token", "stored_tokens")] + [
        Stray(home + "modules", "Python imports code from it, whoever wrote it",
              "programs started with aica's environment use ~/.cache; then remove {}modules".format(
                  home))]


def environment_files(site):
    """The variables and the umask of members: for shells, for people, and for PAM."""
    settings = site.settings
    public = [ManagedFile(settings.config + "/global_env.sh",
                          environment.render_global_env(site.variables), _local(settings))]
    return public + system_files(site)


def system_files(site):
    """The part of environment_files() that lies on the system disk."""
    settings = site.settings
    return [
        ManagedFile(PROFILE, environment.render_profile(
            site.variables, NOTICE, settings.home),
                    _local(settings)),
        ManagedFile(MEMBER_GROUPS, environment.render_member_groups(settings.member_groups),
                    "[site] group and allowed_groups in {}".format(settings.site_conf)),
        ManagedFile(PAM_ENV, environment.render_pam_env(site.variables), _local(settings)),
    ]


def _local(settings):
    return settings.config + "/global_env.local.sh"


def sudoers(site, needs=()):
    """The rules that let members clean caches and look at the disks, word for word.

    needs: the group, where it is looked at too. Somebody else's group of that
    name must not get rights.
    """
    return [SudoersFile(SUDOERS, render_sudoers(site.settings),
                        "files of your own in /etc/sudoers.d", 0o440, needs)]


def render_sudoers(settings):
    """Return the body of our sudoers file.

    Arguments are pinned: df with any argument would tell what exists inside
    other people's homes, and a program of ours takes no path from a member.
    """
    clean = ['{} ""'.format(CLEAN_CACHE), CLEAN_CACHE + " --help"]
    for target in CLEAN_TARGETS:
        clean += ["{} {}{}".format(CLEAN_CACHE, target, more)
                  for more in ("", " --dry-run", " --yes")]
    look = ["/usr/bin/df -h {}".format(path) for path in (settings.data, settings.backup)]
    return (
        "Cmnd_Alias AICA_CLEAN = \\\n    {}\n".format(", \\\n    ".join(clean))
        + "Cmnd_Alias AICA_DF = \\\n    {}\n".format(", \\\n    ".join(look))
        + "%{} ALL=(root) NOPASSWD: AICA_CLEAN, AICA_DF\n".format(settings.group))


def pam(_site):
    """The PAM profile that the package brings."""
    return [PamProfile("aica-datakeeper")]


def units(site):
    """The units that run the recovery and follow account changes."""
    mount = mount_unit(site.settings.data)
    resources = []
    if site.settings.data != Settings().data:
        resources.append(ManagedFile(
            DROP_IN, "[Unit]\nWants={0}\nAfter={0}\n".format(mount),
            "[paths] data in /etc/aica/aica.conf"))
    for name, targets in UNITS:
        wanted_by = targets + ((mount,) if name == "aica-recovery.service" else ())
        resources.append(Unit(name, wanted_by))
    return resources


def mount_unit(path):
    """Return the name of the systemd mount unit of a path: systemd.unit(5), "string escaping"."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."
    name = path.strip("/").encode("utf-8", "surrogateescape")

    def escaped(place, byte):
        if byte == ord("/"):
            return "-"
        literal = byte in plain and (place > 0 or byte != ord("."))
        return chr(byte) if literal else "\\x{:02x}".format(byte)
    return "".join(escaped(*pair) for pair in enumerate(name)) + ".mount"
