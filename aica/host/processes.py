"""The running processes of one user, from /proc: proc(5)."""

import contextlib
import os
import resource
import signal
import time
from typing import NamedTuple

from ..errors import AicaError
from . import child

PROC = "/proc"
PATIENCE_S = 10
KILL_S = 10
KILL_ALL_S = 1
UNSEEN_S = 10


class Process(NamedTuple):
    """A running process: its id, the id of its parent, its program's name."""

    pid: int
    parent: int
    name: str


def of(uid, spans=(), name_of=lambda number: None):
    """Return the Processes of which some id is a user's.

    That is `uid`, or lies in one of spans, (first, last), and has no name by
    name_of(number): what runs in a container of the user's (subuid(5)). What
    has ended and was not waited for has nothing to lose.
    """
    found, known = [], {uid: True}
    for pid in os.listdir(PROC):
        if pid.isdigit():
            fields = _status(pid)
            if _runs(fields) and _theirs(fields, spans, name_of, known):
                found.append(Process(int(pid), int(fields.get("PPid", 0)),
                                     fields.get("Name", "?")))
    return sorted(found)


def _runs(fields):
    """False for a zombie; a process whose first thread alone has ended looks like one."""
    return not fields.get("State", "").startswith("Z") or fields.get("Threads", "1") != "1"


def _theirs(fields, spans, name_of, known):
    for number in _ids(fields):
        if number not in known:
            inside = any(first <= number <= last for first, last in spans)
            known[number] = inside and name_of(number) is None
    return any(known[number] for number in _ids(fields))


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


def end(uid, patience_s=PATIENCE_S, spans=(), name_of=lambda number: None, sole=False):
    """Ask the processes of a user to end, and kill those that are left after patience_s.

    Whose they are: see of(). sole: nobody else has this uid, so that all can be
    killed at once. Returns when there are none, or KILL_S after the first
    SIGKILL: one that the kernel holds on to may need a while.
    """
    whose = (uid, spans, name_of)
    _signal(of(*whose), signal.SIGTERM, whose)
    deadline = time.monotonic() + patience_s
    while of(*whose) and time.monotonic() < deadline:
        time.sleep(0.1)
    deadline = time.monotonic() + KILL_S
    while True:
        if sole:
            kill_all(uid)  # before any look: who hops from number to number is not seen
        left = of(*whose)
        _signal(left, signal.SIGKILL, whose)  # again and again: a fork may have come between
        if not left or time.monotonic() >= deadline:
            return
        time.sleep(0.1)


def runs_unseen(uid):
    """True if something runs as a uid, also what hops from number to number and is never seen.

    The kernel counts for the limit of processes: a child that has become the
    user and may have one child finds that it may have none.
    """
    try:
        return not child.call((uid, uid), _may_fork, timeout_s=UNSEEN_S)
    except AicaError:
        return True  # somebody stopped or killed it


def _may_fork():
    resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
    try:
        if os.fork() == 0:
            os._exit(0)
    except BlockingIOError:
        return False
    os.wait()
    return True


def _signal(found, number, whose):
    uid, spans, name_of = whose
    for process in found:
        # Who forks fast uses up all numbers: this one may be somebody else's by now.
        if _theirs(_status(process.pid), spans, name_of, {uid: True}):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def kill_all(uid):
    """Kill all processes of a uid, which must be one user's alone, in one step: kill(2), -1.

    Who forks faster than anybody can read /proc does not get away. A child does it
    that has become that user: it may kill nobody else, and the kernel leaves
    out the caller itself.
    """
    with contextlib.suppress(AicaError):  # somebody stopped or killed it
        child.call((uid, uid), _kill_the_others, uid, timeout_s=KILL_ALL_S)


def _kill_the_others(uid):
    if uid and {os.getuid(), os.geteuid()} == {uid}:
        with contextlib.suppress(ProcessLookupError):  # nobody else
            os.kill(-1, signal.SIGKILL)
