"""Is /data there? Asked in a child, so that a dead disk hangs nobody."""

import os
import signal
import time

import pytest

from aica import storage
from aica.errors import NotReady

MOUNTINFO = """\
22 28 0:20 / /sys rw,nosuid - sysfs sysfs rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
40 28 8:1 / /data rw,noatime shared:5 - xfs /dev/sda1 ro,attr2
41 40 0:50 / /data/nfs\\040share rw - nfs4 server:/x rw
42 28 0:51 /a /mnt/tab\\011new\\012back\\134slash ro - tmpfs tmpfs rw
43 28 8:2 / /data rw master:1 propagate_from:2 - ext4 /dev/sdb1 rw
broken line
44 28 8:3 / /x rw
"""


def test_mountinfo_is_read_with_its_escapes_and_options():
    found = storage.parse_mountinfo(MOUNTINFO)
    assert [mount.point for mount in found] == [
        "/sys", "/", "/data", "/data/nfs share", "/mnt/tab\tnew\nback\\slash", "/data"]
    assert found[2].fstype == "xfs" and found[2].options == "rw,noatime,ro,attr2"


def test_a_backslash_before_digits_is_unescaped_once():
    line = "1 2 0:1 / /a\\134040b rw - tmpfs t rw\n"
    assert storage.parse_mountinfo(line)[0].point == "/a\\040b"


def test_a_later_mount_hides_an_earlier_one_at_the_same_point():
    found = storage.parse_mountinfo(MOUNTINFO)
    assert storage.mount_at("/data", found).fstype == "ext4"
    assert storage.mount_at("/data/users", found) is None


@pytest.mark.parametrize("path, point", [
    ("/data/users/kim", "/data"), ("/data", "/data"), ("/database", "/"), ("/", "/"),
    ("/data/nfs share/x", "/data/nfs share"), ("/data/nfs", "/data"),
])
def test_the_mount_that_a_path_lies_on(path, point):
    assert storage.mount_of(path, storage.parse_mountinfo(MOUNTINFO)).point == point


def test_a_disk_behind_an_automount_is_the_disk_and_not_its_trigger(monkeypatch):
    """systemd's automount stays at the point below what it mounted: a hash on NFS is for all."""
    found = storage.parse_mountinfo(
        "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
        "40 28 0:50 / /data rw - autofs systemd-1 rw,fd=49\n"
        "41 40 0:51 / /data rw - nfs4 server:/x rw\n")
    assert storage.mount_of("/data/users", found).fstype == "nfs4"
    monkeypatch.setattr(storage, "mounts", lambda: found)
    assert storage.is_network("/data") and not storage.is_network("/home")


def test_the_running_system_has_a_root_mount():
    assert storage.mount_at("/", storage.mounts()) is not None
    assert not storage.is_network("/proc")


def test_a_folder_that_answers_is_named_by_its_device(tmp_path):
    assert storage.probe(str(tmp_path)) == os.stat(str(tmp_path)).st_dev


def test_what_is_missing_or_no_folder_is_not_ready(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("missing", "file", "link", "file/below"):
        with pytest.raises(NotReady) as caught:
            storage.probe(str(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value) and caught.value.hint


def children():
    """Return the process ids of our children, zombies too."""
    with open("/proc/self/task/{}/children".format(os.getpid())) as names:
        return names.read().split()


def test_a_disk_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.os, "lstat", lambda path: time.sleep(600))
    before = children()
    with pytest.raises(NotReady) as caught:
        storage.probe(str(tmp_path), timeout_s=0.2)
    assert "does not answer" in str(caught.value)
    assert children() == before


def test_a_child_that_cannot_be_killed_is_abandoned(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.os, "lstat", lambda path: time.sleep(600))
    kill, killed = os.kill, []
    monkeypatch.setattr(storage.os, "kill", lambda pid, sig: killed.append((pid, sig)))
    with pytest.raises(NotReady):
        storage.probe(str(tmp_path), timeout_s=0.1)
    assert killed[0][1] == signal.SIGKILL
    kill(killed[0][0], signal.SIGKILL)
    os.waitpid(killed[0][0], 0)


def test_a_child_that_dies_is_not_ready(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.os, "lstat", lambda path: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(NotReady):
        storage.probe(str(tmp_path))


def test_the_child_holds_no_descriptor_of_ours(tmp_path, monkeypatch):
    lock = os.open(str(tmp_path / "lock"), os.O_CREAT | os.O_RDWR)

    def is_closed(path):
        try:
            os.fstat(lock)
        except OSError:
            os._exit(0)  # closed, as it should be: no answer
        return os.stat(path)
    monkeypatch.setattr(storage.os, "lstat", is_closed)
    with pytest.raises(NotReady) as caught:
        storage.probe(str(tmp_path))
    os.close(lock)
    assert "no answer" in str(caught.value)


def test_a_folder_that_is_no_mount_point_is_not_mounted(tmp_path):
    with pytest.raises(NotReady) as caught:
        storage.require_mounted(str(tmp_path))
    assert "is not mounted" in str(caught.value)
    storage.require_mounted("/")


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\r", "\x1c", "\x85", "\u2028", "\u2003"])
def test_the_name_of_a_mount_forges_no_line_and_no_field(odd):
    """The kernel escapes the space, the tab, the line feed and the backslash only."""
    forged = "/data/x{0}1{0}2{0}0:1{0}/{0}/backup{0}rw".format(odd)
    line = "1 2 0:1 / {} rw - fuse.sshfs me rw\n3 4 0:2 / /last rw - ext4  rw\n".format(forged)
    assert [mount.point for mount in storage.parse_mountinfo(line)] == [forged, "/last"]
