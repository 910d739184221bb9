"""Who mounts the disks after a wipe: the data disk first, because without it nothing comes back."""

import re

from .. import storage
from ..bootstrap import survival
from ..site.units import mount_unit
from . import look
from .finding import Finding
from .image import start_of_boot

# What programs mount for themselves lies on other types, or below these folders.
REAL = re.compile(r"(ext[234]|xfs|btrfs|zfs|f2fs|vfat|exfat|ntfs3?|jfs|reiserfs|bcachefs"
                  r"|nfs4?|cifs|smb3|9p|ceph|glusterfs|lustre|gpfs|beegfs|fuse\.(sshfs|glusterfs"
                  r"|ceph|s3fs|rclone|juicefs))\Z")
PROGRAMS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib/docker", "/var/lib/containers",
            "/var/lib/kubelet", "/snap")
FSTAB = "/etc/fstab"


def data(scene):
    """Yield a Finding if nothing is known that mounts the data disk after a wipe."""
    host, path = scene.host, scene.settings.data
    if not scene.settings.require_mount or scene.image.known:
        return  # at the boot that brought this disk the data was there
    who = survival.mounted_by(host, path, mount_unit(path))
    if who == FSTAB and _changed_in_this_boot(scene):
        who = None
    if who is None:
        yield Finding(
            "data-mount", path, "nothing mounts it after a wipe, and then nothing comes back",
            "in the image's {}, in mounts: of cloud-init, or in the start-up script: {}".format(
                FSTAB, _line(scene, path)))


def _changed_in_this_boot(scene):
    """True if fstab is younger than /run: then somebody wrote it, and the image may lack it."""
    fstab = look.at(scene.host, FSTAB)
    cloud = "comment=cloudconfig" in survival.text_of(scene.host, FSTAB)
    return fstab is not None and fstab.st_ctime > start_of_boot(scene.host) and not cloud


def others(scene):
    """Yield what is mounted here and nowhere written down."""
    if not scene.host.live:
        return
    for mount in storage.mounts():
        if not REAL.match(mount.fstype) or mount.point in ("/", scene.settings.data) \
                or any((mount.point + "/").startswith(folder + "/") for folder in PROGRAMS):
            continue
        if mount.point.startswith(scene.settings.data + "/") \
                or survival.mounted_by(scene.host, mount.point, mount_unit(mount.point)):
            continue
        yield Finding("mount", mount.point, "{} mounted by hand".format(mount.fstype),
                      "in the image's {}, or in mounts: of cloud-init: {}".format(
                          FSTAB, _line(scene, mount.point)))


def _line(scene, point):
    """Return the line of fstab for what is mounted at a point."""
    mount = storage.mount_at(point, storage.mounts()) if scene.host.live else None
    if mount is None or not REAL.match(mount.fstype):
        return "DEVICE {} TYPE defaults,nofail 0 2".format(point)
    return "{} {} {} defaults,nofail 0 {}".format(
        mount.source, point, mount.fstype, 0 if mount.fstype in storage.NETWORK_TYPES else 2)
