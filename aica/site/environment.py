"""Desired state: the variables and the umask of members, in every way in. Pure."""

from .. import environment
from ..resources.file import ManagedFile
from ..resources.pam import PamProfile

PROFILE = "/etc/profile.d/global_envs.sh"
MEMBER_GROUPS = "/etc/aica/member-groups"
PAM_ENV = "/etc/aica/pam_env.conf"
NOTICE = "/run/aica/notice"
# Of the disks, for admins: it belongs to their group, so nobody else can read it.
DISK_NOTICE = "/run/aica/disk-notice"


def files(site):
    """The variables and the umask of members: for shells, for people, and for PAM."""
    settings = site.settings
    public = [ManagedFile(settings.config + "/global_env.sh",
                          environment.render_global_env(site.variables), _local(settings))]
    return public + system_files(site)


def system_files(site):
    """The part of files() that lies on the system disk."""
    settings = site.settings
    return [
        ManagedFile(PROFILE, environment.render_profile(
            site.variables, (NOTICE, DISK_NOTICE), settings.home),
                    _local(settings)),
        ManagedFile(MEMBER_GROUPS, environment.render_member_groups(settings.member_groups),
                    "[site] group and allowed_groups in {}".format(settings.site_conf)),
        ManagedFile(PAM_ENV, environment.render_pam_env(site.variables), _local(settings)),
    ]


def _local(settings):
    return settings.config + "/global_env.local.sh"


def pam(_site):
    """The PAM profile that the package brings."""
    return [PamProfile("aica-datakeeper")]
