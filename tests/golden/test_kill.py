"""kill -9 at any step of a recovery: the next one ends where an uninterrupted one would have.

strace kills the program at the N-th call of one kind, for N = 1, 2, ... until
it is not reached any more; then the server is recovered again and compared.
"""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import snapshot
from wiped import REPOSITORY, Server, throw_away_folder

from aica import app, command
from aica.host import Host

CALLS = ("rename,renameat,renameat2", "mkdir,mkdirat", "symlink,symlinkat", "fchown,fchownat,chown",
         "fchmod,fchmodat,chmod", "clone,clone3,vfork,fork", "ftruncate")
# What the shadow tools leave beside their files, also when nobody kills them.
LITTER = re.compile(r"/etc/(passwd|shadow|group|gshadow|subuid|subgid)([-+]|\.lock|\.[0-9]+)\Z"
                    r"|/etc/\.pwd\.lock\Z")
MOST = 60


@pytest.fixture(scope="module")
def models():
    """A wiped server with little to do, and the same one after its recovery."""
    if os.geteuid() != 0 or not command.find("strace"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs root and strace")
    with throw_away_folder() as one, throw_away_folder() as two:
        before, after = Server(one).wiped(), Server(two)
        before.write("/data/config/users.txt", "kim:gpu-users\n")
        assert before.cli("recover").code == 0
        before.wipe()
        before.remove("/data/dataset")
        before.remove("/data/config/global_env.sh")
        os.chmod(before.path("/data/models/torch"), 0o777)
        after.become(before)
        assert after.cli("recover").code == 0
        yield before, after


def state(server):
    """Return all that must be equal: everything but times, litter, and what says when."""
    tree = {path: entry for path, entry in server.tree().items() if not LITTER.match(path)}
    # grpconv writes the x where groupadd writes a !; no password matches either.
    tree["/etc/gshadow"] = sorted(server.read("/etc/gshadow").replace(":x::", ":!::").split("\n"))
    return dict(tree, run=server.exists("/run/aica/status.json"))


def assert_converges(server, after):
    """Recover once more and compare with the uninterrupted recovery."""
    again = server.program("recover")
    assert again.code == 0, again
    found, expected = state(server), state(after)
    assert {path: (found.get(path), expected.get(path))
            for path in snapshot.differences(found, expected)} == {}
    left = [path for path in server.tree(leave_out=()) if "aica-tmp" in path]
    assert left == []
    assert server.program("check", "-q").rows == []


def killed(argv, calls, number, stdin=""):
    """Run argv and kill it at its N-th call; return True if it was killed."""
    process = subprocess.Popen(
        ["strace", "-qq", "-e", "trace=" + calls, "-o", "/dev/null",
         "-e", "inject={}:signal=KILL:when={}".format(calls, number)] + argv,
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    said = process.communicate(stdin.encode("ascii"))[0]
    assert process.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), said
    return process.returncode != 0


def known_calls(calls):
    """Return those of the calls that this machine has: strace refuses the others."""
    have = [name for name in calls.split(",") if subprocess.call(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + name, "true"],
        stderr=subprocess.DEVNULL) == 0]
    return ",".join(have)


@pytest.mark.parametrize("calls", CALLS, ids=[calls.split(",")[0] for calls in CALLS])
def test_killed_at_any_call_of_ours(models, calls):
    before, after = models
    calls = known_calls(calls)

    def one(number):
        with throw_away_folder() as folder:
            server = Server(folder)
            server.become(before)
            argv = [sys.executable, "-m", "aica", "recover", "--root", folder]
            hit = killed(argv, calls, number)
            assert_converges(server, after)
            return hit

    number = 1
    with ThreadPoolExecutor(2) as pool:
        while all(pool.map(one, (number, number + 1))):
            number += 2
            assert number < MOST


def tools_of(before):
    """Return [(argv, stdin)] of every program that a recovery runs; the root stands as ROOT."""
    calls = []
    with throw_away_folder() as folder:
        server = Server(folder)
        server.become(before)

        def recorded(argv, stdin="", timeout_s=60, ids=None):
            calls.append(([word.replace(folder, "ROOT") for word in argv], stdin))
            return command.run(argv, stdin, timeout_s, ids)

        class Recording(app.App):
            def host(self, read_only=False, need_root=True):
                return Host(self.root, recorded)

        assert {outcome.status for outcome in Recording(folder).recover()} \
            <= {"ok", "changed", "skipped"}
    return [call for call in calls if call[0][0] != "visudo"]


def test_killed_inside_any_tool_at_any_rename(models):
    before, after = models
    tools = tools_of(before)
    assert [argv[0] for argv, _ in tools] == [
        "groupadd", "groupadd", "useradd", "chage", "chpasswd", "chage", "usermod", "usermod",
        "usermod"]
    renames = known_calls("rename,renameat,renameat2")

    def one_tool(place):
        for number in range(1, MOST):
            with throw_away_folder() as folder:
                server = Server(folder)
                server.become(before)
                for argv, stdin in tools[:place]:
                    assert command.run(in_root(argv, folder), stdin).code == 0
                argv, stdin = tools[place]
                found = in_root(argv, folder)
                hit = killed([command.find(found[0])] + found[1:], renames, number, stdin)
                assert_converges(server, after)
                if not hit:
                    return number
        raise AssertionError("never clean")

    with ThreadPoolExecutor(2) as pool:
        kills = list(pool.map(one_tool, range(len(tools))))
    assert all(count > 1 for count in kills)


def in_root(argv, folder):
    return [word.replace("ROOT", folder) for word in argv]
