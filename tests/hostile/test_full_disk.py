"""A data disk that really fills up: a small ext4 on a loop device, its blocks and its inodes."""

import errno
import json
import os
import re
import subprocess

import pytest

from aica import command
from aica.disk import alert, channels, history

STATE = "/data/config/state/" + history.NAME


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """The path of an ext4 of 12 MiB, mounted; nothing on it is kept for root."""
    missing = [tool for tool in ("mkfs.ext4", "mount", "umount") if not command.find(tool)]
    if os.geteuid() != 0 or missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs root and mkfs.ext4")
    folder = tmp_path_factory.mktemp("loop")
    image, point = str(folder / "image"), str(folder / "data")
    os.mkdir(point)
    with open(image, "wb") as new:
        new.truncate(12 << 20)
    subprocess.check_call(["mkfs.ext4", "-q", "-m", "0", "-N", "256", image])
    if subprocess.call(["mount", "-o", "loop", image, point], stderr=subprocess.DEVNULL):
        pytest.skip("no loop device here")
    yield point
    subprocess.check_call(["umount", point])


@pytest.fixture
def small(whole, loop, tmp_path):
    """A whole server whose /data is that disk. `save` writes down what channels are told."""
    point = whole.path("/data")
    subprocess.check_call(["cp", "-a", point + "/.", loop])
    subprocess.check_call(["mount", "--bind", loop, point])
    whole.write(channels.FOLDER + "/save", "#!/bin/sh\ncat >>{0}; echo >>{0}\n".format(
        tmp_path / "got"), 0o755)
    whole.told = tmp_path / "got"
    yield whole
    subprocess.check_call(["umount", point])
    subprocess.check_call(["find", loop, "-mindepth", "1", "-not", "-name", "lost+found",
                           "-delete"])


def events(server):
    lines = server.told.read_text().split("\n") if server.told.exists() else []
    found = [json.loads(line) for line in lines if line]
    return [(one["event"], one["level"]) for one in found if one["disk"] == "/data"]


def by_df(server, column):
    out = subprocess.check_output(["df", "-P", column, server.path("/data")]).decode()
    return out.splitlines()[-1].split()[4]


def fill(path, leave=0):
    """Write until the disk is full, then give back so many bytes."""
    with open(path, "wb") as out:
        try:
            while True:
                os.write(out.fileno(), b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
        if leave:
            out.truncate(os.path.getsize(path) - leave)


def test_a_disk_that_is_full_to_the_last_block_is_told_of_and_remembered(small):
    assert small.cli("alert").code == 0 and events(small) == []
    fill(small.path("/data/dataset/large"))
    for words in ((), ("-v",)):
        answer = small.cli("alert", *words)
        assert "/data disk usage: {} (threshold: 90%)".format(by_df(small, "-k")) in answer.out
    assert by_df(small, "-k") == "100%"
    assert events(small) == [("raised", "critical")], "the second run remembers the first"
    assert "disk usage: 100%" in small.read(alert.NOTICE)


def test_what_could_not_be_written_to_the_full_disk_is_there_once_there_is_room(small):
    fill(small.path("/data/dataset/large"))
    small.cli("alert")
    os.unlink(small.path("/data/dataset/large"))
    assert small.cli("alert").code == 0
    assert events(small) == [("raised", "critical"), ("over", "ok")]
    assert small.read(STATE) == small.read(history.RUN)


@pytest.mark.parametrize("leave_mb", [1, 2, 3])
def test_it_says_what_df_says(small, leave_mb):
    fill(small.path("/data/dataset/large"), leave_mb << 20)
    os.sync()
    percent = by_df(small, "-k")
    line = small.cli("alert", "--threshold", percent, "--dry-run").out.splitlines()[0]
    assert re.match(r"\[ALERT\] \S+ \S+ - /data disk usage: {0} \(threshold: {0}\)\Z".format(
        percent), line)
    above = "{}%".format(int(percent[:-1]) + 1)
    assert "/data disk" not in small.cli("alert", "--threshold", above, "--dry-run").out


def test_inodes_run_out_while_there_is_room(small):
    os.mkdir(small.path("/data/dataset/many"))
    with pytest.raises(OSError) as stopped:
        for number in range(10000):
            open(small.path("/data/dataset/many/{}".format(number)), "w").close()
    assert stopped.value.errno == errno.ENOSPC
    answer = small.cli("alert")
    assert "/data inode usage: 100% (threshold: 90%)" in answer.out
    assert "/data disk usage" not in answer.out
    assert events(small) == [("raised", "critical")]


def test_a_scan_of_a_full_disk_keeps_the_last_one(small):
    assert small.cli("disk", "--scan").code == 0
    before = small.read("/data/config/usage.json")
    with pytest.raises(OSError):
        for number in range(10000):
            open(small.path("/data/dataset/{}".format(number)), "w").close()
    answer = small.cli("disk", "--scan")
    assert answer.code == 1 and "usage.json cannot be written" in answer.err
    assert "HOMES" in answer.out, "what was found is shown all the same"
    assert small.read("/data/config/usage.json") == before
    assert small.cli("disk").code == 0


def fill_blocks(folder):
    """Take the blocks, smaller than a page, that are left."""
    for number in range(64):
        with open("{}/small{}".format(folder, number), "wb", 0) as out:
            try:
                out.write(b"x" * 1024)
                os.fsync(out.fileno())
            except OSError:
                return


def test_half_a_condarc_is_none(small):
    """It is made only where none is: an empty one would stay for good."""
    path = "/data/users/kim/.condarc"
    assert not small.exists(path)
    fill(small.path("/data/dataset/large"))
    fill_blocks(small.path("/data/dataset"))
    answer = small.cli("user", "conda", "kim")
    assert answer.code == 1 and "No space left" in answer.out, answer
    assert [name for name in os.listdir(small.path("/data/users/kim")) if "condarc" in name] == []
    os.unlink(small.path("/data/dataset/large"))
    assert small.cli("user", "conda", "kim").code == 0
    assert "pkgs_dirs" in small.read(path) and small.stat(path)[1:] == (2001, 2001)
    assert small.cli("user", "conda", "kim").ids("changed") == []


def test_a_full_disk_is_named(small):
    fill(small.path("/data/dataset/large"))
    for words in ("unregister kim", "register kim gpu-users"):
        answer = small.cli("user", *words.split())
    small.append("/etc/passwd", "choi:x:2500:2500::/home/choi:/bin/bash\n")
    small.append("/etc/shadow", "choi:!:19000:0:99999:7:::\n")
    small.append("/etc/group", "choi:x:2500:\n")
    answer = small.cli("user", "register", "choi", "gpu-users")
    assert answer.code == 1 and "No space left on device: '/data/config" in answer.out, answer
