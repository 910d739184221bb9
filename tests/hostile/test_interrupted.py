"""Stopped in the middle: every entry is as it was or on its way, it is said, and the next run ends it."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from wiped import REPOSITORY

pytestmark = pytest.mark.usefixtures("root_rights")

KIM = 2001
TORCH = "/data/models/torch"
FILES = 3000
PATIENCE_S = 60
# The program, slow enough to be met at its work.
SLOWLY = """
import sys, time
from aica import cli, files
adjust = files.adjust
def slow(*args):
    time.sleep(0.002)
    return adjust(*args)
files.adjust = slow
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def used(whole):
    """A server whose members made thousands of files that others cannot use."""
    for number in range(10):
        folder = "{}/{}".format(TORCH, number)
        whole.folder(folder, 0o755, KIM, KIM)
        for name in range(FILES // 10):
            whole.write("{}/{}".format(folder, name), "", 0o600, KIM, KIM)
    return whole


def states(server):
    """Return how many files there are of each (mode, gid)."""
    found = {}
    for number in range(10):
        for name in range(FILES // 10):
            mode, _uid, gid = server.stat("{}/{}/{}".format(TORCH, number, name))
            found[mode, gid] = found.get((mode, gid), 0) + 1
    return found


class Terminal:
    """The program at a terminal of its own."""

    def __init__(self, server, *words):
        argv = [sys.executable, "-c", SLOWLY] + list(words) + ["--root", server.root]
        self.child, self.handle = pty.fork()
        if self.child == 0:
            os.chdir(REPOSITORY)
            os.execve(argv[0], argv, dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        self.text = ""

    def wait_for(self, word):
        deadline = time.monotonic() + PATIENCE_S
        while word not in self.text and time.monotonic() < deadline and self._read():
            pass
        assert word in self.text, self.text

    def press(self, key):
        os.write(self.handle, key)

    def end(self):
        """Read to the end; return the exit status."""
        while self._read():
            pass
        os.close(self.handle)
        status = os.waitpid(self.child, 0)[1]
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def _read(self):
        try:
            data = os.read(self.handle, 4096)
        except OSError:  # EIO: the other end is closed
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)


def shared_gid(server):
    return server.stat(TORCH)[2]


def assert_no_half(server):
    gid = shared_gid(server)
    found = states(server)
    assert set(found) <= {(0o600, KIM), (0o600, gid), (0o660, gid)}
    assert found.get((0o660, gid), 0) > 0 and found.get((0o600, KIM), 0) > 0, "in the middle"


@pytest.mark.parametrize("words", [("permissions", "apply"), ("recover", "--deep")])
def test_ctrl_c_at_the_terminal_is_answered_and_the_next_run_completes_it(used, words):
    terminal = Terminal(used, *words)
    terminal.wait_for(" entries")
    time.sleep(0.3)
    terminal.press(b"\x03")
    assert terminal.end() == 130
    assert "interrupted" in terminal.text and "Traceback" not in terminal.text
    assert "stopped in shared-tree:" + TORCH in used.read("/var/log/aica-recovery.log")
    assert_no_half(used)
    assert used.cli("permissions", "apply").code == 0
    assert states(used) == {(0o660, shared_gid(used)): FILES}
    before = used.tree(times=True)
    assert used.cli("permissions", "apply").ids("changed") == []
    assert {path for path, entry in used.tree(times=True).items()
            if path.startswith("/data/") and before[path] != entry} == set()


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_systemd_ends_it_with_all_its_workers_and_it_is_no_bug(used, number, code):
    """TimeoutStartSec: the signal goes to the whole control group."""
    argv = [sys.executable, "-c", SLOWLY, "permissions", "apply", "--root", used.root]
    process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + PATIENCE_S
    while states(used) == {(0o600, KIM): FILES} and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, (out, err)
    assert b"bug" not in err and b"Traceback" not in err
    assert_no_half(used)
    deadline = time.monotonic() + PATIENCE_S
    while _group_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_lives(process.pid)
    assert used.cli("permissions", "apply").code == 0
    assert states(used) == {(0o660, shared_gid(used)): FILES}


def _group_lives(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def test_an_unfinished_night_is_not_told_as_a_finished_one(used):
    """The status of the last whole run stays; the log says what was repaired."""
    assert used.cli("permissions", "apply", TORCH + "/0").code == 0
    terminal = Terminal(used, "recover", "--deep")
    terminal.wait_for(" entries")
    time.sleep(0.3)
    terminal.press(b"\x03")
    assert terminal.end() == 130
    assert not used.exists("/run/aica/maintenance.json")
    assert used.cli("recover", "--deep").code == 0
    assert json.loads(used.read("/run/aica/maintenance.json"))["state"] == "ok"


def test_a_pipe_gets_no_progress(used):
    answer = used.program("permissions", "apply")
    assert answer.code == 0 and "\r" not in answer.out + answer.err
    assert answer.err == ""


# -- before anything has begun ---------------------------------------------------------------

AT_THE_IMPORT_OF = """
import os, signal, sys

class Finder:
    wanted = os.environ["INTERRUPTED_AT"]  # a door clears the environment

    def find_spec(self, name, path=None, target=None):
        if name == self.wanted:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
DOORS = [(), ("aica",), ("aica-recover",), ("aica-disk-alert",), ("aica-tui",), ("aica-clean-cache",)]


@pytest.mark.parametrize("door", DOORS, ids="".join)
@pytest.mark.parametrize("module", ["aica.cli", "aica.parser", "aica.commands"])
def test_ctrl_c_while_the_program_is_loaded_is_130_and_no_traceback(tmp_path, door, module):
    (tmp_path / "sitecustomize.py").write_text(AT_THE_IMPORT_OF)
    argv = [sys.executable, "-m", "aica", "check", "--root", "/nonexistent"]
    if door:
        with open("{}/system/bin/{}".format(REPOSITORY, door[0])) as script:
            text = script.read()
        assert "/usr/share/aica-datakeeper" in text
        path = tmp_path / "script"
        path.write_text(text.replace("/usr/share/aica-datakeeper", REPOSITORY))
        argv = [sys.executable, str(path), "--help"]
    process = subprocess.Popen(
        argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=str(tmp_path), INTERRUPTED_AT=module,
                                         PYTHONDONTWRITEBYTECODE="1"))
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130 and out + err == b"", (process.returncode, out, err)
