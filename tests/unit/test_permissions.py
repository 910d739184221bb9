"""What a shared tree's modes should be: pure, by table."""

import stat

import pytest

from aica import permissions
from aica.permissions import judge

GID = 2000
FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR

# name, st_mode, gid, links -> kinds, mode
CASES = [
    ("right file", b"a", FILE | 0o664, GID, 1, None),
    ("right program", b"a", FILE | 0o775, GID, 1, None),
    ("right folder", b"a", FOLDER | 0o2775, GID, 1, None),
    ("right folder, closed to others", b"a", FOLDER | 0o2770, GID, 9, None),
    ("sticky folder stays sticky", b"a", FOLDER | 0o3775, GID, 9, None),
    ("link", b"a", stat.S_IFLNK | 0o777, 0, 1, None),
    ("VS Code's file", b"a", FILE | 0o600, GID, 1, (("private-file",), 0o660)),
    ("umask 022", b"a", FILE | 0o644, GID, 1, (("file-mode",), 0o664)),
    ("x is kept and shared", b"a", FILE | 0o755, GID, 1, (("file-mode",), 0o775)),
    ("x of the owner only", b"a", FILE | 0o700, GID, 1, (("private-file",), 0o770)),
    ("x of others only", b"a", FILE | 0o665, GID, 1, (("file-mode",), 0o675)),
    ("no x where nobody has it", b"a", FILE | 0o640, GID, 1, (("file-mode",), 0o660)),
    ("a lock", b"x.lock", FILE | 0o644, GID, 1, (("lock-mode",), 0o664)),
    ("world-writable", b"a", FILE | 0o666, GID, 1, (("world-writable",), 0o664)),
    ("setuid", b"a", FILE | 0o4775, GID, 1, (("set-id",), 0o775)),
    ("setgid", b"a", FILE | 0o2775, GID, 1, (("set-id",), 0o775)),
    ("setuid and private", b"a", FILE | 0o4700, GID, 1, (("private-file", "set-id"), 0o770)),
    ("other group", b"a", FILE | 0o664, 7, 1, (("group",), 0o664)),
    ("other group and private", b"a", FILE | 0o600, 7, 1, (("group", "private-file"), 0o660)),
    ("no setgid", b"a", FOLDER | 0o775, GID, 2, (("folder-mode",), 0o2775)),
    ("private folder", b"a", FOLDER | 0o700, GID, 2, (("folder-mode",), 0o2770)),
    ("chmod 777", b"a", FOLDER | 0o777, GID, 2,
     (("folder-mode", "world-writable"), 0o2775)),
    ("setuid folder", b"a", FOLDER | 0o6775, GID, 2, (("set-id",), 0o2775)),
    ("conda's links, right", b"a", FILE | 0o664, GID, 2, None),
    ("conda's links", b"a", FILE | 0o644, GID, 2, (("hard-linked",), None)),
    ("a second name and setuid", b"a", FILE | 0o4755, GID, 2, (("hard-linked",), None)),
    ("token", b"token", FILE | 0o600, GID, 1, (("secret",), None)),
    ("token for all", b"token", FILE | 0o664, GID, 1, (("open-secret",), None)),
    ("a folder may be called so", b"token", FOLDER | 0o2775, GID, 2, None),
    (".ssh", b".ssh", FOLDER | 0o700, 7, 2, (("secret",), None)),
    ("fifo", b"a", stat.S_IFIFO | 0o600, 7, 1, (("special",), None)),
    ("device", b"a", stat.S_IFBLK | 0o600, 7, 1, (("special",), None)),
    ("socket", b"a", stat.S_IFSOCK | 0o600, 7, 1, (("special",), None)),
]


@pytest.mark.parametrize("name, mode, gid, links, expected", [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])
def test_what_is_wrong_and_what_would_be_right(name, mode, gid, links, expected):
    found = judge(GID, name, mode, gid, links)
    assert (found and (found.kinds, found.mode)) == expected
    assert found is None or found.mode is None or found.gid == GID


@pytest.mark.parametrize("kind", [FILE, FOLDER])
def test_of_every_mode(kind):
    for bits in range(0o10000):
        found = judge(GID, b"a", kind | bits, GID, 1)
        right = found.mode if found else bits
        assert judge(GID, b"a", kind | right, GID, 1) is None, "not right after one pass"
        assert not right & 0o002, "never writable for others"
        assert bits & 0o111 & ~right == 0, "x is never taken away"
        assert right & 0o700 == bits & 0o700, "the owner's own rights are the owner's"
        assert right & 0o005 == bits & 0o005, "others get and lose nothing but w"
        assert bool(right & 0o2000) == (kind == FOLDER) and not right & 0o4000
        assert right & 0o060 == 0o060


def test_every_kind_has_words():
    kinds = {kind for case in CASES if case[-1] for kind in case[-1][0]}
    assert kinds == set(permissions.REPAIRED) | set(permissions.LEFT_ALONE)
