"""The cache of huggingface_hub: repositories, their blobs, the blobs that they share, locks.

    models--ORG--NAME/blobs/HASH            a file, or a link into the shared blobs
                     /snapshots/REV/FILE    a link to a blob
                     /refs/main             the name of a snapshot
    blobs/AB/HASH                           shared by repositories (by newer versions of the hub)
    .locks/models--ORG--NAME/HASH.lock

A repository goes as a whole: first its refs, then its snapshots, then the
blobs, so that whoever is killed in between leaves a cache that can be read.
"""

import contextlib
import fcntl
import os
import re
import stat

from .. import files, tree
from ..errors import AicaError
from .measure import Measure, entries, folders_in, is_kind, look
from .rules import last_use
from .thing import Thing

TOP = "models/huggingface/hub"
REPOSITORY = re.compile(rb"(models|datasets|spaces|kernels)--.+\Z", re.S)
ORDER = ((b"refs",), (b"snapshots",), (b"blobs",))
LOCKS = b".locks"
PARTS = {b"refs", b"snapshots", b"blobs"}
STORE = b"blobs"
MARKER = b".huggingface-shared-blobs"
HASH = re.compile(rb"[0-9a-f]{64}\Z")
SHARED = re.compile(rb"(?:.*/)?blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\Z", re.S)
# Younger than this, what nothing points to may be a download that goes on.
STALE_DAYS = 1
# A repository with more blobs and links than this is nobody's model.
MANY = 500000


class Repository(Measure):
    """A repository; its size is the one that huggingface_hub tells."""

    glanced_at = b"refs"

    def __init__(self, opened=frozenset()):
        super().__init__(opened)
        self.blobs = {}
        self.shared = {}
        self._pointed = set()
        self._loose_bytes = 0
        self._parts = set()

    def visit(self, here, name, status):
        if super().visit(here, name, status):
            if here.depth == 0:
                self._parts.add(name)
            return True
        if here.depth == 0:  # the client puts no file here: this is somebody's own
            self.foreign = True
        if len(self.blobs) + len(self._pointed) > MANY:
            self.unread = True
            return False
        place = _first_level(here)
        if place == b"blobs" and here.depth == 1:
            self._blob(here, name, status)
        elif place == b"snapshots":
            self._file(here, name, status)
        return False

    def _blob(self, here, name, status):
        self.blobs[name] = status
        if stat.S_ISLNK(status.st_mode):
            found = SHARED.match(_target(here, name))
            if found:
                self.shared[name] = (STORE, found.group(1), found.group(2))

    def _file(self, here, name, status):
        if not stat.S_ISLNK(status.st_mode):
            self._loose_bytes += status.st_size
            return
        folder, _, blob = _target(here, name).rpartition(b"/")
        if folder.rpartition(b"/")[2] == b"blobs":
            self._pointed.add(blob)

    def finish(self, walk):
        self.foreign = self.foreign or not self._parts & PARTS
        payloads = {name: look(walk, path) for name, path in self.shared.items()}
        for status in payloads.values():
            if status is not None:
                self.newest_file = max(self.newest_file, last_use(status))
                self.open = self.open or status.st_ino in self._opened
        found = dict(self.blobs)
        found.update((name, status) for name, status in payloads.items() if status is not None)
        self.size_bytes = self._loose_bytes + sum(
            found[name].st_size for name in self._pointed if name in found)

    def forget(self):
        """Give back the memory for the names: a repository may have any number of them."""
        self.blobs, self.shared, self._pointed = {}, {}, set()

    def loose_ends(self):
        """Return {name: lstat} of the blobs that no snapshot points to, half downloads too."""
        return {name: status for name, status in self.blobs.items() if name not in self._pointed}


def _first_level(here):
    """Return the name of the folder, directly in the repository, that an entry lies below."""
    while here.depth > 1:
        here = here.parent
    return here.name if here.depth == 1 else b""


def _target(here, name):
    try:
        return os.readlink(name, dir_fd=here.handle)
    except OSError:
        return b""


def find(cache, walk, _host):
    """Yield the repositories that may go, the loose ends of the others, shared blobs, old locks."""
    stale = cache.rules.at_least(STALE_DAYS)
    needed = set()
    for name in folders_in(walk):
        if REPOSITORY.match(name):
            found = Repository(cache.opened.inodes())
            going = list(cache.judge(walk, "hf", (name,), found=found, first=ORDER))
            yield from going
            if going:
                found.forget()
            else:
                needed.update(found.shared.values())
                yield from _loose_ends(cache, walk, name, found, stale)
    if is_kind(look(walk, (STORE, MARKER)), stat.S_IFREG):
        yield from _unshared(cache, walk, needed, stale)
    yield from cache.sweep(walk, "hf", (LOCKS,), stale, keep_folders=True)


def _loose_ends(cache, walk, name, found, stale):
    if found.open:
        return  # a download, perhaps
    for blob, status in sorted(found.loose_ends().items()):
        if not stale.too_young(last_use(status)):
            yield from cache.judge(walk, "hf", (name, b"blobs", blob), stale)


def _unshared(cache, walk, needed, stale):
    for folder in folders_in(walk, (STORE,)):
        for name, status in entries(walk, (STORE, folder)):
            path = (STORE, folder, name)
            if HASH.match(name) and path not in needed and not stale.too_young(last_use(status)):
                yield from cache.judge(walk, "hf", path, stale, make=Payload)


class Payload(Thing):
    """A shared blob that no repository points to any more; its list of references goes with it."""

    late = 1

    def apply(self, host, changes):
        folder = "{}/{}".format(self.cache.name, os.fsdecode(b"/".join(self.path[:-1])))
        with host.folder(folder) as here, _locked(here, self.path[-1] + b".lock"):
            with host.folder(self.cache.name) as top, tree.Walk(top) as walk:
                if self.path in _references(walk):
                    raise AicaError("a repository points to it since a moment")
                manifest = self.path[:-1] + (self.path[-1] + b".refs",)
                status = look(walk, manifest)
            super().apply(host, changes)
            if status is not None:
                host.remove_cached(self.cache.name, manifest, (status.st_dev, status.st_ino))


def _references(walk):
    """Return the paths of all shared blobs that a repository points to."""
    found = set()
    for name in folders_in(walk):
        if REPOSITORY.match(name):
            repository = Repository()
            here = walk.open(repository, (name, b"blobs"))
            if here is not None:
                here.depth = 1
                try:
                    walk.scan(repository, here)
                finally:
                    os.close(here.handle)
            found.update(repository.shared.values())
    return found


@contextlib.contextmanager
def _locked(folder, name):
    """Hold the lock under which huggingface_hub makes a new link to a shared blob."""
    try:
        handle = os.open(name, files.OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AicaError("a program is at work on it")
    finally:
        os.close(handle)
