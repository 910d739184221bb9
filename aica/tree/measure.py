"""How much lies below a folder: whole, or as much as can be seen in a given time."""

import time

from .. import tree

GLANCE = 1000


class Measure(tree.Visitor):
    """Adds up what the entries occupy, each file once however many names it has."""

    def __init__(self, budget_s=0.0):
        self.size_bytes = 0
        self.entries = 0
        self.complete = True
        self._linked = set()
        self._deadline = time.monotonic() + budget_s if budget_s else None

    def visit(self, here, name, status):
        self.entries += 1
        if self._deadline and self.entries % GLANCE == 0 and time.monotonic() > self._deadline:
            self.complete = False
            raise tree.Enough
        if status.st_nlink > 1 and not tree.is_folder(status):
            if (status.st_dev, status.st_ino) in self._linked:
                return False
            self._linked.add((status.st_dev, status.st_ino))
        self.size_bytes += status.st_blocks * 512
        return tree.is_folder(status)

    def problem(self, here, name, what):
        self.complete = False

    def report(self):
        return [self.size_bytes, self.entries, self.complete]


def measure(top, budget_s=0.0):
    """Return (bytes, entries, complete) of what lies below the open folder `top`.

    With a budget_s it stops after so many seconds, and is not complete then.
    """
    found = [0, 0, True]
    for size, entries, complete in tree.run(top, lambda: Measure(budget_s),
                                            workers=1 if budget_s else 0):
        found = [found[0] + size, found[1] + entries, found[2] and complete]
    return tuple(found)
