"""conda's shared packages: archives, unpacked packages, and the index of the channels.

An unpacked package of which one file has a second name is part of an
environment, and stays; so does what the base environment is made of. Below
/data/apps nothing is touched. The `info` of a package goes first: without it
conda unpacks or downloads again, and never links half a package.
"""

import contextlib
import re
import stat

from ..errors import AicaError
from .measure import Measure, files_in, folders_in, is_kind, look
from .thing import Sweep

TOP = "cache/conda/pkgs"
INDEX = b"cache"
INFO = ((b"info", b"repodata_record.json"), (b"info", b"index.json"), (b"info",))
BASE_META = "apps/miniconda3/conda-meta"
PACKAGE = re.compile(rb"[A-Za-z0-9_.+!-]+-[A-Za-z0-9_.+!]+-[A-Za-z0-9_.]+\Z")
ARCHIVE = re.compile(rb"(?P<name>[A-Za-z0-9_.+!-]+)\.(conda|tar\.bz2)(\.partial)?\Z")
BASE = "of the base environment"
CONDA = "apps/miniconda3/bin/conda"
CONDA_TIMEOUT_S = 120
NOBODY = 65534


def find(cache, walk, host):
    """Yield the packages that nothing uses, their archives, and the index."""
    base = packages_of(host.names("{}/{}".format(cache.data, BASE_META)))
    for name in files_in(walk, ()):
        found = ARCHIVE.match(name)
        if found and PACKAGE.match(found.group("name")):
            yield from _unless_base(cache, walk, name, found.group("name"), base)
    for name in folders_in(walk):
        if PACKAGE.match(name) and is_kind(look(walk, (name, b"info")), stat.S_IFDIR):
            yield from _unless_base(cache, walk, name, name, base,
                                    found=Package(cache.opened.inodes()), first=INFO,
                                    links_matter=True)
    yield from cache.sweep(walk, "conda", (INDEX,), make=Index)


class Package(Measure):
    """An unpacked package."""

    glanced_at = b"info"


def _unless_base(cache, walk, name, package, base, **options):
    if package in base:
        cache.kept.add(BASE, name.decode("ascii"))
        return
    yield from cache.judge(walk, "conda", (name,), **options)


def packages_of(names):
    """Return the packages that the names in a folder conda-meta stand for, as bytes."""
    return frozenset(name[:-len(".json")].encode("ascii", "replace") for name in names
                     if name.endswith(".json"))


class Index(Sweep):
    """The index of the channels. conda knows best how to throw it away, if all of it shall go."""

    def apply(self, host, changes):
        rules = self.rules
        if rules.days == 0 and rules.owner is None and self.cache.gid is not None:
            with contextlib.suppress(AicaError, OSError):  # what it could not, we do
                host.execute_dropped(
                    "{}/{}".format(self.cache.data, CONDA), ["clean", "--index-cache", "--yes"],
                    (NOBODY, self.cache.gid), {"CONDA_PKGS_DIRS": self.cache.name},
                    CONDA_TIMEOUT_S)
        super().apply(host, changes)
