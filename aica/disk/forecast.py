"""When will a disk be full? A robust fit over its recent past. Pure.

Theil-Sen: the growth is the median of the slopes of all pairs of samples, so
that one large download, or one clean-up, is no trend. It is believed only if
nearly all pairs agree that there is growth, and if it still goes on.
"""

from typing import NamedTuple, Optional

HOUR_S = 3600


class Window(NamedTuple):
    """How far back a fit looks, and what it needs to find there."""

    hours: int
    least_samples: int
    least_hours: int


WINDOWS = (Window(24, 8, 6), Window(7 * 24, 24, 48))
# So many pairs of a hundred must agree that the disk fills.
AGREE_PERCENT = 80
# The growth of the last quarter must be at least this part of the whole's.
GOING_ON = 0.25
# Further ahead nobody plans, and no fit is good for it.
FARTHEST_HOURS = 366 * 24
# Among more samples than that, every other one will do: pairs are many.
MOST_SAMPLES = 170


class Forecast(NamedTuple):
    """Full in `hours`, at `per_hour` bytes or inodes an hour, by the fit over `window_hours`."""

    hours: float
    per_hour: float
    window_hours: int


def forecast(samples, free, now_s) -> Optional[Forecast]:
    """Return the earliest Forecast of all windows, None if there is no trend.

    samples are (time in s, used) in any order; those of the future, of which a
    clock that was wrong leaves some, do not count.
    """
    found = [_of_window(samples, free, now_s, window) for window in WINDOWS]
    return min((one for one in found if one is not None), default=None)


def _of_window(samples, free, now_s, window):
    inside = sorted(_within(samples, now_s - window.hours * HOUR_S, now_s))
    per_hour = trend(inside, window)
    if per_hour is None:
        return None
    hours = max(0, free) / per_hour
    return Forecast(hours, per_hour, window.hours) if hours <= FARTHEST_HOURS else None


def _within(samples, start_s, end_s):
    return [(when, used) for when, used in samples if start_s <= when <= end_s]


def trend(samples, window):
    """Return the growth an hour of sorted samples, None unless it can be believed."""
    if len(samples) < window.least_samples:
        return None
    first, last = samples[0][0], samples[-1][0]
    if last - first < window.least_hours * HOUR_S:
        return None
    steep = slopes(samples)
    if _quantile(steep, 100 - AGREE_PERCENT) <= 0:
        return None
    per_hour = _quantile(steep, 50)
    recent = slopes(_within(samples, last - (last - first) / 4, last))
    return per_hour if recent and _quantile(recent, 50) >= per_hour * GOING_ON else None


def slopes(samples):
    """Return the sorted slopes, an hour, of all pairs of samples taken at different times."""
    while len(samples) > MOST_SAMPLES:
        samples = samples[::-2][::-1]  # the last one stays
    return sorted((used - before) * HOUR_S / float(when - then)
                  for number, (when, used) in enumerate(samples)
                  for then, before in samples[:number] if when != then)


def _quantile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else 0


def in_words(hours):
    """Return how soon that is: "5 hours", "3 days", "7 weeks"."""
    for size, word, enough in ((24 * 7, "week", 24 * 28), (24, "day", 48), (1, "hour", 1)):
        if hours >= enough:
            number = int(round(hours / size))
            return "{} {}{}".format(number, word, "" if number == 1 else "s")
    return "less than an hour"
