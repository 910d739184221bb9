"""Installing conda on a disk that fills up, and on paths that somebody has prepared."""

import os
import shutil
import subprocess

import pytest
from installers import script, serving, sha256

from aica import command
from aica.errors import Conflict
from aica.install import download, miniconda, pins
from aica.resources import conda

PREFIX = "/data/apps/miniconda3"
WORK = "/data/apps/.aica-install"
NOTE = WORK + "/miniconda3.json"
BIG = script(size=3 << 20)
URL = "/Miniforge3-26.1.1-0-Linux-x86_64.sh"
PART = WORK + URL + ".part"


@pytest.fixture
def web(monkeypatch):
    """A web server with an installer of 3 MiB."""
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    for name in command.PROXIES:
        monkeypatch.delenv(name, raising=False)
    with serving({URL: BIG}) as server:
        yield server


@pytest.fixture
def disk(whole, needs):
    """The function that gives /data/apps a file system of its own, or another size."""
    point = whole.path("/data/apps")

    def mount(*options):
        needs(subprocess.call(["mount", "-t", "tmpfs", "-o", ",".join(("mode=755",) + options),
                               "tmpfs", point]) == 0, "needs the right to mount")
    yield mount
    subprocess.check_call(["umount", point])


def install(whole, web, data=BIG):
    web.files[URL] = data
    installer = pins.given("miniforge", web.url + URL, "", sha256(data))
    return whole.converge([miniconda.CondaInstall(PREFIX, NOTE, installer, (1000, 60000))])[0]


def recovered(whole):
    return whole.converge([conda.CondaPrefix(PREFIX, NOTE)])[0]


def test_a_disk_that_is_full_while_it_is_fetched_is_said_and_the_next_run_goes_on(
        whole, web, disk):
    disk("size=1m")
    outcome = install(whole, web)
    assert outcome.status == "failed" and "No space left on device" in outcome.message
    assert not whole.exists(PREFIX)
    have = os.stat(whole.path(PART)).st_size
    assert 0 < have <= 1 << 20
    disk_now = ["mount", "-o", "remount,size=64m", whole.path("/data/apps")]
    subprocess.check_call(disk_now)
    assert install(whole, web).status == "changed"
    assert web.asked[-1][1] == "bytes={}-".format(have)
    assert recovered(whole).status == "ok" and whole.host().names(WORK) == ()


def test_a_disk_that_is_full_while_it_is_installed_leaves_nothing_that_counts(whole, web, disk):
    disk("size=14m")
    fills = script(size=3 << 20, more='dd if=/dev/zero of="$prefix/big" bs=1M count=20')
    outcome = install(whole, web, fills)
    assert outcome.status == "failed" and "and /data/apps is full" in outcome.message
    assert recovered(whole).status == "skipped" and whole.stat(PREFIX)[0] == 0o700
    outcome = install(whole, web)
    assert outcome.status == "changed", outcome
    assert not whole.exists(PREFIX + "/big") and recovered(whole).status == "ok"


def test_without_inodes_it_fails_and_says_so(whole, web, disk):
    disk("size=64m", "nr_inodes=8")
    outcome = install(whole, web)
    assert outcome.status == "failed" and "No space left on device" in outcome.message
    assert recovered(whole).status == "skipped"


# -- what somebody has prepared -----------------------------------------------


def link_work(server):
    server.link(WORK, "/data/users/kim")


def link_part(server):
    server.folder(WORK)
    server.link(PART, "/etc/passwd")


def hard_part(server):
    server.folder(WORK)
    server.write("/data/apps/victim", "x" * 100)
    os.link(server.path("/data/apps/victim"), server.path(PART))


def foreign_part(server):
    server.folder(WORK)
    server.write(PART, "x", 0o666, 2001, 2001)


def fifo_part(server):
    server.folder(WORK)
    os.mkfifo(server.path(PART))


def foreign_work(server):
    server.folder(WORK, 0o775, 2001, 2001)


def link_prefix(server):
    server.link(PREFIX, "/etc")


@pytest.mark.parametrize("prepare", [link_work, link_part, hard_part, foreign_part, fifo_part,
                                     foreign_work, link_prefix])
def test_nothing_that_is_in_the_way_is_followed_or_written_to(whole, web, prepare):
    prepare(whole)
    etc = subprocess.check_output(["ls", "-lR", whole.path("/etc")])
    before = whole.tree()
    outcome = install(whole, web)
    assert outcome.status in ("blocked", "failed"), outcome
    assert whole.tree() == before and web.asked == []
    assert subprocess.check_output(["ls", "-lR", whole.path("/etc")]) == etc


def test_a_mount_inside_the_prefix_never_changes_hands(whole, needs):
    top = PREFIX
    whole.folder(top, 0o700, 60600, 60600)
    whole.folder(top + "/mnt", 0o755, 60600, 60600)
    needs(subprocess.call(["mount", "-t", "tmpfs", "tmpfs", whole.path(top + "/mnt")]) == 0,
          "needs the right to mount")
    try:
        whole.write(top + "/mnt/file", "x", 0o644, 60600, 60600)
        with pytest.raises(Conflict):
            whole.host().take_over(top, 60600)
        assert whole.stat(top + "/mnt/file") == (0o644, 60600, 60600)
        assert whole.stat(top)[1] == 60600
    finally:
        subprocess.check_call(["umount", whole.path(top + "/mnt")])
        shutil.rmtree(whole.path(top))


def test_deep_and_strange_names_change_hands_too(whole):
    whole.folder(PREFIX, 0o700, 60600, 60600)
    path = os.fsencode(whole.path(PREFIX))
    here = os.open(path, os.O_RDONLY)
    for number in range(300):
        name = b"d\n\xff\x1b%d" % number
        os.mkdir(name, 0o777, dir_fd=here)
        os.chown(name, 60600, 60600, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    whole.host().take_over(PREFIX, 60600)
    left = subprocess.check_output(["find", path, "!", "-user", "root", "-o", "-perm", "/022"])
    assert left == b""
    subprocess.check_call(["rm", "-r", path])
