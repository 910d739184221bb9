"""The names of snapshots, and which of them are to be kept. Pure.

A name is the time in UTC at which the snapshot was begun. `.part` at its end
says that not everything is in it: single users were asked for, or something
could not be copied. What has a dot in front is no snapshot: it is being made,
or being removed.
"""

import datetime
import re
import time
from typing import NamedTuple

PART = ".part"
UNFINISHED = ".unfinished-"
REMOVING = ".removing-"
FORM = "%Y-%m-%dT%H%M%SZ"
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(\.part)?\Z")


# Of so many of the newest days all are kept: what was made before lunch must
# not push out what was made before breakfast.
ALL_OF_DAYS = 2


class Keep(NamedTuple):
    """How many days, weeks and months keep one snapshot each."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6


def name_at(seconds):
    """Return the name of a snapshot that is begun at this time (seconds since 1970)."""
    return time.strftime(FORM, time.gmtime(seconds))


def when(name):
    """Return the UTC time in a snapshot's name; None if it is no snapshot."""
    if not NAME.match(name):
        return None
    try:
        return datetime.datetime.strptime(time_of(name), FORM)
    except ValueError:  # the 31st of February
        return None


def is_part(name):
    """True if something may be missing in a snapshot."""
    return name.endswith(PART)


def time_of(name):
    """Return the part of a snapshot's name that is its time."""
    return name[:-len(PART)] if is_part(name) else name


def finished(names):
    """Return the snapshots among the entries of the backup folder, the oldest first."""
    return tuple(sorted(name for name in names if when(name) is not None))


def unfinished(names):
    """Return what killed or failed runs left, the oldest first."""
    return tuple(sorted(name for name in names if name.startswith(UNFINISHED)
                        and when(name[len(UNFINISHED):]) is not None))


def being_removed(names):
    """Return what a killed removal left."""
    return tuple(sorted(name for name in names if name.startswith(REMOVING)
                        and when(name[len(REMOVING):].replace(UNFINISHED, "")) is not None))


def choose_removed(names, now, keep=Keep()):
    """Return the snapshots that nothing keeps, the oldest first.

    names are finished ones, now is a name that name_at() made. Age alone
    removes nothing: of the days, weeks and months that have a snapshot, the
    newest ones keep their last (the two newest days all). So neither a server
    that was off for a year nor a clock that jumped ahead loses what it has.
    What lies in the future of a clock that jumped back is kept and takes
    nobody's place. A snapshot with something missing never takes the place of
    a whole one.
    """
    past = [name for name in sorted(names) if when(name) <= when(now)]
    whole = [name for name in past if not is_part(name)]
    newest = sorted({_day(when(name)) for name in past})[-ALL_OF_DAYS:]
    kept = set(whole[-1:]) | {name for name in past if _day(when(name)) in newest}
    for candidates in (past, whole):
        for period, count in ((_day, keep.daily), (_week, keep.weekly), (_month, keep.monthly)):
            kept |= _last_of_each(candidates, period, count)
    return tuple(name for name in past if name not in kept)


def _last_of_each(names, period, count):
    last = {period(when(name)): name for name in names}  # a later one takes the place
    return {last[key] for key in sorted(last)[-count:]} if count else set()


def _day(time):
    return time.date()


def _week(time):
    return tuple(time.isocalendar())[:2]


def _month(time):
    return time.year, time.month
