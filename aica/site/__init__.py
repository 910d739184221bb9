"""The desired state of a server, on one page: settings + registry + vault -> ordered resources.

Pure. Order is the order of work; a resource `needs` only what stands above it.
What each part is made of is in the module of its name.
"""

from ..resources.records import RegistryLines
from . import (
    apps,
    bash_version,
    channels,
    environment,
    folders,
    guards,
    kept,
    people,
    sudoers,
    units,
    ways,  # noqa: F401 (for `aica check` alone: site.ways)
)
from .state import Site  # noqa: F401 (part of the page: site.Site)

STEPS = ("group", "storage", "folders", "environment", "sudoers", "pam", "conda", "uv", "units")


def recovery(site):
    """Return what recover and check walk through: the whole server."""
    resources = [RegistryLines(site.settings.users_txt, site.registry.problems)]
    resources += folders.chain(site.settings) + guards.tops(site) + kept.early(site)
    resources += people.groups(site) + people.records(site)
    for entry in site.registry.entries:
        resources += people.user(site, entry)
    resources += folders.shared(site) + environment.files(site) + apps.conda(site) + apps.uv(site)
    resources += sudoers.rules(site, needs=["group:" + site.settings.group])
    resources += channels.channels(site) + guards.profiles(site)
    resources += environment.pam(site) + units.units(site)
    resources += people.jobs(site, site.registry.entries)
    return _unique(bash_version.know(resources, site.settings))


def users(site, entries):
    """Return what `aica recover --user` walks through: the groups and these users only."""
    resources = people.groups(site)
    for entry in entries:
        resources += people.user(site, entry)
    return _unique(resources + people.jobs(site, entries))


def setup(site, skip=()):
    """Return what `aica setup` walks through: it also creates what recovery relies on."""
    steps = {
        "storage": folders.storage, "group": people.groups, "folders": _shared_disk,
        "environment": environment.files, "sudoers": sudoers.rules, "pam": environment.pam,
        "conda": apps.conda, "uv": apps.uv, "units": units.units,
    }
    # The records are part of storage, but need the groups that they name.
    resources = []
    for step, part in steps.items():
        if step not in skip:
            resources += part(site)
        if step == "group" and "storage" not in skip:
            resources += people.records(site)
            resources += people.accounts(site) if "group" not in skip else []
            resources += kept.copies(site)
    resources = bash_version.take_over(resources, site.settings)
    return _unique(resources + bash_version.jobs(site.settings))


def _shared_disk(site):
    """The shared folders, and what must be known of their disk by who guards this system."""
    return folders.shared(site) + guards.tops(site) + guards.profiles(site) + guards.rule(site)


def all_records(site):
    """What `aica record` brings up to date on /data; it changes nothing on the system disk."""
    return _unique(people.records(site) + kept.copies(site))


def _unique(resources):
    """Two users may have the same primary group: it stands once, where it is needed first."""
    first = {}
    for resource in resources:
        first.setdefault(resource.id, resource)
    return list(first.values())
