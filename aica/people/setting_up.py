"""`aica user setup`: an existing account gets its membership, home and link."""

from .. import report, site
from ..engine import converge
from . import common


def set_up(app, name, group):
    """Yield the Outcomes of giving an existing account its membership, home and link."""
    host = app.host()
    with app.locked(host):
        desired = common.open_site(app, host)
        entry = common.checked_entry(app, host, desired.settings, name, group)
        numbers = _ids_here(host, desired, name)
        outcomes = []
        for outcome in converge(site.people.new_user(desired, entry, *numbers), host):
            outcomes.append(outcome)
            yield outcome
        app.write_log(host, outcomes, report.exit_status(outcomes))


def _ids_here(host, desired, name):
    found = host.directory_user(name)
    if found is not None:
        return found
    present = host.accounts()
    user = common.account_here(present, name)
    common.check_ids(desired, present, user)
    return user.uid, user.gid
