"""One change at a time on one host: a kernel lock that dies with its holder."""

import contextlib
import errno
import fcntl
import os
import time

from .errors import Busy, Conflict, NotReady

FOLDER = "/run/aica"
PATH = FOLDER + "/lock"
# Walking 50 TB takes hours: changed passwords must be recorded meanwhile.
MAINTENANCE = FOLDER + "/maintenance.lock"
# And so does copying a home.
HOMES = FOLDER + "/homes.lock"
# Or all of them, to the backup disk.
BACKUP = FOLDER + "/backup.lock"
# A download takes its time too.
INSTALL = FOLDER + "/install.lock"


@contextlib.contextmanager
def hold(host, wait_s=0, path=PATH):
    """Hold a lock of a host; wait at most wait_s. Raise Busy if another has it for longer.

    Yield its descriptor: a program that inherits it holds the lock after us.

    The file is never removed: a lock on a removed file excludes nobody.
    """
    handle = _open(host, path)
    try:
        _acquire(handle, wait_s)
        with contextlib.suppress(OSError):  # for people only: a full /run stops nobody
            os.ftruncate(handle, 0)
            os.write(handle, "{}\n".format(os.getpid()).encode("ascii"))
        yield handle
    finally:
        os.close(handle)


def _open(host, path):
    try:
        if host.lstat(FOLDER) is None:
            host.make_parents(path)
        return host.lock_file(path)
    except Conflict as error:
        raise NotReady("{} cannot be used: {}".format(path, error), error.hint)


def _acquire(handle, wait_s):
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if time.monotonic() >= deadline:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            raise Busy("another aica run holds the lock (process {})".format(holder or "?"),
                       hint="try again in a moment")
        time.sleep(0.05)
