"""Who changes the umask again after the login: the account's comment, and start-up files.

Only lines that can be read are judged, and none is run: a line inside an
`if` counts, and what a program started from there does is not known.
"""

import re

from ..errors import AicaError, Conflict
from .base import Resource

# In the home, and read after PAM has set the umask, whatever the way in.
START_UP = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile",
            ".zshrc", ".zlogin")
FOR_ALL = ("/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/zshenv", "/etc/zsh/zprofile",
           "/etc/zsh/zshrc", "/etc/zsh/zlogin")
PROFILES = "/etc/profile.d"
LARGEST_BYTES = 1 << 18
_LINE = re.compile(rb"(?:^|[;&{]|\bthen\b|\belse\b)[ \t]*umask[ \t]+"
                   rb"([0-7]{1,4}|[ugoa]*=[rwxugoa,=]+)(?=[ \t\r;&}#]|$)")
_GECOS = re.compile(r"(?:^|,)umask=([0-7]{1,4})(?:,|$)")
SHARED = ("2", "u=rwx,g=rwx,o=rx")


class OwnUmask(Resource):
    """A member's umask stays 002 after the login. Looked at only: these files are the member's."""

    kind = "umask"

    def __init__(self, name, folder, uid, gecos=""):
        super().__init__(name)
        self.folder = folder
        self.uid = uid
        self.gecos = gecos

    def desired(self):
        return {}

    def inspect(self, host):
        found = _GECOS.search(self.gecos)
        if found and _narrower(found.group(1)):
            raise Conflict("the comment of the account says umask={}".format(found.group(1)),
                           hint="chfn -o '' {}".format(self.name))
        place = own_line(host, self.folder, self.uid)
        if place:
            raise Conflict("{} says umask {}: what {} makes in the shared folders is not the "
                           "group's to change".format(place[0], place[1], self.name),
                           hint="{} should take the line out of {}".format(
                               self.name, place[0].rpartition(":")[0]))
        return {}


def own_line(host, folder, uid):
    """Return ("FILE:LINE", umask) of a start-up file in a home that sets another umask, or None."""
    found = (_last(host, "{}/{}".format(folder, name), uid) for name in START_UP)
    return next((place for place in found if place), None)


class SystemUmask(Resource):
    """No start-up file of the system sets another umask after ours."""

    kind = "umask"

    def __init__(self, ours):
        super().__init__("/etc")
        self.ours = ours

    def desired(self):
        return {}

    def inspect(self, host):
        later = ["{}/{}".format(PROFILES, name) for name in host.names(PROFILES)
                 if name.endswith(".sh") and name > self.ours]
        for path in list(FOR_ALL) + later:
            place = _last(host, path, 0)
            if place:
                raise Conflict("{} says umask {}, and members may run that line too".format(*place),
                               hint="take the line out, or: umask 002 for members there")
        return {}


def _last(host, path, uid):
    """Return ("FILE:LINE", umask) of the last line that sets another umask than 002, or None."""
    try:
        data = host.read_owned(path, uid)
    except (OSError, AicaError):
        return None  # not there, or nothing that a shell of theirs should read
    found = None
    for number, line in enumerate(data[:LARGEST_BYTES].split(b"\n"), 1):
        if line.lstrip().startswith(b"#"):
            continue
        for match in _LINE.finditer(line):
            value = match.group(1).decode("ascii")
            found = ("{}:{}".format(path, number), value) if _narrower(value) else None
    return found


def _narrower(value):
    """True if this umask is not 002, in figures or in symbols."""
    return (value.lstrip("0") or "0") not in SHARED
