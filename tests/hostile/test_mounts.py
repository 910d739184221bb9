"""Mounts of users in a shared tree: row 17 of the failure table, and attack J3 (a dead sshfs)."""

import os
import signal

import pytest
from attacks import MEMBER, Place, in_private_mounts, mount

from aica import storage, tree
from aica.tree import fence, saved, sharing

pytestmark = pytest.mark.usefixtures("root_rights")

HANGS_S = 10
MS_BIND = 1 << 12


@pytest.fixture
def place(tmp_path):
    found = Place(tmp_path)
    for name in ("before", "sshfs", "zuletzt"):
        found.folder(name)
    found.file("zuletzt/file", 0o600)
    return found


def never_answering(path, options=""):
    """Mount a FUSE file system of a member's whose program never answers anything."""
    device = os.open("/dev/fuse", os.O_RDWR)
    words = "fd={},rootmode=40000,user_id={uid},group_id={uid}{}".format(
        device, options, uid=MEMBER)
    mount(b"sshfs", os.fsencode(path), b"fuse.sshfs", 0, words.encode())


def attempt(needs, function):
    """Run function in a mount namespace; whoever waits for an answer of the mount is killed."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("needs /dev/fuse")

    def guarded():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(HANGS_S)
        function()

    code = in_private_mounts(guarded)
    needs(code != 77, "needs the right to make a mount namespace")
    assert code == 0, "-14 is a hang, 1 what is shown above"


@pytest.mark.parametrize("options", ["", ",allow_other"], ids=["private", "for all"])
def test_a_dead_mount_of_a_member_is_told_and_passed_by(place, needs, options):
    """Row 17: not even looked at, so that nobody waits, and the rest is repaired."""

    def dead():
        never_answering(place.top + "/sshfs", options)
        for work in (sharing.survey, sharing.repair):
            tally = place.run(work)
            assert tally.counts[tree.MOUNT] == 1
            assert tally.examples[tree.MOUNT] == ["sshfs"]
        assert place.stat("zuletzt/file")[0] == 0o660
        lines = []
        tally = place.run(lambda top, _order: saved.save(top, "models", lines.append))
        assert tally.counts[tree.MOUNT] == 1 and not any(b"sshfs" in line for line in lines)
        entries = [saved.parse(b"./models/%s type=dir mode=0755 uid=0 gid=0 inode=1\n" % path)
                   for path in (b"sshfs", b"sshfs/below/it")]
        tally = place.run(lambda top, _order: saved.restore(top, 1, entries, change=True))
        assert tally.counts[tree.MOUNT] == 2

    attempt(needs, dead)


def test_one_that_comes_during_the_walk_is_told_too(place, needs, monkeypatch):
    """J3: the kernel refuses root what a user mounted for herself alone."""
    judge, mounted = sharing._judge, []

    def slow(*args):
        if not mounted:
            mounted.append(never_answering(place.top + "/zuletzt"))
        return judge(*args)

    monkeypatch.setattr(sharing, "_judge", slow)
    monkeypatch.setattr(tree.Visitor, "ordered", True)

    def late():
        tally = place.repair()
        assert "Permission denied" in tally.counts, tally.counts
        assert place.stat("sshfs")[0] == 0o2775

    attempt(needs, late)


def test_a_bind_mount_that_comes_after_the_walk_began_is_seen(place, needs):
    """It has the device of the tree itself: only the kernel's news tells of it."""

    def late():
        top = os.open(place.top, os.O_RDONLY)
        bounds = fence.Fence(top)
        mount(os.fsencode(place.top + "/before"), os.fsencode(place.top + "/zuletzt"), b"",
              MS_BIND, b"")
        handle = os.open(place.top + "/zuletzt", os.O_RDONLY)
        assert os.fstat(handle).st_dev == os.fstat(top).st_dev
        assert not bounds.holds(handle, os.fstat(handle))

    attempt(needs, late)


@pytest.mark.parametrize("name", [
    "a b", "tab\there", "line\nfeed", "back\\slash", "\x0b\x0c\x1c\x85", "a\u2028b\u2003c", "\r",
    "\x1b[31m"])
def test_a_mount_with_a_hostile_name_is_still_seen(place, needs, name):
    """A member chooses the name of her mount: it hides none, and forges no line of the table."""
    folder = place.folder(name)

    def named():
        before = [m.point for m in storage.mounts()]
        never_answering(folder, ",allow_other")
        after = [m.point for m in storage.mounts()]
        assert sorted(set(after) - set(before)) == [folder]
        tally = place.survey()
        assert tally.counts[tree.MOUNT] == 1

    attempt(needs, named)


def test_no_name_of_a_mount_says_that_another_one_is_there(place, needs):
    """A forged line "/data" would make an empty disk look mounted."""
    forged = place.folder("x\u202836\u200335\u20030:1\u2003\u2044\u2003fake\u2003rw\u2003-\u2003nfs")

    def named():
        before = len(storage.mounts())
        never_answering(forged)
        found = storage.mounts()
        assert len(found) == before + 1 and found[-1].point == forged
        assert found[-1].fstype == "fuse.sshfs"

    attempt(needs, named)
