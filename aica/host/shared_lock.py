"""One writer at a time where several servers share one /data.

The lock of lock.py is the kernel's, and ends at the edge of the machine. This
one is a name: link(2) is atomic on NFS v3 too. It is held for the moment in
which a file is read again and replaced, so a name that stays was left by a
server that died in that moment. It is never taken from another server: two
clocks cannot tell a slow one from a dead one. Source: open(2), O_EXCL.
"""

import contextlib
import os
import time

from .. import files
from ..errors import NotReady

INSTANCE = "/run/aica/instance"
WAIT_S = 20


@contextlib.contextmanager
def hold(host, path, wait_s=WAIT_S):
    """Own `path`, a name in a folder that is root's alone. Raise NotReady if it stays taken."""
    words = "{} {}\n".format(instance(host), os.uname().nodename).encode("ascii", "replace")
    with host.folder(os.path.dirname(path), trusted=True) as folder:
        _take(folder, path, words, time.monotonic() + wait_s)
        try:
            yield
        finally:
            os.unlink(os.path.basename(path), dir_fd=folder)


def instance(host):
    """Return what tells this boot of this server from all others, made once a boot.

    Not the host name, which clones share, and not the kernel's boot id, which
    a service in a container sees otherwise than a shell there.
    """
    try:
        return host.read_trusted(INSTANCE).decode("ascii").strip()
    except FileNotFoundError:
        word = os.urandom(16).hex()
        host.make_parents(INSTANCE)
        host.write_file(INSTANCE, word.encode("ascii"), 0o644)
        return word


def _take(folder, path, words, deadline):
    name = os.path.basename(path)
    while not files.claim(folder, name, words):
        holder = _holder(folder, name)
        if holder.split()[:1] == words.split()[:1]:
            # Ours, and we hold the lock of this machine: whoever left it is dead.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        elif time.monotonic() >= deadline:
            where = holder.split()[1:2]
            raise NotReady(
                "server {} is writing, or died while it wrote: {} stays".format(
                    where[0].decode("ascii", "replace") if where else "?", path),
                hint="if no other server is running aica: rm {}".format(path))
        else:
            time.sleep(0.02)


def _holder(folder, name):
    try:
        return files.read(folder, name)[0]
    except FileNotFoundError:
        return b""
