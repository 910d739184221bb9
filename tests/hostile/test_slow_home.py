"""A home that is made so that reading it takes for ever: the others are copied all the same."""

import fcntl
import os
import signal
import time

import pytest

from aica import command, errors
from aica.backup import rsync
from aica.backup.rsync import Stats

KIM = 2001
FILES = 3


@pytest.fixture
def slow(whole, needs):
    """A server whose backups wait for kim: who opens a leased file waits 45 s for each (fcntl(2))."""
    needs(command.find("rsync"), "needs rsync")
    whole.folder("/backup")
    names = ["/data/users/kim/{}".format(number) for number in range(FILES)]
    for name in names:
        whole.write(name, "the only copy\n", 0o600, KIM, KIM)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _lease([whole.path(name) for name in names], writer)
    os.close(writer)
    try:
        needs(os.read(reader, 1), "needs a file system with leases")
        yield whole
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _lease(paths, writer):
    """Keep a lease on each file, as its owner. Never returns."""
    try:
        os.setgroups([])
        os.setgid(KIM)
        os.setuid(KIM)
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        for path in paths:
            fcntl.fcntl(os.open(path, os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
        os.write(writer, b"x")
        time.sleep(600)
    finally:
        os._exit(0)


def test_a_home_that_takes_for_ever_is_given_up_and_the_others_are_copied(slow, monkeypatch):
    monkeypatch.setattr(rsync, "longest_s", lambda *_words: 2)
    answer = slow.cli("backup")
    assert answer.code == 1, answer
    assert answer.ids("failed") == ["copy:kim"]
    assert {"copy:lee", "copy:park"} <= set(answer.ids("changed"))
    name, = [name for name in os.listdir(slow.path("/backup/users")) if not name.startswith(".")]
    assert name.endswith(".part")
    top = "/backup/users/{}/users".format(name)
    assert slow.read(top + "/lee/notes.txt") == slow.read(top + "/park/notes.txt")
    assert not slow.exists(top + "/kim"), "half a copy does not stand where whole ones do"


def test_what_a_program_started_ends_with_it_when_its_time_is_over(tmp_path):
    """Or its pipes stay open, and we wait for what was left behind."""
    with pytest.raises(errors.TimedOut, match="sh did not finish within 1 s"):
        command.run(["sh", "-c", "sleep 600 & echo $! >{0}/pid; wait".format(tmp_path)],
                    timeout_s=1, alone=True)
    assert _state((tmp_path / "pid").read_text().strip()) in ("gone", "Z")


def _state(pid):
    """Return the state of a process once it has ended, its last one if it does not."""
    for _ in range(100):
        try:
            with open("/proc/{}/stat".format(pid), encoding="ascii") as text:
                state = text.read().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "gone"
        if state == "Z":  # nobody may reap it here
            break
        time.sleep(0.05)
    return state


def test_the_slowest_disk_that_works_is_waited_for():
    nothing = Stats({}, 0, 0, 0)
    assert rsync.longest_s(nothing) == 3600
    many = Stats({"reg": 2000000, "dir": 100000}, 0, 1000000, 0)
    assert rsync.longest_s(many) > 12 * 3600
    large = Stats({"reg": 1}, 10 << 40, 1, 10 << 40)
    assert rsync.longest_s(large) > 24 * 3600
    nothing_new = Stats({"reg": 1}, 10 << 40, 0, 0)
    assert rsync.longest_s(nothing_new) < 4000
    assert rsync.longest_s(nothing_new, reads_all=True) > 24 * 3600
