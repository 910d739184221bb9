"""Folders of root's: the trusted chain, and the shared leaf folders."""

from ..errors import Conflict
from .base import Resource


class Directory(Resource):
    """A folder with exactly this owner, group and mode. Missing ones are created."""

    kind = "directory"

    group = "root"

    def __init__(self, name, mode, uid=0, gid=0, needs=()):
        super().__init__(name, needs)
        self.mode = mode
        self.uid = uid
        self.gid = gid

    def desired(self):
        return {"gid": self.gid, "mode": self.mode, "uid": self.uid}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None:
            return None
        if info.kind != "folder":
            raise Conflict("{} is a {}, expected a folder".format(self.name, info.kind),
                           hint="look at it, then move it aside: mv {0} {0}.old".format(self.name))
        self.check(info)
        return {"gid": info.gid, "mode": info.mode, "uid": info.uid}

    def check(self, info):
        """Raise Conflict if taking over this folder could do harm."""

    def describe(self, changes):
        if all(change.before is None for change in changes):
            return ("new folder, root:{} {:04o}".format(self.group, self.mode),)
        return super().describe(changes)

    def apply(self, host, changes):
        info = host.lstat(self.name)
        if info is None:
            host.make_folder(self.name, self.mode, self.uid, self.gid)
        else:
            self.check(info)  # of what is changed now, not of what inspect() saw
            host.set_attributes(self.name, self.mode, self.uid, self.gid, expected=info)


class SharedDirectory(Directory):
    """A folder that the whole group may write: root:GROUP 2775.

    `nested` says that it lies inside another shared folder. There a member
    can rename a colleague's private folder to this very name, and opening it
    to the group would publish what is inside (safety.md S12): a folder that
    is not root's and not already open to this group is left alone.
    """

    def __init__(self, name, group, gid, nested=False, needs=()):
        super().__init__(name, 0o2775, 0, gid, needs)
        self.group = group
        self.nested = nested

    def check(self, info):
        shared = info.mode & 0o050 == 0o050 and info.gid == self.gid
        public = info.mode & 0o005 == 0o005
        if self.nested and info.uid != 0 and not (shared or public):
            raise Conflict(
                "{} belongs to uid {} with mode {:04o}: perhaps a private folder that was "
                "moved here".format(self.name, info.uid, info.mode),
                hint="look inside; if it is to be shared: chown root {}".format(self.name))
