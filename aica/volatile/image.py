"""What a fresh system disk brings by itself: noted once in its life, on the disk itself.

There it shares the disk's fate: after a wipe it is gone, and the next boot
notes what the new image brings. What is not known is said to be unknown; the
survey then lists more rather than less.
"""

import json
import time
from typing import NamedTuple

from ..errors import AicaError
from . import database

PATH = "/var/lib/aica/image.json"
# Exists in the boot that brought the disk.
FRESH = "/run/aica/fresh"
# A recovery that comes later says nothing about the image: somebody was at work before.
SOON_S = 300
LONGEST_S = 1800
QUERY_S = 10
TICKS_PER_S = 100  # what the kernel shows to programs: proc(5), sysconf(_SC_CLK_TCK)


class Image(NamedTuple):
    """What is known of the image.

    since (epoch) is when the boot that brought it was over: what changed
    later was done by somebody. Without `known` nothing is.
    """

    known: bool = False
    since: float = 0.0
    packages: frozenset = frozenset()
    accounts: frozenset = frozenset()


def note(host, site):
    """Note what this disk holds, if it is surely a fresh one. Never fails.

    It is if none of the registered users, whose accounts we have restored at
    every boot, is known here. To be called before anything is restored.
    """
    try:
        if _is_fresh(host, site):
            host.make_parents(FRESH)
            host.write_file(FRESH, b"", 0o644)
            _write(host, {"noted": time.time(), "packages": sorted(database.names(host, QUERY_S)),
                          "accounts": sorted(host.accounts().passwd)})
    except (AicaError, OSError):
        pass  # the server must come up; what is not noted is unknown


def _is_fresh(host, site):
    restored = [name for name in site.registry.names() if name in site.vault.passwd]
    present = host.accounts().passwd
    return bool(restored) and not any(name in present for name in restored) \
        and host.lstat(PATH) is None \
        and (not host.live or _age_of_boot_s() < SOON_S or _end_of_boot(host) is None)


def start_of_boot(host):
    """Return when process 1 started (epoch); the end of time for a system that does not run."""
    return time.time() - _age_of_boot_s() if host.live else float("inf")


def _age_of_boot_s():
    """Return for how long process 1 has run, also in a container: proc(5)."""
    with open("/proc/1/stat", encoding="ascii", errors="replace") as stat:
        started = int(stat.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime", encoding="ascii") as uptime:
        return float(uptime.read().split()[0]) - started / TICKS_PER_S


def finish(host):
    """Note when the boot that brought this disk was over, as soon as it is. Never fails."""
    try:
        found = _read(host)
        if found and "finished" not in found and host.lstat(FRESH) is not None:
            ended = _end_of_boot(host)
            if ended is not None:
                _write(host, dict(found, finished=ended))
    except (AicaError, OSError):
        pass


def load(host):
    """Return the Image of a host."""
    found = _read(host)
    if not found:
        return Image()
    since = found.get("finished")
    if since is None:
        since = found["noted"]
        if host.live and host.lstat(FRESH) is not None:
            # Until the boot is over, what appears is the boot's own doing; one
            # that has hung for so long is not waited for.
            booting = _age_of_boot_s() < LONGEST_S
            since = _end_of_boot(host) or (time.time() if booting else since)
    return Image(True, float(since), frozenset(found["packages"]), frozenset(found["accounts"]))


def _end_of_boot(host):
    """Return when systemd had nothing left to start (epoch), None if it still has."""
    if not host.live:
        return None
    shown = host.query(["systemctl", "show", "--property=FinishTimestampMonotonic"]).out
    digits = shown.strip().partition("=")[2]
    if not digits.isdigit() or int(digits) == 0:
        return None
    return time.time() - (time.clock_gettime(time.CLOCK_MONOTONIC) - int(digits) / 1e6)


def _read(host):
    try:
        found = json.loads(host.read_trusted(PATH).decode("ascii"))
        found["noted"], found["packages"], found["accounts"]
        return found
    except (OSError, ValueError, TypeError, KeyError, AicaError):
        return None


def _write(host, found):
    host.make_parents(PATH)
    text = json.dumps(found, indent=1, sort_keys=True)
    host.write_file(PATH, text.encode("ascii") + b"\n", 0o644)
