"""One run of the recovery: how it ended is said where people and programs look for it."""

import contextlib
import time

from . import status
from .errors import AicaError, Busy, NotReady

RETRY_TIMER = "aica-recovery-retry.timer"
ANNOUNCE_UNIT = "aica-announce.service"
EXIT_BUG = 70


class Run:
    """One recovery: how it ends is said where people and programs look for it.

    A run for some users only (partial) says nothing about the whole server.
    """

    def __init__(self, host, write_log, partial, boot):
        """write_log(host, outcomes, exit_code, error) keeps what happened."""
        self.host = host
        self.write_log = write_log
        self.partial = partial
        self.boot = boot
        self.contact = ""
        self.outcomes = []
        self.before = status.load(host)
        self.started_s = time.monotonic()
        self.ended = False

    def begin(self):
        """Say that a recovery runs: if it is killed, that is what remains to be read."""
        if not self.partial:
            status.save(self.host, status.unfinished())

    @contextlib.contextmanager
    def told(self):
        """Tell how the run ended, also if an error, a signal or a bug ends it."""
        try:
            yield
        except Busy as error:  # the run that holds the lock says how it ended itself
            self.ended = True
            with contextlib.suppress(AicaError, OSError):
                self.write_log(self.host, self.outcomes, error.exit_status, str(error))
            raise
        except AicaError as error:
            self._end_quietly(error.exit_status, str(error))
            raise
        except OSError as error:
            self._end_quietly(AicaError.exit_status, str(error))
            raise
        finally:
            if not self.ended:
                self._end_quietly(EXIT_BUG, "the recovery was stopped before its end")

    def _end_quietly(self, exit_code, error):
        with contextlib.suppress(AicaError, OSError):  # the first error is the one to tell
            self.end(exit_code, error)

    def end(self, exit_code, error=""):
        """Write the log, the status and the notice; at boot, see to the retry timer and the news."""
        self.ended = True
        self.write_log(self.host, self.outcomes, exit_code, error)
        if self.partial:
            return
        found = dict(status.compose(self.outcomes, exit_code, error, self.contact),
                     seconds=round(time.monotonic() - self.started_s, 1),
                     **status.people(self.outcomes))
        status.save(self.host, found)
        if self.boot and self.host.live:
            self._retry(exit_code, self.before.get("exit"))
            # Nobody's login waits for a mail or a chat: a unit of its own sends it.
            if exit_code or found["restored"]:
                self._systemctl("start", ANNOUNCE_UNIT, exit_code)

    def _retry(self, exit_code, before):
        """A mount without an fstab line starts nothing: then a timer tries again each minute."""
        if NotReady.exit_status not in (exit_code, before):
            return
        verb = "start" if exit_code == NotReady.exit_status else "stop"
        self._systemctl(verb, RETRY_TIMER, exit_code)

    def _systemctl(self, verb, unit, exit_code):
        try:
            self.host.execute(["systemctl", "--no-block", verb, unit])
        except AicaError as error:
            self.write_log(self.host, (), exit_code, str(error))
