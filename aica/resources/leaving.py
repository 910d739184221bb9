"""What somebody leaves behind: an account, a link, processes, jobs, a home. Nothing is deleted.

Each of these says that something is not there any more. What a home holds is
moved in one piece to where only root comes.
"""

import os
import time

from .. import accounts, ids, vault
from ..change import Change
from ..errors import Conflict, NotApplicable
from . import shadow_tools
from .base import Resource
from .home import is_skeleton
from .jobs import AT_JOB, LINGER, Crontab, number_of
from .records import AccountRecords

REMOVED = ".removed"
SHOWN = 5


class LockedAccount(Resource):
    """An account that nobody can come in to: no password, and no key because it has expired."""

    kind = "lock"

    def desired(self):
        return {"locked": True}

    def inspect(self, host):
        present = host.accounts()
        if self.name not in present.passwd:
            return {"locked": True}
        line = present.shadow.get(self.name)
        return {"locked": line is not None and line.hash.startswith("!") and line.aging[5] == "1"}

    def apply(self, host, changes):
        shadow_tools.execute(host, accounts.lock_argv(self.name, host.root))

    def describe(self, changes):
        return ("locked: nobody can log in any more",)


class NoProcesses(Resource):
    """No process of somebody runs, in containers neither. They are ended only where end=True.

    known are the account records: they have the subordinate ids too. id_range
    are the uids for people.
    """

    kind = "processes"

    def __init__(self, user, uid, known, id_range, end=False, needs=()):
        super().__init__(user, needs)
        self.uid = uid
        self.known = known
        self.id_range = id_range
        self.end = end

    def _spans(self, host):
        return ids.subuids_of(self.name, self.uid, host.accounts(), self.known)

    def desired(self):
        return {"running": 0}

    def inspect(self, host):
        running = host.processes(self.uid, self._spans(host))
        if running and not self.end:
            raise Conflict(in_words(self.name, running),
                           hint="have them ended, or end them: aica user remove {0} "
                                "--end-processes".format(self.name))
        return {"running": len(running)}

    def apply(self, host, changes):
        host.end_processes(self.uid, self._spans(host), self.is_sole(host))

    def end_unseen(self, host):
        """Before the account goes: who forks all the time may run and be seen by nobody."""
        if self.end and self.is_sole(host):
            host.kill_all(self.uid)

    def is_sole(self, host):
        """True if nobody else here has this uid: not even in a directory service."""
        return ids.is_sole(self.uid, self.name, host.accounts(), self.id_range) and (
            host.directory_name(self.uid) in (None, self.name))

    def describe_one(self, change):
        return "{} ended".format(change.before)


def in_words(name, running):
    """Return who runs what, with the first few processes."""
    shown = ", ".join("{} ({})".format(p.name, p.pid) for p in running[:SHOWN])
    more = len(running) - SHOWN
    return "{} has {} running process(es): {}{}".format(
        name, len(running), shown, " and {} more".format(more) if more > 0 else "")


class NoJobs(Resource):
    """No crontab and no lingering; their copies are the business of who comes before.

    But a crontab that has come since, as the last thing that an ended process
    did, is kept in the folder `copies` too.
    """

    kind = "jobs"

    def __init__(self, user, uid, spool, at_spool, copies, needs=()):
        super().__init__(user, needs)
        self.uid = uid
        self.crontab = "{}/{}".format(spool, user)
        self.copies = copies
        self.kept = Crontab(user, uid, spool, "{}/{}.crontab".format(copies, user))
        self.mark = LINGER + "/" + user
        self.at_spool = at_spool

    def desired(self):
        return {"crontab": False, "lingering": False, "jobs of at": 0}

    def inspect(self, host):
        state = {"crontab": host.lstat(self.crontab) is not None,
                 "lingering": host.lstat(self.mark) is not None,
                 "jobs of at": len(self._waiting(host))}
        needed = [program for program, field in (("crontab", "crontab"), ("atrm", "jobs of at"))
                  if state[field]]
        if needed and not self.applies(host, needed):
            raise NotApplicable("crontabs and jobs of at can only be removed where cron runs")
        return state

    def applies(self, host, programs):
        """True where these programs can be run."""
        return host.live and all(host.has_program(name) for name in programs)

    def _waiting(self, host):
        """Return the paths of what waits for atd now, and is this user's: names are used again."""
        paths = ["{}/{}".format(self.at_spool, name) for name in host.names(self.at_spool)
                 if AT_JOB.match(name)]
        found = [(path, host.lstat(path)) for path in paths]
        return [path for path, info in found if info is not None and info.uid == self.uid]

    def apply(self, host, changes):
        for change in changes:
            if change.field == "crontab":
                self._keep_crontab(host)
                host.execute(["crontab", "-u", self.name, "-r"])
            elif change.field == "lingering":
                host.remove_file(self.mark)
            else:
                host.execute(["atrm"] + [number_of(path) for path in self._waiting(host)])

    def _keep_crontab(self, host):
        live = self.kept.read_live(host)
        if live not in (None, self.kept.read_copy(host)):
            if host.lstat(self.copies) is None:
                host.make_folder(self.copies, 0o700)
            self.kept.write_copy(host, live)

    def describe_one(self, change):
        return "{} taken away; the copy stays on the data disk".format(change.field)


class NothingCameBack(Resource):
    """No job and no process of somebody came back while the others were ended.

    cron may have started one last job, and what was ended may have put a
    crontab into its place with its last breath.
    """

    kind = "quiet"
    TRIES = 3

    def __init__(self, processes, jobs, needs=()):
        super().__init__(processes.name, needs)
        self.parts = (processes, jobs)

    def desired(self):
        return {field: value for part in self.parts for field, value in part.desired().items()}

    def inspect(self, host):
        return {field: value for part in self.parts
                for field, value in self._look(part, host).items()}

    def _look(self, part, host):
        """Where there is no cron, its own resource has said so: the processes count all the same."""
        try:
            return part.inspect(host)
        except NotApplicable:
            return part.desired()

    def apply(self, host, changes):
        for _ in range(self.TRIES):
            left = [(part, part.plan(self._look(part, host))) for part in self.parts]
            if not any(found for _, found in left):
                return
            for part, found in left:
                if found:
                    part.apply(host, found)

    def describe_one(self, change):
        return "{}: came back meanwhile, and is gone now".format(change.field)


class NoAccount(Resource):
    """No account of this name, and none of its lines in any of the account files.

    processes: the NoProcesses of who leaves, None for one who was never here.
    """

    kind = "account"

    def __init__(self, user, uid, gid, processes=None, needs=()):
        super().__init__(user, needs)
        self.uid = uid
        self.gid = gid
        self.processes = processes

    def desired(self):
        return {"passwd": False, "shadow": False, "group": False, "gshadow": False}

    def inspect(self, host):
        present = host.accounts()
        user = present.passwd.get(self.name)
        if user is not None and user.uid != self.uid:
            raise Conflict("{} has uid {} here, expected {}".format(
                self.name, user.uid, self.uid), hint="look who that is")
        group = self._private_group(present)
        return {"passwd": user is not None, "shadow": self.name in present.shadow,
                "group": group,
                "gshadow": self.name in present.gshadow
                and (group or self.name not in present.group)}

    def _private_group(self, present):
        group = present.group.get(self.name)
        others = {user.name for user in present.passwd.values() if user.gid == self.gid}
        return (group is not None and group.gid == self.gid
                and not (others | set(group.members)) - {self.name})

    def apply(self, host, changes):
        if self.processes is not None:
            self.processes.end_unseen(host)
        if self.name in host.accounts().passwd:
            shadow_tools.execute(host, accounts.userdel_argv(self.name, host.root))
        left = self.inspect(host)  # userdel takes the private group too where login.defs says so
        if left["group"]:
            shadow_tools.execute(host, accounts.groupdel_argv(self.name, host.root))
        if left["shadow"]:
            shadow_tools.execute(host, accounts.conversion_argv("pwconv", host.root))
        if self.inspect(host)["gshadow"]:
            shadow_tools.execute(host, accounts.conversion_argv("grpconv", host.root))

    def describe(self, changes):
        return ("account removed, uid {}".format(self.uid),)


class NoLink(Resource):
    """The link of root's to somebody's home is gone; anything else in its place stays."""

    kind = "symlink"

    def __init__(self, name, target, needs=()):
        super().__init__(name, needs)
        self.target = target

    def desired(self):
        return {"target": None}

    def inspect(self, host):
        info = host.lstat(self.name)
        ours = info is not None and info.kind == "symlink" and info.target == self.target
        return {"target": info.target if ours else None}

    def apply(self, host, changes):
        host.remove_file(self.name)

    def describe(self, changes):
        return ("link removed",)


class NoHome(Resource):
    """A home that was moved, whole, to a folder where only root comes."""

    kind = "home"

    def __init__(self, name, uid, needs=()):
        super().__init__(name, needs)
        self.uid = uid
        self.place = None

    def desired(self):
        return {"stands": False}

    def inspect(self, host):
        info = host.lstat(self.name)
        if info is None:
            return {"stands": False}
        if info.kind != "folder" or info.uid != self.uid:
            raise Conflict("{} is a {} of uid {}, expected a folder of uid {}".format(
                self.name, info.kind, info.uid, self.uid),
                hint="look inside; to leave it where it is: --keep-home")
        self.place = self._free_place(host)
        return {"stands": True}

    def _free_place(self, host):
        parent, name = os.path.split(self.name)
        place = "{}/{}/{}-{}".format(parent, REMOVED, name, time.strftime("%Y-%m-%d"))
        taken, number = place, 1
        while host.lstat(taken) is not None:
            number += 1
            taken = "{}.{}".format(place, number)
        return taken

    def apply(self, host, changes):
        host.move(self.name, self.place)

    def describe(self, changes):
        return ("moved to " + self.place,)


class NoNewHome(NoHome):
    """A home that an unfinished `user add` made is gone again.

    What holds nothing but the files of /etc/skel and the keys that came with
    them is emptied by a child that has become its owner; anything more, and
    it is moved whole, as every other home.
    """

    def __init__(self, name, uid, gid, keys, needs=()):
        super().__init__(name, uid, needs)
        self.gid = gid
        self.keys = tuple(keys)

    @property
    def unfinished(self):
        """The name under which a home is filled."""
        return "{}/.aica-new.{}".format(*os.path.split(self.name))

    def desired(self):
        return {"stands": False, "unfinished": False}

    def inspect(self, host):
        return dict(super().inspect(host), unfinished=host.lstat(self.unfinished) is not None)

    def apply(self, host, changes):
        for change in changes:
            if change.field == "unfinished":
                self._empty(host, self.unfinished)
            elif self._is_new(host):
                self._empty(host, self.name)
            else:
                if host.lstat(os.path.dirname(self.place)) is None:
                    host.make_folder(os.path.dirname(self.place), 0o700)
                super().apply(host, changes)

    def _is_new(self, host):
        return is_skeleton(host, self.name, also=(".ssh",)) and (
            host.lstat(self.name + "/.ssh") is None
            or host.names(self.name + "/.ssh") in ((), ("authorized_keys",))
            and self._has_only_our_keys(host))

    def _has_only_our_keys(self, host):
        path = self.name + "/.ssh/authorized_keys"
        if host.lstat(path) is None:
            return True
        lines = host.read_owned(path, self.uid).decode("utf-8", "replace").split("\n")
        return set(lines) <= set(self.keys) | {""}

    def _empty(self, host, path):
        """Only what its owner may remove, by the owner's rights; root removes the empty folder."""
        if host.names(path):
            host.execute(["find", host.real(path), "-xdev", "-mindepth", "1", "-delete"],
                         ids=(self.uid, self.gid))
        host.remove_folder(path)

    def describe(self, changes):
        return ("the new home is gone again",)


class NoRecord(AccountRecords):
    """A record that never became anybody's is out of the vault again."""

    def __init__(self, folder, user, gid, needs=()):
        super().__init__(folder, None, needs=needs)
        self.user = user
        self.gid = gid

    def plan(self, actual):
        known, _opened = actual
        if vault.without(known, self.user, self.gid) == known:
            return ()
        return (Change(self.user, "recorded", "no longer"),)

    def apply(self, host, changes):
        self.based_on = vault.read(host, self.name)
        self.wanted = vault.without(self.based_on, self.user, self.gid)
        super().apply(host, changes)

    def describe(self, changes):
        return ("no longer recorded",)
