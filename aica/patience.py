"""How long root waits for work that is done with a member's rights: never for ever.

Its owner can stop such a process at any moment (SIGSTOP), or have it read
what never answers. Whoever waits for it may hold a lock, and then all wait.
"""

import os
import time

from .errors import AicaError

PROC = "/proc"
# A home of many terabytes, on a slow disk.
LONGEST_S = 24 * 3600
# The slowest disk that still answers lets a process compute now and then.
IDLE_S = 900
LOOK_S = 2


class Patience:
    """Watches one child and its session: how long it has run, and whether it computes."""

    def __init__(self, child, timeout_s=None, idle_s=None):
        self._child = child
        self._timeout_s = LONGEST_S if timeout_s is None else timeout_s
        self._idle_s = IDLE_S if idle_s is None else idle_s
        self._end = time.monotonic() + self._timeout_s
        self._looked, self._ticks, self._stood_s = time.monotonic(), None, 0

    def next_look_s(self):
        """Return for how many seconds nobody needs to call check()."""
        return max(0, min(LOOK_S, self._idle_s, self._end - time.monotonic()))

    def check(self, who):
        """Raise AicaError, which names `who`, if it has run or stood still for too long."""
        now = time.monotonic()
        if now >= self._end:
            raise AicaError("{} did not finish within {} s".format(who, self._timeout_s))
        if now - self._looked < min(LOOK_S, self._idle_s):
            return
        # Where we were stopped ourselves (Ctrl-Z), that time does not count.
        passed_s = min(now - self._looked, 2 * LOOK_S)
        self._looked, before = now, self._ticks
        self._ticks = _ticks(self._child)
        self._stood_s = self._stood_s + passed_s if self._ticks == before else 0
        if self._stood_s >= self._idle_s:
            raise AicaError("{} has stood still for {} s".format(who, self._idle_s),
                            hint="it was stopped, or waits for a disk: dmesg | tail")


def gone(is_reaped):
    """Call is_reaped() until it is true of a child that was killed; for a second at most.

    One in the kernel's hands, or in those of a tracer, is abandoned: False.
    """
    for _ in range(100):
        if is_reaped():
            return True
        time.sleep(0.01)
    return False


def _ticks(session):
    """Return the processor time, by process, that a child and its session have had: proc(5)."""
    found = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            fields = _stat(name)
            if int(name) == session or fields[3:4] == [str(session)]:
                found[name] = fields[11:13]
    return found


def _stat(pid):
    """Return the fields behind the name of a process, from its state on; [] if it has ended."""
    try:
        with open("{}/{}/stat".format(PROC, pid), "rb") as text:
            return text.read().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []
