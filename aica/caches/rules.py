"""How old is old enough, and what stays however old it is."""

import stat
import time
from typing import NamedTuple, Optional

from ..errors import AicaError, NotReady

DAY_S = 86400
# So far may the clock and the time since the start differ in a run: NTP corrects milliseconds.
DRIFT_S = 30

OPEN = "open in a program"
LINKED = "hard-linked into an environment"
FUTURE = "with a time in the future"
OTHERS = "of other people"
FOREIGN = "with files that are none of the cache's"
UNREAD = "that could not be looked through"


class Rules(NamedTuple):
    """What a run may remove. now is when it began (Unix time), days how long nobody used it.

    owner: the only uid whose things may go; None means anybody's.
    started is time.monotonic() at `now`.
    """

    now: float
    days: int = 0
    owner: Optional[int] = None
    started: float = 0.0

    @property
    def recent(self):
        """Why something that was used lately must stay."""
        if self.days == 0:
            return "used since this run began"
        return "used in the last {} days".format(self.days)

    def at_least(self, days):
        """Return the same rules, for what must be unused for so many days whoever asks."""
        return self._replace(days=max(days, self.days))

    def too_young(self, newest):
        """Return why something last used at `newest` must stay, "" if it need not."""
        if newest > max(self.now, time.time()):
            return FUTURE
        return self.recent if newest > self.now - self.days * DAY_S else ""


def start(days=0, owner=None, built=0.0):
    """Return the Rules of a run that begins now. Raise NotReady if the clock cannot be right.

    built is when this program was made: before that it cannot run.
    """
    now = time.time()
    if now < built:
        raise NotReady("the clock says {}, before this program was made: no age can be trusted"
                       .format(time.strftime("%Y-%m-%d", time.gmtime(now))),
                       hint="set the clock: timedatectl")
    return Rules(now, days, owner, time.monotonic())


def require_steady_clock(rules):
    """Raise AicaError if somebody set the clock since the run began."""
    if abs((time.time() - rules.now) - (time.monotonic() - rules.started)) > DRIFT_S:
        raise AicaError("the clock was set during this run: no age can be trusted any more",
                        hint="repeat the command")


def last_use(status):
    """Return when a file was last read or written, in Unix time.

    The access time of links and folders says only that somebody looked (we do).
    """
    if stat.S_ISREG(status.st_mode):
        return max(status.st_mtime, status.st_atime)
    return status.st_mtime


class LastUse:
    """last_use() for the entries of folders, one folder after the other.

    glanced_at: a folder, first below the thing, whose files are read whenever
    somebody lists the cache. That is no use of it.
    """

    def __init__(self, glanced_at=b""):
        self._glanced_at = glanced_at
        self._here = self._glancing = None

    def __call__(self, here, status):
        """Return when an entry of the folder `here` was used last, in Unix time."""
        if here is not self._here:
            self._here = here
            self._glancing = bool(self._glanced_at) and self._glanced_at in (
                here.path().split(b"/", 2)[:2])
        return status.st_mtime if self._glancing else last_use(status)


def age_text(seconds):
    """Return how long ago, as people say it."""
    days = int(seconds // DAY_S)
    return "today" if days < 1 else "yesterday" if days == 1 else "{:,} days ago".format(days)
