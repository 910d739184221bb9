"""What lies on the system disk and has a copy on /data: which of the two is right, and why.

A fresh image never overwrites what we know, and what somebody changed on the
running server is never overwritten by an older copy. What tells the two
apart is what this boot has seen: once both sides were alike, a difference on
the system disk is somebody's doing; before that, it is the image's.
"""

import hashlib
import os

from ..change import Change
from ..errors import Conflict
from .base import Resource

NOTHING, RECORD, FORGET, RESTORE = "nothing", "record", "forget", "restore"


def decide(live, kept, seen, removable=False):
    """Return what is to be done, for three digests (None: there is none). Pure.

    live is what the system disk has, kept the copy on /data, seen what both
    were when this boot last saw them alike. removable: if it vanished since
    then, somebody removed it; otherwise it is put back.
    """
    if live == kept:
        return NOTHING
    if seen is not None and live != seen:
        return RECORD if live is not None else FORGET if removable else RESTORE
    return RECORD if kept is None else RESTORE


def digest_of(value):
    """Return the sha256 of a value (a tuple of bytes), None for None. Pure."""
    if value is None:
        return None
    whole = hashlib.sha256()
    for part in value:
        whole.update(b"%d\0" % len(part) + part)
    return whole.hexdigest()


class Kept(Resource):
    """A thing on the system disk with a copy on /data, its content a tuple of bytes.

    copy is the path of the copy, seen the digest that this boot remembers.
    restores=False only ever changes the copy: that is what `aica record` does.
    """

    removable = False

    def __init__(self, name, copy, restores=True, needs=()):
        super().__init__(name, needs)
        self.copy = copy
        self.restores = restores
        self.seen = self.live = self.kept = None

    def read_live(self, host):
        """Return the content on the system disk, None if there is none. Raise Conflict."""
        raise NotImplementedError(self.id)

    def read_copy(self, host):
        """Return the content of the copy, None if there is none. Raise Conflict."""
        raise NotImplementedError(self.id)

    def write_live(self, host, value, before):
        """Put the content on the system disk, in place of `before`."""
        raise NotImplementedError(self.id)

    def write_copy(self, host, value):
        """Put the content into the copy."""
        raise NotImplementedError(self.id)

    def drop_copy(self, host):
        """Forget the copy; its older generation stays."""
        keep_older(host, self.copy)
        host.remove_file(self.copy)

    def step(self):
        """Return what is to be done about what inspect() has read."""
        live, kept = digest_of(self.live), digest_of(self.kept)
        return decide(live, kept, self.seen, self.removable)

    @property
    def alike(self):
        """True if both sides were the same when inspect() last looked."""
        return digest_of(self.live) == digest_of(self.kept)

    def inspect(self, host):
        self.live, self.kept = self.read_live(host), self.read_copy(host)
        step = self.step()
        return {"step": step if self.restores or step != RESTORE else NOTHING}

    def plan(self, actual):
        if actual["step"] == RESTORE:
            return (Change("content", "missing" if self.live is None else "another", "as kept"),)
        if actual["step"] == RECORD:
            return (Change("copy", "missing" if self.kept is None else "older", "recorded"),)
        return (Change("copy", "recorded", "removed"),) if actual["step"] == FORGET else ()

    def apply(self, host, changes):
        wanted = (changes[0].field, changes[0].after)
        if wanted == ("content", "as kept"):
            self.write_live(host, self.kept, self.live)
        elif wanted == ("copy", "recorded"):
            host.make_parents(self.copy)
            self.write_copy(host, self.live)
        else:
            self.drop_copy(host)

    def folders(self):
        return (os.path.dirname(self.copy),)

    def describe_one(self, change):
        return WORDS[change.field, change.before]


WORDS = {
    ("content", "missing"): "restored from its copy on the data disk",
    ("content", "another"): "the image's own replaced by the kept one",
    ("copy", "missing"): "recorded for the first time",
    ("copy", "older"): "what was changed here is recorded",
    ("copy", "recorded"): "removed here, so no longer kept",
}


def read_if_there(host, path):
    """Return the bytes of a file of root's alone, None if it is missing."""
    try:
        return host.read_trusted(path)
    except FileNotFoundError:
        return None


def keep_older(host, path):
    """Keep one older generation of a copy beside it, readable by root alone."""
    before = read_if_there(host, path)
    if before is not None:
        host.write_file(path + "-", before, 0o600)


def refuse_unless_plain(name, info):
    """Raise Conflict unless an Info is that of a plain file of root's, without special rights."""
    if info.kind != "file":
        raise Conflict("{} is a {}, expected a file".format(name, info.kind),
                       hint="only whole files are kept: name the file itself")
    if (info.uid, info.gid) != (0, 0) or info.mode & 0o7022:
        raise Conflict(
            "{} belongs to {}:{} with mode {:04o}: only what is root's alone is kept".format(
                name, info.uid, info.gid, info.mode),
            hint="chown root:root {0} && chmod go-w,a-s {0}".format(name))
