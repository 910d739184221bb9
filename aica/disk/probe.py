"""Ask all disks how full they are, at most a few seconds, whatever state they are in.

A child looks at each and is abandoned if it does not come back. It may then
be stuck in the kernel for days; so it keeps a lock, and as long as that is
held nobody is sent after it.
"""

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import time
from typing import NamedTuple, Optional

from .. import storage
from ..errors import AicaError
from .df import Figures, figures

TIMEOUT_S = 10
LOCKS = "/run/aica/probe."

OK = "ok"
MISSING = "missing"
HANGING = "hanging"


class Seen(NamedTuple):
    """What a disk answered. figures only if state is OK, device is its st_dev."""

    state: str
    figures: Optional[Figures] = None
    device: int = 0
    reason: str = ""


def look(host, paths, locks=True, timeout_s=TIMEOUT_S):
    """Return {path: Seen}. Nobody is waited for longer than timeout_s, all together.

    locks=False is for those who may not lock, and for dry runs.
    """
    found, waiting = {}, {}
    for path in paths:
        guard = _guard(host, path) if locks else None
        if guard == BUSY:
            found[path] = Seen(HANGING, reason="does not answer, as before")
            continue
        reader, child = _send(host.real(path), guard)
        waiting[reader] = (path, child)
        if guard is not None:
            os.close(guard)  # the child has it too: it is free again when that one ends
    deadline = time.monotonic() + timeout_s
    while waiting:
        rest = max(0, deadline - time.monotonic())
        ready = select.select(list(waiting), [], [], rest)[0]
        for reader in ready or list(waiting):
            path, child = waiting.pop(reader)
            found[path] = _answer(reader, child, reader in ready, timeout_s)
    return found


BUSY = -1


def _guard(host, path):
    """Return a locked descriptor, None where we may not lock, BUSY if a child is still out."""
    try:
        handle = host.lock_file(LOCKS + (path.strip("/").replace("/", "-") or "root"))
    except (OSError, AicaError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return BUSY
    return handle


def _send(path, guard):
    """Fork a child that looks at a folder; return (reader of its answer, its process id)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _look_in_child(path, writer, guard)
    os.close(writer)
    return reader, child


def _look_in_child(path, writer, guard):
    """Answer through the pipe. Never returns, and keeps nobody waiting who waits for us."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _forget_all_but({writer, guard})
        status, space = os.lstat(path), os.statvfs(path)
        answer = [status.st_dev, space.f_frsize, space.f_blocks, space.f_bfree, space.f_bavail,
                  space.f_files, space.f_ffree]
    except OSError as error:
        answer = os.strerror(error.errno)
    try:
        os.write(writer, json.dumps(answer).encode("ascii"))
    finally:
        os._exit(0)


def _forget_all_but(kept):
    """Close what was inherited: cron waits for the end of our output, others for our locks."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(int(name))


def _answer(reader, child, ready, timeout_s):
    try:
        data = os.read(reader, 4096) if ready else b""
    finally:
        os.close(reader)
        storage.let_go(child)
    if not ready:
        return Seen(HANGING, reason="does not answer (waited {} s)".format(timeout_s))
    answer = json.loads(data.decode("ascii")) if data else "no answer"
    if not isinstance(answer, list):
        return Seen(MISSING, reason="is not there: {}".format(answer))
    return Seen(OK, figures(*answer[1:]), answer[0])
