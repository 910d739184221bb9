"""Work that is done without rights, and what came of it becomes root's."""

import os
import stat

from .. import command, files, storage
from ..errors import Conflict
from ..tree import handover


class Unprivileged:
    """The part of a Host for what is fetched and installed by somebody without rights."""

    def locks_work(self, path):
        """True if a file of root's can be locked: asked on network disks only, and in a child."""
        real = self.real(path)
        return not storage.is_network(real) or storage.locks_work(real)

    def watch(self, argv, ids, environment=(), fds=(), stdin="", timeout_s=60, heard=None,
              umask=0o077):
        """Run a program as ids and hear its output as it comes: see command.watch."""
        return command.watch(argv, ids, environment, fds, stdin, timeout_s, heard, umask)

    def take_over(self, path, uid):
        """Make a closed folder that uid has filled, and all in it, root's: see handover.take.

        Every folder above must be root's alone.
        """
        self._hand(path, uid, handover.take)

    def lend(self, path, uid):
        """Give a closed folder of root's, and all in it, to uid: see handover.lend."""
        self._hand(path, uid, handover.lend)

    def _hand(self, path, uid, give):
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            top = files.open_folder(parent, os.path.basename(path))
        try:
            give(top, uid)
        finally:
            os.close(top)

    def open_own(self, path):
        """Open (and create, 0600) a file of root's to read and write; return its descriptor.

        It lies in a folder that is root's alone; raise Conflict for anything
        but a plain file with one name.
        """
        handle = self.lock_file(path)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid or status.st_nlink != 1:
            os.close(handle)
            raise Conflict("{} is not a plain file of root's".format(path),
                           hint="look at it and remove it")
        return handle
