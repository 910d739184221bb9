"""What the bash version may have left on a server, and what becomes of it. Pure."""

from functools import partial

from ..bash_version import recognise
from ..resources.root_holes import OldJobs, RootHoles
from . import environment, sudoers

UNIT = "aica-recovery.service"
CRON_FOLDERS = ("/etc/cron.d", "/etc/cron.hourly")


def know(resources, settings):
    """Let the resources recognise the files of the bash version in their places; return them."""
    data = settings.data
    known = {
        "file:" + environment.PROFILE: recognise.is_profile,
        "sudoers:" + sudoers.SUDOERS: recognise.is_rule,
        "file:{}/global_env.sh".format(settings.config): recognise.is_global_env,
        "unit:" + UNIT: recognise.is_unit,
    }
    for resource in resources:
        if resource.id in known:
            resource.predecessor = partial(known[resource.id], data=data)
    return resources


def take_over(resources, settings):
    """Let them move those files aside too; return them. Only `aica setup` does."""
    for resource in know(resources, settings):
        resource.takes_over = True
    return resources


def jobs(settings):
    """The cron files of the bash version."""
    return [OldJobs(folder, settings.data) for folder in CRON_FOLDERS]


def holes(settings, planned=()):
    """What root runs below /data although others can change it, whoever wrote it.

    planned: resources of a setup that will have repaired folders, and moved
    files aside, before it counts.
    """
    folders = [resource.name for resource in planned if resource.kind == "directory"]
    gone = [resource.name for resource in planned if resource.takes_over]
    gone += ["/etc/systemd/system/" + UNIT] if UNIT in gone else []
    return [RootHoles(settings.data, folders, gone + (list(CRON_FOLDERS) if planned else []))]
