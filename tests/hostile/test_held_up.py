"""Root waits for nobody for ever: not for who stops, holds or floods what works with her rights."""

import os
import signal
import time

import pytest

from aica import command, patience
from aica.errors import AicaError
from aica.host import child
from aica.resources import selinux
from aica.tree import own_labels

# Tests run side by side, and each ends what is left of its user: each worker has one of its own.
UID = 58000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
IDS = (UID, UID)


@pytest.fixture(autouse=True)
def short(root_rights, monkeypatch):
    """What stands still is given up after a moment; nobody of UID is left behind."""
    monkeypatch.setattr(patience, "IDLE_S", 0.5)
    yield
    for name in os.listdir("/proc"):
        if name.isdigit() and owner(name) == UID:
            os.kill(int(name), signal.SIGKILL)


def _stopped():
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on"


def _computes():
    while True:
        pass


def _floods():
    return "x" * (child.ANSWER_BYTES + 1)


def _leaves_a_child_behind():
    if os.fork() == 0:
        time.sleep(600)
    return "done"


def test_a_child_that_its_owner_stopped_is_given_up():
    with pytest.raises(AicaError, match="the work as kim has stood still"):
        child.call(IDS, _stopped, who="kim", idle_s=0.5)


def test_a_child_that_works_is_left_in_peace_until_its_time_is_over():
    with pytest.raises(AicaError, match="did not finish within 1.5 s"):
        child.call(IDS, _computes, idle_s=0.5, timeout_s=1.5)


def test_an_endless_answer_is_not_kept():
    with pytest.raises(AicaError, match="more than"):
        child.call(IDS, _floods)


def test_who_holds_the_pipe_open_holds_up_nobody():
    with pytest.raises(AicaError, match="stood still"):
        child.call(IDS, _leaves_a_child_behind, idle_s=0.5)


def test_who_stops_the_look_at_the_own_labels_holds_up_a_recovery_for_moments(whole, monkeypatch):
    """A copy of a home may stand still for a quarter of an hour; three files of a home may not."""
    monkeypatch.setattr(patience, "IDLE_S", 60)
    monkeypatch.setattr(selinux, "LOOK_S", 1, raising=False)
    monkeypatch.setattr(own_labels, "survey", lambda _home, _parts: _stopped())
    home = selinux.HomeLabel("/data/users/kim", IDS, "u:r:home_t:s0", "u:r:ssh_t:s0")
    with pytest.raises(AicaError, match="uid {} did not finish within 1 s".format(UID)):
        home.inspect(whole.host())


@pytest.mark.parametrize("timeout_s", [None, 60])
def test_a_program_that_its_owner_stopped_is_given_up_with_its_children(timeout_s):
    with pytest.raises(AicaError, match="stood still"):
        command.run(["sh", "-c", "sleep 600 & kill -STOP $$"], ids=IDS, timeout_s=timeout_s)
    assert left() == 0


def owner(pid):
    """Return whose process it is, None if it has ended."""
    try:
        return os.stat("/proc/" + pid).st_uid
    except OSError:
        return None


def left():
    """Return how many processes of UID's are left, once those that were killed are gone."""
    for _ in range(100):
        found = [name for name in os.listdir("/proc") if name.isdigit() and (
            patience._stat(name) or ["Z"])[0] != "Z" and owner(name) == UID]
        if not found:
            break
        time.sleep(0.02)
    return len(found)


def test_a_program_is_not_waited_for_because_of_what_it_left_behind():
    result = command.run(["sh", "-c", "setsid sleep 600 & echo said"], ids=IDS, timeout_s=None)
    assert (result.code, result.out) == (0, "said\n")


def test_of_endless_output_the_beginning_is_kept():
    result = command.run(["sh", "-c", "head -c 3000000 /dev/zero; echo why >&2; exit 3"], ids=IDS)
    assert (result.code, len(result.out), result.err) == (3, command.OUTPUT_OF_A_USER, "why\n")


def test_a_foreign_program_that_never_stops_talking_fills_no_memory():
    """conda lists what members put into its folders; what it left behind is not waited for."""
    words = ["-c", "setsid sleep 600 & head -c 3000000 /dev/zero"]
    result = command.run_dropped("/bin/sh", words, IDS, {})
    assert (result.code, len(result.out)) == (0, command.OUTPUT_OF_A_USER)


def test_a_foreign_program_has_nothing_to_read_and_no_terminal():
    words = ["-c", "readlink /proc/self/fd/0; cut -d' ' -f7 /proc/self/stat"]
    assert command.run_dropped("/bin/sh", words, IDS, {}).out == "/dev/null\n0\n"


def test_a_tracer_that_keeps_the_dead_keeps_nobody_waiting():
    """What is traced by another cannot be buried before the tracer looks away."""
    tracer = os.fork()
    if tracer == 0:
        _trace_the_next_sleep()
    try:
        with pytest.raises(AicaError):
            command.run(["sleep", "600"], ids=IDS, timeout_s=1)
    finally:
        os.kill(tracer, signal.SIGKILL)
        os.waitpid(tracer, 0)
    os.waitpid(-1, 0)  # the dead one that it kept


def _trace_the_next_sleep():
    """Seize the program as root could be any of its owner's, and never look again."""
    import ctypes
    try:
        while True:
            for name in os.listdir("/proc"):
                if name.isdigit() and owner(name) == UID:
                    if ctypes.CDLL(None).ptrace(0x4206, int(name), 0, 0) == 0:
                        time.sleep(600)
    finally:
        os._exit(0)


def test_a_program_hears_what_it_is_told_and_may_not_listen():
    text = "line\n" * 50000
    assert command.run(["wc", "-c"], stdin=text, ids=IDS).out == "250000\n"
    assert command.run(["true"], stdin=text, ids=IDS).code == 0
