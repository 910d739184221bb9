"""The use cases that the command line and the menu share: everything wired together.

An App is one program run on one host. Its methods yield or return Outcomes
and raise AicaError; none of them prints or asks.
"""

import contextlib
import os
import time

from . import environment, guards, lock, registry, report, seen, site, storage, to_keep, vault
from . import settings as config
from .engine import converge
from .errors import AicaError, ConfigError, Conflict, NotReady
from .host import Host, ReadOnlyHost
from .run import Run
from .settings import Settings
from .volatile import image

LOG = "/var/log/aica-recovery.log"
BOOT_WAIT_S = 60
# aica-record.service holds the lock for a moment after every adduser or passwd:
# the next command of an admin must not fail for that.
HAND_WAIT_S = 10
# One adduser changes several files: a look in between would see half of it.
SETTLE_S = 1
SWEPT = ("/etc", "/etc/profile.d", "/etc/sudoers.d", "/etc/aica", "/run/aica")


class App:
    """One run: where it works, with which configuration file."""

    def __init__(self, root="/", config_path=""):
        self.root = root
        self.config_path = config_path
        self.warnings = []

    # -- opening ---------------------------------------------------------

    def host(self, read_only=False, need_root=True):
        """Return the host to work on. Raise NotReady unless we are root."""
        if need_root and os.geteuid() != 0:
            raise NotReady("this needs root", hint="repeat it with sudo")
        if not os.path.isdir(self.root):
            raise ConfigError("--root {}: there is no such folder".format(self.root))
        return ReadOnlyHost(self.root) if read_only else Host(self.root)

    def etc_settings(self, host):
        """Return what the image says: where /data, /backup and /home are."""
        if self.config_path:
            try:
                with open(self.config_path, encoding="utf-8") as text:
                    return config.with_etc(text.read(), path=self.config_path)
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError("--config {}: {}".format(
                    self.config_path, getattr(error, "strerror", None) or error),
                    hint="name a file such as " + config.ETC_CONF)
        try:
            data = host.read_file(config.ETC_CONF)
        except FileNotFoundError:
            return Settings()
        return config.with_etc(data.decode("utf-8", "replace"))

    def settings(self, host):
        """Return the settings of a server that is set up. Raise NotReady if /data is not there."""
        settings = self.etc_settings(host)
        self.reach_data(host, settings)
        settings = self.with_site(host, settings)
        if settings is None:
            self._refuse_without_site(host)
        if host.live and settings.require_mount:
            storage.require_mounted(settings.data)
        self.warnings.extend(settings.warnings)
        self.share(host, settings)
        return settings

    def share(self, host, settings):
        """Let the host reckon with other servers on the same /data, if there may be some."""
        network = settings.several_hosts == "auto" and storage.is_network(host.real(settings.data))
        if network or settings.several_hosts == "yes":
            host.share(settings.state + "/lock")

    def reach_data(self, host, settings):
        """Raise NotReady unless the data folder answers; from now on it must stay the same disk."""
        device = storage.probe(host.real(settings.data))
        host.fence(settings.data, device)

    def with_site(self, host, settings):
        """Return the settings changed by the site's file; None if there is none."""
        try:
            data = host.read_trusted(settings.site_conf)
        except FileNotFoundError:
            return None
        except Conflict as error:
            if self._stands(host, settings.site_conf):
                raise ConfigError(str(error), error.hint)
            return None  # whoever may write there: this server was never set up
        return config.with_site(data.decode("utf-8", "replace"), settings)

    def _stands(self, host, path):
        try:
            return host.lstat(path) is not None
        except Conflict:
            return True  # something in the way that is no folder: said by whoever reads it

    def _refuse_without_site(self, host):
        settings = self.etc_settings(host)
        if host.live:
            storage.require_mounted(settings.data)
        raise NotReady("not set up, or the wrong disk: {} is missing".format(settings.site_conf),
                       hint="aica setup")

    @contextlib.contextmanager
    def locked(self, host, wait_s=HAND_WAIT_S):
        """Hold the lock, and clean up what a killed run left half-written."""
        with lock.hold(host, wait_s):
            for folder in SWEPT:
                host.sweep(folder)
            yield

    # -- the desired state -----------------------------------------------

    def site(self, host, settings, records_required=True, labels=True):
        """Return the Site: registry, vault and variables read, the vault brought up to date.

        labels=False is for who sets none: no policy is asked which ones are right.
        """
        data, entries = self._registry(host, settings, self.rules(host, settings))
        known = vault.read(host, settings.vault)
        if known is None and entries.entries and records_required:
            raise ConfigError(
                "the account records in {} are missing: no id is guessed".format(settings.vault),
                hint="restore that folder from a backup, or: aica setup, then for each user: "
                     "aica user adopt NAME")
        keep = self.keeps_passwords(host, settings)
        recorded, keeps_keys = known or vault.empty(), self.keeps_host_keys(host, settings)
        self._tell_of_old_secrets(host, settings, recorded, keep, keeps_keys)
        known, looks = self.followed(host, settings, recorded, entries, keep)
        return site.Site(
            settings, entries, data, known, self.variables(host, settings), keep,
            self.id_range(host), self._directory_users(host, entries, known), looks,
            to_keep.find(host, settings), keeps_keys, recorded,
            guards.find(host, settings, entries.names()) if labels else guards.Guards())

    def followed(self, host, settings, known, entries, keep):
        """Return the vault with what changed in this boot, and how the accounts look now."""
        present, before = host.accounts(), seen.load(host)
        known = vault.follow(known, present, before, dict(entries.entries), keep)
        if settings.keep_passwords == "no":
            known = vault.without_passwords(known)
        return known, {name: vault.look_of(present, name) for name in before}

    def registry(self, host, settings):
        """Return the Registry alone, for those who may not read the vault."""
        return _parse_registry(settings, _read_registry(host, settings),
                               self.rules(host, settings))

    def rules(self, host, settings):
        """Return what users.txt may say on this host."""
        present = host.accounts()
        low = self.id_range(host)[0]
        system = {user.name for user in present.passwd.values() if user.uid < low}
        system |= {group.name for group in present.group.values() if group.gid < low}
        return registry.Rules(settings.member_groups, frozenset(system), settings.allow_dots)

    def id_range(self, host):
        """Return (UID_MIN, UID_MAX) of the host."""
        try:
            data = host.read_file("/etc/login.defs")
        except FileNotFoundError:
            data = b""
        return config.parse_id_range(data.decode("utf-8", "replace"))

    def keeps_passwords(self, host, settings):
        """True if hashes may be stored on /data: not on a network disk unless told so."""
        return self._keeps(host, settings, settings.keep_passwords,
                           "passwords are not kept ([accounts] keep_passwords)")

    def keeps_host_keys(self, host, settings):
        """True if private host keys may be stored on /data, by the same rule."""
        return self._keeps(host, settings, settings.keep_host_keys,
                           "SSH host keys are not kept ([ssh] keep_host_keys)")

    def _keeps(self, host, settings, wanted, otherwise):
        if wanted != "auto":
            return wanted == "yes"
        network = storage.is_network(host.real(settings.data))
        if network:
            self.warnings.append("{} is a network disk: {}".format(settings.data, otherwise))
        return not network

    def _tell_of_old_secrets(self, host, settings, recorded, keeps_passwords, keeps_keys):
        """Warn of what was recorded before this was known to be a network disk, and never since."""
        if settings.keep_passwords == "auto" and not keeps_passwords \
                and vault.has_passwords(recorded):
            self.warnings.append("{}/shadow has password hashes of earlier: [accounts] keep_passwords"
                                 " = no removes them".format(settings.vault))
        if settings.keep_host_keys == "auto" and not keeps_keys and host.names(settings.ssh):
            self.warnings.append("{0} has private SSH host keys of earlier: rm -r {0}".format(
                settings.ssh))

    def _registry(self, host, settings, rules):
        """Return (bytes, Registry) of users.txt, or of its last good copy if it cannot be read."""
        copy = settings.state + "/users.txt"
        problem = ""
        try:
            data = _read_registry(host, settings)
        except OSError as error:
            problem = "cannot be read ({}): its last good copy is used".format(error.strerror)
            data = host.read_trusted(copy)
        found = _parse_registry(settings, data, rules)
        self.refuse_emptied(host, settings, found, rules)
        return data, found._replace(problems=found.problems + ((problem,) if problem else ()))

    def refuse_emptied(self, host, settings, found, rules):
        """Raise ConfigError if a registry names nobody while its last good copy does."""
        copy = settings.state + "/users.txt"
        if not found.entries and self._copy_has_entries(host, copy, rules):
            raise ConfigError("{} names nobody, its last good copy does".format(
                settings.users_txt), hint="restore it: install -m 644 {} {}".format(copy, settings.users_txt))

    def _copy_has_entries(self, host, copy, rules):
        try:
            return bool(registry.parse(host.read_trusted(copy), rules).entries)
        except FileNotFoundError:
            return False

    def variables(self, host, settings):
        """Return the environment variables of members: built in, and the site's own."""
        built_in = environment.builtin(settings.data, settings.cache_shared)
        path = settings.config + "/global_env.local.sh"
        try:
            text = host.read_trusted(path).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return built_in
        except Conflict as error:
            self.warnings.append("{} is ignored: {}".format(path, error))
            return built_in
        local, problems = environment.parse_local(text)
        self.warnings.extend("{}: {}".format(path, problem) for problem in problems)
        return environment.merge(built_in, local)

    def _directory_users(self, host, entries, known):
        unknown = [name for name in entries.names() if name not in known.passwd]
        found = {name: host.directory_user(name) for name in unknown}
        return {name: ids for name, ids in found.items() if ids is not None}

    # -- use cases -------------------------------------------------------

    def check(self):
        """Yield what is not as it should be, without changing anything."""
        host = self.host(read_only=True)
        yield from converge(site.recovery(self._site_of(host)), host, dry_run=True)

    def recover(self, users=(), dry_run=False, boot=False):
        """Yield the Outcomes of making the server whole; then status, notice and log are right.

        A run that is stopped in the middle has said "not finished" before it
        began, and says why it stopped if it still can.
        """
        if dry_run:
            host = self.host(read_only=True)
            yield from converge(self._resources(host, self._site_of(host), users), host, True)
            return
        run = Run(self.host(), self.write_log, partial=bool(users), boot=boot)
        with run.told(), self.locked(run.host, BOOT_WAIT_S if boot else HAND_WAIT_S):
            run.begin()
            desired = self._site_of(run.host)
            run.contact = desired.settings.contact
            if boot:
                image.note(run.host, desired)
            resources = self._resources(run.host, desired, users)
            _sweep(run.host, resources)
            for outcome in converge(resources, run.host):
                run.outcomes.append(outcome)
                yield outcome
            seen.note(run.host, run.outcomes, desired)
            to_keep.note(run.host, resources, run.outcomes)
            run.end(report.exit_status(run.outcomes))

    def _site_of(self, host):
        return self.site(host, self.settings(host))

    def _resources(self, host, desired, users):
        if not users:
            return site.recovery(desired)
        return site.users(desired, [self.entry(desired, name) for name in users])

    def entry(self, desired, name):
        """Return the registry Entry of a name. Raise ConfigError if it is not registered."""
        found = desired.registry.get(name)
        if found is None:
            raise ConfigError("{!r} is not registered".format(name), hint="aica user list")
        return found

    def write_log(self, host, outcomes, exit_code, error="", verbose=False):
        """Append what happened to the log; a full or missing log disk stops nothing."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ")
        lines = [line for outcome in outcomes if outcome.status != "ok"
                 for line in report.text_lines(outcome, verbose=verbose)]
        lines += ["[ERROR] " + report.escape(error)] if error else []
        lines.append("exit {}: {}".format(exit_code, report.summary_text(outcomes)))
        try:
            host.append_log(LOG, "".join(stamp + line + "\n" for line in lines), _log_gid(host))
        except (OSError, AicaError) as error:
            self.warnings.append("cannot write {}: {}".format(LOG, error))

    def log_bug(self, trace):
        """Keep a traceback in the log, if we may write there at all."""
        with contextlib.suppress(OSError, AicaError):
            self.host().append_log(LOG, trace)

    def render(self, package=False):
        """Yield the Outcomes of writing the generated files below /etc.

        package=True is for the time of installation: nothing below /data is
        looked at, so only missing files are written, with the built-in
        settings. What an upgraded package renders otherwise must wait for
        somebody who knows the site's group.
        """
        host = self.host()
        with self.locked(host, BOOT_WAIT_S):
            if package:
                settings = self.etc_settings(host)
                desired = site.Site(settings, variables=environment.builtin(settings.data))
            else:
                desired = self.site(host, self.settings(host), labels=False)
            resources = site.environment.system_files(desired) + site.sudoers.rules(desired)
            yield from converge(
                [r for r in resources if not package or host.lstat(r.name) is None], host)

    def record(self):
        """Yield what the vault learned, until a look finds nothing new.

        A change while we run wakes nobody (systemd's path unit looks away
        meanwhile), so we look again ourselves.
        """
        host = self.host()
        for _ in range(20):
            time.sleep(SETTLE_S)
            with self.locked(host, BOOT_WAIT_S):
                desired = self.site(host, self.settings(host), labels=False)
                resources = site.all_records(desired)
                outcomes = list(converge(resources, host))
                to_keep.note(host, resources, outcomes)
                if report.exit_status(outcomes) == 0:
                    seen.note_followed(host, desired)
                image.finish(host)
            yield from outcomes
            if all(outcome.status != "changed" for outcome in outcomes):
                return


def _sweep(host, resources):
    """Clean up what a killed run left half-written where these resources write."""
    for folder in sorted({folder for resource in resources for folder in resource.folders()}):
        host.sweep(folder)


def _log_gid(host):
    """Return the gid of adm, whose members may read logs; root's if there is none."""
    group = host.accounts().group.get("adm")
    return group.gid if group else 0


def _read_registry(host, settings):
    try:
        return host.read_trusted(settings.users_txt)
    except FileNotFoundError:
        raise ConfigError("{} is missing".format(settings.users_txt),
                          hint="restore its last good copy: install -m 644 {} {}".format(
                              settings.state + "/users.txt", settings.users_txt))
    except Conflict as error:
        raise ConfigError("the registry cannot be trusted: {}".format(error), error.hint)


def _parse_registry(settings, data, rules):
    try:
        return registry.parse(data, rules)
    except AicaError as error:
        raise ConfigError("{}: {}".format(settings.users_txt, error),
                          hint="restore its last good copy: install -m 644 {} {}".format(
                              settings.state + "/users.txt", settings.users_txt))
