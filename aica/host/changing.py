"""How files and folders are changed: in folders that are root's alone, in one step, pinned."""

import contextlib
import errno
import os
import stat

from .. import files
from ..errors import AicaError, Conflict
from . import shared_lock
from .looking import components

# Longer than anything takes to write a file, shorter than anybody would wait.
ABANDONED_S = 3600


class Changing:
    """The half of a Host that changes files and folders."""


    @contextlib.contextmanager
    def alone(self):
        """Be the only server that reads and replaces files on /data.

        The lock of this machine is held by the caller. Raise NotReady if
        another server keeps us waiting.
        """
        if not self._shared_lock:
            yield
            return
        with shared_lock.hold(self, self._shared_lock):
            yield

    def instance(self):
        """Return what tells this boot of this server from every other server: see shared_lock."""
        return shared_lock.instance(self)

    def write_file(self, path, data, mode, gid=0, check=None, expect=None):
        """Replace a file with one of root's in one step, in a folder that is root's alone.

        check(real path of the candidate) may raise to veto; see files.replace.
        """
        parent_path = os.path.dirname(path)

        def veto(candidate):
            check(os.path.join(self.real(parent_path), candidate))

        with self.folder(parent_path, trusted=True) as parent:
            files.replace(parent, os.path.basename(path), data, mode, 0, gid,
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
        for name in components(os.path.dirname(path)):
            seen += "/" + name
            if self.lstat(seen) is None:
                self.make_folder(seen, 0o755)

    def set_attributes(self, path, mode, uid, gid, expected):
        """Give a file or folder its owner, group and mode if it is still `expected` (an Info)."""
        with self.folder(os.path.dirname(path)) as parent:
            files.set_attributes(parent, os.path.basename(path), mode, uid, gid, expected)

    def set_label(self, path, label, expected):
        """Give a folder in a folder that is root's alone its SELinux label, if it is still `expected`."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            files.set_label(parent, os.path.basename(path), label, expected)

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

    def sync(self, path):
        """Wait until all that was written to the disk of a folder is on it: a power cut takes none of it.

        Raise AicaError if the disk says that not all of it could be written.
        """
        done = self.execute(["sync", "-f", self.real(path)], timeout_s=None,
                            judge=lambda code: True)
        if done.code and "invalid option" not in done.err:
            raise AicaError("not all of {} could be written: {}".format(path, done.err.strip()),
                            hint="is the disk alive? dmesg | tail")
        if done.code:  # CentOS 7: there it knows no single file system
            self.execute(["sync"], timeout_s=None)

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
        # Another server may be writing there now; the lock is this machine's.
        age_s = ABANDONED_S if self._shared_lock else None
        try:
            with self.folder(path, trusted=True) as folder:
                files.sweep_candidates(folder, age_s)
        except (FileNotFoundError, Conflict):
            pass  # whoever works there next says what is wrong with it

    def lock_file(self, path):
        """Open (and create) the file whose lock stands for the whole host; return it.

        Raise Conflict if something else stands there.
        """
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            return files.open_lock(parent, os.path.basename(path))
