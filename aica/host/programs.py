"""The programs that a host runs: the system's, the caller's own, and foreign ones with few rights."""

import os

from .. import command, files
from ..errors import AicaError, NotApplicable


class Programs:
    """The part of a Host that runs programs; query is harmless, execute changes something."""

    def query(self, argv, timeout_s=60, **more):
        """Run a program that changes nothing and return its Result; more: see command.run."""
        return self._run(argv, timeout_s=timeout_s, **more)

    def query_own(self, argv):
        """Run a program of the caller's own that changes nothing; raise AicaError unless it exits 0."""
        return _successful(argv, command.run_own(argv))

    def execute(self, argv, stdin="", timeout_s=60, ids=None, judge=None, **more):
        """Run a program that changes the host. Raise AicaError unless it exits 0.

        judge(code) true lets another exit code pass too. more: see command.run.
        """
        result = self._run(argv, stdin=stdin, timeout_s=timeout_s, ids=ids, **more)
        return result if judge and judge(result.code) else _successful(argv, result)

    def execute_own(self, argv, timeout_s=60):
        """Run a program of the caller's own, with the caller's rights: never as root."""
        return _successful(argv, command.run_own(argv, timeout_s))

    def execute_dropped(self, path, words, ids, environment, timeout_s=60):
        """Run a program below /data with the rights (uid, gid) of somebody who has few.

        It must be root's alone all the same. Raise NotApplicable off the running system.
        """
        if not self.live:
            raise NotApplicable("{} is not run for another root".format(path))
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            info = files.look(parent, os.path.basename(path))
        if info is None or info.kind != "file" or info.uid != 0 or info.mode & 0o022:
            raise NotApplicable("{} is no program of root's".format(path))
        return _successful([path], command.run_dropped(path, words, ids, environment, timeout_s))

    def notify(self, paths, stdin, environment, timeout_s):
        """Run programs of root's that tell somebody something: see command.run_together."""
        return command.run_together([self.real(path) for path in paths], stdin, environment,
                                    timeout_s)


def _successful(argv, result):
    """Return the Result of a program. Raise AicaError unless it exited 0."""
    if result.code != 0:
        said = (result.err.strip() or result.out.strip()).replace("\n", "; ")
        raise AicaError("{} failed with exit status {}: {}".format(argv[0], result.code, said))
    return result
