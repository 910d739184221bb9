"""The part of the desired state that has a copy on /data, beside the accounts. Pure.

The same resources serve two walks: one that restores, and one (restores=False)
that only brings the copies up to date.
"""

from ..resources.directory import Directory
from ..resources.host_key import HostKey, SshServer
from ..resources.jobs import AtJob, Crontab, Linger, MoreAtJobs, choose_kept
from ..resources.kept_file import KeptFile


def early(site, restores=True):
    """What must be right before sshd starts: the host keys and the site's own files."""
    return host_keys(site, restores) + kept_files(site, restores)


def copies(site):
    """The same and the users' jobs, but only their copies are brought up to date."""
    resources = early(site, restores=False)
    for entry in site.registry.entries:
        resources += jobs(site, entry, restores=False)
    return resources


def host_keys(site, restores=True):
    """The SSH host keys, those of the copies and those that only this system has."""
    settings, kept = site.settings, site.kept
    if not (site.host_keys and kept.host_keys):
        return []
    folder = Directory(settings.ssh, 0o700)
    keys = [_kept(kept, HostKey("/etc/ssh/" + name, "{}/{}".format(settings.ssh, name),
                                restores=restores, needs=[folder.id]))
            for name in kept.host_keys]
    return [folder] + keys + ([SshServer(keys)] if restores else [])


def kept_files(site, restores=True):
    """The files that the site lists, each with its copy and what the image had there."""
    settings = site.settings
    if not settings.keep_files:
        return []
    folder = Directory(settings.keep, 0o700)
    return [folder] + [
        _kept(site.kept, KeptFile(name, "{}/kept{}".format(settings.keep, name),
                                  "{}/image{}".format(settings.keep, name),
                                  restores=restores, needs=[folder.id]))
        for name in settings.keep_files]


def jobs(site, entry, needs=(), restores=True):
    """The crontab and the jobs of at of a user, and whether she or he lingers."""
    settings, kept, name = site.settings, site.kept, entry.name
    account = site.vault.passwd.get(name)
    if account is None:
        return []
    waiting, more = choose_kept(kept.jobs_of(name, account.uid))
    if not waiting and name not in kept.crontabs + kept.lingering:
        return []
    folder = Directory(settings.jobs, 0o700)
    needs = [folder.id] + list(needs)
    copy = "{}/{}".format(settings.jobs, name)
    resources = [folder]
    if name in kept.crontabs:
        resources.append(_kept(kept, Crontab(name, account.uid, kept.spool, copy + ".crontab",
                                             restores=restores, needs=needs)))
    if name in kept.lingering:
        resources.append(_kept(kept, Linger(name, account.uid, copy + ".linger",
                                            restores=restores, needs=needs)))
    ids = account.uid, account.gid
    resources += [MoreAtJobs(name, more, needs=needs)] if more else []
    return resources + [
        _kept(kept, AtJob(name, job, ids, kept.at_spool, "{}.at.{}".format(copy, job),
                          restores=restores, needs=needs)) for job in waiting]


def _kept(kept, resource):
    resource.seen = kept.seen.get(resource.id)
    return resource
