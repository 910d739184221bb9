"""The caches in a user's own home, through the tools that know them: nothing here is for root.

The tools are the user's own programs, run with the user's rights and
environment, as if typed in.
"""

import os
from typing import NamedTuple, Tuple

from .. import report, tree
from ..change import Change
from ..errors import AicaError, NotApplicable
from ..resources.base import Resource
from .measure import Measure

TIMEOUT_S = 1800


class Tool(NamedTuple):
    """A program with a cache: how to ask it where, and how to tell it to clean."""

    program: str
    where: Tuple[str, ...]
    clean: Tuple[str, ...]


# npm would keep a log of each call in the home, of a dry run's too, and ask for a newer npm.
NPM_QUIETLY = ("--logs-max=0", "--no-update-notifier")
TOOLS = (
    Tool("pip", ("cache", "dir"), ("cache", "purge")),
    Tool("uv", ("cache", "dir"), ("cache", "prune")),
    Tool("npm", NPM_QUIETLY + ("config", "get", "cache"), ("cache", "clean", "--force")),
)


class OwnCache(Resource):
    """The cache of one tool in the caller's home."""

    kind = "own-cache"

    def __init__(self, tool):
        super().__init__(tool.program)
        self.tool = tool
        self._cleaned = False
        self._sizes = []

    @property
    def freed_bytes(self):
        """How much smaller the cache is than it was at first."""
        return max(0, self._sizes[0] - self._sizes[-1]) if self._cleaned else 0

    def desired(self):
        return {"size_bytes": 0}

    def inspect(self, host):
        try:
            folder = host.query_own([self.tool.program] + list(self.tool.where)).out.strip()
        except AicaError as error:  # not installed, or told to have no cache
            raise NotApplicable(str(error))
        size_bytes = _size(folder) if folder.startswith("/") else 0
        self._sizes.append(size_bytes)
        return {"folder": folder, "size_bytes": size_bytes} if size_bytes else None

    def plan(self, actual):
        """Return that it is to be cleaned: once, for a tool may know what it still needs."""
        if actual is None or self._cleaned:
            return ()
        return (Change("size_bytes", actual["size_bytes"], 0),)

    def apply(self, host, changes):
        host.execute_own([self.tool.program] + list(self.tool.clean), TIMEOUT_S)
        self._cleaned = True

    def remark(self, actual):
        if actual is None:
            return "nothing there"
        return "{} in {}: {} {}".format(report.size(actual["size_bytes"]), actual["folder"],
                                        self.tool.program, " ".join(self.tool.clean))

    def describe(self, changes):
        return ()


class OwnCaches:
    """The caches in the caller's home, as one group of resources."""

    def __init__(self):
        self._caches = tuple(OwnCache(tool) for tool in TOOLS)

    @property
    def freed_bytes(self):
        """How many bytes the disk has got back until now."""
        return sum(cache.freed_bytes for cache in self._caches)

    def resources(self, _host):
        """Return one resource for each tool."""
        return self._caches


def _size(folder):
    """Return what the disk gives for a folder of the caller's, 0 if there is none."""
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise NotApplicable("{}: {}".format(folder, os.strerror(error.errno)))
    try:
        found = Measure()
        with tree.Walk(top) as walk:
            walk.run(found)
        return found.allocated_bytes
    finally:
        os.close(top)
