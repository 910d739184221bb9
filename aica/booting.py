"""Whether the recovery runs at boot: looked at, turned on, turned off.

What `systemctl enable` and `disable` do to aica-recovery.service, with an
outcome. Off is not for ever: the next recovery or set-up turns it on again.
"""

from . import report, site
from .engine import converge
from .resources.unit import DisabledUnit, Unit

UNIT = site.units.UNITS[0][0]
JOURNAL_LINES = 300


def enable(app):
    """Yield the Outcome of turning the recovery at boot on."""
    return _run(app, Unit)


def disable(app):
    """Yield the Outcome of turning the recovery at boot off, until the next recovery or set-up."""
    return _run(app, DisabledUnit)


def _run(app, kind):
    host = app.host()
    with app.locked(host):
        settings = app.etc_settings(host)
        targets = site.units.UNITS[0][1] + (site.units.mount_unit(settings.data),)
        outcomes = []
        for outcome in converge([kind(UNIT, targets)], host):
            outcomes.append(outcome)
            yield outcome
        app.write_log(host, outcomes, report.exit_status(outcomes))


def status(app):
    """Return what systemd says of the unit, as lines."""
    return _said(app, ["systemctl", "status", "--no-pager", "--lines=0", UNIT])


def journal(app):
    """Return what the unit said in this boot, as lines, the newest first."""
    lines = _said(app, ["journalctl", "--no-pager", "--quiet", "--boot", "--output=short-iso",
                        "--lines={}".format(JOURNAL_LINES), "--unit=" + UNIT])
    return lines[::-1]


def _said(app, argv):
    host = app.host(read_only=True, need_root=False)
    if not host.live or not host.has_program(argv[0]):
        return []
    result = host.query(argv)
    return [line for line in (result.out + result.err).split("\n") if line.strip()]
