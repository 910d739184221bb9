"""What every change of the registered people needs: the site, checks, writing down."""

from .. import ids, registry, report, seen, site
from ..engine import converge
from ..errors import ConfigError
from ..registry import Entry
from ..resources.file import PlainFile
from ..resources.records import AccountRecords, RegistryEntry

# Several admins, or a loop over a list of names: the next one waits for its turn.
WAIT_S = 60


def open_site(app, host):
    """Return the Site, also when it has no records yet: this is how they come to be."""
    return app.site(host, app.settings(host), records_required=False)


def checked_entry(app, host, settings, name, group):
    """Return the Entry. Raise ConfigError, saying why, if name or group is not allowed here."""
    rules = app.rules(host, settings)
    registry.check_name(name, rules)
    registry.check_group(group, rules)
    return Entry(name, group)


def account_here(present, name):
    """Return the Passwd of a name. Raise ConfigError if this server has no such account."""
    if name not in present.passwd:
        raise ConfigError("{} has no account on this server".format(name),
                          hint="somebody new: aica user add {}".format(name))
    return present.passwd[name]


def in_words(news):
    """Return the pairs of vault.changes() as one sentence. Pure."""
    return "; ".join("{} {}".format(what, happened) for what, happened in news)


def home_of(desired, name):
    """Return the path of somebody's home link. Pure."""
    return "{}/{}".format(desired.settings.home, name)


def check_ids(desired, present, user):
    """Raise unless the ids of this account may be recorded: see ids.check()."""
    ids.check(user, present, desired.vault, desired.id_range, desired.settings.shared_groups)


def write_down(app, host, desired, entry):
    """Records first: a record alone only reserves an id, an entry alone blocks every recovery."""
    outcomes = []
    records = AccountRecords(desired.settings.vault, desired.vault, based_on=desired.recorded)
    line = RegistryEntry(desired.settings.users_txt, entry.name, entry.group, needs=[records.id])
    for outcome in converge([records, line], host):
        outcomes.append(outcome)
        yield outcome
    if report.exit_status(outcomes) == 0:
        yield from refresh_copy(host, desired)
        # Seen right now: from here on the vault follows this account.
        recorded = open_site(app, host)
        checked = converge(site.users(recorded, [entry]), host, dry_run=True)
        seen.note(host, list(checked), recorded)
    app.write_log(host, outcomes, report.exit_status(outcomes))


def refresh_copy(host, desired):
    """Yield the Outcome of bringing the last good copy of users.txt up to date."""
    path = desired.settings.users_txt
    copy = PlainFile(desired.settings.state + "/users.txt", host.read_trusted(path))
    yield from converge([copy], host)
