"""The configuration files -> Settings.

/etc/aica/aica.conf says where things are, /data/config/aica.conf says what
the site wants and wins. Errors name file, section, key and value; unknown
keys only warn, because the image may hold an older package than the one that
wrote the site's file.
"""

import configparser
import re
from typing import NamedTuple, Tuple

from . import settings_apps
from .errors import ConfigError

ETC_CONF = "/etc/aica/aica.conf"
DEFAULT_GROUP = "gpu-users"


class Settings(NamedTuple):
    """What the site wants. Paths are absolute, groups are names."""

    data: str = "/data"
    backup: str = "/backup"
    home: str = "/home"
    group: str = DEFAULT_GROUP
    allowed_groups: Tuple[str, ...] = ()
    contact: str = ""
    require_mount: bool = True
    several_hosts: str = "auto"
    home_group: str = "private"
    keep_groups: Tuple[str, ...] = ("users", "video", "render")
    keep_passwords: str = "auto"
    allow_dots: bool = False
    keep_host_keys: str = "auto"
    keep_files: Tuple[str, ...] = ()
    clean_member_days: int = 14
    backup_exclude: Tuple[str, ...] = ("/.cache/",)
    backup_daily: int = 7
    backup_weekly: int = 4
    backup_monthly: int = 6
    backup_timer: bool = False
    alert_disks: Tuple[str, ...] = ()
    alert_warning: int = 80
    alert_critical: int = 90
    alert_hysteresis: int = 5
    alert_restore: Tuple[str, ...] = ()
    cache_shared: Tuple[str, ...] = ("conda",)
    conda_install: str = "no"
    conda_channels: Tuple[str, ...] = ("conda-forge",)
    conda_version: str = ""
    conda_url: str = ""
    conda_sha256_x86_64: str = ""
    conda_sha256_aarch64: str = ""
    uv_install: bool = False
    uv_version: str = ""
    uv_index: str = ""
    tui_theme: str = "auto"
    warnings: Tuple[str, ...] = ()

    @property
    def config(self):
        """The folder that root obeys."""
        return self.data + "/config"

    @property
    def site_conf(self):
        """The site's own settings; its presence proves that /data is really there."""
        return self.config + "/aica.conf"

    @property
    def users_txt(self):
        """The registry: who shall exist."""
        return self.config + "/users.txt"

    @property
    def vault(self):
        """The folder of the account records: what they are."""
        return self.config + "/accounts"

    @property
    def ssh(self):
        """The folder of the SSH host keys."""
        return self.config + "/ssh"

    @property
    def keep(self):
        """The folder of the site's own files: [keep] files."""
        return self.config + "/keep"

    @property
    def jobs(self):
        """The folder of the users' crontabs, and of who lingers."""
        return self.config + "/jobs"

    @property
    def saved(self):
        """Where `aica volatile` advises to copy what nothing restores; for root alone."""
        return self.data + "/saved"

    @property
    def channels(self):
        """The folder of the alarm's channels: [alert] restore."""
        return self.config + "/alert.d"

    @property
    def bootstrap(self):
        """The folder of the package, for images that lose it, and of what installs it."""
        return self.config + "/bootstrap"

    @property
    def snapshots(self):
        """The folder of the snapshots on the backup disk."""
        return self.backup + "/users"

    @property
    def state(self):
        """What must outlive the SSD and is nobody's to edit."""
        return self.config + "/state"

    @property
    def users(self):
        """The folder of the homes."""
        return self.data + "/users"

    @property
    def shared_groups(self):
        """The groups that may be anybody's: nobody's private one."""
        return self.member_groups + self.keep_groups

    def not_kept(self, groups):
        """Return those of somebody's groups that no boot gives back: sudo, docker and their like."""
        return [group for group in groups if group not in self.shared_groups]

    @property
    def member_groups(self):
        """The groups a registered user may have: the site's and the allowed ones."""
        return (self.group,) + tuple(g for g in self.allowed_groups if g != self.group)


def _text(value):
    return value


def _path(value):
    # It ends up in sudo rules, unit files, shells and PAM, each with wildcards of its own.
    if not re.match(r"(/[A-Za-z0-9._-]+)+\Z", value) or {"..", "."} & set(value.split("/")):
        raise ValueError("an absolute path of letters, digits, '.', '_' and '-', without "
                         "'.', '..' or a final '/'")
    return value


def _group(value):
    if not re.match(r"[a-z_][a-z0-9_-]{0,31}\Z", value):
        raise ValueError("a group name ([a-z_][a-z0-9_-]*, at most 32 characters)")
    return value


def _groups(value):
    return tuple(_group(name) for name in value.replace(",", " ").split())


# What has its own way to survive, or would be a way around it.
NOT_KEPT = re.compile(
    r"/etc/((passwd|shadow|group|gshadow|subuid|subgid)-?\Z|sudoers\Z|sudoers\.d/aica-|aica/"
    r"|profile\.d/global_envs\.sh\Z|apparmor\.d/tunables/home\.d/aica-|systemd/system/aica-"
    r"|ssh/ssh_host_)")


def _is_plain(path):
    plain = re.match(r"/(etc|usr/local)(/[A-Za-z0-9._@+-]+)+\Z", path)
    return bool(plain) and not {"..", "."} & set(path.split("/"))


def keepable(path):
    """True if [keep] files may name this path."""
    return _is_plain(path) and not NOT_KEPT.match(path)


def _files(value):
    paths = tuple(dict.fromkeys(value.replace(",", " ").split()))
    for path in paths:
        if not _is_plain(path):
            raise ValueError("whole files below /etc or /usr/local, without wildcards, not "
                             "{!r}".format(path))
        if NOT_KEPT.match(path):
            raise ValueError("files that aica does not keep by other means, not {!r}".format(path))
    return paths


def _days(value):
    if not re.match(r"[1-9][0-9]{0,4}\Z", value):
        raise ValueError("a number of days, 1 or more")
    return int(value)


def _disks(value):
    return tuple(dict.fromkeys(path if path == "/" else _path(path)
                               for path in value.replace(",", " ").split()))


def _channels(value):
    names = tuple(dict.fromkeys(value.replace(",", " ").split()))
    for name in names:
        if not re.match(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}\Z", name):
            raise ValueError("names of files, without a path, not {!r}".format(name))
    return names


def _percent(low):
    def parse(value):
        if not re.match(r"[0-9]{1,3}%?\Z", value) or not low <= int(value.rstrip("%")) <= 100:
            raise ValueError("a percentage from {} to 100".format(low))
        return int(value.rstrip("%"))
    return parse


def _yes_no(value):
    if value.lower() not in ("yes", "no"):
        raise ValueError("yes or no")
    return value.lower() == "yes"


def _one_of(*words):
    def parse(value):
        if value not in words:
            raise ValueError("one of: " + ", ".join(words))
        return value
    return parse


def _patterns(value):
    patterns = tuple(dict.fromkeys(value.replace(",", " ").split()))
    for pattern in patterns:
        if not re.match(r"[A-Za-z0-9._@+*?/\[\]^-]+\Z", pattern) or pattern.strip("/*") == "":
            raise ValueError("patterns of rsync(1) such as /.cache/ or *.ckpt, separated by "
                             "spaces, not {!r}".format(pattern))
    return patterns


def _count(least):
    def parse(value):
        if not re.match(r"[0-9]{1,4}\Z", value) or int(value) < least:
            raise ValueError("a number from {} to 9999".format(least))
        return int(value)
    return parse


# section -> key -> (field of Settings, parser)
ETC_KEYS = {
    "paths": {"data": ("data", _path), "backup": ("backup", _path), "home": ("home", _path)},
}
SITE_KEYS = {
    "site": {"group": ("group", _group), "allowed_groups": ("allowed_groups", _groups),
             "contact": ("contact", _text)},
    "storage": {"require_mount": ("require_mount", _yes_no),
                "several_hosts": ("several_hosts", _one_of("auto", "yes", "no"))},
    "accounts": {"home_group": ("home_group", _one_of("private", "shared")),
                 "keep_groups": ("keep_groups", _groups),
                 "keep_passwords": ("keep_passwords", _one_of("auto", "yes", "no")),
                 "allow_dots": ("allow_dots", _yes_no)},
    "ssh": {"keep_host_keys": ("keep_host_keys", _one_of("auto", "yes", "no"))},
    "keep": {"files": ("keep_files", _files)},
    "clean": {"member_min_age_days": ("clean_member_days", _days)},
    "backup": {"exclude": ("backup_exclude", _patterns),
               "keep_daily": ("backup_daily", _count(1)),
               "keep_weekly": ("backup_weekly", _count(0)),
               "keep_monthly": ("backup_monthly", _count(0)),
               "timer": ("backup_timer", _yes_no)},
    "alert": {"disks": ("alert_disks", _disks), "warning": ("alert_warning", _percent(1)),
              "critical": ("alert_critical", _percent(1)),
              "hysteresis": ("alert_hysteresis", _percent(0)),
              "restore": ("alert_restore", _channels)},
    "cache": settings_apps.CACHE,
    "conda": dict(settings_apps.CONDA, install=("conda_install", _one_of(*settings_apps.INSTALL))),
    "uv": dict(settings_apps.UV, install=("uv_install", _yes_no)),
    "tui": settings_apps.TUI,
}


def with_etc(text, path=ETC_CONF):
    """Return the settings that the text of /etc/aica/aica.conf makes."""
    return _apply(Settings(), text, path, ETC_KEYS)


def with_site(text, settings):
    """Return settings changed by the text of /data/config/aica.conf."""
    return _apply(settings, text, settings.site_conf, SITE_KEYS)


def _apply(settings, text, path, keys):
    parser = configparser.ConfigParser(interpolation=None, default_section="\n")
    try:
        parser.read_string(text, source=path)
    except configparser.Error as error:
        raise ConfigError(str(error).replace("\n", " "), hint="correct {}".format(path))
    warnings = list(settings.warnings)
    values = {}
    for section in parser.sections():
        for key, value in parser.items(section):
            if key not in keys.get(section, {}):
                warnings.append("{}: [{}] {} is unknown: ignored".format(path, section, key))
                continue
            field, parse = keys[section][key]
            values[field] = _parsed(parse, value, path, section, key)
    return settings._replace(warnings=tuple(warnings), **values)


def _parsed(parse, value, path, section, key):
    try:
        return parse(value)
    except ValueError as error:
        raise ConfigError(
            "{}: [{}] {} = {!r}: expected {}".format(path, section, key, value, error),
            hint="correct {}".format(path))


def parse_id_range(text):
    """Return (UID_MIN, UID_MAX) of a login.defs; 1000 and 60000 where it is silent."""
    found = {"UID_MIN": 1000, "UID_MAX": 60000}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] in found and words[1].isdecimal():
            found[words[0]] = int(words[1])
    return found["UID_MIN"], found["UID_MAX"]
