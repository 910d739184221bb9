"""What lies in a tree, by part: bytes on the disk as `du -x` counts them, hard links once.

A part is a home, a cache, a model: whatever the sorter says an entry belongs
to. Each part counts a file with several names once, and so does the whole;
so the parts together can be more than the whole (conda links its packages
into every environment).
"""

import base64
import os
import stat
from array import array
from typing import Dict, NamedTuple, Tuple

from .. import tree

BLOCK_BYTES = 512  # of st_blocks, whatever the file system's are: stat(2)
# Members make the names that parts are called by: no number of them fills our memory.
MOST_PARTS = 10000
REST = "(others)"
# Waiting for a network disk: many at a time.
NETWORK_THREADS = 16

HOME, CACHE, MODEL, DATASET, CODE, OTHER = "home", "cache", "model", "dataset", "code", "other"


class Size(NamedTuple):
    """Bytes on the disk, and how many entries."""

    size_bytes: int = 0
    entries: int = 0

    def plus(self, other):
        """Return the sum."""
        return Size(self.size_bytes + other[0], self.entries + other[1])


class Usage(NamedTuple):
    """What was found. parts by (kind, name); owners are bytes outside homes, by uid."""

    total: Size
    parts: Dict[Tuple[str, str], Size]
    owners: Dict[int, int]
    problems: Dict[str, int]


def by_place(path):
    """Return ((kind, name), settled) of an entry of the data disk, by its names below the top.

    settled: everything below belongs to the same part.
    """
    first = path[0] if path else b""
    kind = {b"users": HOME, b"cache": CACHE, b"dataset": DATASET, b"code": CODE}.get(first)
    if kind and len(path) > 1:
        return (kind, _text(path[1])), True
    if first == b"models" and len(path) > 1:
        return _model(path)
    return (OTHER, _text(first)), kind is None and first != b"models" and len(path) > 0


HF = b"huggingface"
REPOSITORIES = ((b"models--", MODEL), (b"datasets--", DATASET), (b"spaces--", MODEL))


def _model(path):
    """Sort what lies in /data/models: a Hugging Face repository is a part of its own."""
    if path[1] != HF:
        return (MODEL, _text(path[1])), True
    name = path[3] if len(path) > 3 and path[2] == b"hub" else b""
    for beginning, kind in REPOSITORIES:
        if name.startswith(beginning):
            return (kind, "hf " + _text(name[len(beginning):]).replace("--", "/")), True
    return (MODEL, "huggingface"), len(path) > 3 or len(path) == 3 and path[2] != b"hub"


def by_child(path):
    """Sort by the first name: what each entry of a folder holds."""
    return (OTHER, _text(path[0]) if path else ""), bool(path)


def _text(name):
    return name.decode("utf-8", "surrogateescape")


class _Measure(tree.Visitor):
    """Adds up what it is shown. Files with several names are set apart: others see them too."""

    def __init__(self, device, sort):
        self._device = device
        self._sort = sort
        self._folder = None
        self._part = None    # of all entries of this folder, None if they differ
        self._path = ()
        self._names = {}     # part -> its number
        self._sizes = []     # [bytes, entries], by number
        self._owners = {}
        self._links = {}     # (number, inode) -> (bytes, uid)
        self._problems = {}

    def visit(self, here, name, status):
        if status.st_dev != self._device:
            return False  # as du -x: what is mounted there lies on another disk
        if here is not self._folder:
            self._enter(here)
        number = self._part
        if number is None:
            number = self._number(self._sort(self._path + (name,))[0])
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_folder and status.st_nlink > 1:
            self._links[number, status.st_ino] = status.st_blocks * BLOCK_BYTES, status.st_uid
            return False
        self.count(number, status.st_blocks, status.st_uid)
        return is_folder

    def count(self, number, blocks, uid):
        """Add one entry to a part."""
        sizes = self._sizes[number]
        sizes[0] += blocks * BLOCK_BYTES
        sizes[1] += 1
        if not sizes[2]:
            self._owners[uid] = self._owners.get(uid, 0) + blocks * BLOCK_BYTES

    def top(self, status):
        """Add the folder that the walk starts from."""
        self.count(self._number(self._sort(())[0]), status.st_blocks, status.st_uid)

    def _enter(self, here):
        self._folder = here
        path = here.path()
        self._path = tuple(path.split(b"/")) if path else ()
        part, settled = self._sort(self._path)
        self._part = self._number(part) if settled else None

    def _number(self, part):
        number = self._names.get(part)
        if number is None:
            if len(self._names) >= MOST_PARTS and part[1] != REST:
                return self._number((part[0], REST))
            number = self._names[part] = len(self._sizes)
            self._sizes.append([0, 0, part[0] == HOME])
        return number

    def problem(self, here, name, what):
        if what != tree.MOUNT:
            self._problems[what] = self._problems.get(what, 0) + 1

    def report(self):
        links = array("Q")
        for (number, inode), (size, uid) in self._links.items():
            links.extend((inode, size, uid, number))
        return [[list(part) + self._sizes[number][:2] for part, number in self._names.items()],
                sorted(self._owners.items()), _packed(links), self._problems]


def _packed(numbers):
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def measure(top, sort, network=False, tick=None):
    """Return the Usage of everything below the open folder `top`, itself included.

    network says that `top` lies on a network disk, where the waiting is long.
    """
    status = os.fstat(top)
    first = _Measure(status.st_dev, sort)
    first.top(status)
    return _merged([first.report()] + tree.run(
        top, lambda: _Measure(status.st_dev, sort), NETWORK_THREADS if network else 0, network,
        tick))


def _merged(reports):
    numbers, parts, names, problems = {}, [], [], {}
    owners, links = {}, array("Q")
    for rows, by_owner, packed, wrong in reports:
        here = []
        for kind, name, size, entries in rows:
            number = numbers.setdefault((kind, name), len(parts))
            if number == len(parts):
                parts.append(Size())
                names.append((kind, name))
            parts[number] = parts[number].plus((size, entries))
            here.append(number)
        _add(owners, by_owner)
        _add(problems, wrong.items())
        _renumbered(links, packed, here)
    total = Size(sum(p.size_bytes for p in parts), sum(p.entries for p in parts))
    total = _add_links(links, parts, names, owners, total)
    return Usage(total, dict(zip(names, parts)), owners, problems)


def _add(sums, pairs):
    for key, number in pairs:
        sums[key] = sums.get(key, 0) + number


def _renumbered(links, packed, here):
    """Append the links of one report, with the numbers that their parts have in the whole."""
    new = array("Q")
    new.frombytes(base64.b64decode(packed))
    for at in range(3, len(new), 4):
        new[at] = here[new[at]]
    links.extend(new)


def _add_links(links, parts, names, owners, total):
    """Count each file with several names once in each part, once by owner, and once in all."""
    order = sorted(range(0, len(links), 4), key=links.__getitem__)
    before, seen, given = None, set(), False
    for at in order:
        inode, size, uid, number = links[at:at + 4]
        if inode != before:
            before, seen, given = inode, set(), False
            total = total.plus((size, 1))
        if number not in seen:
            seen.add(number)
            parts[number] = parts[number].plus((size, 1))
        if not given and names[number][0] != HOME:
            given = True
            owners[uid] = owners.get(uid, 0) + size
    return total
