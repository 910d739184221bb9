"""The running processes of one user, from /proc: proc(5)."""

import contextlib
import os
import signal
import time
from typing import NamedTuple

PROC = "/proc"
PATIENCE_S = 10


class Process(NamedTuple):
    """A running process: its id, the id of its parent, its program's name."""

    pid: int
    parent: int
    name: str


def of(uid):
    """Return the Processes of which some id is `uid`; zombies have nothing to lose."""
    found = []
    for name in os.listdir(PROC):
        if name.isdigit():
            fields = _status(name)
            if uid in _ids(fields) and not fields.get("State", "").startswith("Z"):
                found.append(Process(int(name), int(fields.get("PPid", 0)),
                                     fields.get("Name", "?")))
    return sorted(found)


def _ids(fields):
    return {int(number) for number in fields.get("Uid", "").split()}


def _status(pid):
    """Return the fields of /proc/PID/status as text by name, {} if it has just ended."""
    try:
        with open("{}/{}/status".format(PROC, pid), encoding="utf-8", errors="replace") as text:
            return dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)
    except (OSError, ValueError):
        return {}


def ancestors():
    """Return the ids of this process and of all that started it."""
    found, pid = [], os.getpid()
    while pid > 0 and pid not in found:
        found.append(pid)
        pid = int(_status(pid).get("PPid", 0))
    return found


def end(uid, patience_s=PATIENCE_S):
    """Ask the processes of a user to end, and kill those that are left after patience_s.

    Returns when there are none, or a second after the last SIGKILL.
    """
    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 1)):
        deadline = time.monotonic() + wait_s
        _signal(uid, number)
        while of(uid) and time.monotonic() < deadline:
            time.sleep(0.1)
            if number == signal.SIGKILL:
                _signal(uid, number)  # a fork may have come between


def _signal(uid, number):
    for process in of(uid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
