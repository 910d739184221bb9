"""Our PAM profile: umask 002 and the environment for members, in every way in."""

from ..errors import AicaError, NotApplicable
from .base import Resource

PROFILE = "/usr/share/pam-configs/aica-datakeeper"
COMMON_SESSION = "/etc/pam.d/common-session"
MARK = "/etc/aica/member-groups"


class PamProfile(Resource):
    """The profile is part of common-session.

    pam-auth-update exits 0 even when it leaves a locally edited
    common-session alone, therefore the file itself is read.
    """

    kind = "pam"

    def desired(self):
        return {"in common-session": True}

    def inspect(self, host):
        if host.lstat(PROFILE) is None:
            raise NotApplicable("the PAM profile is not installed here")
        try:
            text = host.read_file(COMMON_SESSION).decode("utf-8", "replace")
        except FileNotFoundError:
            raise NotApplicable("this system has no pam-auth-update")
        active = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        return {"in common-session": any(MARK in line for line in active)}

    def apply(self, host, changes):
        if not host.live:
            raise AicaError("pam-auth-update works on the running system only",
                            hint="run it there: pam-auth-update --package")
        host.execute(["pam-auth-update", "--package"])

    def describe_one(self, change):
        return "added to common-session"
