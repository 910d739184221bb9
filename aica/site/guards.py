"""Desired state: what AppArmor and SELinux must know of homes on the data disk. Pure.

Everything here is empty where the thing itself is not there.
"""

from ..labels import type_of
from ..resources.apparmor import HomeFolders
from ..resources.selinux import (
    HOME,
    KEYS,
    SOMEBODY,
    HomeLabel,
    HomeRule,
    Label,
    NetworkHomes,
    NewDiskLabel,
    UnknownLabels,
)


def profiles(site):
    """The file that tells AppArmor's profiles where the homes are."""
    where = "[paths] data in /etc/aica/aica.conf"
    return [HomeFolders(site.settings.users, where)] if site.guards.apparmor else []


def tops(site):
    """The labels of the folders above the homes."""
    settings, guards = site.settings, site.guards
    if guards.labels is None:
        return []
    if guards.error is not None:
        return [UnknownLabels(settings.users, guards.error)]
    pairs = ((NewDiskLabel, settings.data, guards.labels[settings.data]),
             (Label, settings.users, _wanted(site, "")))
    return [kind(path, wanted) for kind, path, wanted in pairs if wanted]


def home(site, name, folder, ids):
    """The labels of somebody's home, a HomeFolder or NewHome, and of the keys in it."""
    if not site.guards.labels:
        return []
    top, keys = _wanted(site, SOMEBODY), _wanted(site, KEYS)
    anybodys = site.guards.labels[site.settings.users + SOMEBODY]
    own = site.guards.labels.get("{}/{}".format(site.settings.users, name), anybodys)
    if type_of(own) != type_of(anybodys):
        top, keys = own, ""  # the admin's own rule for this home, and for what is in it
    return [HomeLabel(folder.name, ids, top, keys, needs=[folder.id])] if top else []


def rule(site):
    """The rule that tells these labels: it takes too long for the boot."""
    return [] if site.guards.labels is None else [HomeRule(site.settings.users)]


def switch(site):
    """The boolean for homes on a network disk."""
    return [NetworkHomes(site.guards.switch)] if site.guards.switch else []


def _wanted(site, end):
    """Return the label for a path below the homes: the policy's own for it, or that of /home's like.

    What the policy has for all of the disk is nothing that it knows of homes.
    """
    known = site.guards.labels
    here = known[site.settings.users + end]
    return known[HOME + end] if type_of(here) == type_of(known[site.settings.data]) else here
