"""What `aica disk` shows: the disks as they are now, and what the last scan found."""

import os
import pwd
import time
from typing import Any, Dict, NamedTuple, Optional, Tuple

from . import quota, scan
from .alarm import Look, State, step
from .alert import Disks, limits_of
from .scan import Scan
from .usage import Size


class Overview(NamedTuple):
    """The disks, the last Scan, and for a member her own home as it is at this moment.

    states say of each disk whether it is reason to alarm, as if it were seen for the first time.
    held is {uid: bytes} by the quota of the data disk, None where there is none or not for the caller.
    data is where the data disk should be; lost says why it cannot be looked at, "" if it can.
    """

    looks: Tuple[Look, ...]
    states: Tuple[State, ...]
    last: Optional[Scan]
    own_home: str = ""
    own: Optional[Size] = None
    held: Optional[Dict[int, int]] = None
    data: str = ""
    lost: str = ""


def overview(app, tick=None, own=True):
    """Return an Overview, with what the caller may see. A dead disk is said, never waited for."""
    host = app.host(read_only=True, need_root=False)
    disks = Disks(app, host, locks=False)
    looks = tuple(disks.look(path, time.time()) for path in disks.names)
    limits = limits_of(disks.settings)
    states = tuple(step(State(), look, limits, time.time())[0] for look in looks)
    data = disks.settings.data
    if disks.lost(data):
        return Overview(looks, states, None, data=data, lost=disks.lost(data))
    last = scan.load(host, disks.settings)
    name, found = own_home(disks.settings) if own else "", None
    if name:
        found = scan.of_folder(app, name, tick).total
    held = quota.held(host, data) if os.geteuid() == 0 else None
    return Overview(looks, states, last, name, found, held, data)


def own_home(settings):
    """Return the home on the data disk of whoever asks, "" for root and for strangers."""
    path = own_place(settings)
    try:
        return path if path and os.lstat(path).st_uid == os.geteuid() else ""
    except OSError:
        return ""


def own_place(settings):
    """Return where that home would be, without a look at the disk; "" for root."""
    if os.geteuid() == 0:
        return ""
    try:
        return "{}/{}".format(settings.users, pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return ""


def part_rows(last: Scan) -> Tuple[Any, ...]:
    """Return the parts of a Scan as values for JSON, the largest first."""
    return tuple({"kind": kind, "name": name, "size_bytes": size.size_bytes,
                  "entries": size.entries, "growth_bytes": last.growth((kind, name))}
                 for (kind, name), size in sorted(
                     last.parts.items(), key=lambda item: (-item[1].size_bytes, item[0])))
