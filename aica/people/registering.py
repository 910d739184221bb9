"""`aica user register` and `unregister`: who comes back after a wipe."""

from .. import report, site, vault
from ..engine import converge
from ..errors import Conflict
from ..resources.records import RegistryEntry
from . import common


def register(app, name, group):
    """Yield the Outcomes of registering an account: recorded first, then in users.txt."""
    host = app.host()
    with app.locked(host, common.WAIT_S):
        desired = common.open_site(app, host)
        entry = common.checked_entry(app, host, desired.settings, name, group)
        if host.directory_user(name) is None:
            desired = desired._replace(vault=_recorded(host, desired, name))
        yield from common.write_down(app, host, desired, entry)
        app.warnings += _not_coming_back(host, desired, entry)


def _not_coming_back(host, desired, entry):
    """Return in words what the next wipe takes from somebody who is registered."""
    settings, name, words = desired.settings, entry.name, []
    if host.lstat("{}/{}".format(settings.users, name)) is None:
        words.append("the home of {} is not on {}, and the next wipe takes it: "
                     "aica user setup {} {}".format(name, settings.data, name, entry.group))
    dropped = site.people.membership(desired, entry).dropped
    if dropped:
        words.append("{} comes back without {}: list in [accounts] keep_groups of {} what shall "
                     "be kept".format(name, ", ".join(dropped), settings.site_conf))
    return words


def _recorded(host, desired, name):
    """Return the vault with the account that the host has under this name."""
    present, known = host.accounts(), desired.vault
    user = common.account_here(present, name)
    common.check_ids(desired, present, user)
    recorded = known.passwd.get(name)
    if recorded is not None and (recorded.uid, recorded.gid) != (user.uid, user.gid):
        raise Conflict("{} has uid {} gid {} here, uid {} gid {} is recorded".format(
            name, user.uid, user.gid, recorded.uid, recorded.gid),
            hint="usermod -u {} {}, or record what is here: aica user adopt {}".format(
                recorded.uid, name, name))
    if user.home != common.home_of(desired, name):
        raise Conflict("the home of {} is {}, expected {}".format(
            name, user.home, common.home_of(desired, name)),
            hint="usermod -d {} {}".format(common.home_of(desired, name), name))
    after = vault.record(known, present, name, user.home, desired.keep_passwords)
    news = vault.changes(known, after)
    if recorded is not None and news and name not in desired.looks:
        # A fresh image may have an account of this name: it teaches nothing.
        raise Conflict("{} is recorded already, and differs here: {}".format(
            name, common.in_words(news)),
                       hint="to restore the record: aica recover --user {0}; "
                            "to keep what is here: aica user adopt {0}".format(name))
    return after


def unregister(app, name):
    """Yield the Outcomes of removing a name from users.txt; its ids stay reserved."""
    host = app.host()
    with app.locked(host, common.WAIT_S):
        desired = common.open_site(app, host)
        app.entry(desired, name)
        line = RegistryEntry(desired.settings.users_txt, name, None)
        outcomes = list(converge([line], host))
        yield from outcomes
        if report.exit_status(outcomes) == 0:
            yield from common.refresh_copy(host, desired)
        app.write_log(host, outcomes, report.exit_status(outcomes))
