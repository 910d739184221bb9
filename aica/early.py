"""The part of a recovery that comes before sshd and other services start.

It is quick, needs neither registry nor account records, and says nothing
about the whole server: the recovery that follows does.
"""

from . import report, site, to_keep
from .engine import converge

LOCK_WAIT_S = 10


def restore(app, dry_run=False):
    """Yield the Outcomes of restoring the SSH host keys and the files of [keep].

    Raise NotReady if /data is not there; nothing is made in its place.
    """
    host = app.host(read_only=dry_run)
    desired = _desired(app, host)
    if dry_run:
        yield from converge(site.kept.early(desired), host, dry_run=True)
        return
    with app.locked(host, LOCK_WAIT_S):
        desired = _desired(app, host)  # as it is now that nobody else changes it
        resources, outcomes = site.kept.early(desired), []
        for outcome in converge(resources, host):
            outcomes.append(outcome)
            yield outcome
        to_keep.note(host, resources, outcomes)
        if report.exit_status(outcomes) or any(o.status == "changed" for o in outcomes):
            app.write_log(host, outcomes, report.exit_status(outcomes))


def _desired(app, host):
    """Return a Site of which only the kept things are used."""
    settings = app.settings(host)
    return site.Site(settings, kept=to_keep.find(host, settings),
                     host_keys=app.keeps_host_keys(host, settings))
