"""`aica user home` and `aica user conda`: one thing of one user is put right."""

from .. import report, site
from ..accounts import Passwd
from ..engine import converge
from ..errors import ConfigError
from . import common


def home(app, name, create=False):
    """Yield the Outcomes of putting the top of a home and the link to it right.

    A missing home is made only with create: an empty one would hide a loss.
    """
    yield from _run(app, name, lambda desired, entry, user: site.people.home(
        desired, entry, user, create))


def conda(app, name):
    """Yield the Outcome of giving a user what conda needs, where it is missing."""
    yield from _run(app, name, lambda desired, entry, user: site.people.conda(
        desired, entry, user))


def _run(app, name, choose):
    host = app.host()
    with app.locked(host, common.WAIT_S):
        desired = common.open_site(app, host)
        entry = app.entry(desired, name)
        outcomes = []
        for outcome in converge(choose(desired, entry, _user(host, desired, name)), host):
            outcomes.append(outcome)
            yield outcome
        app.write_log(host, outcomes, report.exit_status(outcomes))


def _user(host, desired, name):
    """Return the Passwd of a registered user: recorded, or a directory service's."""
    found = desired.vault.passwd.get(name) or host.accounts().passwd.get(name)
    ids = host.directory_user(name)
    if found is None and ids is not None:
        found = Passwd(name, ids[0], ids[1], "", "", "")
    if found is None:
        raise ConfigError("{} is registered, but no record says with which ids".format(name),
                          hint="aica user adopt {}".format(name))
    return found
