"""tree.remove against members who swap, link, mount and hold: only what was chosen goes."""

import contextlib
import os
import stat
import subprocess
import threading
import time

import pytest
import snapshot
from attacks import (
    FULL,
    attacker,
    in_child,
    in_private_mounts,
    libc,
    limited,
    mount,
    set_immutable,
)

from aica import tree

RACE_S = 20 if FULL else 2
NAMES = 100000 if FULL else 3000
LEVELS = 5000

pytestmark = pytest.mark.usefixtures("root_rights")


class Place:
    """A tree, and the victims beside it."""

    def __init__(self, root):
        self.top = str(root) + "/tree"
        self.outside = str(root) + "/outside"
        for folder in (self.top, self.outside, self.outside + "/home"):
            os.mkdir(folder)
        for name in ("shadow", "home/thesis"):
            self.write(self.outside + "/" + name)

    def write(self, path, text="x" * 5000):
        path = path if path.startswith("/") else self.top + "/" + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as new:
            new.write(text)
        return path

    def victims(self):
        return snapshot.tree(self.outside, times=True)

    def remove(self, name, identity=None, **options):
        path = tuple(name.encode().split(b"/"))
        with self.opened() as top:
            if identity is None:
                status = os.lstat(os.path.join(self.top, name))
                identity = status.st_dev, status.st_ino
            return tree.remove(top, path, identity, **options)

    @contextlib.contextmanager
    def opened(self):
        top = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield top
        finally:
            os.close(top)

    def there(self):
        return sorted(os.listdir(self.top))


@pytest.fixture
def place(tmp_path):
    """A tree whose victims must be as they were when the test ends."""
    found = Place(tmp_path)
    before = found.victims()
    yield found
    assert found.victims() == before


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_beside_it(place):
    for name in ("a/file", "a/.hidden", "a/b/.c/d", "ab", "a.b/c"):
        place.write(name)
    done = place.remove("a")
    assert place.there() == ["a.b", "ab"] and done.left_over.report() == [{}, {}]
    assert done.removed == 6


def test_a_file_goes_by_itself(place):
    place.write("a/one")
    place.write("a/two")
    assert place.remove("a/one").removed == 1
    assert os.listdir(place.top + "/a") == ["two"]


def test_freed_is_what_the_disk_gives_back_and_a_second_name_gives_nothing(place):
    place.write("a/one")
    os.link(place.top + "/a/one", place.top + "/a/again")
    place.write("a/two")
    os.link(place.top + "/a/two", place.top + "/kept")
    expected = os.lstat(place.top + "/a/one").st_blocks * 512
    assert place.remove("a").freed_bytes == expected > 0
    assert place.there() == ["kept"]


def test_links_are_removed_and_never_followed(place):
    os.mkdir(place.top + "/a")
    for name, target in (("home", place.outside + "/home"), ("etc", "/etc"), ("up", ".."),
                         ("loop", "loop"), ("file", place.outside + "/shadow")):
        os.symlink(target, place.top + "/a/" + name)
    place.remove("a")
    assert place.there() == []


def test_one_that_is_itself_a_link_is_removed_and_not_followed(place):
    os.symlink(place.outside + "/home", place.top + "/hub")
    place.remove("hub")
    assert place.there() == []


def test_a_link_on_the_way_bars_it(place):
    os.symlink(place.outside, place.top + "/hub")
    status = os.lstat(place.outside + "/home")
    done = place.remove("hub/home", (status.st_dev, status.st_ino))
    assert done.removed == 0 and done.left_over.counts == {tree.SWAPPED: 1}


def test_another_one_of_the_same_name_is_left_alone(place):
    place.write("a/old")
    before = os.lstat(place.top + "/a")
    os.rename(place.top + "/a", place.top + "/aside")
    place.write("a/new")
    done = place.remove("a", (before.st_dev, before.st_ino))
    assert done.left_over.counts == {tree.SWAPPED: 1} and os.listdir(place.top + "/a") == ["new"]


def test_what_is_spared_stays_and_so_do_the_folders_above_it(place):
    for name in ("a/b/keep", "a/b/go", "a/c/go"):
        place.write(name)
    kept = os.lstat(place.top + "/a/b/keep").st_ino
    done = place.remove("a", spare=lambda _here, status: "in use" * (status.st_ino == kept))
    assert os.listdir(place.top + "/a/b") == ["keep"] and os.listdir(place.top + "/a") == ["b"]
    assert done.left_over.counts == {"in use": 1}


def test_what_comes_first_is_gone_first(place):
    for name in ("a/refs/main", "a/snapshots/1/x", "a/blobs/y", "a/zzz", "a/aaa/info"):
        place.write(name)
    gone = []

    def spare(_here, _status):
        present = {name for name in ("refs/main", "aaa/info", "snapshots/1/x", "blobs/y", "zzz")
                   if os.path.exists(place.top + "/a/" + name)}
        gone.append(present)
        return ""
    place.remove("a", spare=spare, first=((b"refs",), (b"aaa", b"info"), (b"none",), (b"snapshots",)))
    assert gone[1] == {"aaa/info", "snapshots/1/x", "blobs/y", "zzz"}
    assert gone[2] == {"snapshots/1/x", "blobs/y", "zzz"}
    assert gone[3] == {"blobs/y", "zzz"} and place.there() == []


def test_emptying_keeps_the_folder_itself(place):
    place.write("a/b/c")
    with place.opened() as top:
        tree.empty(top, (b"a",), keep_folders=True)
        assert os.listdir(place.top + "/a/b") == []
        tree.empty(top, (b"a",))
    assert os.listdir(place.top) == ["a"] and os.listdir(place.top + "/a") == []


def test_fifos_sockets_and_devices_are_removed_unopened(place):
    os.mkdir(place.top + "/a")
    os.mkfifo(place.top + "/a/fifo")
    os.mknod(place.top + "/a/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    place.remove("a")
    assert place.there() == []


def test_an_immutable_file_is_told_and_the_rest_goes(place, needs):
    place.write("a/free")
    stuck = place.write("a/stuck")
    needs(set_immutable(stuck, True), "needs a file system with immutable files")
    try:
        done = place.remove("a")
        assert done.left_over.counts == {"Operation not permitted": 1}
        assert os.listdir(place.top + "/a") == ["stuck"]
    finally:
        set_immutable(stuck, False)


@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_a_mount_in_the_tree_is_not_crossed(place, needs, kind):
    place.write("a/deep/x")
    place.write("a/file")

    def attempt():
        if kind == "file":
            mount((place.outside + "/shadow").encode(), (place.top + "/a/file").encode(), None, 1 << 12)
        elif kind == "bind":
            mount((place.outside + "/home").encode(), (place.top + "/a/deep").encode(), None, 1 << 12)
        else:
            mount(b"tmpfs", (place.top + "/a/deep").encode(), b"tmpfs")
            place.write("a/deep/inside")
        done = place.remove("a")
        assert done.left_over.counts
        if kind == "tmpfs":
            assert os.listdir(place.top + "/a/deep") == ["inside"]
        assert os.path.exists(place.outside + "/home/thesis")
    code = in_private_mounts(attempt)
    needs(code != 77, "needs the right to make a mount namespace")
    assert code == 0


def test_the_thing_itself_is_a_mount(place, needs):
    os.mkdir(place.top + "/a")

    def attempt():
        mount((place.outside + "/home").encode(), (place.top + "/a").encode(), None, 1 << 12)
        done = place.remove("a")
        assert done.removed == 0 and done.left_over.counts == {tree.MOUNT: 1}
    code = in_private_mounts(attempt)
    needs(code != 77, "needs the right to make a mount namespace")
    assert code == 0


def test_many_names_with_64_descriptors_and_256_mib(place):
    """R12: the shell version gave 20,000 names to rm: E2BIG, nothing freed."""
    os.mkdir(place.top + "/a")
    folder = os.open(place.top + "/a", os.O_RDONLY)
    for number in range(NAMES):
        os.mknod(b"\n\x1b[31m\xff%06d" % number, 0o600 | stat.S_IFREG, dir_fd=folder)
    os.close(folder)

    def attempt():
        with limited(64, 256 << 20):
            assert place.remove("a").removed == NAMES + 1
    assert in_child(attempt) == 0
    assert place.there() == []


def test_5000_levels(bottomless):
    place = Place(bottomless)
    os.mkdir(place.top + "/a")
    handle = os.open(place.top + "/a", os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d" * 50, dir_fd=handle)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    try:
        assert place.remove("a").removed == LEVELS + 1
        assert place.there() == []
    finally:  # what pytest could not remove
        subprocess.check_call(["rm", "-rf", place.top + "/a"])


def test_a_top_that_trades_places_with_a_link_during_the_removal(place, needs):
    """S5: `rm -rf hub/*` emptied a colleague's home, and then /etc."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    os.symlink(place.outside + "/home", place.top + "/link")
    deadline, passes, removed = time.monotonic() + RACE_S, 0, 0
    os.mkdir(place.top + "/hub")
    with attacker((os.fsencode(place.top + "/hub"), os.fsencode(place.top + "/link"))):
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                removed += place.remove("hub/thesis").removed
            with contextlib.suppress(OSError):
                os.close(os.open(place.top + "/hub/thesis",
                                 os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            passes += 1
    assert passes > 100


def test_entries_that_trade_places_with_links_during_the_removal(place, needs):
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    os.mkdir(place.top + "/outer")
    deadline, passes = time.monotonic() + RACE_S, 0
    while time.monotonic() < deadline:
        for number in range(20):
            place.write("outer/a/{}/thesis".format(number))
        os.symlink(place.outside + "/home", place.top + "/link")
        pairs = [(os.fsencode(place.top + "/outer/a/{}".format(n)), os.fsencode(place.top + "/link"))
                 for n in range(20)]
        with attacker(*pairs):
            place.remove("outer/a")
        with contextlib.suppress(FileNotFoundError):
            place.remove("outer/a")
        with contextlib.suppress(FileNotFoundError):
            place.remove("link")
        passes += 1
    assert passes > 5


def test_two_removals_at_once(place):
    for number in range(300):
        place.write("a/{}/{}".format(number % 10, number))
    status = os.lstat(place.top + "/a")
    done = []
    crew = [threading.Thread(target=lambda: done.append(
        place.remove("a", (status.st_dev, status.st_ino)))) for _ in range(4)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert place.there() == [] and len(done) == 4
    assert sum(one.removed for one in done) == 311
