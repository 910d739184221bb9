"""aica-clean-cache: its command lines, and what an enemy who calls it can leave behind in a process."""

import json
import os
import re
import resource
import signal
import subprocess
import sys

import pytest

from aica import door
from aica.commands import clean
from aica.settings import Settings
from aica.site import sudoers

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEMBER = door.Caller(True, "kim", "2001")


def sudo_rules():
    """Return the command lines of aica-clean-cache that the sudo rules allow, as argument lists."""
    alias = re.search(r"Cmnd_Alias AICA_CLEAN = ([^=]*?)\n\w", sudoers.render(Settings()))
    lines = [line.strip().split() for line in re.split(r",? ?\\\n", alias.group(1)) if line.strip()]
    assert {words[0] for words in lines} == {sudoers.CLEAN_CACHE}
    return [[] if words[1:] == ['""'] else words[1:] for words in lines]


def test_the_parser_takes_exactly_what_sudo_allows():
    assert sorted(clean.allowed()) == sorted(sudo_rules())
    assert len(sudo_rules()) == 2 + 5 * 3


@pytest.mark.parametrize("words", sudo_rules(), ids=" ".join)
def test_what_sudo_allows_is_understood(words):
    args = clean.Door(MEMBER).parse_args(words)
    targets = [name for name in ("all", "conda", "pip", "torch", "hf") if getattr(args, name)]
    assert ["--" + name for name in targets] == [word for word in words[:1] if word != "--help"]
    assert (args.yes, args.dry_run) == ("--yes" in words, "--dry-run" in words)
    assert (args.root, args.config, args.caller, args.older_than) == ("/", "", MEMBER, None)


@pytest.mark.parametrize("words", [
    ["--root", "/tmp"], ["--config=/tmp/x"], ["--hf", "--older-than=0"], ["--hf", "--json"],
    ["--yes", "--hf"], ["--hf", "--torch"], ["--hf", "--yes", "--yes"], ["--h"], ["--help", "--hf"],
    ["--hf", "--dry"], ["--hf=/etc"], ["--version"], ["-h"], ["hf"], ["--"], [""], ["--hf", ""],
    ["/etc"], ["--all", "--dry-run", "--yes"], ["\udcff"]], ids=repr)
def test_everything_else_is_refused(words):
    code, out, err = come_in(words)
    assert code == 2 and out == "" and "not one of the command lines" in err


@pytest.mark.parametrize("words", [[], ["--help"]], ids=repr)
def test_it_explains_itself(words):
    code, out, err = come_in(words)
    assert (code, err) == (0, "") and "sudo aica-clean-cache --all" in out


COME_IN = """
import sys
from aica import cli, door
sys.exit(cli.main(sys.argv[1:], prog="aica-clean-cache", caller=door.Caller(True, "kim", "2001")))
"""


def come_in(words):
    """Return (exit status, output, errors) of a member's command line."""
    child = subprocess.Popen([sys.executable, "-c", COME_IN] + words, cwd=REPOSITORY,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = child.communicate()
    return child.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("environ, member", [
    ({}, False), ({"SUDO_UID": "0", "SUDO_USER": "root"}, False), ({"HOME": "/x"}, False),
    ({"SUDO_UID": "2001", "SUDO_USER": "kim"}, True), ({"SUDO_UID": ""}, True),
    ({"SUDO_UID": "00"}, True), ({"SUDO_UID": "-1"}, True), ({"SUDO_USER": "root"}, True),
    ({"SUDO_COMMAND": "x"}, True), ({"SUDO_UID": "0 "}, True)])
def test_who_is_not_surely_root_is_a_member(environ, member):
    assert door.caller_of(environ).is_member is member


def test_the_journal_names_an_admin_who_used_sudo_too(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SUDO_")]:
        monkeypatch.delenv(name)
    assert clean._words(door.Caller()) == "root" and clean._words(MEMBER) == "kim (uid 2001)"
    monkeypatch.setenv("SUDO_USER", "ada")
    monkeypatch.setenv("SUDO_UID", "1000")
    assert clean._words(door.Caller()) == "ada (uid 1000)"


PROBE = """
import json, os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from aica import door
caller = door.enter()
handlers = {}
for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGTSTP", "SIGCHLD", "SIGPIPE"):
    handler = signal.getsignal(getattr(signal, name))
    handlers[name] = getattr(handler, "__name__", None) or getattr(handler, "name", str(handler))
old = os.umask(0)
answer = {
    "umask": old, "cwd": os.getcwd(), "environ": sorted(os.environ), "handlers": handlers,
    "blocked": [int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    "fds": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1],
    "streams": [os.readlink("/proc/self/fd/%d" % n) for n in range(3)],
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "fsize": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
    "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "nice": os.getpriority(os.PRIO_PROCESS, 0), "caller": list(caller),
    "timer": signal.getitimer(signal.ITIMER_REAL)[0],
}
where = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
os.write(where, json.dumps(answer).encode())
"""


def may_raise_limits():
    """True with CAP_SYS_RESOURCE: capabilities(7)."""
    with open("/proc/self/status") as text:
        effective = re.search(r"CapEff:\s*(\w+)", text.read()).group(1)
    return bool(int(effective, 16) & 1 << 24)


@pytest.mark.usefixtures("root_rights")
def test_what_the_caller_left_behind_is_made_ordinary(tmp_path):
    def enemy():
        os.umask(0o777)
        os.chdir(str(tmp_path))
        os.nice(19)
        for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGCHLD"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, 30)
        for number in (5, 77, 200):
            os.dup2(2, number)
        for what, limit in (("FSIZE", 0), ("CPU", 1), ("NOFILE", 12)):
            # The hard limit too where a root may raise it again: a container's may not.
            what = getattr(resource, "RLIMIT_" + what)
            hard = limit if may_raise_limits() else resource.getrlimit(what)[1]
            resource.setrlimit(what, (limit, hard))
        for number in range(3):
            os.close(number)

    (tmp_path / "json.py").write_text("raise SystemExit('imported from the current folder')")
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", PROBE, REPOSITORY, str(tmp_path / "answer")],
        preexec_fn=enemy, close_fds=False,
        env={"SUDO_UID": "2001", "SUDO_USER": "kim", "LD_X": "1", "TZ": ":/etc/shadow", "PATH": "/tmp"})
    assert child.wait() == 0
    answer = json.loads((tmp_path / "answer").read_text())
    assert answer == {
        "umask": 0o022, "cwd": "/", "environ": ["HOME", "LC_ALL", "PATH"], "blocked": [],
        "fds": [0, 1, 2], "streams": ["/dev/null"] * 3, "nofile": 1024, "fsize": -1, "cpu": -1,
        "core": 0, "nice": 0, "caller": [True, "kim", "2001"], "timer": 0,
        "handlers": {"SIGINT": "default_int_handler", "SIGHUP": "_end", "SIGTERM": "_end",
                     "SIGTSTP": "SIG_IGN", "SIGCHLD": "SIG_DFL", "SIGPIPE": "SIG_IGN"}}


def test_the_script_shuts_the_door_before_it_does_anything_else():
    with open(REPOSITORY + "/system/bin/aica-clean-cache") as text:
        lines = [line.strip() for line in text.read().split("\n")]
    lines = [line for line in lines if line and not line.startswith(("#", '"'))]
    assert lines[:6] == ["import sys", "sys.dont_write_bytecode = True",
                         'sys.path.insert(0, "/usr/share/aica-datakeeper")',
                         "try:", "from aica import door", "caller = door.enter()"]
    with open(REPOSITORY + "/aica/door.py") as text:
        imports = re.findall(r"^(?:import|from) (\w+)", text.read(), re.M)
    assert imports == ["contextlib", "os", "resource", "signal", "typing"]
