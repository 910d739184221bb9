"""`aica user setup`: an existing account gets its membership, home and link."""

from .. import lock, report, site
from ..engine import converge
from . import common


def set_up(app, name, group, while_running=False):
    """Yield the Outcomes of giving an existing account its membership, home and link.

    A home that is a real folder with content is moved to the data disk first.
    """
    host, outcomes = app.host(), []
    try:
        for outcome in _steps(app, host, name, group, while_running):
            outcomes.append(outcome)
            yield outcome
    finally:  # Ctrl-C too: what was done until then is told
        if outcomes:
            app.write_log(host, outcomes, report.exit_status(outcomes))


def next_step(app, name, group):
    """Return the command that comes after set_up(), "" for somebody who is registered already."""
    host = app.host(read_only=True)
    if app.registry(host, app.settings(host)).get(name) is not None:
        return ""
    return "aica user register {} {}".format(name, group)


def _steps(app, host, name, group, while_running):
    """A home may take hours to copy: meanwhile others may change accounts, but no homes."""
    with lock.hold(host, 0, lock.HOMES):
        with app.locked(host):
            desired = common.open_site(app, host)
            entry = common.checked_entry(app, host, desired.settings, name, group)
            member, move, *home = site.people.new_user(
                desired, entry, *_ids_here(host, desired, name), while_running=while_running)
            yield from converge([member], host)
        moved = list(converge([move], host))
        yield from moved
        with app.locked(host):
            if report.exit_status(moved) == 0:
                yield from converge(home, host)


def _ids_here(host, desired, name):
    found = host.directory_user(name)
    if found is not None:
        return found
    present = host.accounts()
    user = common.account_here(present, name)
    common.check_ids(desired, present, user)
    return user.uid, user.gid
