"""The power is cut: what was said to be done is on the disk, and what was half written is no copy.

A small ext4 on a loop device. A copy of its image is the disk after the cut: what the kernel
had not written yet is not in it. The data of a new file may come half a minute after its name.
"""

import os
import shutil
import subprocess

import pytest
import test_install

from aica import command
from aica.backup.run import Snapshot
from aica.errors import AicaError
from aica.host import Host

UID = 2010
WORK = os.urandom(200000)
# Without the help that ext4 gives to programs that forget to sync; other file systems give none.
OPTIONS = ["-o", "loop,noauto_da_alloc"]
SETUP = ("user", "setup", "choi", "gpu-users")


class Disk:
    """A disk that is mounted somewhere in a server."""

    def __init__(self, folder):
        self.image = str(folder / "disk")
        with open(self.image, "wb") as new:
            new.truncate(64 << 20)
        subprocess.check_call(["mkfs.ext4", "-q", self.image])
        self.points = []

    def mount(self, point):
        """Mount it over a folder of the same content, synced; False if that cannot be."""
        self.points.append(point)
        subprocess.check_call(["cp", "-a", point, point + ".below"])
        if subprocess.call(["mount"] + OPTIONS + [self.image, point], stderr=subprocess.DEVNULL):
            self.points.pop()
            return False
        subprocess.check_call(["cp", "-a", point + ".below/.", point])
        subprocess.check_call(["sync", "-f", point])
        return True

    def cut_power(self):
        """Lose what is not on the disk yet, and mount what is.

        Names, sizes and times are written every five seconds: let that have been just now.
        """
        handle = os.open(self.points[0], os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        shutil.copyfile(self.image, self.image + ".after")
        self.umount()
        os.rename(self.image + ".after", self.image)
        subprocess.check_call(["mount"] + OPTIONS + [self.image, self.points[0]])

    def umount(self):
        """Take it away."""
        for point in self.points:
            subprocess.check_call(["umount", point])


@pytest.fixture
def on_disk(whole, tmp_path, needs, root_rights):
    """Give a folder of a server a disk of its own."""
    for tool in ("mkfs.ext4", "mount", "rsync", "sync"):
        needs(command.find(tool), "needs " + tool)
    disks = []

    def given(folder):
        disk = Disk(tmp_path)
        needs(disk.mount(whole.path(folder)), "needs a loop device")
        disks.append(disk)
        return disk
    yield given
    for disk in disks:
        disk.umount()


def add_user(server):
    """choi has an account, and works in a real home."""
    server.append("/etc/passwd", "choi:x:2010:2010::/home/choi:/bin/bash\n")
    server.append("/etc/shadow", "choi:!:20500:0:99999:7:::\n")
    server.append("/etc/group", "choi:x:2010:\n")
    server.append("/etc/gshadow", "choi:!::\n")
    server.folder("/home/choi", 0o755, UID, UID)
    server.write("/home/choi/thesis", WORK, 0o640, UID, UID)


def read(path):
    with open(path, "rb") as text:
        return text.read()


def test_a_home_that_was_moved_is_whole_after_a_power_cut(whole, on_disk):
    """The old folder is on the system disk, and gone after the next boot."""
    add_user(whole)
    disk = on_disk("/data")
    answer = whole.cli(*SETUP)
    assert answer.code == 0 and "home-move:/home/choi" in answer.ids("changed"), answer
    disk.cut_power()
    assert read(whole.path("/data/users/choi/thesis")) == WORK


web = test_install.web  # a fixture


def test_conda_that_counts_as_complete_is_whole_after_a_power_cut(whole, on_disk, web):
    """The marker is synced: what it speaks of must be on the disk before it."""
    disk = on_disk("/data")
    assert test_install.install(whole, web).status == "changed"
    before = contents(whole.path(test_install.PREFIX))
    disk.cut_power()
    assert before and contents(whole.path(test_install.PREFIX)) == before


def contents(top):
    """Return {path: bytes} of the files below a folder."""
    paths = [os.path.join(parent, name) for parent, _, names in os.walk(top) for name in names]
    return {path: read(path) for path in paths if not os.path.islink(path)}


def test_what_a_power_cut_left_of_a_backup_is_compared_before_it_is_linked_to(
        whole, on_disk, monkeypatch):
    """The size and the time are right, and the content was never written."""
    work = WORK + bytes(4096)  # what ends with zeros gets its size at once: a hole
    whole.write("/data/users/kim/thesis", work, 0o640, 2001, 2001)
    whole.folder("/backup")
    disk = on_disk("/backup")

    def stopped(_snapshot, _host, _changes):
        raise AicaError("stopped")
    with monkeypatch.context() as patch:
        patch.setattr(Snapshot, "apply", stopped)
        assert whole.cli("backup").code == 1
    disk.cut_power()
    left = max(os.listdir(whole.path("/backup/users")))
    torn = whole.path("/backup/users/{}/users/kim/thesis".format(left))
    assert os.path.getsize(torn) == len(work) and read(torn) != work, "the attack itself"
    for name in os.listdir(whole.path("/run/aica")):  # the next boot
        whole.remove("/run/aica/" + name)
    assert whole.cli("backup").code == 0
    last = max(os.listdir(whole.path("/backup/users")))
    assert read(whole.path("/backup/users/{}/users/kim/thesis".format(last))) == work


def test_a_disk_that_did_not_write_it_all_gives_nothing_its_name(whole, monkeypatch):
    """The kernel tells of it once, and forgets: whoever asks again hears that all is well."""
    add_user(whole)
    run = command.run

    def failing(argv, *words, **more):
        if argv[0] == "sync" and "-f" in argv:
            return command.Result(1, "", "sync: error syncing '/data': Input/output error")
        return run(argv, *words, **more)
    monkeypatch.setattr(Host.__init__, "__defaults__", ("/", failing))
    answer = whole.cli(*SETUP)
    assert answer.code == 1 and "could be written" in answer.out, answer
    assert whole.exists("/home/choi/thesis") and not whole.exists("/data/users/choi")


def test_where_sync_knows_no_single_disk_all_are_synced(whole):
    asked = []

    def old(argv, **_more):
        asked.append(argv[:2])
        return command.Result(int("-f" in argv), "", "sync: invalid option -- 'f'")
    Host(whole.root, old).sync("/data")
    assert asked == [["sync", "-f"], ["sync"]]
