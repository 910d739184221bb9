"""Is a copy what its source is? Looked at from both sides, while people go on working.

rsync says how many entries of each kind the source had; as many must be
there. Then each is compared with what stands at the same place in the source
now. What differs is a fault, unless the source was changed after the copy was
begun: the kernel's ctime tells, and nobody can set it back.
"""

import os
import stat

from .. import tree

WRONG = "differs from a source that did not change"
CHANGED = "changed while it was copied"
KINDS = {stat.S_IFREG: "reg", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFCHR: "dev",
         stat.S_IFBLK: "dev", stat.S_IFIFO: "special", stat.S_IFSOCK: "special"}


class Comparison(tree.Visitor):
    """Counts the entries of a copy by kind, and how many of them are not what the source has."""

    def __init__(self, source, since_ns):
        self._source = tree.Beside(source)
        self._since_ns = since_ns
        self.entries = {"dir": 1}  # the top folder itself
        self.tally = tree.Tally()

    def top(self, copy, source):
        """Compare the two top folders themselves, by their stat results."""
        if _looks(copy) != _looks(source):
            self.tally.add(CHANGED if source.st_ctime_ns >= self._since_ns else WRONG)

    def visit(self, here, name, status):
        kind = KINDS[stat.S_IFMT(status.st_mode)]
        self.entries[kind] = self.entries.get(kind, 0) + 1
        verdict = self._judge(here, name, status)
        if verdict:
            self.tally.add(verdict, here, name)
        return stat.S_ISDIR(status.st_mode)

    def _judge(self, here, name, status):
        folder = self._source.folder(here)
        try:
            now = os.lstat(name, dir_fd=folder) if folder >= 0 else None
        except OSError:
            now = None
        if now is None:  # removed meanwhile: that is its owner's right
            return CHANGED
        if _looks(now) == _looks(status) and self._same_target(folder, here, name, status):
            return ""
        return CHANGED if now.st_ctime_ns >= self._since_ns else WRONG

    def _same_target(self, folder, here, name, status):
        """True unless it is a link that leads elsewhere, or a stored one that leads anywhere."""
        if not stat.S_ISLNK(status.st_mode):
            return True
        try:
            stored = os.readlink(name, dir_fd=here.handle)
            return tree.unmunged(stored) == os.readlink(name, dir_fd=folder) != stored
        except OSError:  # removed or swapped a moment ago
            return False

    def problem(self, here, name, what):
        self.tally.add(what, here, name)

    def report(self):
        return self.tally.report()

    def close(self):
        """Give the descriptors back."""
        self._source.close()


def _looks(status):
    """Return what must be alike. A link's time is not kept everywhere, a folder's size nowhere."""
    kind = stat.S_IFMT(status.st_mode)
    size = status.st_size if kind == stat.S_IFREG else 0
    mode = 0 if kind == stat.S_IFLNK else stat.S_IMODE(status.st_mode)
    seconds = 0 if kind == stat.S_IFLNK else int(status.st_mtime)
    return kind, size, mode, status.st_uid, status.st_gid, seconds


def compare(copy, source, since_ns, tick=None):
    """Walk the open folder `copy`; return the Comparison with the open folder `source`."""
    found = Comparison(source, since_ns)
    try:
        found.top(os.fstat(copy), os.fstat(source))
        with tree.Walk(copy, tick=tick) as walk:
            walk.run(found)
    finally:
        found.close()
    return found


def faults(found, entries, vanished):
    """Return what is wrong with a copy, in words; () if nothing is. Pure.

    entries: how many of each kind there must be, as rsync says; vanished: how
    many of them were gone before it came to them.
    """
    texts = []
    missing = sum(entries.values()) - sum(found.entries.values())
    surplus = [kind for kind in found.entries if found.entries[kind] > entries.get(kind, 0)]
    if missing > vanished or surplus:
        texts.append("{} entries are there, rsync counted {} in the source".format(
            sum(found.entries.values()), sum(entries.values())))
    for what, number in sorted(found.tally.counts.items()):
        if what != CHANGED:
            texts.append("{} {} ({})".format(number, what, found.tally.examples.get(what, ["."])[0]))
    return tuple(texts)
