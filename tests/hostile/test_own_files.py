"""Inside a home, while its owner swaps everything: nothing of anybody else's is changed or given."""

import os
import subprocess
import time

import pytest
from attacks import COLLEAGUE, MEMBER, RACE_S, Place, attacker, in_private_mounts, libc, mount

from aica.tree import own_files

OLD = 2050


@pytest.fixture
def place(tmp_path, root_rights):
    """A home of MEMBER's, with ~/.ssh, and victims outside."""
    os.chmod(str(tmp_path), 0o755)
    place = Place(tmp_path)
    os.chown(place.top, MEMBER, MEMBER)
    place.folder(".ssh", 0o777, MEMBER, MEMBER)
    return place


def run(place, work, **more):
    top = os.open(place.top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return work(top, own_files.Order(MEMBER, MEMBER, **more))
    finally:
        os.close(top)


def take(place):
    return run(place, own_files.repair, old=OLD, since_ns=int(time.time() * 1e9))


def race(place, work, again):
    """Let work() lose against swaps for a while; again() makes a new chance each time."""
    before, passes, deadline = place.victims(), 0, time.monotonic() + RACE_S
    with attacker((os.fsencode(place.top + "/.ssh/a"), os.fsencode(place.top + "/.ssh/link")),
                  (os.fsencode(place.top + "/real"), os.fsencode(place.top + "/folder-link"))):
        while time.monotonic() < deadline:
            again()
            work()
            passes += 1
    assert passes > 3
    assert place.victims() == before


@pytest.fixture
def swapped(place, needs):
    """What the attacker swaps: a file and a folder for links to victims."""
    needs(hasattr(libc, "renameat2"), "needs renameat2")
    place.file(".ssh/a", 0o666, MEMBER, MEMBER)
    os.symlink(place.outside + "/shadow", place.top + "/.ssh/link")
    place.folder("real", 0o755, MEMBER, MEMBER)
    place.file("real/thesis", 0o4755, MEMBER, MEMBER)
    os.symlink(place.outside + "/home", place.top + "/folder-link")
    return place


def test_swaps_while_modes_are_repaired(swapped):
    def again():
        for name in (".ssh/a", "real/thesis"):
            try:
                handle = os.open(swapped.top + "/" + name, os.O_RDONLY | os.O_NOFOLLOW)
            except OSError:
                continue
            if os.fstat(handle).st_uid == MEMBER:
                os.fchmod(handle, 0o4777)
            os.close(handle)
    race(swapped, lambda: run(swapped, own_files.repair), again)


def test_swaps_while_files_are_taken(swapped):
    def again():
        for name in (".ssh/a", "real/thesis"):
            try:
                handle = os.open(swapped.top + "/" + name, os.O_RDONLY | os.O_NOFOLLOW)
            except OSError:
                continue
            if os.fstat(handle).st_uid in (MEMBER, OLD):
                os.fchown(handle, OLD, OLD)
            os.close(handle)
    race(swapped, lambda: run(swapped, own_files.repair, old=OLD), again)


def test_hard_links_to_victims_are_neither_changed_nor_given(place):
    place.file(place.outside + "/old", 0o4755, OLD, OLD)
    place.file(place.outside + "/mine", 0o4755, MEMBER, MEMBER)
    os.link(place.outside + "/old", place.top + "/old")
    os.link(place.outside + "/mine", place.top + "/.ssh/mine")
    before = place.victims()
    run(place, own_files.repair)
    take(place)
    assert place.victims() == before


def test_mounts_in_a_home_are_not_crossed(place, needs):
    place.file(place.outside + "/home/old", 0o4755, OLD, OLD)
    place.file(place.outside + "/home/mine", 0o4755, MEMBER, MEMBER)
    place.folder("mounted", 0o755, MEMBER, MEMBER)
    before = place.victims()

    def work():
        mount(os.fsencode(place.outside + "/home"), os.fsencode(place.top + "/mounted"), None,
              1 << 12)
        run(place, own_files.repair)
        take(place)
    code = in_private_mounts(work)
    needs(code != 77, "needs to make mounts of its own")
    assert code == 0 and place.victims() == before


@pytest.mark.parametrize("name", [b"a\nb", b"\xff\xfe", b"\x1b[2J", b"-rf", b" "])
def test_hostile_names_are_repaired_too_and_shown_on_one_line(place, name):
    path = os.fsencode(place.top) + b"/" + name
    os.close(os.open(path, os.O_CREAT))
    os.chown(path, MEMBER, MEMBER)
    os.chmod(path, 0o4755)
    run(place, own_files.repair)
    assert os.lstat(path).st_mode & 0o7777 == 0o755
    os.chown(path, COLLEAGUE, COLLEAGUE)
    tally = run(place, own_files.survey)
    assert tally.counts[own_files.OWNER + str(COLLEAGUE)] == 1


def test_special_files_are_never_opened_nor_given(place):
    os.mkfifo(place.top + "/fifo")
    os.mknod(place.top + "/null", 0o020666, os.makedev(1, 3))
    for name in ("fifo", "null"):
        os.chown(place.top + "/" + name, OLD, OLD)
    time.sleep(0.05)
    tally = take(place)
    assert tally.counts.get("taken") is None
    assert {place.stat(name)[1] for name in ("fifo", "null")} == {OLD}


def test_three_thousand_levels_are_no_end(place):
    here = os.open(place.top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 50, dir_fd=here)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("deep", os.O_CREAT, dir_fd=here))
    handle = os.open("deep", os.O_RDONLY, dir_fd=here)
    os.fchown(handle, MEMBER, MEMBER)
    os.fchmod(handle, 0o4755)
    try:
        run(place, own_files.repair)
        assert os.fstat(handle).st_mode & 0o7777 == 0o755
    finally:
        os.close(handle)
        os.close(here)
        # pytest could not: its rmtree goes down by recursion.
        subprocess.check_call(["rm", "-rf", place.top + "/" + "d" * 50])
