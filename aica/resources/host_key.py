"""The SSH host keys: after a wipe the server is still the one that everybody's ssh knows."""

import base64
import binascii
import hashlib

from ..errors import AicaError
from .base import Resource
from .kept import Kept, read_if_there
from .unit import is_active

FOLDER = "/etc/ssh"
SERVERS = ("ssh.service", "sshd.service")


class HostKey(Kept):
    """A pair of keys: NAME and NAME.pub, as (private, public).

    What a fresh image, or cloud-init, made instead is nobody's: it is
    replaced and not kept. A pair that an admin made anew in this boot is
    taken over. A pair that vanished is put back: to be rid of one, remove
    its copy too.
    """

    kind = "host-key"
    restored = False

    def read_live(self, host):
        return _pair(host, self.name)

    def read_copy(self, host):
        return _pair(host, self.copy)

    def write_live(self, host, value, before):
        private, public = value
        host.make_parents(self.name)
        self.restored = True  # also if only half of it succeeds: sshd must look again
        if public:
            host.write_file(self.name + ".pub", public, 0o644)
        host.write_file(self.name, private, 0o600)

    def write_copy(self, host, value):
        private, public = value
        if public:
            host.write_file(self.copy + ".pub", public, 0o600)
        host.write_file(self.copy, private, 0o600)

    def folders(self):
        return (FOLDER,) + super().folders()

    def remark(self, actual):
        found = self.kept or self.live
        return fingerprint(found[1]) if found else ""


def _pair(host, path):
    private = read_if_there(host, path)
    return None if private is None else (private, read_if_there(host, path + ".pub") or b"")


def fingerprint(public):
    """Return the fingerprint of a public key as ssh shows it, "" if it is none. Pure."""
    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (IndexError, binascii.Error):
        return ""
    whole = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return "SHA256:" + whole.rstrip("=")


class SshServer(Resource):
    """A running sshd uses the keys that were restored: told once, after the last of them.

    One reload for all: a second SIGHUP that comes while sshd starts over
    would end it.
    """

    kind = "ssh-server"

    def __init__(self, keys):
        super().__init__("sshd")
        self.keys = keys
        self.reloaded = False

    def desired(self):
        return {"keys": "as kept"}

    def inspect(self, host):
        stale = any(key.restored for key in self.keys) and not self.reloaded
        return {"keys": "older" if stale and _running(host) else "as kept"}

    def apply(self, host, changes):
        self.reloaded = True
        for name in _running(host)[:1]:
            # --no-block: at boot nothing may wait for another unit.
            host.execute(["systemctl", "--no-block", "reload", name])

    def describe(self, changes):
        return ("reloaded",)


def _running(host):
    """Return the names under which an SSH server runs here; at boot there is none yet."""
    if not host.live:
        return []
    try:
        return [name for name in SERVERS if is_active(host, name)]
    except AicaError:  # no systemd: nothing runs under its name
        return []
