"""Our PAM profile, and the ways in that it has to serve: umask 002 and the environment."""

from ..errors import AicaError, Conflict, NotApplicable
from . import pam_stack, pam_update
from .base import Resource

PROFILE = "/usr/share/pam-configs/aica-datakeeper"
COMMON_SESSION = "/etc/pam.d/common-session"
NONINTERACTIVE = COMMON_SESSION + "-noninteractive"
MARK = "/etc/aica/member-groups"
ENVIRONMENT = "/etc/aica/pam_env.conf"
# Which profiles pam-auth-update was ever asked about: it adds none of them by itself again.
KNOWN = "/var/lib/pam/seen"

# PAM service -> what people call the way in, most used first.
SERVICES = (
    ("sshd", "ssh"), ("login", "a console login"), ("su", "su"), ("su-l", "su -"),
    ("sudo", "sudo -u"), ("sudo-i", "sudo -i"), ("cron", "cron"), ("atd", "at"),
    ("systemd-user", "the user manager"),
)


class PamProfile(Resource):
    """The profile is part of common-session.

    pam-auth-update exits 0 even when it leaves locally edited files alone,
    therefore the files themselves are read. Where it would change nothing,
    a human must decide.
    """

    kind = "pam"

    def desired(self):
        return {"in common-session": True}

    def inspect(self, host):
        if host.lstat(PROFILE) is None:
            raise NotApplicable("the PAM profile is not installed here")
        if host.lstat(COMMON_SESSION) is None:
            raise NotApplicable("this system has no pam-auth-update")
        states = [_mentions(host, path, MARK) for path in (COMMON_SESSION, NONINTERACTIVE)
                  if host.lstat(path) is not None]
        if all(states):
            return {"in common-session": True}
        edited = pam_update.edited_file(host)
        if edited:
            raise Conflict(
                "{} was edited by hand: pam-auth-update leaves it and its kin alone, and they "
                "lack the profile's lines".format(edited),
                hint="add the lines below Session: of {} to common-session and "
                     "common-session-noninteractive, or give up the edits: "
                     "pam-auth-update --force".format(PROFILE))
        if not any(states) and _mentions(host, KNOWN, "aica-datakeeper"):
            raise Conflict("the PAM profile is disabled",
                           hint="pam-auth-update --enable aica-datakeeper")
        return {"in common-session": False}

    def apply(self, host, changes):
        if not host.live:
            raise AicaError("pam-auth-update works on the running system only",
                            hint="run it there: pam-auth-update --package")
        host.execute(["pam-auth-update", "--package"])

    def describe_one(self, change):
        return "added to common-session"


def _mentions(host, path, words):
    """True if a line of the file that is no comment has these words; False if it is missing."""
    try:
        text = host.read_file(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return False
    return any(words in line for line in text.splitlines() if not line.lstrip().startswith("#"))


class WayIn(Resource):
    """A session of one PAM service begins with umask 002 and the environment, for members.

    It can only be looked at: these files belong to the distribution and to the admin.
    """

    kind = "way-in"

    def __init__(self, name, words, server=None):
        super().__init__(name)
        self.words = words
        self._server = server

    def desired(self):
        return {}

    def inspect(self, host):
        lines = pam_stack.session_lines(host, self.name)
        if lines is None:
            raise NotApplicable("PAM has no file for {} here".format(self.words))
        if self._server is not None and not self._server.uses_pam(host):
            raise Conflict("members who come by ssh have neither umask 002 nor the environment: "
                           "sshd does not use PAM", hint="UsePAM yes in /etc/ssh/sshd_config")
        lacking = _lacking(lines)
        if lacking:
            path = pam_stack.service_file(host, self.name)
            raise Conflict("members who come by {} lack {}: {}".format(
                self.words, lacking, _why(lines, path)),
                hint="aica check --only pam, and what {} includes".format(path))
        return {}


def _lacking(lines):
    """Return which of the two things a session does not get, "" if it gets both."""
    mark = "file=" + MARK
    start = next((n for n, line in enumerate(lines) if mark in line.arguments), len(lines))
    rest = lines[start:]
    masks = [line for line in rest if line.module == "pam_umask.so"]
    environment = any(line.module == "pam_env.so" and "conffile=" + ENVIRONMENT in line.arguments
                      for line in rest)
    words = [] if masks and "umask=002" in masks[-1].arguments else ["umask 002"]
    return " and ".join(words + ([] if environment else ["the environment"]))


def _why(lines, path):
    """Say in which file something is missing or too much."""
    masks = [line for line in lines if line.module == "pam_umask.so"]
    if masks and any(MARK in word for line in lines for word in line.arguments):
        return "{} has another pam_umask behind ours".format(masks[-1].path)
    return "nothing that {} includes has the lines of the PAM profile".format(path)
