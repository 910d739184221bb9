"""One change at a time, by a lock that dies with its holder."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from aica import command, lock
from aica.errors import NotReady

HOLD = """
import subprocess, sys, time
sys.path.insert(0, sys.argv[2])
from aica import lock
from aica.host import Host
with lock.hold(Host(sys.argv[1])):
    child = subprocess.Popen(["sleep", "600"]) if sys.argv[3] == "child" else None
    print(child.pid if child else 0, flush=True)
    time.sleep(600)
"""
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Holder:
    """Another process that holds the lock of a server, perhaps with a child of its own."""

    def __init__(self, root, child=False):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, root, REPOSITORY, "child" if child else "alone"],
            stdout=subprocess.PIPE)
        self.child = int(self.process.stdout.readline())

    def kill(self):
        """kill -9, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_a_second_holder_is_not_ready_and_told_who_is_first(server):
    holder = Holder(server.root)
    try:
        with pytest.raises(NotReady) as caught:
            with lock.hold(server.host()):
                pass
        assert "process {}".format(holder.process.pid) in str(caught.value)
    finally:
        holder.kill()


def test_waiting_ends_not_ready_too(server):
    with lock.hold(server.host()):
        with pytest.raises(NotReady):
            with lock.hold(server.host(), wait_s=0.1):
                pass


def test_waiting_ends_as_soon_as_the_lock_is_free(server):
    holder = Holder(server.root)
    threading.Timer(0.2, holder.kill).start()
    with lock.hold(server.host(), wait_s=60):
        pass


def test_it_is_free_when_its_holder_was_killed(server):
    Holder(server.root).kill()
    with lock.hold(server.host()):
        pass


def test_it_is_free_when_its_holder_was_killed_and_a_program_it_ran_lives_on(server):
    holder = Holder(server.root, child=True)
    holder.kill()
    try:
        with lock.hold(server.host()):
            pass
    finally:
        os.kill(holder.child, signal.SIGKILL)


def test_the_file_stays_the_same_file(server):
    with lock.hold(server.host()):
        first = os.stat(server.path(lock.PATH)).st_ino
    with lock.hold(server.host()):
        assert os.stat(server.path(lock.PATH)).st_ino == first
    assert server.stat(lock.PATH) == (0o600, 0, 0)


def test_an_error_inside_sets_it_free(server):
    with pytest.raises(ZeroDivisionError):
        with lock.hold(server.host()):
            raise ZeroDivisionError
    with lock.hold(server.host()):
        pass


def test_a_run_folder_that_others_may_write_is_not_used(server):
    server.folder("/run/aica", mode=0o777)
    with pytest.raises(NotReady):
        with lock.hold(server.host()):
            pass


def test_a_link_in_place_of_the_lock_is_not_followed(server):
    server.folder("/run/aica")
    server.write("/victim", "safe")
    server.link("/run/aica/lock", server.path("/victim"))
    with pytest.raises((NotReady, OSError)):
        with lock.hold(server.host()):
            pass
    assert server.read("/victim") == "safe"


@pytest.mark.parametrize("what", ["link", "folder", "fifo"])
def test_what_stands_in_place_of_the_lock_is_not_ready(server, what):
    path = server.path(lock.PATH)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    {"link": lambda: os.symlink("/etc/hostname", path), "folder": lambda: os.mkdir(path),
     "fifo": lambda: os.mkfifo(path)}[what]()
    with pytest.raises(NotReady) as caught:
        with lock.hold(server.host()):
            pass
    assert lock.PATH in str(caught.value)


def test_a_program_that_inherits_the_lock_holds_it_when_we_are_killed(server, tmp_path):
    host = server.host()

    def work():
        with lock.hold(host) as handle:
            command.run(["sh", "-c", "echo $$ >{}/pid; exec sleep 60".format(tmp_path)],
                        held=(handle,))

    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(NotReady), lock.hold(host):
        pass
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    with lock.hold(host, 20):
        pass
