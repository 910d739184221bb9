"""How many of each kind, and a few examples: what may be said about a million names."""

EXAMPLES = 10
LONGEST_BYTES = 300


class Tally:
    """Counts by kind, with the first examples of each. Adds up to the same in any order of work."""

    def __init__(self):
        self.counts = {}
        self.examples = {}

    def add(self, kind, here=None, name=b""):
        """Count one; remember the path of the first few (here is a Folder)."""
        seen = self.counts.get(kind, 0)
        self.counts[kind] = seen + 1
        if seen < EXAMPLES and here is not None:
            self.examples.setdefault(kind, []).append(_shown(here.path(name)))

    def merge(self, report):
        """Add what another one reported."""
        counts, examples = report
        for kind, number in counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + number
        for kind, paths in examples.items():
            known = self.examples.setdefault(kind, [])
            known.extend(paths[:EXAMPLES - len(known)])

    def report(self):
        """Return everything as a value for JSON. Bytes that are no UTF-8 are surrogates."""
        return [self.counts, self.examples]


def _shown(path):
    """A path of 5,000 levels is shown by both its ends."""
    if len(path) > LONGEST_BYTES:
        path = path[:LONGEST_BYTES // 2] + b"..." + path[-LONGEST_BYTES // 2:]
    return path.decode("utf-8", "surrogateescape")
