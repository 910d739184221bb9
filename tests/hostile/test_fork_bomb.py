"""Who forks faster than anybody can read /proc is ended all the same, and nobody else is."""

import ctypes
import os
import signal
import time

import pytest

from aica.host import Host, processes

# Tests run side by side: each worker has users of its own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
UID, COLLEAGUE = 56000 + WORKER, 57000 + WORKER
SUBREAPER = 36  # prctl(2)


def become(uid):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def hop(end):
    """Fork, end, and let the child go on: whoever has read the number comes too late."""
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)


def started(work):
    """Start a process that does this and waits for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
            while True:
                signal.pause()
        finally:
            os._exit(0)
    return child


def nest():
    """Start chains of UID's: their orphans come to us, and nobody need bury them."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for _ in range(2):
        if os.fork() == 0:
            try:
                become(UID)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                hop(time.monotonic() + 60)  # so long at most, whatever becomes of the test
            finally:
                os._exit(0)


@pytest.fixture
def bomb(root_rights):
    """A nest of processes that nobody can count."""
    child = started(nest)
    while not processes.of(UID):
        time.sleep(0.01)
    yield
    for _ in range(100):  # by the test's own means
        killer = os.fork()
        if killer == 0:
            become(UID)
            os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(killer, 0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.fixture
def colleague(root_rights):
    child = started(lambda: become(COLLEAGUE))
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_fork_bomb_is_ended_and_nobody_else(bomb, colleague, monkeypatch):
    monkeypatch.setattr(processes, "KILL_S", 3)
    processes.end(UID, patience_s=0.1, sole=True)
    looks = [processes.of(UID) for _ in range(20)]
    assert looks == [[]] * 20
    assert processes.of(COLLEAGUE) != []


def test_who_is_never_seen_is_known_all_the_same(bomb):
    assert processes.runs_unseen(UID)


def test_where_nobody_runs_nobody_is_unseen(colleague):
    assert not processes.runs_unseen(UID)
    assert processes.runs_unseen(COLLEAGUE)


def test_who_leaves_and_is_not_seen_is_not_removed_without_a_word(whole, monkeypatch):
    monkeypatch.setattr(Host, "runs_unseen", lambda host, uid: uid == 2001)
    before = whole.tree()
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code == 4 and "forks all the time" in answer.err, answer
    assert whole.tree() == before
    assert whole.cli("user", "remove", "kim", "--yes", "--end-processes").code == 0


def test_all_of_a_uid_that_several_have_are_not_killed_at_once(bomb, monkeypatch):
    monkeypatch.setattr(processes, "KILL_S", 0.3)
    monkeypatch.setattr(processes, "kill_all", lambda uid: pytest.fail("killed"))
    processes.end(UID, patience_s=0.1)


def test_a_number_that_is_somebody_elses_by_now_is_left_alone(colleague):
    """Between the look and the signal the process ended, and its number was given again."""
    old = processes.Process(colleague, os.getpid(), "bomb")
    processes._signal([old], signal.SIGKILL, (UID, (), lambda number: None))
    assert [one.pid for one in processes.of(COLLEAGUE)] == [colleague]

