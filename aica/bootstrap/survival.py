"""Would the next wipe leave something that brings us back? The disk's mount, and the package.

These are warnings and no outcomes: they are about the image, which cannot be
looked at from here, so what is said is what could be seen.
"""

import re

from .. import __version__, storage
from ..errors import AicaError
from . import starter

UNITS = ("/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/",
         "/run/systemd/generator/", "/run/systemd/generator.early/",
         "/run/systemd/generator.late/")
FSTAB = "/etc/fstab"
CLOUD = "/etc/cloud/cloud.cfg.d"
VOLATILE_TYPES = ("overlay", "tmpfs", "ramfs", "squashfs", "aufs")


def warnings(host, settings, mount_unit):
    """Return what an admin must know before the next wipe, the worst first."""
    found = []
    if settings.require_mount and mounted_by(host, settings.data, mount_unit) is None:
        found.append("nothing mounts {0} after a wipe: no line in /etc/fstab, no {1}, no mounts: "
                     "of cloud-init. It has to be in the image, or in the start-up script before "
                     "the line of aica bootstrap".format(settings.data, mount_unit))
    if _root_is_volatile(host) and not has_starter(host, settings):
        found.append("the system disk looks volatile ({}): unless the image holds {}, it is gone "
                     "at the next reboot: aica bootstrap --package FILE".format(
                         _root_type(host), starter.NAME))
    version = _starter(host, settings)
    if version is not None and version.rsplit("-", 1)[0] != __version__:
        found.append("the package on {} has version {}, this is {}: after a wipe the other one "
                     "comes back: aica bootstrap --package FILE".format(
                         settings.data, version, __version__))
    return found


def mounted_by(host, point, mount_unit):
    """Return the file that has a disk mounted at a point, None if none is known."""
    fstab = text_of(host, FSTAB)
    if any(line.split()[1:2] == [point] for line in fstab.splitlines()
           if not line.lstrip().startswith("#")):
        return FSTAB
    units = [folder + mount_unit for folder in UNITS if _stands(host, folder + mount_unit)]
    paths = ["{}/{}".format(CLOUD, name) for name in _names(host, CLOUD)]
    wanted = re.compile(r"mounts\s*:.*{}[\s\"',\]]".format(re.escape(point)), re.S)
    clouds = (path for path in paths + ["/etc/cloud/cloud.cfg"]
              if wanted.search(text_of(host, path)))
    return units[0] if units else next(clouds, None)


def text_of(host, path):
    """Return a file as text, "" if it cannot be read."""
    try:
        return host.read_file(path).decode("utf-8", "replace")
    except (OSError, AicaError):
        return ""


def _names(host, path):
    try:
        return host.names(path)
    except (OSError, AicaError):
        return ()


def _stands(host, path):
    try:
        return host.lstat(path) is not None
    except AicaError:
        return False  # /lib is a link on merged systems, which is not followed


def _root_type(host):
    mount = storage.mount_at("/", storage.mounts()) if host.live else None
    return mount.fstype if mount else ""


def _root_is_volatile(host):
    return _root_type(host) in VOLATILE_TYPES


def has_starter(host, settings):
    """True if the script lies on /data, and the package that it installs."""
    return _starter(host, settings) is not None


def _starter(host, settings):
    """Return the version that the script on /data installs, None if it would not."""
    found = starter.parse_version(text_of(host, "{}/{}".format(
        settings.bootstrap, starter.SCRIPT)))
    return found[0] if found and found[1] in _names(host, settings.bootstrap) else None
