"""The machine that resources look at and change, below one root folder.

Host is the whole door: paths are resolved from the root one component at a
time without following links, so that an absolute link inside `--root DIR`
leads nowhere. ReadOnlyHost is the same door for dry runs, with every change
refused.
"""

import contextlib
import errno
import os
import stat

from . import command, files, identity, processes, trees
from .errors import AicaError, Conflict, ReadOnlyViolation


class Host(trees.Trees):
    """A machine, live (root "/") or an offline tree (any other root)."""

    def __init__(self, root="/", run=command.run):
        self.root = os.path.realpath(root)
        self._run = run
        self._fences = {}
        self._accounts = identity.AccountFiles(self.read_file)

    @property
    def live(self):
        """True if the root is the running system's own."""
        return self.root == "/"

    def real(self, path):
        """Return where `path` of this host lies on the running system, for programs."""
        return path if self.live else self.root + path

    def fence(self, path, device):
        """From now on refuse to work below `path` unless it is still on `device` (st_dev).

        A disk that is unmounted in the middle of a run must not be replaced
        by folders on the SSD.
        """
        self._fences[path] = device

    # -- looking ---------------------------------------------------------

    @contextlib.contextmanager
    def folder(self, path, trusted=False):
        """Open a folder component by component; yield its descriptor.

        trusted=True demands that every folder from the root down belongs to
        root and that nobody else may write it: only then is what lies there
        root's own word (safety rule 2).
        """
        try:
            handle = self._walk(path, trusted)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            handle = self._walk(path, trusted)  # NFS: gone and back, so once more from the root
        try:
            yield handle
        except OSError as error:
            _name_whole(error, path)
            raise
        finally:
            os.close(handle)

    def _walk(self, path, trusted):
        handle = os.open(self.root, files.OPEN_FOLDER)
        try:
            seen = ""
            self._inspect_component(handle, "/", trusted)
            for name in _components(path):
                seen += "/" + name
                handle = _step(handle, name, seen)
                self._inspect_component(handle, seen, trusted)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _inspect_component(self, handle, seen, trusted):
        if not trusted and seen not in self._fences:
            return
        status = os.fstat(handle)
        if seen in self._fences and status.st_dev != self._fences[seen]:
            raise AicaError("{} is no longer the disk it was when this run began".format(seen),
                            hint="mount it again and repeat the command")
        if trusted and (status.st_uid != 0 or status.st_mode & 0o022):
            raise Conflict(
                "{} belongs to uid {} with mode {:04o}: not root's alone".format(
                    seen, status.st_uid, stat.S_IMODE(status.st_mode)),
                hint="chown root:root {0} && chmod 755 {0}".format(seen))

    def lstat(self, path):
        """Return the Info of what stands at path, or None if it or a parent is missing."""
        try:
            with self.folder(os.path.dirname(path)) as parent:
                return files.look(parent, os.path.basename(path))
        except FileNotFoundError:
            return None

    def read_file(self, path):
        """Return the bytes of a regular file. Raise FileNotFoundError or Conflict."""
        with self.folder(os.path.dirname(path)) as parent:
            return files.read(parent, os.path.basename(path))[0]

    def read_trusted(self, path):
        """Return the bytes of a file that only root can have written.

        The file and every folder above must be root's alone, and the file
        must have one name only. Raise Conflict otherwise.
        """
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            data, info = files.read(parent, os.path.basename(path))
        if info.uid != 0 or info.mode & 0o022 or info.links != 1:
            raise Conflict(
                "{} belongs to uid {} with mode {:04o} and {} name(s): not root's alone".format(
                    path, info.uid, info.mode, info.links),
                hint="look at it, then: chown root:root {0} && chmod 644 {0}".format(path))
        return data

    def read_owned(self, path, uid):
        """Return the bytes of a regular file with one name that belongs to uid.

        The folder need not be root's alone: a spool is its daemon's. Raise
        FileNotFoundError or Conflict.
        """
        with self.folder(os.path.dirname(path)) as parent:
            data, info = files.read(parent, os.path.basename(path))
        if info.uid != uid or info.links != 1:
            raise Conflict("{} belongs to uid {} and has {} name(s), expected uid {} and one"
                           .format(path, info.uid, info.links, uid),
                           hint="look at it, and remove it if it is nobody's")
        return data

    def names(self, path):
        """Return the sorted entry names of a folder; () if it is missing."""
        try:
            with self.folder(path) as folder:
                return tuple(sorted(os.listdir(folder)))
        except FileNotFoundError:
            return ()

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

    def has_program(self, name):
        """True if a system program of that name is installed on the running system."""
        return command.find(name) is not None

    def processes(self, uid):
        """Return the running Processes of a user; an offline tree has none."""
        return processes.of(uid) if self.live else []

    def ancestors(self):
        """Return the ids of this process and of all that started it; () in an offline tree."""
        return tuple(processes.ancestors()) if self.live else ()

    def query(self, argv, stdin="", timeout_s=60):
        """Run a program that changes nothing and return its Result."""
        return self._run(argv, stdin=stdin, timeout_s=timeout_s)

    # -- changing --------------------------------------------------------

    def execute(self, argv, stdin="", timeout_s=60, ids=None):
        """Run a program that changes the host. Raise AicaError unless it exits 0."""
        result = self._run(argv, stdin=stdin, timeout_s=timeout_s, ids=ids)
        if result.code != 0:
            said = (result.err.strip() or result.out.strip()).replace("\n", "; ")
            raise AicaError("{} failed with exit status {}: {}".format(argv[0], result.code, said))
        return result

    def write_file(self, path, data, mode, uid=0, gid=0, check=None, expect=None):
        """Replace a file in one step, in a folder that is root's alone.

        check(real path of the candidate) may raise to veto; see files.replace.
        """
        parent_path = os.path.dirname(path)

        def veto(candidate):
            check(os.path.join(self.real(parent_path), candidate))

        with self.folder(parent_path, trusted=True) as parent:
            files.replace(parent, os.path.basename(path), data, mode, uid, gid,
                          check=veto if check else None, expect=expect)

    def write_owned(self, path, data, mode, uid, gid):
        """Replace a file of somebody's in one step, in a folder that need not be root's alone.

        For spools, which are their daemon's: whoever may write there can do
        with the file what a daemon can, and no more.
        """
        with self.folder(os.path.dirname(path)) as parent:
            files.replace(parent, os.path.basename(path), data, mode, uid, gid)

    def make_folder(self, path, mode, uid=0, gid=0):
        """Create one folder (its parent must exist) with exactly this owner and mode."""
        with self.folder(os.path.dirname(path)) as parent:
            files.make_folder(parent, os.path.basename(path), mode, uid, gid)

    def make_parents(self, path):
        """Create the missing folders above path, root:root 0755."""
        seen = ""
        for name in _components(os.path.dirname(path)):
            seen += "/" + name
            if self.lstat(seen) is None:
                self.make_folder(seen, 0o755)

    def set_attributes(self, path, mode, uid, gid, expected):
        """Give a file or folder its owner, group and mode if it is still `expected` (an Info)."""
        with self.folder(os.path.dirname(path)) as parent:
            files.set_attributes(parent, os.path.basename(path), mode, uid, gid, expected)

    def replace_symlink(self, path, target, uid=0, gid=0):
        """Put a symlink in place of nothing or of another symlink; never prefixed by the root."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            files.replace_symlink(parent, os.path.basename(path), target, uid, gid)

    def move_aside(self, path, label):
        """Rename an entry of a folder that is root's alone; return its new path."""
        parent_path = os.path.dirname(path)
        with self.folder(parent_path, trusted=True) as parent:
            aside = files.rename_aside(parent, os.path.basename(path), label)
        return os.path.join(parent_path, aside)

    def rename(self, path, new_name):
        """Rename an entry within a folder that is root's alone, never over anything."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            if files.look(parent, new_name) is not None:
                raise Conflict("{} exists already".format(new_name))
            os.rename(os.path.basename(path), new_name, src_dir_fd=parent, dst_dir_fd=parent)
            files.sync_folder(parent)

    def move(self, path, new_path):
        """Rename an entry into another folder, never over anything; both are root's alone.

        Raise Conflict if it cannot be renamed: a mount of its own, or another disk.
        """
        with self.folder(os.path.dirname(path), trusted=True) as old, \
                self.folder(os.path.dirname(new_path), trusted=True) as new:
            try:
                files.move(old, os.path.basename(path), new, os.path.basename(new_path))
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EBUSY):
                    raise
                raise Conflict("{} cannot be moved to {}: {}".format(
                    path, new_path, error.strerror), hint="findmnt {}".format(path))

    def remove_folder(self, path):
        """Remove an empty folder from a folder that is root's alone."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            os.rmdir(os.path.basename(path), dir_fd=parent)
            files.sync_folder(parent)

    def remove_file(self, path):
        """Remove a file of ours from a folder that is root's alone."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            os.unlink(os.path.basename(path), dir_fd=parent)
            files.sync_folder(parent)

    def end_processes(self, uid):
        """Ask the processes of a user to end, then kill them."""
        if self.live:
            processes.end(uid)

    def append_log(self, path, text, gid=0):
        """Append to a log of ours, 0640 root:gid, in a folder that only root's friends write.

        /var/log is root:syslog 0775 on Ubuntu: the chain is not required to
        be root's alone, therefore no link is followed and no FIFO waited for.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with self.folder(os.path.dirname(path)) as parent:
            handle = os.open(os.path.basename(path), flags, 0o640, dir_fd=parent)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise Conflict("{} is not a plain file".format(path))
            if status.st_size == 0 and status.st_gid != gid:
                os.fchown(handle, 0, gid)
            os.write(handle, text.encode("ascii", "backslashreplace"))
        finally:
            os.close(handle)

    def sweep(self, path):
        """Remove half-written candidates of a killed run from a folder. Only under the lock."""
        try:
            with self.folder(path, trusted=True) as folder:
                files.sweep_candidates(folder)
        except (FileNotFoundError, Conflict):
            pass  # whoever works there next says what is wrong with it

    def lock_file(self, path):
        """Open (and create) the file whose lock stands for the whole host; return it.

        Raise Conflict if something else stands there.
        """
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            return files.open_lock(parent, os.path.basename(path))


def _components(path):
    names = [name for name in path.split("/") if name]
    for name in names:
        files.check_component(name)
    return names


def _step(handle, name, seen):
    """Open the next folder down and close the one above."""
    try:
        below = files.open_folder(handle, name)
    except OSError as error:
        _name_whole(error, os.path.dirname(seen))
        raise
    except Conflict:
        raise Conflict("{} is not a real folder".format(seen),
                       hint="ls -ld {}; a link there is not followed".format(seen))
    os.close(handle)
    return below


def _name_whole(error, folder):
    """Let an error of a system call name the whole path, not its last component only."""
    if isinstance(error.filename, str) and not error.filename.startswith("/"):
        error.filename = "{}/{}".format(folder.rstrip("/"), error.filename)


CHANGING = (
    "execute", "write_file", "write_owned", "make_folder", "make_parents", "set_attributes",
    "replace_symlink", "repair_tree", "repair_home", "restore_modes",
    "move_aside", "rename", "move", "remove_folder", "remove_file", "end_processes",
    "append_log", "sweep", "lock_file",
)


class ReadOnlyHost(Host):
    """A host for dry runs: every change is a bug, so it is refused loudly."""


def _refuse(name):
    def refused(self, *args, **kwargs):
        raise ReadOnlyViolation("dry run tried to {}{}".format(name, args))
    return refused


for _name in CHANGING:
    setattr(ReadOnlyHost, _name, _refuse(_name))
