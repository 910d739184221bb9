"""A line on the terminal that says how far a long walk is."""

import sys
import time


class Progress:
    """Counts entries on standard error, if a person is looking."""

    def __init__(self, args, expected=0):
        """expected is about how many entries there are, 0 if nobody knows."""
        self._shown = sys.stderr.isatty() and not (args.json or args.quiet)
        self._expected = expected
        self._started_s = time.monotonic()
        self._entries = 0

    def __call__(self, entries):
        """Take note of so many more entries."""
        self._entries += entries
        if self._shown:
            sys.stderr.write("\r\033[K" + words(
                self._entries, self._expected, time.monotonic() - self._started_s))
            sys.stderr.flush()

    def bytes(self, done, size):
        """Take note of how much of a download has come; size is 0 if nobody knows."""
        if self._shown:
            self._entries = 1
            of = " of {:,}".format(size >> 20) if size else ""
            bar = "[{}] ".format(("#" * (20 * done // size)).ljust(20)) if size else ""
            sys.stderr.write("\r\033[K{}{:,}{} MiB".format(bar, done >> 20, of))
            sys.stderr.flush()

    def over(self, results):
        """Yield the results; the line makes room for each."""
        try:
            for result in results:
                self.clear()
                yield result
        finally:
            self.clear()

    def clear(self):
        """Make room on the line."""
        if self._shown and self._entries:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def words(entries, expected, elapsed_s):
    """Return how far it is: entries, entries a second, and the time left where that is known."""
    text = "{:,} entries".format(entries)
    if elapsed_s < 2:
        return text
    rate = entries / elapsed_s
    text += ", {:,.0f}/s".format(rate)
    if rate and entries < expected:
        left_s = (expected - entries) / rate
        text += ", about {} left".format("{:.0f} min".format(left_s / 60) if left_s >= 90
                                         else "{:.0f} s".format(left_s))
    return text
