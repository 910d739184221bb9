"""Disks that answer, that are missing, and that never answer."""

import ctypes
import os
import time

import pytest

from aica.disk import probe
from aica.errors import NotReady
from aica.host import Host


@pytest.fixture
def host(tmp_path, root_rights):
    for folder in ("run", "run/aica", "data", "backup"):
        (tmp_path / folder).mkdir(mode=0o755)
    return Host(str(tmp_path))


@pytest.fixture
def dead(host, needs):
    """A file system at /backup that never answers: a FUSE mount whose server sleeps."""
    needs(os.path.exists("/dev/fuse"), "this kernel has no FUSE")
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = "fd={},rootmode=40000,user_id=0,group_id=0".format(device).encode()
    path = host.real("/backup").encode()
    needs(libc.mount(b"dead", path, b"fuse", 0, options) == 0, "may not mount FUSE here")
    yield "/backup"
    libc.umount2(path, 2)
    os.close(device)


def test_a_disk_that_answers_is_told_with_its_numbers(host):
    seen = probe.look(host, ("/data",))["/data"]
    assert seen.state == probe.OK and seen.figures.blocks.size > 0
    assert seen.device == os.stat(host.real("/data")).st_dev


def test_a_disk_that_is_missing_says_why(host):
    seen = probe.look(host, ("/nowhere",))["/nowhere"]
    assert (seen.state, seen.figures) == (probe.MISSING, None)
    assert seen.reason == "is not there: No such file or directory"


def test_a_disk_that_never_answers_is_reported_and_not_asked_twice(host, dead, monkeypatch):
    started = time.monotonic()
    found = probe.look(host, ("/data", dead), timeout_s=1)
    assert time.monotonic() - started < 4
    assert found["/data"].state == probe.OK
    assert found[dead].state == probe.HANGING and "waited 1 s" in found[dead].reason


def test_as_long_as_a_child_is_stuck_no_other_is_sent(host):
    stuck = host.lock_file(probe.LOCKS + "data")
    import fcntl
    fcntl.flock(stuck, fcntl.LOCK_EX)
    seen = probe.look(host, ("/data",))["/data"]
    assert (seen.state, seen.reason) == (probe.HANGING, "does not answer, as before")
    os.close(stuck)
    assert probe.look(host, ("/data",))["/data"].state == probe.OK


def test_a_child_keeps_nobody_waiting_and_no_lock(host, dead):
    """Cron waits until everybody has closed the output; the alarm's lock is not the child's."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    saved, probe_let_go = os.dup(1), probe.storage.let_go
    children = []
    try:
        os.dup2(writer, 1)
        probe.storage.let_go = children.append  # as if it could not be killed
        probe.look(host, (dead,), timeout_s=0.5)
    finally:
        os.dup2(saved, 1)
        probe.storage.let_go = probe_let_go
        os.close(writer)
    try:
        os.set_blocking(reader, False)
        assert os.read(reader, 1) == b"", "the end of the output"
        assert probe.look(host, (dead,), timeout_s=0.5)[dead].reason == "does not answer, as before"
    finally:
        for child in children:
            probe_let_go(child)
        os.close(reader)


def test_a_long_path_has_a_lock_of_its_own(host):
    os.makedirs(host.real("/srv/disk"))
    assert probe.look(host, ("/srv/disk",))["/srv/disk"].state == probe.OK
    assert os.path.exists(host.real(probe.LOCKS + "srv-disk"))


def test_nothing_is_asked_of_whoever_may_not_lock(host):
    os.chmod(host.real("/run/aica"), 0o777)
    assert probe.look(host, ("/data",))["/data"].state == probe.OK


def test_the_usual_probe_of_the_same_disk_gives_up_too(host, dead):
    with pytest.raises(NotReady, match="does not answer"):
        probe.storage.probe(host.real(dead), timeout_s=0.5)
