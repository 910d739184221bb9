"""The machine that resources look at and change, below one root folder.

Host is the whole door: paths are resolved from the root one component at a
time without following links, so that an absolute link inside `--root DIR`
leads nowhere. ReadOnlyHost is the same door for dry runs, with every change
refused.
"""

from .. import command
from ..errors import ReadOnlyViolation
from . import child, identity, processes
from .changing import Changing
from .looking import Looking
from .programs import Programs
from .trees import Trees
from .unprivileged import Unprivileged


class Host(Looking, Changing, Trees, Programs, Unprivileged):
    """A machine: its files (looking, changing, trees), its accounts, its programs."""

    def __init__(self, root="/", run=command.run):
        super().__init__(root)
        self._run = run
        self._accounts = identity.AccountFiles(self.read_file)

    def accounts(self):
        """Return the present content of passwd, shadow, group, gshadow, subuid and subgid."""
        return self._accounts.load()

    def directory_user(self, name):
        """Return (uid, gid) of a name that only a directory service knows, or None."""
        if not self.live or name in self.accounts().passwd:
            return None
        return identity.lookup_user(name)

    def directory_name(self, uid):
        """Return the name that a directory service has for uid, or None."""
        return identity.lookup_uid(uid) if self.live else None

    def directory_group(self, name):
        """Return the gid of a group that only a directory service knows, or None."""
        if not self.live or name in self.accounts().group:
            return None
        return identity.lookup_group(name)

    def is_directory_member(self, name, group):
        """True if the name services say that a user is in a group of a directory service."""
        gid = self.directory_group(group)
        return gid is not None and identity.has_group(name, gid)

    def has_program(self, name):
        """True if a system program of that name is installed on the running system."""
        return command.find(name) is not None

    def look_as(self, ids, function, *arguments, timeout_s=None):
        """Return what a function that only looks says with the rights of ids=(uid, gid).

        timeout_s: see child.call.
        """
        return child.call(ids, function, *arguments, who=self._who(ids), timeout_s=timeout_s)

    def work_as(self, ids, function, *arguments, timeout_s=None):
        """Return what a function that changes something says with the rights of ids=(uid, gid)."""
        return child.call(ids, function, *arguments, who=self._who(ids), timeout_s=timeout_s)

    def _who(self, ids):
        name = self.accounts().name_of_uid(ids[0])
        return "uid {}".format(ids[0]) if name is None else "{} (uid {})".format(name, ids[0])

    def processes(self, uid, spans=()):
        """Return the running Processes of a user; an offline tree has none.

        spans are the user's subordinate uids: ids.subuids_of.
        """
        return processes.of(uid, spans, self.directory_name) if self.live else []

    def runs_unseen(self, uid):
        """True if anything runs as a uid: see processes.runs_unseen; an offline tree has nothing."""
        return self.live and processes.runs_unseen(uid)

    def ancestors(self):
        """Return the ids of this process and of all that started it; () in an offline tree."""
        return tuple(processes.ancestors()) if self.live else ()

    def end_processes(self, uid, spans=(), sole=False):
        """Ask the processes of a user to end, then kill them; sole: nobody else has this uid."""
        if self.live:
            processes.end(uid, spans=spans, name_of=self.directory_name, sole=sole)

    def kill_all(self, uid):
        """Kill whatever runs with a uid that is one user's alone: see processes.kill_all."""
        if self.live:
            processes.kill_all(uid)


CHANGING = (
    "execute", "work_as", "alone", "instance", "write_file", "write_owned", "make_folder", "make_parents",
    "set_attributes", "set_label",
    "replace_symlink", "repair_tree", "repair_home", "restore_modes", "remove_cached",
    "empty_cached", "execute_own", "execute_dropped", "notify",
    "move_aside", "rename", "move", "remove_folder", "remove_file", "remove_tree", "bring_back",
    "sync", "end_processes", "kill_all",
    "append_log", "sweep", "lock_file", "watch", "take_over", "lend", "open_own",
)


class ReadOnlyHost(Host):
    """A host for dry runs: every change is a bug, so it is refused loudly."""

    def assume_trusted(self, paths):
        """Read these folders and files as if they were root's alone already.

        For the plan of what comes after their repair; nobody obeys a plan.
        """
        self._assumed = frozenset(paths)


def _refuse(name):
    def refused(self, *args, **kwargs):
        raise ReadOnlyViolation("dry run tried to {}{}".format(name, args))
    return refused


for _name in CHANGING:
    setattr(ReadOnlyHost, _name, _refuse(_name))
