"""Modes and groups of a shared tree in a file, and back: how to undo `permissions apply`.

A line an entry, in the style of mtree(5), below the data folder:

    ./models/torch/hub type=dir mode=2775 uid=2001 gid=2000 inode=42

Both ways are streams. The inode and the owner are there for a reason: a
member who moves a colleague's private file to a name that was open to
everybody must not have it opened by us.
"""

import contextlib
import os
import re
import stat
from typing import NamedTuple, Tuple

from .. import files, permissions, tree
from ..errors import ConfigError

HEAD = b"#mtree aica 1\n"
END = b"#end\n"
LONGEST = 1 << 16
UNSAFE = re.compile(rb"[^a-zA-Z0-9./_+,:@%=~-]")
KINDS = {stat.S_IFDIR: b"dir", stat.S_IFREG: b"file"}
LINE = re.compile(rb"\./(\S+) type=(dir|file) mode=([0-7]{1,4})"
                  rb" uid=(\d+) gid=(\d+) inode=(\d+)\n\Z")
# What restoring may set. setuid and setgid never come back to a file.
ALLOWED = {b"dir": 0o3777, b"file": 0o1777}

MODE = "mode"
GROUP = "group"
REPLACED = "replaced or removed since"
TOO_DEEP = "too deep to be saved"
# What is brought back, as it is told.
RESTORED = {MODE: "of another mode", GROUP: "of another group"}


class Entry(NamedTuple):
    """What was saved of an entry. path are the names below the data folder, in bytes."""

    path: Tuple[bytes, ...]
    kind: bytes
    mode: int
    uid: int
    gid: int
    inode: int


def escaped(path):
    """Return a path in octal escapes wherever a byte could be misread: vis(3)."""
    return UNSAFE.sub(lambda found: b"\\%03o" % ord(found.group()), path)


def unescaped(text):
    """Return the bytes of an escaped path."""
    return re.sub(rb"\\([0-3][0-7]{2})", lambda found: bytes([int(found.group(1), 8)]), text)


def line_of(path, status):
    """Return the line of a folder or file. path is relative to the data folder."""
    return b"./%s type=%s mode=%04o uid=%d gid=%d inode=%d\n" % (
        escaped(path), KINDS[stat.S_IFMT(status.st_mode)], stat.S_IMODE(status.st_mode),
        status.st_uid, status.st_gid, status.st_ino)


def parse(line):
    """Return the Entry of a line. Raise ConfigError for anything else."""
    found = LINE.match(line)
    path = tuple(unescaped(found.group(1)).split(b"/")) if found else ()
    if not found or {b"", b".", b".."} & set(path) or any(b"\0" in name for name in path):
        raise ConfigError("not a line of `aica permissions save`: {!r}".format(line[:80]))
    kind, numbers = found.group(2), found.groups()[3:]
    uid, gid, inode = (int(number) for number in numbers)
    return Entry(path, kind, int(found.group(3), 8), uid, gid, inode)


@contextlib.contextmanager
def new_file(folder, path):
    """Create the file `path` of root's in its open folder; yield the function that writes a line.

    Raise ConfigError if that cannot be. What is cut off leaves no file; what
    is killed leaves one without its last line, which opened() refuses.
    """
    name = os.path.basename(path)
    try:
        handle = os.open(name, files.OPEN_NEW, 0o600, dir_fd=folder)
    except FileExistsError:
        raise ConfigError("{} exists already".format(path), hint="name a new file")
    except OSError as error:
        raise ConfigError("{}: {}".format(path, error.strerror), hint="name another file")
    try:
        with open(handle, "wb") as out:
            out.write(HEAD)
            yield out.write
            out.write(END)
            out.flush()
            os.fsync(out.fileno())
    except BaseException as error:
        os.unlink(name, dir_fd=folder)
        if isinstance(error, OSError) and error.filename is None:  # such as ENOSPC
            error.filename = path
        raise


@contextlib.contextmanager
def opened(folder, path):
    """Open the file `path` that save() made, in its open folder; yield it for read().

    Raise ConfigError if it is not whole, or if anybody but root could have written it.
    """
    try:
        handle = os.open(os.path.basename(path), files.OPEN_FILE, dir_fd=folder)
    except OSError as error:
        raise ConfigError("{}: {}".format(path, error.strerror),
                          hint="name a file of `aica permissions save`")
    with open(handle, "rb") as lines:
        _check(path, lines)
        yield lines


def read(lines, prefix):
    """Yield the Entries below `prefix` (such as "models/torch") of an opened() file."""
    wanted = b"./" + escaped(os.fsencode(prefix)) + b"/"
    lines.seek(len(HEAD))
    for line in lines:
        if line.startswith(wanted):
            yield parse(line)


def _check(path, lines):
    """Look at all of a file before any of it is obeyed."""
    info = files.info_of(os.fstat(lines.fileno()))
    if info.kind != "file" or info.uid != 0 or info.mode & 0o022 or info.links != 1:
        raise ConfigError("{} is a {} of uid {} with mode {:04o} and {} name(s): not root's alone".format(
            path, info.kind, info.uid, info.mode, info.links), hint="ls -l {}".format(path))
    if lines.readline(len(HEAD)) != HEAD:
        raise ConfigError("{} is no file of `aica permissions save`".format(path))
    last = b""
    for number, line in enumerate(lines, 2):
        if last:
            _parse_at(path, number - 1, last)
        last = line
    if last != END:
        raise ConfigError("{} is cut off: its last line is not {}".format(path, END.decode().strip()),
                          hint="name a whole file of `aica permissions save`")


def _parse_at(path, number, line):
    try:
        parse(line)
    except ConfigError as error:
        raise ConfigError("{}, line {}: {}".format(path, number, error))


class _Save(tree.Visitor):
    """Writes a line for each folder and file."""

    ordered = True

    def __init__(self, prefix, write):
        self._prefix = os.fsencode(prefix) + b"/"
        self._write = write
        self.tally = tree.Tally()

    def visit(self, here, name, status):
        if stat.S_IFMT(status.st_mode) in KINDS:
            line = line_of(self._prefix + here.path(name), status)
            if len(line) > LONGEST:
                self.tally.add(TOO_DEEP, here, name)
                return False
            self._write(line)
            self.tally.add(permissions.ENTRIES)
        return stat.S_ISDIR(status.st_mode)

    def problem(self, here, name, what):
        self.tally.add(what, here, name)


def save(top, prefix, write):
    """Write the lines of everything below the open folder `top`; return a Tally."""
    visitor = _Save(prefix, write)
    with tree.Walk(top) as walk:
        walk.run(visitor)
    return visitor.tally


class _Restore(tree.Visitor):
    """Compares entries with what was saved, and brings them back if it is to change anything."""

    def __init__(self, change):
        self._change = change
        self.tally = tree.Tally()

    def problem(self, here, name, what):
        self.tally.add(what, here, name)

    def one(self, here, entry):
        """Look at one entry of an open Folder."""
        name = entry.path[-1]
        self.tally.add(permissions.ENTRIES)
        if name in self.fence.barred(here):
            self.tally.add(tree.MOUNT, here, name)
            return
        try:
            kinds = self._differences(here, name, entry, os.lstat(name, dir_fd=here.handle))
            for kind in kinds:
                self.tally.add(kind, here, name)
            if self._change and set(kinds) & set(RESTORED):
                files.adjust(here.handle, name, lambda pin, now: self._decide(
                    pin, now, here, name, entry))
        except FileNotFoundError:
            self.tally.add(REPLACED, here, name)
        except OSError as error:
            self.tally.add(os.strerror(error.errno), here, name)

    def _differences(self, here, name, entry, status):
        if (KINDS.get(stat.S_IFMT(status.st_mode)), status.st_uid, status.st_ino) != (
                entry.kind, entry.uid, entry.inode):
            return (REPLACED,)
        kinds = (MODE,) if stat.S_IMODE(status.st_mode) != _mode(entry) else ()
        kinds += (GROUP,) if status.st_gid != entry.gid else ()
        if kinds and entry.kind == b"file" and status.st_nlink != 1:
            return (permissions.HARD_LINKED,)
        return kinds

    def _decide(self, pin, now, here, name, entry):
        if not set(self._differences(here, name, entry, now)) & set(RESTORED):
            return None
        if not self.fence.holds(pin, now):
            self.tally.add(tree.MOUNT, here, name)
            return None
        return _mode(entry), entry.gid


def _mode(entry):
    return entry.mode & ALLOWED[entry.kind]


def restore(top, depth, entries, change=False):
    """Compare what lies below the open folder `top` with Entries; with change, bring it back.

    depth is how many names of each path lead to top. Return a Tally.
    """
    visitor, above, here = _Restore(change), None, None
    with tree.Walk(top) as walk:
        try:
            for entry in entries:
                path = entry.path[depth:]
                if path[:-1] != above:
                    _close(here)
                    above, here = path[:-1], walk.open(visitor, path[:-1])
                if here is None:
                    visitor.tally.add(REPLACED)
                else:
                    visitor.one(here, entry)
        finally:
            _close(here)
    return visitor.tally


def _close(here):
    if here is not None:
        os.close(here.handle)
