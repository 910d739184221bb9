"""Homes: the folder on /data, of which only the top is ours, and the link to it."""

import os

from ..errors import Conflict
from .base import Resource
from .symlink import Symlink

WIDEST = 0o750


class HomeFolder(Resource):
    """The top of somebody's home. Rights beyond 0750 are taken away, none is ever given.

    It is never created here: an empty folder in place of a home that is
    missing would hide a loss. A foreign owner is shown and never changed:
    folders can be renamed, and the next "repair" would hand them over.
    """

    kind = "home"

    def __init__(self, name, user, uid, gid, needs=(), link="", group=""):
        """`link` is where the user's home was before it moved, `group` what to move it with."""
        super().__init__(name, needs)
        self.user = user
        self.uid = uid
        self.gid = gid
        self.link = link
        self.group = group

    def desired(self):
        return {"gid": self.gid, "beyond 0750": 0}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None:
            self._refuse_missing(host)
        if info.kind != "folder":
            raise Conflict("{} is a {}, expected a folder".format(self.name, info.kind))
        if info.uid != self.uid:
            raise Conflict(
                "{} belongs to uid {}, but {} has uid {}".format(
                    self.name, info.uid, self.user, self.uid),
                hint="look inside; if it is hers or his: chown -h {}:{} {}".format(
                    self.uid, self.gid, self.name))
        return {"gid": info.gid, "beyond 0750": info.mode & ~WIDEST}

    def _refuse_missing(self, host):
        old = host.lstat(self.link) if self.link else None
        if old is not None and old.kind == "folder":
            # Registered before it was set up: a new, empty home would be the wrong advice.
            raise Conflict("{} is missing, and {} is a real folder".format(self.name, self.link),
                           hint="move it to the data disk: aica user setup {} {}".format(
                               self.user, self.group))
        raise Conflict(
            "{} is missing: recover never creates a home".format(self.name),
            hint="restore it from a backup, or make a new one: aica user home {} --create".format(
                self.user))

    def apply(self, host, changes):
        info = host.lstat(self.name)
        host.set_attributes(self.name, info.mode & WIDEST, info.uid, self.gid, expected=info)

    def describe_one(self, change):
        if change.field == "gid":
            return super().describe_one(change)
        return "without the rights {:04o}".format(change.before)


class NewHome(HomeFolder):
    """The home of a new user: made from /etc/skel, as that user, if it is missing.

    It is filled under another name and renamed when complete, so that a kill
    leaves no half home that would count as one.
    """

    def inspect(self, host):
        if host.lstat(self.name) is None:
            return None
        return super().inspect(host)

    def apply(self, host, changes):
        if host.lstat(self.name) is not None:
            super().apply(host, changes)
            return
        parent, name = os.path.split(self.name)
        unfinished = "{}/.aica-new.{}".format(parent, name)
        start_unfinished(host, unfinished, self.uid, self.gid)
        if host.lstat("/etc/skel") is not None:
            host.execute(["cp", "-R", "--no-dereference", "--preserve=mode,timestamps", "-T",
                          host.real("/etc/skel"), host.real(unfinished)],
                         ids=(self.uid, self.gid))
        # The copy gave the folder the mode of /etc/skel, and cp -R --preserve
        # cannot leave only that out.
        host.set_attributes(unfinished, WIDEST, self.uid, self.gid,
                            expected=host.lstat(unfinished))
        host.rename(unfinished, name)

    def describe(self, changes):
        if any(change.before is None for change in changes):
            return ("new, from /etc/skel, for uid {}".format(self.uid),)
        return super().describe(changes)


def start_unfinished(host, path, uid, gid):
    """Make a folder to be filled as a user, or take the one that a killed run left."""
    info = host.lstat(path)
    if info is None:
        host.make_folder(path, 0o700, uid, gid)
    elif info.kind == "folder" and info.uid == 0 and not host.names(path):
        host.set_attributes(path, 0o700, uid, gid, expected=info)
    elif info.kind != "folder" or info.uid != uid:
        raise Conflict("{} is in the way: a {} of uid {}".format(path, info.kind, info.uid),
                       hint="look inside and move it aside")


class HomeLink(Symlink):
    """/home/NAME -> /data/users/NAME."""

    def __init__(self, name, target, user, group, needs=()):
        super().__init__(name, target, needs=needs)
        self.hint = "look inside, then: aica user setup {} {}".format(user, group)


class AdoptingHomeLink(HomeLink):
    """A home link that may take the place of a pure skeleton.

    adduser leaves a real folder with the files of /etc/skel. If it holds
    nothing else, unmodified, it is moved aside under a unique name; one
    byte more, and a human must look.
    """

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is not None and info.kind == "folder" and is_skeleton(host, self.name):
            return {"target": "a folder with only the files of /etc/skel"}
        return super().inspect(host)

    def apply(self, host, changes):
        info = host.lstat(self.name)
        if info is not None and info.kind == "folder":
            if not is_skeleton(host, self.name):
                raise Conflict("{} was changed meanwhile".format(self.name), hint=self.hint)
            host.move_aside(self.name, "skeleton")
        super().apply(host, changes)

    def plan(self, actual):
        changes = super().plan(actual)
        return tuple(c for c in changes if c.field == "target") or changes

    def describe_one(self, change):
        return "{} moved aside; -> {}".format(change.before, self.target) \
            if str(change.before).startswith("a folder") else "-> " + self.target

    def describe(self, changes):
        return tuple(self.describe_one(change) for change in changes)


def is_skeleton(host, path, skel="/etc/skel", also=()):
    """True if the folder holds nothing but unmodified files of the skeleton folder.

    also are names beside them that the caller looks at.
    """
    known = set(host.names(skel))
    return all(name in known and _same(host, "{}/{}".format(path, name),
                                       "{}/{}".format(skel, name))
               for name in host.names(path) if name not in also)


def _same(host, left, right):
    a, b = host.lstat(left), host.lstat(right)
    if a is None or b is None or a.kind != b.kind:
        return False
    if a.kind == "folder":
        return is_skeleton(host, left, right)
    if a.kind == "symlink":
        return a.target == b.target
    return a.kind == "file" and a.size == b.size and host.read_file(left) == host.read_file(right)


