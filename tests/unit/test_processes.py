"""Who runs what: seen by uid, asked to end, and killed only if they do not."""

import os
import pathlib
import signal
import time

import pytest

from aica.host import processes

UID = 54321


def sleeper(ignore=False, uid=UID, work=lambda: time.sleep(60)):
    """Start a process of UID's, or of another; return its id."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if ignore:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            else:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setgid(uid)
            os.setuid(uid)
            os.write(writer, b"x")
            work()
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

    def start(ignore=False, **more):
        children.append(sleeper(ignore, **more))
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


# -- what runs in containers, and what only looks dead ----------------


def test_what_runs_under_subordinate_ids_is_the_users_too(running):
    child = running(uid=UID + 100)
    assert processes.of(UID) == []
    found, = processes.of(UID, [(UID + 50, UID + 100)])
    assert found.pid == child
    assert processes.of(UID, [(UID + 50, UID + 99), (UID + 101, UID + 102)]) == []
    processes.end(UID, spans=[(UID + 50, UID + 100)])
    assert processes.of(UID, [(UID + 50, UID + 100)]) == []


def test_an_id_that_has_a_name_is_somebodys_and_left_alone(running):
    running(uid=UID + 100)
    spans, names = [(UID + 50, UID + 150)], {UID + 100: "lee"}.get
    assert processes.of(UID, spans, names) == []
    processes.end(UID, patience_s=0.1, spans=spans, name_of=names)
    assert len(processes.of(UID + 100)) == 1


def test_whose_first_thread_alone_has_ended_still_runs(running):
    child = running(work=_leave_a_thread)
    status = pathlib.Path("/proc/{}/status".format(child))
    while "State:\tZ" not in status.read_text():
        time.sleep(0.01)
    assert [found.pid for found in processes.of(UID)] == [child]


def _leave_a_thread():
    import ctypes
    import threading
    threading.Thread(target=time.sleep, args=(60,)).start()
    ctypes.CDLL(None).syscall(60, 0)  # exit(2), of this thread and not of the process
