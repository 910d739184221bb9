"""Symbolic links of root's, such as /home/NAME -> /data/users/NAME."""

import os

from ..errors import Conflict
from .base import Resource


class Symlink(Resource):
    """A link that root owns. Another link in its place is replaced, anything else is not."""

    kind = "symlink"
    hint = "move it aside, then: aica recover"

    def __init__(self, name, target, uid=0, gid=0, needs=()):
        super().__init__(name, needs)
        self.target = target
        self.uid = uid
        self.gid = gid

    def desired(self):
        return {"target": self.target, "uid": self.uid, "gid": self.gid}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None:
            return None
        if info.kind != "symlink":
            # On a wiped SSD this is usually an empty skeleton home, but it may
            # be the only copy of someone's thesis. A tool must not guess.
            raise Conflict(
                "{} is a {}, expected a symlink to {}".format(self.name, info.kind, self.target),
                hint=self.hint)
        if info.uid != self.uid and info.target != self.target:
            raise Conflict("{} is a symlink to {} that uid {} made, expected {}".format(
                self.name, info.target, info.uid, self.target), hint=self.hint)
        return {"target": info.target, "uid": info.uid, "gid": info.gid}

    def folders(self):
        return (os.path.dirname(self.name),)

    def apply(self, host, changes):
        host.replace_symlink(self.name, self.target, self.uid, self.gid)

    def describe(self, changes):
        return ("-> " + self.target,)
