"""Desired state: the units that run the recovery, and what they wait for. Pure."""

from ..resources.file import ManagedFile
from ..resources.unit import StartedUnit, Unit
from ..settings import Settings

BACKUP_TIMER = "aica-backup.timer"
DROP_IN = "/etc/systemd/system/aica-recovery.service.d/data-disk.conf"
UNITS = (
    ("aica-recovery.service", ("multi-user.target",)),
    ("aica-early.service", ("multi-user.target",)),
    ("aica-record.path", ("multi-user.target",)),
    ("aica-record.timer", ("timers.target",)),
    ("aica-shutdown.service", ("multi-user.target",)),
    ("aica-maintenance.timer", ("timers.target",)),
    ("aica-install.timer", ("timers.target",)),
)


def units(site):
    """The units that run the recovery and follow account changes."""
    mount = mount_unit(site.settings.data)
    resources = []
    if site.settings.data != Settings().data:
        resources.append(ManagedFile(
            DROP_IN, "[Unit]\nWants={0}\nAfter={0}\n".format(mount),
            "[paths] data in /etc/aica/aica.conf"))
    for name, targets in UNITS:
        wanted_by = targets + ((mount,) if name == "aica-recovery.service" else ())
        resources.append(Unit(name, wanted_by))
    if site.settings.backup_timer:
        resources.append(StartedUnit(BACKUP_TIMER, ("timers.target",)))
    return resources


def mount_unit(path):
    """Return the name of the systemd mount unit of a path: systemd.unit(5), "string escaping"."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."
    name = path.strip("/").encode("utf-8", "surrogateescape")

    def escaped(place, byte):
        if byte == ord("/"):
            return "-"
        literal = byte in plain and (place > 0 or byte != ord("."))
        return chr(byte) if literal else "\\x{:02x}".format(byte)
    return "".join(escaped(*pair) for pair in enumerate(name)) + ".mount"
