"""When is a disk worth a word? A state machine for each disk, pure: a step an hour.

It goes up at once and comes down late (hysteresis), it repeats itself once a
day, and it says when it is over. A disk that is missing stands above all.
"""

from typing import Dict, NamedTuple, Optional

from .df import Figures
from .forecast import Forecast

OK, WARNING, CRITICAL, LOST = range(4)
LEVELS = ("ok", "warning", "critical", "missing")

HOUR_S = 3600
DAY_S = 24 * HOUR_S
# A missing disk is repeated while it is missing: nobody can work.
REMIND_S = {WARNING: DAY_S, CRITICAL: DAY_S, LOST: 6 * HOUR_S}

# The forecasts that alarm, and what they must pass to be over. Hours.
SOON_H = {WARNING: 72, CRITICAL: 24}
NOT_SOON_H = {WARNING: 96, CRITICAL: 36}

SPACE, INODES, FORECAST, MOUNT = "space", "inodes", "forecast", "mount"
MEASURES = (MOUNT, SPACE, INODES, FORECAST)

# The events. NONE: nothing that was not said already.
NONE, RAISED, REMINDER, EASED, OVER = "", "raised", "reminder", "eased", "over"


class Limits(NamedTuple):
    """From where on it alarms, in percent, and how far below that is over.

    named is the one threshold that was given on the command line, 0 if none was.
    """

    warning: int = 80
    critical: int = 90
    hysteresis: int = 5
    named: int = 0

    def at(self, level):
        """Return the threshold of a level."""
        return self.critical if level >= CRITICAL else self.warning

    def shown(self, level):
        """Return the threshold that people are told for a level."""
        return self.named or self.at(level)


class Look(NamedTuple):
    """One disk at one moment. lost says why it cannot be looked at, "" if it can."""

    disk: str
    lost: str = ""
    figures: Optional[Figures] = None
    full: Optional[Forecast] = None


class State(NamedTuple):
    """What was said of a disk: a level by measure, since when, and when last. Seconds.

    trend_s is when the forecast last gave reason for its level: people sleep,
    and a disk that stops filling at night is not saved.
    """

    levels: Dict[str, int] = {}
    since_s: float = 0
    said_s: float = 0
    trend_s: float = 0

    @property
    def level(self):
        """The highest of all measures."""
        return max(list(self.levels.values()) + [OK])


def step(state, look, limits, now_s):
    """Return (State, event) after a look at a disk that had `state`."""
    new = _judged(state, look, limits, now_s)
    event = _event(state, new, now_s)
    if new.level and not state.level:
        new = new._replace(since_s=now_s)
    if event:
        new = new._replace(said_s=now_s)
    return (new if new.level else State()), event


def _judged(state, look, limits, now_s):
    levels, trend_s = judge(state, look, limits), state.trend_s
    held = state.levels.get(FORECAST, OK)
    if levels.get(FORECAST, OK) > OK and levels[FORECAST] >= held:
        trend_s = now_s
    elif FORECAST in levels and 0 <= now_s - trend_s < DAY_S:
        levels[FORECAST] = held
    return state._replace(levels={name: level for name, level in levels.items() if level},
                          trend_s=trend_s)


def _event(old, new, now_s):
    if any(level > old.levels.get(name, OK) for name, level in new.levels.items()):
        return RAISED
    if old.level and not new.level:
        return OVER
    if new.level < old.level:
        return EASED
    if not new.level:
        return NONE
    silent_s = now_s - old.said_s
    # A clock that was wrong, and was put right, must not silence us for years.
    return REMINDER if silent_s >= REMIND_S[new.level] or silent_s < -HOUR_S else NONE


def judge(state, look, limits):
    """Return the level of each measure of a disk."""
    if look.lost:
        return {MOUNT: LOST}
    blocks, inodes = look.figures
    return {
        SPACE: _by_percent(state.levels.get(SPACE, OK), blocks.percent, limits),
        INODES: _by_percent(state.levels.get(INODES, OK), inodes and inodes.percent, limits),
        FORECAST: _by_hours(state.levels.get(FORECAST, OK), look.full),
    }


def _by_percent(before, percent, limits):
    """Return the level of a percentage: up at the threshold, down below it by the hysteresis."""
    if percent is None:
        return OK
    for level in (CRITICAL, WARNING):
        threshold = limits.at(level)
        held = before >= level and percent > threshold - limits.hysteresis
        if percent >= threshold or held:
            return level
    return OK


def _by_hours(before, full):
    """Return the level of a forecast, None for no trend."""
    if full is None:
        return OK
    for level in (CRITICAL, WARNING):
        if full.hours < (NOT_SOON_H if before >= level else SOON_H)[level]:
            return level
    return OK
