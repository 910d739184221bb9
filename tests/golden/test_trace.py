"""What the kernel sees of a recovery: what is run, what is touched, what is written."""

import os
import re
import subprocess
import sys

import pytest
from wiped import REPOSITORY

from aica import command

WRITING = ("rename,renameat,renameat2,mkdir,mkdirat,symlink,symlinkat,link,linkat,unlink,unlinkat,"
           "rmdir,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,truncate,ftruncate,mknod,"
           "mknodat,setxattr,utimensat")


@pytest.fixture
def trace(needs, tmp_path):
    """Return the function that recovers a server under strace and returns the calls."""
    needs(command.find("strace"), "needs strace")

    def run(server, calls):
        have = [name for name in calls.split(",") if subprocess.call(
            ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + name, "true"],
            stderr=subprocess.DEVNULL) == 0]
        lines = tmp_path / "trace"
        subprocess.check_call(
            ["strace", "-f", "-qq", "-y", "-s", "4096", "-o", str(lines),
             "-e", "trace=" + ",".join(have), "-e", "signal=none",
             sys.executable, "-m", "aica", "recover", "--root", server.root],
            cwd=REPOSITORY, stdout=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        return lines.read_text(errors="surrogateescape").splitlines()
    return run


def test_only_the_systems_own_programs_are_run(server, trace):
    for name in ("useradd", "visudo", "conda", "cp"):
        server.write("/data/apps/miniconda3/bin/" + name, "#!/bin/sh\n", 0o755)
        server.write("/usr/sbin/" + name, "#!/bin/sh\n", 0o755)
    server.write("/data/apps/miniconda3/conda-meta/history", "")  # whole: looked at, never run
    found = [re.search(r'execve\("([^"]*)"', line) for line in trace(server, "execve")]
    programs = [match.group(1) for match in found if match]
    assert len(programs) > 10
    for program in programs[1:]:  # the first is Python itself
        assert os.path.dirname(program) in command.FOLDERS, program


def test_nothing_inside_a_home_is_looked_at(server, trace):
    server.write("/data/users/kim/marker-in-a-home", "x", uid=2001)
    server.folder("/data/users/kim/folder-in-a-home", uid=2001)
    lines = trace(server, "%file,getdents64")
    assert any("/data/users" in line for line in lines)
    for line in lines:
        assert "-in-a-home" not in line and "notes.txt" not in line, line
        assert not ("getdents64" in line and "/data/users/" in line), line


def test_a_second_run_writes_only_lock_status_and_log(whole, trace):
    whole.cli("recover")
    calls = trace(whole, WRITING)
    elsewhere = [line for line in calls
                 if whole.path("/run/aica") not in line and "exited" not in line]
    assert elsewhere == []
    opened = [line for line in trace(whole, "openat")
              if re.search(r"O_(WRONLY|RDWR|CREAT)", line) and whole.root in line]
    written = {re.search(r"<([^>]*)>.*<([^>]*)>", line).group(2) for line in opened
               if re.search(r"= \d", line)}
    places = {os.path.dirname(path[len(whole.root):]) for path in written}
    assert places <= {"/run/aica", "/var/log"}


def test_a_home_costs_the_same_whatever_is_in_it(whole, trace):
    whole.cli("recover")

    def calls():
        return [line.split("(", 1)[0].split()[-1] for line in trace(whole, "%file,getdents64,read")
                if whole.root in line]

    few = calls()
    for number in range(1000):
        whole.write("/data/users/kim/{}".format(number), "", uid=2001)
    assert sorted(calls()) == sorted(few)
