"""Looking at the system disk: one entry, or all that is below a folder. Changes nothing.

Homes and what lies in /srv are under other people's control, so a folder is
only ever entered through the walker, which follows no link and leaves no
file system.
"""

import os
import stat

from ..errors import AicaError
from ..tree import Enough, Visitor, Walk


def at(host, path):
    """Return the stat result of an entry, not followed; None if there is none."""
    folder, name = os.path.split(path)
    try:
        with host.folder(folder) as parent:
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def entries(host, folder):
    """Yield (path, stat result) of the entries of a folder that lie on its file system."""
    above = at(host, folder)
    if above is None or stat.S_ISLNK(above.st_mode):
        if above is not None:
            raise AicaError("{} is a link: what it leads to was not looked at".format(folder))
        return
    for name in host.names(folder):
        path = "{}/{}".format(folder, name)
        found = at(host, path)
        if found is not None and found.st_dev == above.st_dev:
            yield path, found


class Budget:
    """How many more entries may be looked at, in all walks together."""

    def __init__(self, entries):
        self.left = entries

    def take(self):
        """Take one. Raise Enough if there is none left."""
        if self.left <= 0:
            raise Enough
        self.left -= 1


class Lost(Visitor):
    """Finds what is_lost(path, status) says of the files below a folder.

    paths is the first MOST of them, files how many there are, complete False
    if the walk had to end early.
    """

    MOST = 200
    ordered = True

    def __init__(self, top, is_lost, budget):
        self._top = top
        self._is_lost = is_lost
        self._budget = budget
        self.files = 0
        self.size_bytes = 0
        self.paths = []
        self.complete = True

    def visit(self, here, name, status):
        self._budget.take()
        if stat.S_ISDIR(status.st_mode):
            return name != b"__pycache__"
        path = "{}/{}".format(self._top, os.fsdecode(here.path(name)))
        if self._is_lost(path, status):
            self.files += 1
            self.size_bytes += status.st_size
            if len(self.paths) < self.MOST:
                self.paths.append((path, status))
        return False

    def report(self):
        return [self.files, self.size_bytes]


def below(host, top, is_lost, budget):
    """Return the Lost of everything below a folder."""
    found = Lost(top, is_lost, budget)
    with host.folder(top) as folder, Walk(folder) as walk:
        try:
            walk.run(found)
        except Enough:
            found.complete = False
    return found
