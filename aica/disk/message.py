"""What is said of a disk: the line of the log, and the facts for channels. Pure."""

import time

from ..report import escape
from . import alarm
from .alarm import FORECAST, INODES, LEVELS, MOUNT, SPACE
from .df import human
from .forecast import in_words

ALERT, OK, TEST = "ALERT", "OK", "TEST"


def line(tag, now_s, text):
    """Return a line of the log: "[ALERT] 2026-01-29 10:00:00 - ..."."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now_s))
    return "[{}] {} - {}".format(tag, stamp, escape(text))


def reasons(look, state, limits):
    """Return what is wrong with a disk, in words, the worst first; () if nothing is."""
    words = {MOUNT: _mount, SPACE: _space, INODES: _inodes, FORECAST: _forecast}
    found = [(-level, alarm.MEASURES.index(name), words[name](look, limits.shown(level)))
             for name, level in state.levels.items()]
    return tuple(text for _, _, text in sorted(found))


def _mount(look, _threshold):
    return "{} {}".format(look.disk, look.lost)


def _space(look, threshold):
    return "{} disk usage: {}% (threshold: {}%)".format(
        look.disk, look.figures.blocks.percent, threshold)


def _inodes(look, threshold):
    return "{} inode usage: {}% (threshold: {}%)".format(
        look.disk, look.figures.inodes.percent, threshold)


def _forecast(look, _threshold):
    if look.full is None:
        return "{} was filling fast within the last day".format(look.disk)
    return full_in_words(look)


def full_in_words(look):
    """Return "/data full in about 3 days (1.2 T a day over the last 24 hours)"."""
    window = look.full.window_hours
    return "{} full in about {} (growing by {} a day over the last {})".format(
        look.disk, in_words(look.full.hours), human(look.full.per_hour * 24),
        "24 hours" if window <= 24 else "{} days".format(window // 24))


def over(look):
    """Return what is said when all is well again."""
    percent = look.figures.blocks.percent
    return "{} disk usage: {}%: no longer an alarm".format(look.disk, percent)


def well(look):
    """Return a few words on a disk that is no reason to alarm."""
    if look.figures is None:
        return "{} {}".format(look.disk, look.lost)
    blocks = look.figures.blocks
    text = "{} {}% used, {} free".format(look.disk, blocks.percent, human(blocks.free))
    return text + (", " + full_in_words(look).split(" ", 1)[1] if look.full else "")


def facts(look, state, event, texts, hints):
    """Return what channels get to know of a disk, as a value for JSON."""
    blocks, inodes = look.figures or (None, None)
    return {
        "kind": "disk", "event": event, "level": LEVELS[state.level], "disk": look.disk,
        "message": escape("; ".join(texts)), "hints": [escape(hint) for hint in hints],
        "lost": look.lost, "since": int(state.since_s) or None,
        "percent": blocks and blocks.percent, "size_bytes": blocks and blocks.size,
        "used_bytes": blocks and blocks.used, "free_bytes": blocks and blocks.free,
        "inodes_percent": inodes and inodes.percent,
        "full_in_hours": round(look.full.hours, 1) if look.full else None,
        "growing_bytes_per_day": int(look.full.per_hour * 24) if look.full else None,
    }

