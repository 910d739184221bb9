"""`aica setup`: prepare a server, or complete one that is set up already."""

import contextlib

from . import guards, ids, registry, report, seen, site, storage, to_keep, vault
from .accounts import Group
from .bash_version import taking_over
from .change import BLOCKED, FAILED
from .engine import converge
from .errors import AicaError, ConfigError, Conflict
from .registry import DENIED
from .resources.file import OwnedFile

# Images come with accounts of their own from 1000 upwards: the gid of a new
# site group is chosen where the next image will hardly have one.
FIRST_GID = 2000


class Setup:
    """What was asked for. `skip` holds names of site.STEPS."""

    def __init__(self, app, group="", allow_unmounted=False, skip=()):
        self.app = app
        self.group = group
        self.allow_unmounted = allow_unmounted
        self.skip = frozenset(skip)
        self.desired = None
        self._shown = None

    def run(self, dry_run=False):
        """Yield the Outcomes of setting the server up. Raise NotReady if /data is not there."""
        host = self.app.host(read_only=dry_run)
        settings = self.app.etc_settings(host)
        self.app.reach_data(host, settings)
        with contextlib.ExitStack() as stack:
            if not dry_run:
                stack.enter_context(self.app.locked(host))
            outcomes = []
            for outcome in self._converge(host, settings, dry_run):
                outcomes.append(outcome)
                yield outcome
            if not dry_run:
                self.app.write_log(host, outcomes, report.exit_status(outcomes))
                if self.desired is not None:
                    seen.note(host, outcomes, self.desired)
        done = report.exit_status(outcomes) == 0 and self.desired is not None
        if not dry_run and host.live and done:
            self._start_units(host)

    def _start_units(self, host):
        """The boot's recovery ended with "not set up": let it say how things are now.

        What is to be installed is fetched beside it; nothing waits for that.
        """
        units = [site.units.UNITS[0][0]]
        settings = self.desired.settings
        if settings.conda_install != "no" or settings.uv_install:
            units.append("aica-install.service")
        with contextlib.suppress(AicaError):  # no systemd: the admin runs aica recover
            host.execute(["systemctl", "--no-block", "start"] + units)

    def _converge(self, host, settings, dry_run):
        if host.live and not self.allow_unmounted and not self._may_be_unmounted(host, settings):
            storage.require_mounted(settings.data)
        wanted = self._chain(host, settings)
        looker = self._looker(settings, wanted)
        # What is wrong is said before anything is changed.
        chain = list(converge(wanted, looker, dry_run=True))
        if not _stops(chain):
            self.app.warnings.extend(taking_over.words(looker, settings,
                                                       self.app.variables(looker, settings)))
            planned = self._site(looker, settings)
            self._refuse_other_names(planned, dry_run)
            chain = chain if dry_run else list(converge(wanted, host))
        yield from chain
        if _stops(chain):
            return
        self.desired = planned if dry_run else self._site(host, settings)
        self._refuse_other_names(self.desired, dry_run)
        wanted_too = site.setup(self.desired, self.skip)
        yield from converge(wanted_too, looker if dry_run else host, dry_run)
        yield from converge(site.bash_version.holes(
            settings, planned=wanted + wanted_too if dry_run else ()), host, dry_run=True)

    def _refuse_other_names(self, desired, dry_run):
        """Raise ConfigError if users.txt is another than that of the plan somebody agreed to."""
        if self._shown is None or dry_run:
            self._shown = desired.registry_data
        if self._shown != desired.registry_data:
            raise ConfigError("{} was changed while its plan was shown".format(
                desired.settings.users_txt), hint="look at it, then repeat: aica setup")

    def _chain(self, host, settings):
        """Return what makes the settings and the registry root's alone."""
        if "storage" in self.skip:
            return []
        return site.folders.chain(settings) + self._registry_file(host, settings)

    def _registry_file(self, host, settings):
        """An older version left the registry to the group: at the first setup it becomes root's."""
        with contextlib.suppress(Conflict):  # the folders above are named by themselves
            if host.lstat(settings.site_conf) is None:
                return [OwnedFile(settings.users_txt, 0o644)]
        return []

    def _looker(self, settings, wanted):
        """Return a host that sees what these resources will have repaired, and changes nothing."""
        looker = self.app.host(read_only=True)
        looker.assume_trusted([resource.name for resource in wanted])
        self.app.reach_data(looker, settings)
        return looker

    def _may_be_unmounted(self, host, settings):
        with contextlib.suppress(ConfigError):
            found = self.app.with_site(host, settings)
            return found is not None and not found.require_mount
        return False

    def _site(self, host, settings):
        settings = self._decided(host, settings)
        self.app.share(host, settings)
        rules = self.app.rules(host, settings)
        data = _registry_data(host, settings)
        entries = registry.parse(data, rules)
        self.app.refuse_emptied(host, settings, entries, rules)
        known = recorded = vault.read(host, settings.vault) or vault.empty()
        known = self._with_groups(host, settings, known)
        keep = self.app.keeps_passwords(host, settings)
        known, looks = self.app.followed(host, settings, known, entries, keep)
        known = self._with_accounts(host, settings, entries, known, keep)
        return site.Site(settings, entries, data, known, self.app.variables(host, settings),
                         keep, self.app.id_range(host), looks=looks,
                         kept=to_keep.find(host, settings),
                         host_keys=self.app.keeps_host_keys(host, settings), recorded=recorded,
                         guards=guards.find(host, settings, entries.names()))

    def _decided(self, host, settings):
        """Return the site's settings: the file if there is one, else what was asked for."""
        found = self.app.with_site(host, settings)
        if found is not None:
            self.app.warnings.extend(found.warnings)
            if self.group and self.group != found.group:
                raise ConfigError(
                    "--group {}: this site's group is {}".format(self.group, found.group),
                    hint="change [site] group in {}".format(found.site_conf))
            return found
        group = self.group or settings.group
        if not registry.NAME.match(group) or group in DENIED:
            raise ConfigError("--group {!r}: expected a group for people, such as {}".format(
                group, settings.group))
        # Miniforge and not Miniconda: nobody has agreed with Anaconda's terms yet.
        return settings._replace(
            group=group, require_mount=not self.allow_unmounted,
            conda_install="no" if "conda" in self.skip else "miniforge",
            uv_install="uv" not in self.skip)

    def _with_groups(self, host, settings, known):
        present = host.accounts()
        for name in settings.member_groups:
            if name not in known.group:
                gid = present.group[name].gid if name in present.group else \
                    host.directory_group(name) or ids.free_gid(present, known, FIRST_GID)
                known = known._replace(group=dict(known.group, **{name: Group(name, gid)}))
        return known

    def _with_accounts(self, host, settings, entries, known, keep):
        """Record everybody who still has an account here, the registered ones first."""
        present = host.accounts()
        for entry in entries.entries:
            user = present.passwd.get(entry.name)
            if user is None or entry.name in known.passwd:
                continue
            try:
                self._check(host, settings, present, known, user)
            except AicaError as error:
                self.app.warnings.append("{} is not recorded: {}".format(entry.name, error))
                continue
            known = vault.record(known, present, entry.name,
                                 "{}/{}".format(settings.home, entry.name), keep)
        return self._with_unregistered(host, settings, entries, known, keep)

    def _with_unregistered(self, host, settings, entries, known, keep):
        """Record those with a home here too: the ids are theirs, whoever registers them."""
        present = host.accounts()
        for user in taking_over.unregistered(host, settings, entries, known,
                                             self.app.id_range(host)):
            self.app.warnings.append("{0} has an account and a home and is not registered: after "
                                     "the next wipe it is gone. aica user register {0} {1}".format(
                                         user.name, settings.group))
            with contextlib.suppress(AicaError):
                self._check(host, settings, present, known, user)
                known = vault.record(known, present, user.name, user.home, keep)
        return known

    def _check(self, host, settings, present, known, user):
        """Raise unless this account may be recorded: a fresh image may have one of this name."""
        ids.check(user, present, known, self.app.id_range(host), settings.shared_groups)
        home = host.lstat("{}/{}".format(settings.users, user.name))
        if home is not None and home.uid != user.uid:
            raise Conflict("its home belongs to uid {}, the account here has uid {}".format(
                home.uid, user.uid))


def _stops(outcomes):
    return bool({outcome.status for outcome in outcomes} & {BLOCKED, FAILED})


def _registry_data(host, settings):
    try:
        return host.read_trusted(settings.users_txt)
    except FileNotFoundError:
        return taking_over.registry(host, settings) or registry.HEADER.encode("ascii")
    except Conflict as error:
        raise ConfigError("the registry cannot be trusted: {}".format(error), error.hint)
