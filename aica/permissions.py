"""What the mode and group of an entry in a shared tree should be. Pure.

Everybody of the group may use everything: folders g+rwxs, files g+rwX, the
tree's group, nothing writable for others. The owner is never changed (a
member can move a colleague's file into a place of her own: taking would be
theft), x is never taken away, and an inode with a second name is left alone:
the other name may lie in a colleague's environment.
"""

import stat
from typing import Any, NamedTuple, Tuple

GROUP = "group"
FOLDER_MODE = "folder-mode"
FILE_MODE = "file-mode"
LOCK_MODE = "lock-mode"
PRIVATE = "private-file"
WORLD_WRITABLE = "world-writable"
SET_ID = "set-id"
# What is repaired, as it is told.
REPAIRED = {
    GROUP: "of another group", FOLDER_MODE: "folders without g+rwxs",
    FILE_MODE: "files without g+rwX", LOCK_MODE: "lock files that others cannot open",
    PRIVATE: "files that a program closed to the group",
    WORLD_WRITABLE: "writable for everybody", SET_ID: "setuid or setgid programs",
}
HARD_LINKED = "hard-linked"
SECRET = "secret"
OPEN_SECRET = "open-secret"
SPECIAL = "special"
# What is left alone, as it is told.
LEFT_ALONE = {
    HARD_LINKED: "files with a second name, perhaps in an environment",
    SECRET: "secrets of their owners", OPEN_SECRET: "secrets that others can read",
    SPECIAL: "devices, FIFOs or sockets",
}

# Opening these to the group would publish what their programs keep private on
# purpose. huggingface_hub writes the first two.
SECRET_FILES = frozenset([
    b"token", b"stored_tokens", b".netrc", b".git-credentials", b".pypirc", b".env",
    b"id_rsa", b"id_dsa", b"id_ecdsa", b"id_ed25519",
])
SECRET_FOLDERS = frozenset([b".ssh", b".gnupg"])
SECRETS = SECRET_FILES | SECRET_FOLDERS

FOLDER_BITS = stat.S_ISGID | stat.S_IRWXG
FILE_BITS = stat.S_IRGRP | stat.S_IWGRP
OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
ANY_X = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


# What a walk counts beside these: all entries; the changed ones; the wrong ones
# that became so during the run, and are for the next one.
ENTRIES = "entries"
CHANGED = "changed"
NEW = "new"


class Order(NamedTuple):
    """What a walk is to do: the tree's gid, the folder in it (names below its top), and how.

    shallow looks at so many entries of the first level only. since_ns tells
    what changed meanwhile from what could not be repaired: a wrong entry whose
    ctime is not older counts as NEW. tick(entries) is told of the progress.
    """

    gid: int
    path: Tuple[bytes, ...] = ()
    shallow: int = 0
    since_ns: int = 0
    tick: Any = None


class Finding(NamedTuple):
    """What is wrong with an entry (keys of REPAIRED), and its right mode (07777) and group.

    With mode None it is left alone, and kinds holds a key of LEFT_ALONE.
    """

    kinds: Tuple[str, ...]
    mode: int = None
    gid: int = -1


def judge(group, name, mode, gid, links):
    """Return the Finding of an entry, None if nothing is wrong with it.

    group is the tree's gid, name bytes, mode a whole st_mode, links st_nlink.
    """
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return None
    if kind not in (stat.S_IFDIR, stat.S_IFREG):
        return Finding((SPECIAL,))
    folder = kind == stat.S_IFDIR
    if name in (SECRET_FOLDERS if folder else SECRET_FILES):
        return Finding((OPEN_SECRET if mode & OTHERS_READ else SECRET,))
    bits = stat.S_IMODE(mode)
    wanted = folder_mode(bits) if folder else file_mode(bits)
    if (bits, gid) == (wanted, group):
        return None
    if not folder and links != 1:
        return Finding((HARD_LINKED,))
    return Finding(_kinds(folder, name, bits, wanted, gid != group), wanted, group)


def folder_mode(bits):
    """Return the mode that a shared folder should have; a sticky bit stays."""
    return (bits | FOLDER_BITS) & ~(stat.S_ISUID | stat.S_IWOTH)


def file_mode(bits):
    """Return the mode that a shared file should have: g+x where anybody may execute it."""
    executable = stat.S_IXGRP if bits & ANY_X else 0
    return (bits | FILE_BITS | executable) & ~(stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)


def _kinds(folder, name, bits, wanted, other_group):
    kinds = [GROUP] if other_group else []
    if wanted & ~bits:
        private = FILE_MODE if bits & stat.S_IRWXG else PRIVATE
        plain = LOCK_MODE if name.endswith(b".lock") else private
        kinds.append(FOLDER_MODE if folder else plain)
    if bits & ~wanted & stat.S_IWOTH:
        kinds.append(WORLD_WRITABLE)
    if bits & ~wanted & (stat.S_ISUID | stat.S_ISGID):
        kinds.append(SET_ID)
    return tuple(kinds)
