"""Accounts that nobody registered, groups that are not kept, and what is let run at a time."""

from ..resources.jobs import AT_JOB, SPOOLS_OF_AT
from . import look
from .finding import Finding


def accounts(scene):
    """Yield the accounts of people that no boot restores."""
    low, high = scene.desired.id_range
    for user in sorted(scene.accounts.passwd.values()):
        if not low <= user.uid <= high or user.name in scene.image.accounts:
            continue
        if scene.desired.registry.get(user.name) is not None:
            continue
        keep = "in the image: this name cannot be registered"
        if scene.user(user.name):
            keep = scene.register_command(user.name)
            home = "{}/{}".format(scene.settings.home, user.name)
            if user.home != home:
                keep = "usermod -d {} {} && {}".format(home, user.name, keep)
        yield Finding("account", user.name, "uid {}, not registered".format(user.uid), keep)


def memberships(scene):
    """Yield who is registered and in groups that do not come back."""
    for entry in scene.desired.registry.entries:
        lost = scene.settings.not_kept(scene.accounts.groups_of(entry.name))
        if lost:
            yield Finding("membership", entry.name, "member of {}".format(", ".join(lost)),
                          "list what shall come back in [accounts] keep_groups of {}".format(
                              scene.settings.site_conf))


def crontabs(scene):
    """Yield the crontabs that are not kept: of root, and of people who are not registered."""
    spool = scene.desired.kept.spool
    for path, status in look.entries(scene.host, spool):
        name = path.rsplit("/", 1)[1]
        if name in scene.accounts.passwd and not scene.is_kept("crontab:" + name) \
                and scene.is_lost(path, status):
            yield Finding("crontab", name, "not kept", _keep(scene, name, path),
                          status.st_size)


def at_jobs(scene):
    """Yield the jobs of at(1) that are not kept."""
    for spool in SPOOLS_OF_AT:
        for path, status in look.entries(scene.host, spool):
            job = path.rsplit("/", 1)[1]
            name = scene.accounts.name_of_uid(status.st_uid) or str(status.st_uid)
            waits = AT_JOB.match(job) and not scene.is_kept("at-job:{}.{}".format(name, job))
            if waits and scene.is_lost(path, status):
                yield Finding("at-job", "{}.{}".format(name, job), "not kept",
                              _keep(scene, name, path), status.st_size)


def _keep(scene, name, path):
    if scene.desired.registry.get(name) is not None:
        return "aica record"
    return scene.register_command(name) if scene.user(name) else scene.save_command(path)
