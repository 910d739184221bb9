"""What members can do to a tree that root walks: each attack of safety.md, against the repair.

The victims are files beside the tree that no walk below it may ever touch.
"""

import os
import signal
import socket
import stat
import time

import pytest
import snapshot
from attacks import (
    BIND,
    COLLEAGUE,
    FULL,
    GID,
    MEMBER,
    RACE_S,
    Place,
    attacker,
    close,
    in_child,
    in_private_mounts,
    libc,
    limited,
    mount,
    set_immutable,
    wrong,
)

from aica.tree import sharing

NAMES = 100000 if FULL else 3000

pytestmark = pytest.mark.usefixtures("root_rights")


@pytest.fixture
def place(tmp_path):
    """A tree whose victims must be as they were when the test ends."""
    found = Place(tmp_path)
    before = found.victims()
    yield found
    assert found.victims() == before


# -- what is repaired ------------------------------------------------------------------------


def test_modes_and_group_are_repaired_and_the_owner_never(place):
    place.folder("a", 0o700, MEMBER, MEMBER)
    place.file("a/private", 0o600, MEMBER, MEMBER)
    place.file("a/tool", 0o755, COLLEAGUE, MEMBER)
    place.file("a/setuid", 0o4755, MEMBER, GID)
    place.file("a/open", 0o666, MEMBER, GID)
    assert place.repair().counts["changed"] == 5
    names = ("a", "a/private", "a/tool", "a/setuid", "a/open")
    assert {name: place.stat(name) for name in names} == {
        "a": (0o2770, MEMBER, GID), "a/private": (0o660, MEMBER, GID),
        "a/tool": (0o775, COLLEAGUE, GID), "a/setuid": (0o775, MEMBER, GID),
        "a/open": (0o664, MEMBER, GID)}
    assert wrong(place.survey()) == {}


def test_a_second_pass_changes_no_ctime(place):
    place.folder("a", 0o700)
    for number in range(50):
        place.file("a/{}".format(number), 0o600)
    place.repair()
    before = snapshot.tree(place.top, times=True)
    assert "changed" not in place.repair().counts
    assert snapshot.tree(place.top, times=True) == before


def test_a_survey_changes_nothing(place):
    place.file("a", 0o600)
    before = snapshot.tree(place.top, times=True)
    assert wrong(place.survey()) == {"private-file": 1, "group": 1}
    assert snapshot.tree(place.top, times=True) == before


def test_what_changed_since_the_repair_began_is_new_and_what_did_not_is_named(place):
    place.file("a", 0o600)
    place.file(".env", 0o600, MEMBER, GID)
    assert wrong(place.survey(since_ns=1)) == {"new": 1, "secret": 1}
    assert wrong(place.survey(since_ns=1 << 62)) == {"private-file": 1, "group": 1, "secret": 1}


def test_without_protected_hard_links_nothing_is_changed(place, monkeypatch, tmp_path):
    (tmp_path / "sysctl").write_text("0\n")
    monkeypatch.setattr(sharing, "PROTECTED", str(tmp_path / "sysctl"))
    place.file("a", 0o600)
    with pytest.raises(Exception, match="hard links are not protected"):
        place.repair()
    assert place.stat("a") == (0o600, 0, 0)


# -- what is left alone ----------------------------------------------------------------------


@pytest.fixture
def loose_place(tmp_path):
    """A place whose victims the test changes itself."""
    return Place(tmp_path)


def test_a_hard_link_to_a_victim(loose_place):
    os.link(loose_place.outside + "/shadow", loose_place.top + "/mine")
    victims = loose_place.victims()
    assert wrong(loose_place.repair()) == {"hard-linked": 1}
    assert loose_place.victims() == victims


def test_rename_theft(loose_place):
    """S12: a colleague's 0600 file moved into one's own folder stays the colleague's."""
    place = loose_place
    place.folder("mine", 0o2775, MEMBER, GID)
    place.file("private", 0o600, COLLEAGUE, COLLEAGUE)
    os.rename(place.top + "/private", place.top + "/mine/private")
    place.repair()
    assert place.stat("mine/private")[1] == COLLEAGUE


def test_hard_link_theft(loose_place):
    """S11: two names of one file, one of them in an environment: neither changes."""
    place = loose_place
    place.file("python", 0o755, COLLEAGUE, COLLEAGUE)
    place.folder("env", 0o2775, MEMBER, GID)
    os.link(place.top + "/python", place.top + "/env/python")
    assert wrong(place.repair()) == {"hard-linked": 2}
    assert place.stat("python") == place.stat("env/python") == (0o755, COLLEAGUE, COLLEAGUE)


def test_secrets_stay_closed(place):
    place.file("token", 0o600, MEMBER, MEMBER)
    place.folder(".ssh", 0o700, MEMBER, MEMBER)
    place.file(".ssh/config", 0o600, MEMBER, MEMBER)
    assert wrong(place.repair()) == {"secret": 2}
    assert place.stat("token")[0] == 0o600 and place.stat(".ssh/config")[0] == 0o600


def test_links_at_every_place(place):
    for name, target in (("etc", "/etc"), ("home", place.outside + "/home"), ("loop", "loop"),
                         ("up", ".."), ("shadow", place.outside + "/shadow"), ("gone", "/no")):
        os.symlink(target, place.top + "/" + name)
    assert wrong(place.repair()) == {}


def test_fifos_sockets_and_devices_are_never_opened(place):
    os.mkfifo(place.top + "/fifo", 0o600)
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(place.top)  # the name of a socket may have 108 bytes only
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()
    os.mknod(place.top + "/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    signal.alarm(20)
    try:
        assert wrong(place.repair()) == {"special": 3}
    finally:
        signal.alarm(0)
    assert place.stat("device")[0] == 0o600


def test_hostile_names(place):
    names = [b"line\nfeed", b"\x1b]0;title\x07", b"\xff\xfe", b"-rf", b" ", b"a" * 255]
    for name in names:
        path = os.fsencode(place.top) + b"/" + name
        os.mkdir(path)
        os.chmod(path, 0o755)
    tally = place.repair()
    assert tally.counts["changed"] == len(names)
    assert "\udcff\udcfe" in tally.examples["changed"]


def test_an_immutable_file_is_told_and_the_others_are_repaired(place, needs):
    path = place.file("fixed", 0o600, MEMBER, GID)
    place.file("other", 0o600, MEMBER, GID)
    needs(set_immutable(path, True), "needs a file system with chattr +i")
    try:
        assert wrong(place.repair()) == {"changed": 1, "Operation not permitted": 1}
        assert wrong(place.survey()) == {"private-file": 1}
    finally:
        set_immutable(path, False)


# -- mounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True], ids=["before", "during the walk"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_mounts_in_the_tree_are_not_crossed(place, needs, kind, late):
    place.folder("dir")
    place.folder("dir/deeper")
    place.file("file", 0o600)

    def hide():
        if kind == "tmpfs":
            mount(b"tmpfs", (place.top + "/dir/deeper").encode(), b"tmpfs")
            place.file("dir/deeper/inside", 0o600)
        elif kind == "bind":
            mount((place.outside + "/home").encode(), (place.top + "/dir/deeper").encode(), None,
                   BIND)
        else:
            mount((place.outside + "/shadow").encode(), (place.top + "/file").encode(), None,
                   BIND)

    def attempt():
        if late:
            judge, mounted = sharing._judge, []

            def slow(*args):
                if not mounted:
                    mounted.append(hide())
                return judge(*args)
            sharing._judge = slow
        else:
            hide()
        tally = place.repair()
        if kind == "tmpfs":
            assert place.stat("dir/deeper/inside") == (0o600, 0, 0)
        assert sharing.tree.MOUNT in tally.counts or (late and kind == "file"), tally.counts

    code = in_private_mounts(attempt)
    needs(code != 77, "needs the right to make a mount namespace")
    assert code == 0


# -- sizes -----------------------------------------------------------------------------------


def test_many_names_in_a_folder_with_64_descriptors_and_256_mib(place):
    folder = os.open(place.folder("many"), os.O_RDONLY)
    for number in range(NAMES):
        os.mknod("\n\x1b[31m{:06}".format(number), 0o600 | stat.S_IFREG, dir_fd=folder)
    os.close(folder)

    def attempt():
        with limited(64, 256 << 20):
            tally = place.repair()
            assert tally.counts["changed"] == NAMES + 1
            assert len(tally.examples["changed"]) == 10

    assert in_child(attempt) == 0
    assert wrong(place.survey()) == {}


# -- races -----------------------------------------------------------------------------------


def test_swaps_of_files_and_folders_for_links(place, needs):
    """S10: the shell version made /etc/shadow 0664 in two runs of this."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    bait = place.folder("bait", 0o2775, gid=GID)
    pairs = []
    for name, target, make in (("file", "shadow", place.file), ("dir", "home", place.folder)):
        make("bait/" + name, 0o600 if name == "file" else 0o700)
        os.symlink(place.outside + "/" + target, bait + "/link-" + name)
        pairs.append(tuple(os.fsencode(bait + "/" + n) for n in (name, "link-" + name)))
    place.file("bait/dir/thesis", 0o600)
    victims = place.victims()
    passes, deadline = 0, time.monotonic() + RACE_S
    with attacker(*pairs[:1]), attacker(*pairs[1:]):
        while time.monotonic() < deadline or passes < 50:
            place.repair()
            passes += 1
            for name in ("file", "dir", "link-file", "link-dir"):  # wrong again for the next pass
                close(bait, name)
    assert place.victims() == victims


def test_swaps_of_folders_above_the_walk(loose_place, needs):
    """A folder that trades places with a link while the walk is far below it."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    place = loose_place
    place.folder("a")
    place.folder("a/b")
    for number in range(40):
        place.folder("a/b/{}".format(number))
    os.makedirs(place.outside + "/home/b")
    for number in range(40):
        place.file(place.outside + "/home/b/{}".format(number), 0o600)
    victims = place.victims()
    os.symlink(place.outside + "/home", place.top + "/link")
    deadline = time.monotonic() + RACE_S
    with attacker((os.fsencode(place.top + "/a"), os.fsencode(place.top + "/link"))):
        while time.monotonic() < deadline:
            place.repair()
    assert place.victims() == victims
