"""A home that is a real folder with content moves to the data disk, without losing a byte.

The copy is made and compared as the user, under another name beside the
homes; only a complete one, that the disk has written, gets the home's name, and
only then the old folder is renamed, never removed. Killed at any moment,
everything is still in the old folder or in the new one, and the next run goes
on from there.
"""

import os

from .. import copying, ids, vault
from ..errors import AicaError, Conflict
from .base import Resource
from .home import WIDEST, is_skeleton, start_unfinished

# In place, so that a killed run leaves no temporary files among the user's.
# Sockets, FIFOs and devices hold nothing that a copy could keep.
RSYNC = ("rsync", "--archive", "--hard-links", "--sparse", "--inplace", "--no-specials",
         "--no-devices", "--numeric-ids")
TOLD_PROCESSES = 5
# Folders of the copy may need more room than those of another file system did.
MARGIN = 1.02


class HomeMove(Resource):
    """/home/NAME is no real folder with content any more; what it held is in /data/users/NAME."""

    kind = "home-move"

    def __init__(self, name, data, user, uid, gid, while_running=False, known=None, needs=()):
        """known: the account records, which have the user's subordinate ids too."""
        super().__init__(name, needs)
        self.data = data
        self.user = user
        self.ids = (uid, gid)
        self.while_running = while_running
        self.known = known or vault.empty()
        self.unfinished = "{}/.aica-move.{}".format(*os.path.split(data))
        self._found = None

    def desired(self):
        return {"in": self.data}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None or info.kind != "folder" or is_skeleton(host, self.name):
            return {"in": self.data}
        if info.uid != self.ids[0]:
            raise Conflict("{} belongs to uid {}, but {} has uid {}".format(
                self.name, info.uid, self.user, self.ids[0]), hint="look whose files these are")
        self._refuse_running(host)
        self._found = self._survey(host, self.name)
        self._refuse_unreadable()
        if self._has_content(host):
            self._refuse_loss(host)
        else:
            self._check_space(host)
        return {"in": self.name}

    def apply(self, host, changes):
        self._refuse_running(host)
        if self._has_content(host):
            host.sync(self.data)
        else:
            self._copy(host)
        aside = host.move_aside(self.name, "moved")
        if self._survey(host, aside)["print"] != self._found["print"]:
            raise AicaError("{} was written to in the last moment: it is {} now".format(
                self.name, aside), hint="compare the two: diff -r {} {}".format(aside, self.data))

    def remark(self, actual):
        found = self._found
        if found is None or actual["in"] == self.data:
            return ""
        words = [words.format(_named(found[sort])) for sort, words in (
            ("foreign", "of other owners, the copy is the user's: {}"),
            ("special", "sockets, FIFOs and devices stay in the old folder only: {}"),
            ("extended", "attributes and ACLs stay in the old folder only: {}"),
            ("grouped", "open to another group, closed in the copy: {}"),
        ) if found[sort][0]]
        return "; ".join(words)

    def describe_one(self, change):
        parent, name = os.path.split(self.name)
        return "{:,} files, {:,} MB, to {}; the old folder is {}/.{}.moved.N now".format(
            self._found["files"], self._found["bytes"] >> 20, self.data, parent, name)

    # -- what forbids it -------------------------------------------------

    def _refuse_running(self, host):
        running = () if self.while_running else host.processes(
            self.ids[0], ids.subuids_of(self.user, self.ids[0], host.accounts(), self.known))
        if running:
            told = ", ".join("{} {}".format(one.pid, one.name)
                             for one in running[:TOLD_PROCESSES])
            raise Conflict("{} process(es) of {} are running and may write to the home: {}".format(
                len(running), self.user, told),
                hint="loginctl terminate-user {}; or say --while-running".format(self.user))

    def _refuse_unreadable(self):
        found = self._found
        if found["mounts"][0]:
            raise Conflict("{} holds mounts: {}".format(self.name, _named(found["mounts"])),
                           hint="unmount them")
        if found["unreadable"][0]:
            raise Conflict("{} cannot read everything in {}: {}".format(
                self.user, self.name, _named(found["unreadable"])),
                hint="look at each: give it to {}, or move it elsewhere".format(self.user))

    def _has_content(self, host):
        """True if the data folder holds more than a skeleton. Raise Conflict if it is not theirs."""
        info = host.lstat(self.data)
        if info is None:
            return False
        if info.kind != "folder" or info.uid != self.ids[0]:
            raise Conflict("{} is a {} of uid {}, expected a folder of uid {}".format(
                self.data, info.kind, info.uid, self.ids[0]), hint="look inside")
        return not is_skeleton(host, self.data)

    def _refuse_loss(self, host):
        """Both hold something: go on only if the data folder has all of the old one."""
        found = self._compare(host, self.data)
        if found["missing"][0] or found["different"][0]:
            raise Conflict("both {} and {} hold files. {}".format(
                self.name, self.data, _differences(found)),
                hint="make one of the two: diff -r {} {}".format(self.name, self.data))

    def _check_space(self, host):
        if not host.has_program("rsync"):
            raise AicaError("rsync is not installed: a home with content cannot be moved",
                            hint="apt install rsync")
        needed = {key: self._found[key] * MARGIN for key in ("bytes", "entries")}
        if host.lstat(self.unfinished) is not None:
            there = self._survey(host, self.unfinished)
            needed = {key: needed[key] - there[key] for key in needed}
        for key, free in zip(("bytes", "entries"), host.free(os.path.dirname(self.data))):
            if free is not None and needed[key] > free:
                raise Conflict("{} needs {:,.0f} {} on the data disk, {:,} are free".format(
                    self.name, needed[key], key, free), hint="df -h and df -i")

    # -- the work --------------------------------------------------------

    def _copy(self, host):
        start_unfinished(host, self.unfinished, *self.ids)
        source, target = host.real(self.name), host.real(self.unfinished)
        host.execute(list(RSYNC) + [source + "/", target + "/"], timeout_s=None, ids=self.ids)
        # The copy has the user's own group: what was open to another one is closed.
        # It could keep those that the user is in, but the gids of an image's groups
        # (render, docker) are another group's after the next wipe, and the data stays.
        host.work_as(self.ids, copying.close_groups, source, target)
        found = self._compare(host, self.unfinished)
        if found["missing"][0] or found["different"][0]:
            raise AicaError("the copy is not what it should be. {}".format(_differences(found)),
                            hint="repeat the command; the old folder is as it was")
        if self._survey(host, self.name)["print"] != self._found["print"]:
            raise AicaError("{} was written to while it was copied".format(self.name),
                            hint="end what {} has running and repeat the command".format(self.user))
        self._give_name(host)

    def _give_name(self, host):
        # After a power cut there may be no old folder any more, and a name over what was
        # never written is no copy.
        host.sync(self.unfinished)
        old = host.lstat(self.name)
        host.set_attributes(self.unfinished, old.mode & WIDEST, *self.ids,
                            expected=host.lstat(self.unfinished))
        if host.lstat(self.data) is not None:
            if self._has_content(host):
                raise Conflict("{} was filled meanwhile".format(self.data), hint="look inside")
            host.move_aside(self.data, "skeleton")
        host.rename(self.unfinished, os.path.basename(self.data))

    def _survey(self, host, path):
        return host.look_as(self.ids, copying.survey, host.real(path))

    def _compare(self, host, path):
        return host.look_as(self.ids, copying.compare, host.real(self.name), host.real(path))


def _named(found):
    number, first = found
    more = ", and {:,} more".format(number - len(first)) if number > len(first) else ""
    return ", ".join(first) + more


def _differences(found):
    words = (("missing", "only in the old one: {}"), ("different", "different: {}"),
             ("more", "only in the new one: {}"))
    return "; ".join(text.format(_named(found[key])) for key, text in words if found[key][0])
