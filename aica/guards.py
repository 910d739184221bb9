"""Is AppArmor or SELinux here, which confine programs by path or label, and what do they know?"""

from typing import Dict, NamedTuple, Optional

from . import storage
from .errors import AicaError
from .resources import apparmor, selinux

SELINUXFS = "/sys/fs/selinux"
# Without labels of its own a disk is one thing to the policy, with a switch for homes on it.
SWITCHES = {"nfs": "use_nfs_home_dirs", "nfs4": "use_nfs_home_dirs",
            "cifs": "use_samba_home_dirs", "smb3": "use_samba_home_dirs"}


class Guards(NamedTuple):
    """What was found on a host.

    apparmor: it has a place for sites' folders of homes. labels: {path: label}
    that the SELinux policy has for the data disk, the homes on it, and their
    like below /home; None without SELinux, or if that disk has no labels of
    its own. error says why they are not known, switch which boolean matters.
    """

    apparmor: bool = False
    labels: Optional[Dict[str, str]] = None
    error: Optional[AicaError] = None
    switch: str = ""


def find(host, settings, names):
    """Return the Guards of a host, with the labels for the homes of these users."""
    found = Guards(host.is_folder(apparmor.FOLDER))
    if not is_selinux(host):
        return found
    mount = storage.mount_of(host.real(settings.data), storage.mounts())
    if mount is not None and not has_labels(mount):
        return found._replace(switch=SWITCHES.get(mount.fstype, ""))
    try:
        return found._replace(labels=selinux.policy_labels(host, _paths(settings, names)))
    except AicaError as error:
        return found._replace(labels={}, error=error)


def is_selinux(host):
    """True if SELinux is enabled on the running system, as libselinux judges that."""
    if not host.live or host.lstat(SELINUXFS + "/enforce") is None:
        return False
    mount = storage.mount_at(SELINUXFS, storage.mounts())
    return mount is None or "ro" not in mount.options.split(",")


def has_labels(mount):
    """True if the files of a Mount have a label each, and not all one by its options. Pure."""
    options = mount.options.split(",")
    return "seclabel" in options or not (
        mount.fstype in storage.NETWORK_TYPES
        or any(option.startswith("context=") for option in options))


def _paths(settings, names):
    """Return what the policy is asked about, in one question for all users. Pure.

    matchpathcon of libselinux 3.1 answers for what a link leads to. /home/NAME
    is a link, and below a home its owner makes them: nobody's stand for these.
    """
    tops = (settings.users, selinux.HOME)
    return ([settings.data] + [top + end for top in tops for end in selinux.ENDS]
            + ["{}/{}".format(settings.users, name) for name in names])
