"""Paths below one root, resolved one component at a time, never through a link."""

import contextlib
import errno
import os
import stat

from .. import files, labels
from ..errors import AicaError, Conflict


class Looking:
    """The files and folders below a root: live (root "/") or an offline tree (any other root)."""

    def __init__(self, root="/"):
        self.root = os.path.realpath(root)
        self._fences = {}
        self._assumed = frozenset()
        self._shared_lock = ""

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

    def share(self, lock_path):
        """From now on other servers work on /data too: see alone()."""
        self._shared_lock = lock_path

    @property
    def shared(self):
        """True if other servers may work on /data at the same time."""
        return bool(self._shared_lock)

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
            for name in components(path):
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
        if trusted and seen not in self._assumed and (
                status.st_uid != 0 or status.st_mode & 0o022):
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

    def is_folder(self, path):
        """True if a folder stands at path, and no link on the way to it."""
        try:
            info = self.lstat(path)
        except Conflict:
            return False
        return info is not None and info.kind == "folder"

    def label(self, path):
        """Return the SELinux label of what stands at path, "" if there is none: see labels.py."""
        with self.folder(os.path.dirname(path)) as parent:
            return labels.read_entry(parent, os.path.basename(path))

    def read_file(self, path):
        """Return the bytes of a regular file. Raise FileNotFoundError or Conflict."""
        with self.folder(os.path.dirname(path)) as parent:
            return _read(parent, path)[0]

    def read_trusted(self, path):
        """Return the bytes of a file that only root can have written.

        The file and every folder above must be root's alone, and the file
        must have one name only. Raise Conflict otherwise.
        """
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            data, info = _read(parent, path)
        alone = path in self._assumed or (info.uid == 0 and not info.mode & 0o022)
        if not alone or info.links != 1:
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
            data, info = _read(parent, path)
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

    def free(self, path):
        """Return (bytes, entries) that users may still fill below a folder; None: no limit."""
        with self.folder(path) as folder:
            status = os.fstatvfs(folder)
        return status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None


def _read(folder, path):
    """Return files.read() of a path in its open folder; what is in the way is named whole."""
    name = os.path.basename(path)
    try:
        return files.read(folder, name)
    except Conflict as error:
        raise Conflict(path[:len(path) - len(name)] + str(error),
                       hint=error.hint or "ls -ld {}".format(path))


def components(path):
    """Return the names of a path, from the root down. Raise AicaError for anything odd."""
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
    """Let an error of a system call name the whole path, not its last component only.

    A write names nothing: where the disk is full is said by the folder.
    """
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT):
        error.filename = folder
    if isinstance(error.filename, str) and not error.filename.startswith("/"):
        error.filename = "{}/{}".format(folder.rstrip("/"), error.filename)
