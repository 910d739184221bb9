"""One message after the recovery of a boot: when, how long, who is blocked."""

import json
import time

from .. import lock, report, status
from ..errors import AicaError
from . import alarm, channels
from .alert import stamped, write_journal

TOLD = "/run/aica/recovery-told.json"
LOCK = "/run/aica/recovery-told.lock"
NAMES = 20


def tell(app):
    """Tell every channel how the recovery ended; yield (channel, problem), "" if it went out.

    Once for each end: a second call tells only those that failed before.
    """
    host = app.host()
    with lock.hold(host, 0, LOCK):
        found = status.load(host)
        if not worth_telling(found):
            return
        before, now = _told(host), _digest(found)
        facts, only = facts_of(found, stamped({})["host"]), None
        if before.get("end") == now:
            only = before["owed"]
        else:
            write_journal(host, [facts["message"]], LEVELS[facts["level"]])
        deliveries = channels.tell(host, stamped(facts), only)
        owed = [one.channel for one in deliveries if one.problem]
        host.write_file(TOLD, json.dumps({"end": now, "owed": owed}).encode("ascii"), 0o600)
        for one in deliveries:
            yield one.channel, one.problem


LEVELS = {"ok": alarm.OK, "warning": alarm.WARNING, "critical": alarm.CRITICAL}


def worth_telling(found):
    """True if the recovery has ended, and had something to do or could not do it."""
    return bool(found) and found["state"] != "unfinished" and bool(
        found["exit"] or found.get("restored"))


def _told(host):
    try:
        found = json.loads(host.read_trusted(TOLD).decode("ascii"))
        return found if isinstance(found.get("owed"), list) else {}
    except (OSError, ValueError, AttributeError, AicaError):
        return {}


def _digest(found):
    """What makes one end of a recovery another than the one before: not the time."""
    return [found["exit"], found["problems"], found.get("restored", [])]


def facts_of(found, name):
    """Return a status as channels get it. name is that of the host."""
    blocked, restored = found.get("blocked_users", []), found.get("restored", [])
    level = "ok" if not found["exit"] else "warning" if restored else "critical"
    return {
        "kind": "recovery", "event": "recovered" if restored or not found["exit"] else "failed",
        "level": level, "disk": "", "message": message(found, name), "hints": ["aica check"],
        "finished": found["finished"], "seconds": found.get("seconds"), "exit": found["exit"],
        "restored": restored[:NAMES], "blocked": blocked[:NAMES], "problems": found["problems"],
    }


def message(found, name):
    """Return what is said: one line."""
    blocked, restored = found.get("blocked_users", []), found.get("restored", [])
    when = "at {}, within {} s".format(_clock(found["finished"]), found.get("seconds", "?"))
    if not restored:
        first = found["problems"][0] if found["problems"] else found["state"]
        return report.escape("{} is not whole since its boot ({}): {}".format(name, when, first))
    text = "{} was wiped and is {} ({}): restored: {}".format(
        name, "whole again" if not found["exit"] else "not quite whole", when, _names(restored))
    text += "; blocked: " + _names(blocked) if blocked else "; nobody is blocked"
    problems = found["problems"]
    return report.escape(text + ("; " + problems[0] if problems and not blocked else ""))


def _names(names):
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (" and {} more".format(more) if more > 0 else "")


def _clock(stamp):
    try:
        return time.strftime("%H:%M:%S", time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return stamp
