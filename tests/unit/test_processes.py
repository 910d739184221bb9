"""Who runs what: seen by uid, asked to end, and killed only if they do not."""

import os
import signal
import time

import pytest

from aica.host import processes

UID = 54321


def sleeper(ignore=False):
    """Start a process of UID's; return its id."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if ignore:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            else:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setgid(UID)
            os.setuid(UID)
            os.write(writer, b"x")
            time.sleep(60)
        finally:
            os._exit(0)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return child


@pytest.fixture
def running(root_rights):
    """Start sleepers, and leave none behind."""
    children = []

    def start(ignore=False):
        children.append(sleeper(ignore))
        return children[-1]
    yield start
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_processes_of_a_user_are_found_and_no_others(running):
    child = running()
    found, = processes.of(UID)
    assert (found.pid, found.parent) == (child, os.getpid())
    assert processes.of(UID + 1) == []


def test_who_ends_when_asked_is_not_waited_for(running):
    running()
    before = time.monotonic()
    processes.end(UID)
    assert processes.of(UID) == [] and time.monotonic() - before < processes.PATIENCE_S


def test_who_does_not_end_is_killed(running):
    running(ignore=True)
    processes.end(UID, patience_s=0.3)
    assert processes.of(UID) == []


def test_a_zombie_is_nothing_that_runs(running):
    child = running()
    os.kill(child, signal.SIGKILL)
    while processes.of(UID):
        time.sleep(0.01)
    os.kill(child, 0)  # it is still there, as a zombie


def test_our_ancestors_end_with_the_first_process_of_all():
    found = processes.ancestors()
    assert found[0] == os.getpid() and found[1] == os.getppid() and 0 not in found
