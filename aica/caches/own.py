"""The caches in a user's own home, through the tools that know them: nothing here is for root.

The tools are the user's own programs, run with the user's rights and
environment, as if typed in.
"""

import os
from typing import NamedTuple, Tuple

from .. import tree
from ..change import Change
from ..errors import NotApplicable
from ..resources.base import Resource
from .measure import Measure
from .rules import size_text

TIMEOUT_S = 1800


class Tool(NamedTuple):
    """A program with a cache: how to ask it where, and how to tell it to clean."""

    program: str
    where: Tuple[str, ...]
    clean: Tuple[str, ...]


TOOLS = (
    Tool("pip", ("cache", "dir"), ("cache", "purge")),
    Tool("uv", ("cache", "dir"), ("cache", "prune")),
    Tool("npm", ("config", "get", "cache"), ("cache", "clean", "--force")),
)


class OwnCache(Resource):
    """The cache of one tool in the caller's home."""

    kind = "own-cache"

    def __init__(self, tool):
        super().__init__(tool.program)
        self.tool = tool
        self._cleaned = False

    def desired(self):
        return {"size_bytes": 0}

    def inspect(self, host):
        folder = host.query_own([self.tool.program] + list(self.tool.where)).out.strip()
        size_bytes = _size(folder)
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
        return "{} in {}: {} {}".format(size_text(actual["size_bytes"]), actual["folder"],
                                        self.tool.program, " ".join(self.tool.clean))

    def describe(self, changes):
        return ()


class OwnCaches:
    """The caches in the caller's home, as one group of resources."""

    freed_bytes = 0

    def resources(self, _host):
        """Return one resource for each tool."""
        return tuple(OwnCache(tool) for tool in TOOLS)


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
