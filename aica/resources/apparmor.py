"""AppArmor: its profiles know the folder that the homes are really in."""

from .file import ManagedFile
from .unit import is_active

FOLDER = "/etc/apparmor.d/tunables/home.d"
SERVICE = "apparmor.service"


class HomeFolders(ManagedFile):
    """The file that adds a folder to those below which AppArmor's profiles look for homes."""

    def __init__(self, users, where):
        super().__init__(FOLDER + "/aica-datakeeper", "@{{HOMEDIRS}}+={}/\n".format(users), where)

    def apply(self, host, changes):
        super().apply(host, changes)
        # Profiles are read once, early in the boot. Nobody waits for it: it takes seconds.
        if host.live and host.has_program("systemctl") and is_active(host, SERVICE):
            host.execute(["systemctl", "--no-block", "reload", SERVICE])
