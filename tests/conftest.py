"""What every test stands on: a wiped server in a folder, and a fence around the real one."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

# Started in the background of a shell we ignore Ctrl-C, and so would every program under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if REPOSITORY not in sys.path:
    sys.path.insert(0, REPOSITORY)

from fakes import FakeRun  # noqa: E402
from wiped import Server, throw_away_folder  # noqa: E402

from aica import command, labels  # noqa: E402
from aica.host import CHANGING, Host  # noqa: E402

SHADOW_TOOLS = ("useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "chpasswd",
                "chage", "passwd", "pwconv", "grpconv")
ELSEWHERE = ("--prefix", "--root")


def require(condition, reason):
    """Skip a test that cannot run here; on CI nothing may be missing, so there it fails."""
    if not condition:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(autouse=True)
def fence_around_this_machine(monkeypatch):
    """Make it impossible that a test changes the machine that it runs on."""
    run = command.run

    def guarded(argv, *args, **kwargs):
        if argv[0] in SHADOW_TOOLS and not set(ELSEWHERE) & set(argv):
            raise AssertionError("a test ran {} on this machine".format(argv))
        return run(argv, *args, **kwargs)

    monkeypatch.setattr(command, "run", guarded)
    monkeypatch.setattr(Host.__init__, "__defaults__", ("/", guarded))
    for name in CHANGING:
        monkeypatch.setattr(Host, name, _not_on_this_machine(name, getattr(Host, name)))


def _not_on_this_machine(name, method):
    def guarded(self, *args, **kwargs):
        if self.live:
            raise AssertionError("a test called {}{} on this machine".format(name, args))
        return method(self, *args, **kwargs)
    return guarded


@pytest.fixture(autouse=True)
def no_child_is_left():
    """Blame the test that leaves a child, running or dead, not a later one that finds it."""
    before = children()
    yield
    left = [_told(pid) for pid in children() - before]
    assert left == [], "the test left a child behind"


def children():
    """Return the process ids of our children, dead ones that nobody buried too."""
    found = set()
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended
            with open("/proc/self/task/{}/children".format(task)) as pids:
                found.update(pids.read().split())
    return found


def _told(pid):
    """Return a child's id with its command line."""
    try:
        with open("/proc/{}/cmdline".format(pid), errors="replace") as words:
            return pid, words.read().replace("\0", " ").strip()
    except OSError:
        return pid, ""


@pytest.fixture
def fake_run():
    """Return the maker of a runner that refuses every command it was not told about."""
    return FakeRun


@pytest.fixture
def root_rights():
    """Skip without root: owners and modes of other people are part of the test."""
    require(os.geteuid() == 0, "needs root, to give files to other users in a temporary folder")


@pytest.fixture
def bottomless():
    """A folder for trees that are deeper than pytest could ever remove, should the test be killed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aica-test-"))
    yield folder
    subprocess.check_call(["rm", "-rf", str(folder)])


@pytest.fixture
def server(root_rights):
    """The demo's wiped server, in a folder of its own."""
    for tool in ("useradd", "usermod", "groupadd", "chpasswd", "chage"):
        require(command.find(tool), "needs {}, of the package passwd or shadow-utils".format(tool))
    with throw_away_folder() as folder:
        yield Server(folder).wiped()


@pytest.fixture(scope="session")
def _recovered_once():
    with throw_away_folder() as folder:
        model = Server(folder).wiped()
        result = model.cli("recover")
        assert result.code == 0, result
        yield model


@pytest.fixture
def whole(root_rights, server, _recovered_once):
    """The demo's server after its recovery: nothing is wrong with it."""
    server.become(_recovered_once)
    return server


@pytest.fixture
def own_labels(monkeypatch, tmp_path, needs):
    """Let labels live in an attribute that every kernel lets an owner set; return set(path, label)."""
    name = "user.aica-test"
    monkeypatch.setattr(labels, "ATTRIBUTE", name)
    try:
        os.setxattr(str(tmp_path), name, b"x")
        os.removexattr(str(tmp_path), name)
    except OSError as error:
        needs(False, "no attributes in the temporary folder: {}".format(error))
    return lambda path, label: os.setxattr(str(path), name, label.encode("ascii") + b"\0")


@pytest.fixture
def needs():
    """Return the function that skips a test, with a reason, where something is missing."""
    return require
