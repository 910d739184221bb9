"""aica backup: snapshots that are what the homes were, that nobody can reach, and the way back."""

import errno
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import pytest
import snapshot
from wiped import REPOSITORY

from aica import command, storage
from aica.app import App
from aica.backup import copies
from aica.backup.run import Backup, Snapshot
from aica.host import Host

TOP = "/backup/users"
KIM, LEE = 2001, 2002
# "Over a network": between two local sides no link is stored in another way than it is read.
JUDGE = ["rsync", "-aHAXn", "--munge-links", "-e", "env -u", "--numeric-ids", "--delete",
         "--itemize-changes"]


@pytest.fixture
def disk(whole, needs):
    """A whole server with a backup disk, and a home with all that may be in one."""
    needs(command.find("rsync"), "needs rsync")
    whole.folder("/backup")
    home = "/data/users/kim"
    for name in ("/code", "/code/deep", "/.cache", "/.cache/pip", "/closed"):
        whole.folder(home + name, 0o700 if name == "/closed" else 0o755, KIM, KIM)
    whole.write(home + "/code/main.py", "print()\n", 0o640, KIM, KIM)
    whole.write(home + "/code/tool", "#!/bin/sh\n", 0o4755, KIM, KIM)
    whole.write(home + "/.cache/pip/wheel", "again\n", 0o644, KIM, KIM)
    whole.write(home + "/closed/key", "private\n", 0o600, KIM, KIM)
    os.link(whole.path(home + "/code/main.py"), whole.path(home + "/code/deep/same.py"))
    for name, target in (("/etc", "/etc"), ("/passwd", "../../../etc/passwd"), ("/gone", "no")):
        whole.link(home + name, target)
        os.lchown(whole.path(home + name), KIM, KIM)
    os.mkfifo(whole.path(home + "/fifo"))
    with open(whole.path(home + "/sparse"), "wb") as sparse:
        sparse.truncate(64 << 20)
    for name in (b"line\nfeed", b"\x1b[31m", b"\xff\xfe", b"-rf", b"a*b[c]?"):
        with open(os.fsencode(whole.path(home)) + b"/" + name, "wb") as new:
            new.write(name)
    return whole


def snapshots(server):
    """Return the names in the folder of the snapshots, as whoever lists it sees them."""
    return sorted(os.listdir(server.path(TOP)))


def judge(server, name, users=("kim", "lee", "park")):
    """Return what rsync itself finds different between homes and a snapshot."""
    found = []
    for user in users:
        found += subprocess.check_output(
            JUDGE + ["--exclude=/.cache/", "here:" + server.path("/data/users/{}/".format(user)),
                     server.path("{}/{}/users/{}/".format(TOP, name, user))]).splitlines()
    return found


def backup(server, *words):
    """Make a backup that must succeed; return the name of its snapshot."""
    before = set(snapshots(server)) if server.exists(TOP) else set()
    answer = server.cli("backup", *words)
    assert answer.code == 0, answer
    new, = set(snapshots(server)) - before
    return new


def test_a_snapshot_is_what_the_homes_are(disk):
    name = backup(disk)
    assert judge(disk, name) == []
    assert not disk.exists("{}/{}/users/kim/.cache".format(TOP, name))
    assert disk.read("{}/{}/config/accounts/shadow".format(TOP, name)) \
        == disk.read("/data/config/accounts/shadow")
    assert disk.stat("{}/{}/users/kim/sparse".format(TOP, name)) \
        == disk.stat("/data/users/kim/sparse")
    blocks = os.stat(disk.path("{}/{}/users/kim/sparse".format(TOP, name))).st_blocks
    assert blocks < 1000, "a sparse file stays one"


def test_nobody_but_root_gets_in(disk):
    name = backup(disk)
    assert disk.stat(TOP) == disk.stat("{}/{}".format(TOP, name)) == (0o700, 0, 0)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(KIM)
        os.setuid(KIM)
        try:
            os.stat(disk.path("{}/{}/users/kim".format(TOP, name)))
            os._exit(1)
        except PermissionError:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_a_folder_that_was_open_is_closed_first(disk):
    disk.folder(TOP, 0o777, KIM, KIM)
    assert disk.cli("backup").code == 0
    assert disk.stat(TOP) == (0o700, 0, 0)


def test_what_did_not_change_takes_no_space_and_what_did_is_new(disk):
    first = backup(disk)
    disk.write("/data/users/kim/code/new.py", "new\n", 0o644, KIM, KIM)
    disk.append("/data/users/kim/code/tool", "exit\n")
    before = disk.tree(times=True)
    second = backup(disk)

    def inode(name, path):
        return os.lstat(disk.path("{}/{}/users/kim/{}".format(TOP, name, path))).st_ino
    assert inode(first, "closed/key") == inode(second, "closed/key")
    assert inode(first, "code/tool") != inode(second, "code/tool")
    assert judge(disk, second) == []
    mine = "{}/{}/".format(TOP, first)
    assert {path: entry[:6] for path, entry in before.items() if path.startswith(mine)} == {
        path: entry[:6] for path, entry in disk.tree(times=True).items() if path.startswith(mine)}


@pytest.mark.parametrize("change", ["mode", "owner", "time", "content"])
def test_an_older_snapshot_never_changes_whatever_becomes_of_its_files(disk, change):
    """Its inodes are those of other snapshots, also of an unfinished one that is gone on with."""
    first = backup(disk)
    os.rename(disk.path("{}/{}".format(TOP, first)),
              disk.path("{}/.unfinished-{}".format(TOP, first)))
    second = backup(disk)
    before = snapshot.tree(disk.path("{}/{}".format(TOP, second)))
    path = disk.path("/data/users/kim/closed/key")
    if change == "mode":
        os.chmod(path, 0o644)
    elif change == "owner":
        os.chown(path, LEE, LEE)
    elif change == "time":
        os.utime(path, (1, 1))
    else:
        disk.write("/data/users/kim/closed/key", "other\n", 0o600, KIM, KIM)
    third = backup(disk)
    assert snapshot.tree(disk.path("{}/{}".format(TOP, second))) == before
    assert judge(disk, third) == []


def test_a_dry_run_changes_nothing_and_says_what_is_new(disk):
    before = disk.tree(times=True, leave_out=())
    answer = disk.cli("backup", "--dry-run")
    assert answer.code == 0 and "copy:kim" in answer.ids("planned"), answer
    assert disk.tree(times=True, leave_out=()) == before
    backup(disk)
    disk.write("/data/users/kim/code/new.py", "x" * 100, 0o644, KIM, KIM)
    assert "1 of " in next(line for line in disk.cli("backup", "--dry-run").out.splitlines()
                           if "copy:kim" in line)


def test_single_homes_make_a_part(disk):
    name = backup(disk, "--user", "kim")
    assert name.endswith(".part")
    assert os.listdir(disk.path("{}/{}/users".format(TOP, name))) == ["kim"]
    assert "no whole backup" in disk.cli("check", "--only", "backup").out


@pytest.mark.parametrize("words", [
    ("--user", "nobody"), ("--user", "../kim"), ("--list", "--dry-run"), ("--from", "x"),
    ("--restore", "kim", "../lee"), ("--restore", "kim", "/etc/passwd"), ("--restore", "..", "a"),
    ("--restore", "kim", "a", "--from", "yesterday"), ("--restore", "kim", "a", "--user", "kim")])
def test_what_makes_no_sense_is_refused_and_nothing_changed(disk, words):
    before = disk.tree(times=True)
    assert disk.cli("backup", *words).code == 2
    assert disk.tree(times=True) == before


def test_list_says_what_there_is(disk):
    assert disk.cli("backup", "--list").code in (0, 1)
    first, second = backup(disk), backup(disk, "--user", "kim")
    *rows, last = disk.cli("backup", "--list", "--json").objects
    assert last == {"summary": {"rows": 2}, "exit": 0}
    assert [(row["snapshot"], row["state"], row["copies"]) for row in rows] == [
        (first, "whole", 5), (second, "part", 2)]
    assert rows[0]["size"] > 64 << 20 > rows[1]["new"]
    row = [row for row in disk.cli("backup", "--dry-run", "--json").objects
           if row.get("resource") == "copy:kim"][0]
    assert row["changes"] == [{"field": "new_bytes", "before": None, "after": 0},
                              {"field": "new_files", "before": None, "after": 0}]
    assert len(disk.cli("backup", "--list", "--user", "lee", "--json").objects) == 1 + 1
    assert "no snapshot of nobody2 is there yet" in disk.cli("backup", "--list", "--user", "nobody2").out
    assert first in disk.cli("backup", "--list").out


def test_without_a_backup_disk_nothing_is_made(whole):
    before = whole.tree(times=True)
    answer = whole.cli("backup")
    assert answer.code == 5 and "/backup is not there" in answer.err
    assert whole.tree(times=True) == before


@pytest.mark.parametrize("path", ["/data", "/data/users", "/data/users/kim", "/data/config"])
def test_a_backup_disk_in_what_is_copied_is_refused(disk, path):
    """backup = /data closed /data/users to everybody, and put each snapshot into the next one."""
    disk.write("/etc/aica/aica.conf", "[paths]\nbackup = {}\n".format(path))
    before = disk.tree(times=True)
    for words in (("backup",), ("backup", "--dry-run"), ("backup", "--list")):
        answer = disk.cli(*words)
        assert answer.code == 2 and "backup = {}: ".format(path) in answer.err
    assert disk.tree(times=True) == before


def test_a_backup_disk_that_is_mounted_below_the_data_disk_is_one(disk):
    disk.write("/etc/aica/aica.conf", "[paths]\nbackup = /data/backup\n")
    disk.folder("/data/backup")
    assert disk.cli("backup").code == 0
    assert len(os.listdir(disk.path("/data/backup/users"))) == 1


def test_a_backup_disk_that_others_may_write_is_refused(disk):
    os.chmod(disk.path("/backup"), 0o775)
    assert disk.cli("backup").code == 4
    assert not disk.exists(TOP)


def test_without_rsync_it_says_so(disk, monkeypatch):
    find = command.find
    monkeypatch.setattr(command, "find", lambda name: None if name == "rsync" else find(name))
    answer = disk.cli("backup")
    assert answer.code == 5 and "rsync is not installed" in answer.err


def test_without_root_it_says_so(disk):
    assert disk.cli_as(KIM, "backup").code == 5
    assert disk.cli_as(KIM, "backup", "--list").code == 5


def test_one_at_a_time_beside_everything_else(disk):
    import fcntl
    os.makedirs(disk.path("/run/aica"), exist_ok=True)
    with open(disk.path("/run/aica/backup.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert disk.cli("backup").code == 5
        assert disk.cli("recover").code == 0


def test_a_link_in_place_of_a_home_is_told(disk):
    disk.link("/data/users/away", "/srv/away")
    answer = disk.cli("backup")
    assert answer.code == 0 and "/data/users/away is a link to /srv/away" in answer.err
    name, = snapshots(disk)
    stored = os.readlink(disk.path("{}/{}/users/away".format(TOP, name)))
    assert stored == "/rsyncd-munged//srv/away"


def test_a_home_that_is_gone_is_for_a_human_and_pushes_out_nothing(small):
    days(small, range(3))
    good = snapshots(small)
    small.remove("/data/users/lee")
    for day in range(3, 8):
        outcomes = list(Backup(App(small.root), now=lambda day=day: START + day * DAY).run())
        assert [o.resource for o in outcomes if o.status == "blocked"] == ["copy:lee"]
    assert set(good) <= set(snapshots(small))
    assert all(name.endswith(".part") for name in set(snapshots(small)) - set(good))
    assert small.cli("backup", "--dry-run").code == 4


def test_a_home_that_does_not_fit_is_said_and_the_others_are_copied(disk, monkeypatch):
    monkeypatch.setattr(copies, "room", lambda host, path: (32 << 20, 10 ** 6))
    answer = disk.cli("backup")
    assert answer.code == 1 and answer.ids("failed") == ["copy:kim"], answer
    assert "needs 64." in answer.out
    name, = snapshots(disk)
    assert name.endswith(".part") and judge(disk, name, ("lee", "park")) == []
    assert not disk.exists("{}/{}/users/kim".format(TOP, name))


def test_a_copy_that_is_not_what_its_source_is_is_no_copy(disk, monkeypatch):
    """Bits that a disk lost between the copying and the comparison."""
    apply = copies.Copy.apply

    def losing(self, host, changes):
        apply(self, host, changes)
        if self.name == "kim":
            path = disk.path("{}/{}/users/kim/closed/key".format(TOP, self.target.unfinished))
            with open(path, "wb") as file:
                file.write(b"p")
            os.utime(path, (1, 1))
        if self.name == "lee":
            os.unlink(disk.path("{}/{}/users/lee/notes.txt".format(TOP, self.target.unfinished)))
    monkeypatch.setattr(copies, "SLACK_NS", 0)
    monkeypatch.setattr(copies.Copy, "apply", losing)
    answer = disk.cli("backup")
    assert answer.code == 1 and answer.ids("failed") == ["copy:kim", "copy:lee"], answer
    assert "differs from a source that did not change (closed/key)" in answer.out
    name, = snapshots(disk)
    assert name.endswith(".part")
    assert sorted(os.listdir(disk.path("{}/{}/users".format(TOP, name)))) == [
        ".kim.broken-off.1", ".lee.broken-off.1", "park"]


def test_with_checksums_a_flipped_byte_is_found(disk, monkeypatch):
    """The same size, the same time: only who reads it knows."""
    apply = copies.Copy.apply

    def rotting(self, host, changes):
        apply(self, host, changes)
        if self.name == "kim":
            path = disk.path("{}/{}/users/kim/closed/key".format(TOP, self.target.unfinished))
            info = os.stat(path)
            with open(path, "r+b") as file:
                file.write(b"P")
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert disk.cli("backup", "--checksum").code == 0
    disk.append("/data/users/kim/closed/key", "new\n")
    monkeypatch.setattr(copies.Copy, "apply", rotting)
    answer = disk.cli("backup", "--checksum")
    assert answer.code == 1 and answer.ids("failed") == ["copy:kim"], answer
    assert "1 files have another content" in answer.out


def test_a_snapshot_that_rotted_is_not_linked_to_with_checksums(disk):
    first = backup(disk)
    path = disk.path("{}/{}/users/kim/closed/key".format(TOP, first))
    info = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"P")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    second = backup(disk, "--checksum")
    assert disk.read("{}/{}/users/kim/closed/key".format(TOP, second)) == "private\n"


def test_what_changes_meanwhile_is_no_fault(disk, monkeypatch):
    apply = copies.Copy.apply

    def busy(self, host, changes):
        apply(self, host, changes)
        if self.name == "kim":
            disk.append("/data/users/kim/code/tool", "more\n")
            disk.remove("/data/users/kim/closed/key")
    monkeypatch.setattr(copies.Copy, "apply", busy)
    answer = disk.cli("backup")
    assert answer.code == 0 and "entries changed meanwhile" in answer.out


def test_what_is_mounted_in_a_home_is_not_its_own_and_no_fault(disk, monkeypatch):
    home = disk.path("/data/users/kim")
    mount = storage.Mount(home + "/code/deep", "fuse.sshfs", "rw")
    monkeypatch.setattr(storage, "mounts", lambda: [mount])
    assert disk.cli("backup").code == 0
    name, = snapshots(disk)
    assert not disk.exists("{}/{}/users/kim/code/deep".format(TOP, name))
    assert disk.exists("{}/{}/users/kim/code/main.py".format(TOP, name))


def test_no_hash_and_no_key_goes_to_a_network_disk_unless_the_site_says_so(disk, monkeypatch):
    monkeypatch.setattr(storage, "is_network", lambda path: path.endswith("/backup"))
    disk.folder("/data/config/ssh", 0o700)
    disk.write("/data/config/ssh/ssh_host_ed25519_key", "key", 0o600)
    disk.write("/data/config/accounts/shadow-", "older", 0o600)
    answer = disk.cli("backup")
    assert answer.code == 0 and "is a network disk" in answer.err
    first, = snapshots(disk)
    there = os.listdir(disk.path("{}/{}/config/accounts".format(TOP, first)))
    assert {"passwd", "group"} <= set(there) and not {"shadow", "shadow-"} & set(there)
    assert not disk.exists("{}/{}/config/ssh".format(TOP, first))
    disk.replace("/data/config/aica.conf", "#keep_passwords = auto", "keep_passwords = yes")
    second = backup(disk)
    assert disk.exists("{}/{}/config/accounts/shadow".format(TOP, second))
    assert not disk.exists("{}/{}/config/ssh".format(TOP, second))


def test_single_homes_do_not_throw_away_what_an_unfinished_run_had_copied(disk):
    first = backup(disk)
    left = "{}/.unfinished-{}".format(TOP, first)
    os.rename(disk.path("{}/{}".format(TOP, first)), disk.path(left))
    inode = os.stat(disk.path(left + "/users/lee/notes.txt")).st_ino
    backup(disk, "--user", "kim")
    assert disk.exists(left)
    last = backup(disk)
    assert os.stat(disk.path("{}/{}/users/lee/notes.txt".format(TOP, last))).st_ino == inode
    assert not disk.exists(left)


def test_a_link_of_yesterday_leads_no_copy_of_today_anywhere(disk):
    """rsync takes from an earlier copy what has the same size and time: through a link, too."""
    disk.folder("/srv", 0o700)
    disk.write("/srv/shadow", "the secret of root", 0o644)
    disk.link("/data/users/kim/x", disk.path("/srv"))
    backup(disk)
    disk.remove("/data/users/kim/x")
    disk.folder("/data/users/kim/x", 0o755, KIM, KIM)
    disk.write("/data/users/kim/x/shadow", "kim's own text now", 0o644, KIM, KIM)
    for path in ("/srv/shadow", "/data/users/kim/x/shadow"):
        os.utime(disk.path(path), (1000, 1000))
    name = backup(disk)
    assert disk.read("{}/{}/users/kim/x/shadow".format(TOP, name)) == "kim's own text now"
    assert judge(disk, name) == []


# -- which ones go --------------------------------------------------------------------------


DAY = 86400
START = 1790000000  # a Monday in September 2026


def days(server, numbers):
    """Make a backup on each of these days; return the Outcomes of the last."""
    outcomes = []
    for day in numbers:
        outcomes = list(Backup(App(server.root), now=lambda day=day: START + day * DAY).run())
        assert {o.status for o in outcomes} <= {"ok", "changed"}, outcomes
    return outcomes


@pytest.fixture
def small(disk):
    """The same, with little to copy and to keep."""
    disk.remove("/data/users/kim/sparse")
    disk.append("/data/config/aica.conf",
                "\n[backup]\nkeep_daily = 3\nkeep_weekly = 0\nkeep_monthly = 0\n")
    text = disk.read("/data/config/aica.conf")
    first = text.index("[backup]")
    second = text.index("[backup]", first + 1)
    disk.write("/data/config/aica.conf", text[:first] + text[second:])
    return disk


def test_old_ones_go_and_only_when_a_new_one_is_there(small):
    outcomes = days(small, range(5))
    assert [o.lines for o in outcomes if o.kind == "snapshot"][1:] == [("removed",)]
    assert len(snapshots(small)) == 3
    assert judge(small, snapshots(small)[-1]) == []
    small.replace("/data/config/aica.conf", "keep_daily = 3", "keep_daily = 1")
    small.folder("/data/users/bad#name", 0o700, LEE, LEE)  # fails, so that it is only a part
    assert small.cli("backup").code == 1
    assert [name for name in snapshots(small) if not name.endswith(".part")]


def test_a_snapshot_that_gets_no_name_takes_nothing_away(small, monkeypatch):
    days(small, range(3))
    before = set(snapshots(small))
    with monkeypatch.context() as broken:
        broken.setattr(Snapshot, "apply", _no_name)
        outcomes = list(Backup(App(small.root), now=lambda: START + 3 * DAY).run())
    assert outcomes[-1].kind == "snapshot" and outcomes[-1].status == "failed"
    left = set(snapshots(small))
    assert before < left, "what was copied stays for the next run"
    days(small, [4])
    assert not (left - before) & set(snapshots(small)), "which makes it whole"


def _no_name(self, host, changes):
    raise OSError(errno.EIO, os.strerror(errno.EIO), self.id)


def test_a_clock_that_jumps_removes_nothing_that_counts(small):
    days(small, range(3))
    good = snapshots(small)
    days(small, [-20000])  # 1970-something: everything lies in the future
    assert set(good) < set(snapshots(small))
    days(small, [40000])   # and far ahead: one more day, as any other
    assert set(good[1:]) <= set(snapshots(small))


def test_half_removed_ones_are_removed_next_time_and_count_for_nothing(small):
    days(small, [0])
    left = TOP + "/.removing-2020-01-01T000000Z"
    small.folder(left, 0o700)
    small.folder(left + "/users", 0o755)
    assert small.cli("backup", "--list", "--json").objects[0]["snapshot"] == snapshots(small)[-1]
    days(small, [1])
    assert not small.exists(left)


# -- killed, full ---------------------------------------------------------------------------


def program(server, *inject):
    argv = [sys.executable, "-m", "aica", "backup", "--root", server.root]
    return subprocess.Popen(["strace", "-qq", "-o", "/dev/null", *inject] + argv, cwd=REPOSITORY,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True,
                            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))


@pytest.mark.parametrize("follow", [(), ("-f",)], ids=["aica", "aica or rsync"])
@pytest.mark.parametrize("call", ["rename,renameat", "mkdir,mkdirat", "link,linkat"])
def test_killed_anywhere_what_has_a_name_is_whole(small, needs, call, follow):
    needs(command.find("strace"), "needs strace")
    days(small, [0])
    first, = snapshots(small)
    kept = snapshot.tree(small.path(TOP + "/" + first))
    whole = {"users/" + user: snapshot.tree(small.path("/data/users/" + user), ("/.cache",))
             for user in ("kim", "lee", "park")}
    number, hit = 1, True
    while hit:
        small.write("/data/users/kim/code/new{}".format(number), "new", 0o644, KIM, KIM)
        process = program(small, *follow, "-e", "trace=" + call, "-e",
                          "inject={}:signal=KILL:when={}".format(call, number))
        process.wait(60)
        hit = process.returncode != 0
        for name in snapshots(small):
            if name[0] != "." and not name.endswith(".part"):
                for user in ("lee", "park"):
                    assert snapshot.tree(small.path("{}/{}/users/{}".format(TOP, name, user))) \
                        == whole["users/" + user]
        if small.exists(TOP + "/" + first):
            assert snapshot.tree(small.path(TOP + "/" + first)) == kept
        number += 3
        assert number < 150
    _free(small)
    last = backup_after_kill(small)
    assert judge(small, last) == []
    assert [name for name in snapshots(small) if name.startswith(".")] == []


def _free(server):
    """Wait until what a killed run started has let go of the lock."""
    import fcntl
    with open(server.path("/run/aica/backup.lock"), "r+") as lock:
        deadline = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def backup_after_kill(server):
    answer = server.cli("backup")
    assert answer.code == 0, answer
    return max(name for name in snapshots(server) if name[0] != ".")


def test_a_second_run_waits_for_the_rsync_of_a_killed_one(small, monkeypatch):
    """Two of them would write and remove below each other's hands: rsync holds the lock itself."""
    held = []

    def recorded(argv, **more):
        if "rsync" in argv and "--dry-run" not in argv:
            held.extend(os.readlink("/proc/self/fd/{}".format(handle)) for handle in more["held"])
        return command.run(argv, **more)
    monkeypatch.setattr(App, "host", lambda self, read_only=False: Host(self.root, recorded))
    backup(small)
    assert held == [small.path("/run/aica/backup.lock")] * 5


@pytest.fixture
def little_disk(small, needs, tmp_path):
    """A backup disk of 16 MiB and 400 inodes, mounted from a file."""
    image = str(tmp_path / "disk")
    with open(image, "wb") as new:
        new.truncate(16 << 20)
    needs(command.find("mkfs.ext4"), "needs mkfs.ext4")
    subprocess.check_call(["mkfs.ext4", "-q", "-N", "400", "-m", "0", image])
    mounted = subprocess.call(["mount", "-o", "loop", image, small.path("/backup")],
                              stderr=subprocess.DEVNULL) == 0
    needs(mounted, "needs loop devices")
    try:
        yield small
    finally:
        subprocess.check_call(["umount", small.path("/backup")])


@pytest.mark.parametrize("what", ["bytes", "inodes"])
def test_a_disk_that_becomes_full_leaves_the_earlier_ones_and_no_half_one(
        little_disk, what, monkeypatch):
    server = little_disk
    first = backup(server)
    kept = snapshot.tree(server.path(TOP + "/" + first))
    if what == "bytes":
        server.write("/data/users/lee/big", os.urandom(24 << 20), 0o644, LEE, LEE)
    else:
        for number in range(500):
            server.write("/data/users/lee/{}".format(number), "", 0o644, LEE, LEE)
    answer = server.cli("backup")  # it is seen beforehand
    assert answer.code == 1 and answer.ids("failed") == ["copy:lee"] and "needs " in answer.out
    part, = [name for name in snapshots(server) if name.endswith(".part")]
    server.remove(TOP + "/" + part)
    monkeypatch.setattr(copies.Copy, "_require_room", lambda self, host: None)
    answer = server.cli("backup")  # somebody fills it while we copy
    assert answer.code == 1 and "copy:lee" in answer.ids("failed"), answer
    assert "No space left on device" in answer.out and "snapshot:" not in answer.out
    assert [name for name in snapshots(server) if name[0] != "."] == [first]
    assert snapshot.tree(server.path(TOP + "/" + first)) == kept
    state = json.loads(server.read("/data/config/state/backup.json"))
    assert state["last_good"] == first and state["last_run"]["exit"] == 1
    for name in os.listdir(server.path("/data/users/lee")):
        if name != "notes.txt":
            server.remove("/data/users/lee/" + name)
    assert judge(server, backup_after_kill(server)) == []
    assert [name for name in snapshots(server) if name[0] == "."] == []


# -- the way back ---------------------------------------------------------------------------


def restored(server, *words):
    answer = server.cli("backup", "--restore", *words)
    assert answer.code == 0, answer
    return answer


def test_a_file_comes_back_beside_and_never_over(disk):
    name = backup(disk)
    disk.write("/data/users/kim/code/main.py", "newer\n", 0o644, KIM, KIM)
    for number in ("", ".2", ".3"):
        assert name in restored(disk, "kim", "code/main.py").out
        path = "/data/users/kim/code/main.py.restored-{}{}".format(name, number)
        assert disk.read(path) == "print()\n" and disk.stat(path) == (0o640, KIM, KIM)
    assert disk.read("/data/users/kim/code/main.py") == "newer\n"


def test_what_comes_from_a_part_does_not_look_half(disk):
    name = backup(disk, "--user", "kim")
    restored(disk, "kim", "code/main.py")
    assert disk.exists("/data/users/kim/code/main.py.restored-" + name[:-len(".part")])


def test_a_folder_comes_back_as_it_was(disk):
    name = backup(disk)
    disk.remove("/data/users/kim/code")
    restored(disk, "kim", "/home/kim/code")
    back = snapshot.tree(disk.path("/data/users/kim/code.restored-" + name))
    was = snapshot.tree(disk.path("{}/{}/users/kim/code".format(TOP, name)))
    was["/tool"] = (was["/tool"][0], "0o755") + was["/tool"][2:]  # no setuid
    assert back == was


def test_where_the_place_is_gone_it_comes_into_the_home(disk):
    name = backup(disk)
    disk.remove("/data/users/kim/code")
    restored(disk, "kim", "code/deep/same.py")
    assert disk.read("/data/users/kim/same.py.restored-" + name) == "print()\n"


def test_the_documented_command_brings_a_whole_home_back_as_it_was(disk):
    name = backup(disk)
    disk.remove("/data/users/kim/.cache")
    disk.write("/data/users/kim/code/roots", "root's", 0o600)
    name = backup(disk)
    before = snapshot.tree(disk.path("/data/users/kim"))
    disk.remove("/data/users/kim")
    with open(os.path.join(REPOSITORY, "docs/admin-guide.md"), encoding="utf-8") as text:
        shown = re.search(r"`(rsync -aHAX [^`]*/data/users/kim/)`", text.read()).group(1)
    shown = shown.replace("/backup", disk.path("/backup")).replace("TIME", name)
    argv = shlex.split(shown.replace("here:", "here:" + disk.root))
    subprocess.check_call(argv)
    assert snapshot.tree(disk.path("/data/users/kim")) == before


def test_an_older_snapshot_can_be_asked_for(disk):
    first = backup(disk)
    disk.write("/data/users/kim/code/main.py", "newer\n", 0o644, KIM, KIM)
    backup(disk)
    restored(disk, "kim", "code/main.py", "--from", first)
    assert disk.read("/data/users/kim/code/main.py.restored-" + first) == "print()\n"


def test_the_newest_that_has_it_is_taken(disk):
    first = backup(disk)
    disk.remove("/data/users/kim/code/main.py")
    backup(disk)
    assert first in restored(disk, "kim", "code/main.py").out
    assert disk.cli("backup", "--restore", "kim", "never").code == 1


def test_a_restore_that_is_only_planned_changes_nothing(disk):
    backup(disk)
    before = disk.tree(times=True)
    answer = disk.cli("backup", "--restore", "kim", "code", "--dry-run")
    assert answer.code == 0 and answer.ids("planned") == ["restored:/data/users/kim/code"]
    assert disk.tree(times=True) == before


def test_a_colleagues_private_file_in_a_home_stays_closed(disk):
    """S12: moved there by the member; copied by root; restored by nobody."""
    disk.write("/data/users/kim/code/stolen", "lee's token\n", 0o600, LEE, LEE)
    backup(disk)
    disk.remove("/data/users/kim/code/stolen")
    for path in ("code/stolen", "code"):
        answer = disk.cli("backup", "--restore", "kim", path)
        assert answer.code == 1 and "Permission denied" in answer.out
    texts = [one.read_bytes() for one in pathlib.Path(disk.path("/data/users/kim")).rglob("*")
             if one.is_file()]
    assert texts and not [text for text in texts if b"token" in text]


@pytest.mark.parametrize("path", ["etc/passwd", "passwd/x", "etc/../etc/passwd"])
def test_no_link_is_followed_on_the_way(disk, path):
    backup(disk)
    assert disk.cli("backup", "--restore", "kim", path).code in (1, 2)


def test_a_link_comes_back_as_a_link_and_is_written_through_by_nobody(disk):
    name = backup(disk)
    disk.remove("/data/users/kim/code")
    disk.link("/data/users/kim/code", "/data/users/lee")
    restored(disk, "kim", "passwd")
    assert os.readlink(disk.path("/data/users/kim/passwd.restored-" + name)) \
        == "../../../etc/passwd"
    restored(disk, "kim", "code/main.py")  # code leads to lee now: not there
    assert os.listdir(disk.path("/data/users/lee")) == ["notes.txt"]
    assert disk.exists("/data/users/kim/main.py.restored-" + name)


def test_a_home_that_is_somebody_elses_today_gets_nothing(disk):
    backup(disk)
    os.chown(disk.path("/data/users/kim"), LEE, LEE)
    answer = disk.cli("backup", "--restore", "kim", "code")
    assert answer.code == 4 and "belongs to uid 2001" in answer.out


def test_a_hostile_name_comes_back(disk):
    name = backup(disk)
    restored(disk, "kim", "line\nfeed")
    assert disk.exists("/data/users/kim/line\nfeed.restored-" + name)


# -- what aica check says -------------------------------------------------------------------


def test_check_tells_the_age_and_warns_when_the_timer_is_on(disk):
    assert "no whole backup was made yet" in disk.cli("check", "--only", "backup").out
    name = backup(disk)
    assert "the last whole backup is " + name in disk.cli("check", "--only", "backup").out
    old = "2026-01-01T000000Z"
    disk.replace("/data/config/state/backup.json", name, old)
    assert "[WARNING]" not in disk.cli("check", "--only", "backup").err
    disk.replace("/data/config/aica.conf", "#timer = no", "timer = yes")
    warned = disk.cli("check", "--only", "backup")
    assert "the last whole backup, {}, is ".format(old) in warned.err and warned.code == 0


def test_the_host_guards_itself():
    """Whatever a dry run does, what changes is refused."""
    assert {"remove_tree", "bring_back", "execute"} <= set(dir(Host))
