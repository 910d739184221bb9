"""The alarm's channels: [alert] restore in aica.conf."""

import hashlib

from ..errors import Conflict
from .base import Resource

FOLDER = "/etc/aica/alert.d"
# What we put there in this boot: only that is replaced when its copy has changed.
PLACED = "/run/aica/channels"


class Channel(Resource):
    """A program below /etc/aica/alert.d that is a copy of one on /data. Root runs only the copy.

    Its mode is that of the original without the rights of others to write, and
    with the owner's to run it: a channel that holds a password stays closed.
    """

    kind = "channel"

    def __init__(self, name, original, needs=()):
        super().__init__("{}/{}".format(FOLDER, name), needs)
        self.original = original
        self.placed = "{}/{}".format(PLACED, name)
        self.data, self.mode = b"", 0

    def desired(self):
        return {"content": _digest(self.data), "gid": 0, "mode": self.mode, "uid": 0}

    def inspect(self, host):
        self._read_original(host)
        info = host.lstat(self.name)
        if info is None:
            return None
        live = host.read_file(self.name)
        if live != self.data and _digest(live) != self._placed(host):
            raise Conflict(
                "{} is another one than {}".format(self.name, self.original),
                hint="diff {0} {1}; to use the kept one: rm {1} && aica recover; to keep what is "
                     "here: cp -p {1} {0}".format(self.original, self.name))
        return {"content": _digest(live), "gid": info.gid, "mode": info.mode, "uid": info.uid}

    def _read_original(self, host):
        try:
            self.data = host.read_trusted(self.original)
        except FileNotFoundError:
            raise Conflict("{} is missing, and [alert] restore names it".format(self.original),
                           hint="put it there, or take it off the list")
        self.mode = host.lstat(self.original).mode & 0o755 | 0o500

    def _placed(self, host):
        try:
            return host.read_trusted(self.placed).decode("ascii", "replace")
        except (FileNotFoundError, Conflict):
            return ""

    def folders(self):
        return (FOLDER, PLACED)

    def apply(self, host, changes):
        host.make_parents(self.name)
        host.write_file(self.name, self.data, self.mode)
        host.make_parents(self.placed)
        host.write_file(self.placed, _digest(self.data).encode("ascii"), 0o644)

    def describe(self, changes):
        if all(change.before is None for change in changes):
            return ("from {}, {:04o}".format(self.original, self.mode),)
        return super().describe(changes)

    def describe_one(self, change):
        return "content" if change.field == "content" else super().describe_one(change)


def _digest(data):
    return hashlib.sha256(data).hexdigest()
