"""Nobody in particular: a number that has no account, no file and no process.

What fetches from the network, and installers that were fetched, run as this.
A member cannot become it, and nothing on this server belongs to it but the
one folder that it is to fill.
"""

import os

from ..errors import AicaError
from ..host import processes

# systemd leaves these to nobody (UIDS-GIDS.md), and no distribution gives them to users.
FIRST, COUNT = 60600, 100


def choose(host, id_range, prefer=None):
    """Return a number that nobody has on this host, as user or as group, outside id_range.

    prefer is one that was chosen before: what it left half-done belongs to it.
    """
    low, high = id_range
    taken = _taken(host) | set(range(low, high + 1))
    start = os.getpid() % COUNT
    numbers = [FIRST + (start + step) % COUNT for step in range(COUNT)]
    for number in ([prefer] if prefer is not None else []) + numbers:
        free = number not in taken and host.directory_name(number) is None
        if free and not processes_of(number):
            return number
        if number == prefer:
            break
    raise AicaError("no uid between {} and {} is free for the installer".format(
        FIRST, FIRST + COUNT - 1) if prefer is None else
        "uid {}, which an earlier run used for the installer, is in use now".format(prefer),
        hint="ps -eo uid,pid,args")


def _taken(host):
    present = host.accounts()
    return ({user.uid for user in present.passwd.values()}
            | {user.gid for user in present.passwd.values()}
            | {group.gid for group in present.group.values()})


def processes_of(number):
    """Return the ids of the processes that run with a user id, as far as /proc shows them."""
    return [process.pid for process in processes.of(number)]
