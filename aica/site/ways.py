"""What must hold for members in every way in, which only `aica check` looks at. Pure.

It goes through start-up files and key files inside homes, so it is never
part of the boot.
"""

from ..resources.own_umask import OwnUmask, SystemUmask
from ..resources.pam import SERVICES, WayIn
from ..resources.ssh_login import SshLogin, SshServer

PROFILE = "global_envs.sh"


def ways(site):
    """Return a resource per way in, then those of each registered and recorded member."""
    server = SshServer()
    resources = [WayIn(service, words, server if service == "sshd" else None)
                 for service, words in SERVICES]
    resources.append(SystemUmask(PROFILE))
    return resources + members(site, server)


def members(site, server=None):
    """Return what is looked at in the homes: the umask that stays, and what sshd will say."""
    server = server or SshServer()
    resources = []
    for entry in site.registry.entries:
        user = site.vault.passwd.get(entry.name)
        if user is not None:
            user = user._replace(home="{}/{}".format(site.settings.home, user.name))
            folder = "{}/{}".format(site.settings.users, user.name)
            resources += [OwnUmask(user.name, folder, user.uid, user.gecos),
                          SshLogin(user, folder, server)]
    return resources
