"""A line on the terminal that says how far a long walk is."""

import sys


class Progress:
    """Counts entries on standard error, if a person is looking."""

    def __init__(self, args):
        self._shown = sys.stderr.isatty() and not (args.json or args.quiet)
        self._entries = 0

    def __call__(self, entries):
        """Take note of so many more entries."""
        self._entries += entries
        if self._shown:
            sys.stderr.write("\r\033[K{:,} entries".format(self._entries))
            sys.stderr.flush()

    def over(self, results):
        """Yield the results; the line makes room for each."""
        try:
            for result in results:
                self._clear()
                yield result
        finally:
            self._clear()

    def _clear(self):
        if self._shown and self._entries:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
