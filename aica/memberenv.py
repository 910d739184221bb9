"""`aica env`: what the environment of whoever asks is, and where each part of it comes from.

Everything is looked at with the rights of the caller, and nothing is changed.
"""

import contextlib
import os
import re
from typing import NamedTuple

from . import environment, settings_apps, site
from .errors import AicaError, ConfigError
from .resources import conda, own_umask, uv

SYSTEM = "/etc/conda/.condarc"
OVERRIDING = ("pkgs_dirs", "envs_dirs", "channels", "envs_path")
UMASK = 0o002
DU_TIMEOUT_S = 60


class Row(NamedTuple):
    """One thing about the environment. kind is variable, setting, conda-env or warning.

    size_bytes is that of a conda environment, None if it could not be measured.
    """

    kind: str
    name: str
    value: str
    source: str
    size_bytes: object = None


class Caller(NamedTuple):
    """Who asks: home folder, variables and umask of the process."""

    home: str
    variables: dict
    umask: int
    uid: int


def caller():
    """Return the Caller that this process is."""
    umask = os.umask(0)
    os.umask(umask)
    uid = os.getuid()
    return Caller(os.environ.get("HOME", "/"), dict(os.environ), umask, uid)


class Environment:
    """What there is to say about the environment of a Caller."""

    def __init__(self, app, who):
        self.host = app.host(read_only=True, need_root=False)
        self.settings = app.settings(self.host)
        self.wanted = app.variables(self.host, self.settings)
        self.who = who

    def rows(self):
        """Return the Rows, warnings last."""
        return (self._variables() + self._settings() + self._conda_environments()
                + [Row("warning", name, text, hint) for name, text, hint in self._warnings()])

    def is_member(self):
        """True if the home is a link as members have it: only then our files concern one."""
        parent, name = os.path.split(self.who.home.rstrip("/"))
        info = self.host.lstat(self.who.home.rstrip("/")) if name else None
        return parent == self.settings.home and info is not None and info.kind == "symlink"

    def expected(self, variable):
        """Return the value that a Variable has for this user."""
        return environment.for_home(variable.value, self.who.home)

    # -- what there is ---------------------------------------------------

    def _variables(self):
        rows = []
        for variable in self.wanted:
            value = self.who.variables.get(variable.name)
            source = variable.source if value == self.expected(variable) else \
                "not set here; {} says {}".format(variable.source, self.expected(variable)) \
                if value is None else "your own; {} says {}".format(
                    variable.source, self.expected(variable))
            rows.append(Row("variable", variable.name, value, source))
        return rows

    def _settings(self):
        rows = [Row("setting", "umask", "{:03o}".format(self.who.umask),
                    "/etc/pam.d, /etc/profile.d" if self.who.umask == UMASK else "this session")]
        prefix, folder = settings_apps.prefix_of(self.settings), settings_apps.uv_of(self.settings)
        if self.host.lstat(prefix + "/bin/conda") is not None:
            rows.append(Row("setting", "conda", conda.version_in(self.host, prefix), prefix))
        version = self._uv_version(folder)
        if version:
            rows.append(Row("setting", "uv", version, folder))
        for path in (SYSTEM, self._condarc()):
            keys = self._keys_of(path)
            if keys:
                rows.append(Row("setting", "condarc", " ".join(keys), path))
        return rows

    def _uv_version(self, folder):
        try:
            return uv.current_version(self.host, folder)
        except AicaError:
            return None

    def _condarc(self):
        return self.who.home.rstrip("/") + "/.condarc"

    def _keys_of(self, path):
        """Return the keys that a .condarc sets: those at the left edge."""
        return re.findall(r"^([a-z_]+)\s*:", _text(self.host, path), re.M)

    def _conda_environments(self):
        rows = []
        for path in self._environment_paths():
            size = self._size_bytes(path)
            words = "size unknown" if size is None else "{:,} MiB".format(size >> 20)
            rows.append(Row("conda-env", os.path.basename(path), path, words, size))
        return rows

    def _environment_paths(self):
        """Return the folders of conda environments: those below envs_dirs, and those noted."""
        home = self.who.home.rstrip("/")
        found = []
        for folder in (home + "/conda/envs", home + "/.conda/envs"):
            with contextlib.suppress(OSError):  # not there, or not for the caller
                found += [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        noted = _text(self.host, home + "/.conda/environments.txt").splitlines()
        found += [path for path in noted if path.startswith("/")]
        seen = {}
        for path in found:
            if os.path.isdir(os.path.join(path, "conda-meta")):
                seen.setdefault(os.path.realpath(path), path)
        return list(seen.values())

    def _size_bytes(self, path):
        """Return the size on disk; packages that are linked into several count in each."""
        try:
            result = self.host.query(["du", "-skx", "--", os.path.realpath(path)],
                                     timeout_s=DU_TIMEOUT_S)
            return int(result.out.split()[0]) << 10
        except (AicaError, ValueError, IndexError):
            return None

    # -- what is wrong with it -------------------------------------------

    def _warnings(self):
        """Return (name, text, hint) of each."""
        if self.who.uid == 0:
            return [("root", "root gets none of these variables, and should run no conda", "")]
        if not self.is_member():
            return [("member", "your home {} is not a link below {}: you get none of this".format(
                self.who.home, self.settings.home),
                "an admin: aica user setup NAME {}".format(self.settings.group))]
        return (self._umask_warning() + self._token_warnings() + self._condarc_warnings()
                + self._variable_warnings())

    def _umask_warning(self):
        if self.who.umask & 0o020 == 0:
            return []
        folder = "{}/{}".format(self.settings.users, os.path.basename(self.who.home.rstrip("/")))
        place = own_umask.own_line(self.host, folder, self.who.uid)
        hint = "umask 002; and take umask {} out of {}".format(place[1], place[0]) if place else \
            "umask 002; no start-up file of yours sets it: an admin can run aica check"
        return [("umask", "umask {:03o}: the others cannot change what you make in the shared "
                 "folders".format(self.who.umask), hint)]

    def _token_warnings(self):
        home, found = self.settings.data + "/models/huggingface/", []
        for name in ("token", "stored_tokens"):
            if self.host.lstat(home + name) is not None:
                found.append(("token", "{}{}: who can read it can act as its owner".format(
                    home, name), "its owner: revoke it, hf auth login, rm {}{}".format(home, name)))
        path = self.who.variables.get("HF_TOKEN_PATH", "")
        shared = [self.settings.data + "/" + name for name in site.folders.SHARED]
        if any(path.startswith(folder + "/") for folder in shared):
            found.append(("token", "HF_TOKEN_PATH is in a shared folder: {}".format(path),
                          "unset it; tokens belong into your home"))
        return found

    def _condarc_warnings(self):
        path = self._condarc()
        keys = [key for key in self._keys_of(path) if key in OVERRIDING]
        if "pkgs_dirs" in keys and "conda" in self.settings.cache_shared:
            return [("condarc", "{} sets pkgs_dirs, which comes before the shared package "
                     "cache".format(path), "conda config --show-sources; take the lines out")]
        return []

    def _variable_warnings(self):
        found = []
        for variable in self.wanted:
            value = self.who.variables.get(variable.name)
            if value is None:
                found.append(("variable", "{} is not set in this session".format(variable.name),
                              "aica env --exec -- COMMAND, or log in anew"))
        if len(found) > 2:
            return [("variable", "none or few of the variables are set in this session",
                     "aica env --exec -- COMMAND, or log in anew")]
        return found

    # -- --exec ----------------------------------------------------------

    def for_command(self):
        """Return the variables for a command: those of the caller, completed, conda in PATH.

        What the caller has set stays. Raise ConfigError for root, who runs nothing below
        the data folder.
        """
        if self.who.uid == 0:
            raise ConfigError("--exec is for members, not for root",
                              hint="sudo -u NAME aica env --exec -- COMMAND")
        missing = {variable.name: self.expected(variable) for variable in self.wanted}
        path = self.who.variables.get("PATH", "/usr/bin:/bin")
        # cron's path has not even /usr/local/bin, where uv is. Behind what is there already.
        for folder in ("/usr/local/bin", settings_apps.prefix_of(self.settings) + "/condabin"):
            if folder not in path.split(":"):
                path += ":" + folder
        return dict(missing, **dict(self.who.variables, PATH=path))


def _text(host, path):
    """Return a file of the caller's as text, "" if there is none to read."""
    try:
        if not host.live:
            return host.read_file(path).decode("utf-8", "replace")
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read(1 << 20)
    except (OSError, AicaError):
        return ""
