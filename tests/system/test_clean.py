"""Members clean the shared caches through sudo, as themselves, as careless people, and as enemies."""

import re
import subprocess
import textwrap

import pytest

import team as people
from conftest import _refuse as refuse
from server import Server

CLEAN = "/usr/sbin/aica-clean-cache"
TORCH = "/data/models/torch/hub"
WEIGHTS = TORCH + "/checkpoints"
PKGS = "/data/cache/conda/pkgs"
HUB = "/data/models/huggingface/hub"
OLD = "-d '40 days ago'"


@pytest.fixture(scope="module")
def server(image, team):
    """A recovered server with the team on it, and caches that were used."""
    with Server(image, "clean", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        yield one


@pytest.fixture(autouse=True)
def used(server):
    """Old and new weights, a package in use and one that is not, for each test."""
    server.run(textwrap.dedent("""
        rm -rf {torch} {hub}/* {pkgs}/*
        install -d -o kim -g gpu-users -m 2775 {torch} {weights}
        for n in $(seq 20); do head -c 20000 /dev/zero >{weights}/old-$n.pth; done
        echo new >{weights}/new.pth
        mkdir -p {pkgs}/used-1-0/info {pkgs}/unused-1-0/info /data/users/kim/conda/envs/e
        touch {pkgs}/used-1-0/info/index.json {pkgs}/unused-1-0/info/index.json {pkgs}/used-1-0/lib.so
        ln -f {pkgs}/used-1-0/lib.so /data/users/kim/conda/envs/e/lib.so
        chown -R kim:gpu-users {torch} {pkgs}/* /data/users/kim/conda
        find {weights}/old-* {pkgs} -exec touch -h {old} {{}} +
    """).format(torch=TORCH, weights=WEIGHTS, pkgs=PKGS, hub=HUB, old=OLD))


def as_member(server, command, name="kim", check=False, timeout_s=60):
    return server.run(["su", "-", name, "-c", command], check=check, timeout_s=timeout_s)


def left(server):
    return server.run("ls " + WEIGHTS, check=False).out.split()


# -- which command lines ------------------------------------------------------------------------


TARGETS = ("--all", "--conda", "--pip", "--torch", "--hf")


def test_each_command_line_that_sudo_allows_runs(server):
    lines = ["", "--help"] + [t + more for t in TARGETS for more in (" --dry-run", " --yes")]
    for line in lines:
        result = as_member(server, "sudo -n aica-clean-cache " + line)
        assert result.code == 0 and "[" not in result.err, (line, result)
    for target in TARGETS:  # without a terminal nobody can be asked
        result = as_member(server, "sudo -n {} {}".format(CLEAN, target))
        assert result.code == 0 or "would ask: " in result.err and result.code == 2, result


@pytest.mark.parametrize("line", [
    "{} --hf --older-than 0", "{} --root / --all", "{} --all --json", "{} --yes --all",
    "{} --all --yes --yes", "{} /etc", "{} --hf --torch", "{} -h", "{} --version", "{} --",
    "aica clean --all --yes", "/usr/bin/aica clean --torch --yes", "-u lee {} --all --yes",
    "-g root {} --all --yes", "PYTHONPATH=/tmp {} --all --yes", "-E {} --all --yes",
    "-C 9 {} --all --yes", "-D /tmp {} --all --yes", "/usr/bin/python3 {} --all --yes"])
def test_every_other_command_line_is_refused_by_sudo(server, line):
    before = left(server)
    result = as_member(server, "sudo -n " + line.format(CLEAN))
    assert result.code == 1 and result.out == "", result
    assert left(server) == before


def test_who_is_no_member_may_not(server):
    assert server.run(["su", "-", "guest", "-c", "sudo -n {} --help".format(CLEAN)],
                      check=False).code != 0
    result = as_member(server, CLEAN + " --torch --yes")
    assert result.code == 5 and "sudo aica-clean-cache" in result.err


def test_a_member_removes_what_nobody_used_and_nothing_else(server):
    dry = as_member(server, "sudo -n aica-clean-cache --all --dry-run", check=True)
    done = as_member(server, "sudo -n aica-clean-cache --all --yes", check=True)
    planned = re.findall(r"^planned +(\S+)", dry.out, re.M)
    assert planned == re.findall(r"^changed +(\S+)", done.out, re.M) and len(planned) == 21
    assert left(server) == ["new.pth"]
    assert server.run("ls " + PKGS).out.split() == ["used-1-0"]
    assert "hard-linked into an environment (used-1-0" in done.out
    assert "used in the last 14 days (new.pth" in done.out
    assert re.search(r"\[INFO\] 400 KiB freed|\[INFO\] 3\d\d KiB freed|\[INFO\] 4\d\d KiB freed", done.out)


def test_root_itself_has_no_limit_of_age(server):
    server.run([CLEAN, "--torch", "--yes"])
    assert left(server) == []


def test_the_journal_has_a_line_for_each_event_with_the_name_of_the_member(server):
    as_member(server, "cd {}; mv old-1.pth \"$(printf 'a\\nroot removed b\\033[31m')\"".format(WEIGHTS),
              "kim", check=True)
    as_member(server, "sudo -n aica-clean-cache --torch --yes", check=True)
    server.run("journalctl --sync")
    lines = server.run("journalctl -b -q -o cat -t aica-clean-cache").out.splitlines()
    run = lines[len(lines) - 1 - lines[::-1].index("kim (uid 1002) cleans torch"):]
    assert len(run) == 22 and re.match(r"kim \(uid 1002\) freed \d+ bytes, 20 removed\Z", run[-1])
    assert "kim (uid 1002) removed torch:checkpoints/a\\x0aroot removed b\\x1b[31m" in run
    assert all(line.startswith("kim (uid 1002) ") for line in run)


def test_what_is_open_is_kept(server):
    server.run("systemd-run -q --unit=holder -p User=lee sleep 1000 "
               "-p StandardInput=file:{0}/old-3.pth".format(WEIGHTS), check=False)
    server.run(["systemd-run", "-q", "--unit=reader", "-p", "User=lee", "tail", "-f",
                WEIGHTS + "/old-4.pth"])
    server.run("touch -a {} {}/old-4.pth".format(OLD, WEIGHTS))
    done = as_member(server, "sudo -n aica-clean-cache --torch --yes", check=True)
    assert left(server) == ["new.pth", "old-4.pth"]
    assert "1 open in a program (old-4.pth" in done.out
    server.run(["systemctl", "stop", "reader"])


# -- a hostile caller ---------------------------------------------------------------------------


HOSTILE = """
mkdir -p ~/evil && cd ~/evil
for m in json os argparse aica resource syslog; do echo 'open("/data/owned", "w")' >$m.py; done
export PYTHONPATH=$PWD PYTHONSTARTUP=$PWD/os.py LD_PRELOAD=$PWD/x.so IFS=/ TZ=:/etc/shadow
trap '' INT HUP TERM
umask 777
"""


@pytest.mark.parametrize("tail", [
    "ulimit -f 0; ulimit -n 12; ulimit -t 1", "ulimit -Sf 0; ulimit -Sn 12; ulimit -St 1",
    "exec <&- >&- 2>&-", "exec <&- >/dev/full 2>/dev/full",
    "exec 9>/data/models/torch/x 77</etc/passwd", "renice -n 19 $$ >/dev/null; ulimit -s 100"])
def test_what_the_caller_leaves_behind_changes_nothing(server, tail):
    server.run("touch /etc/kept; chmod 600 /etc/kept")
    as_member(server, HOSTILE + tail + "\nsudo -n aica-clean-cache --torch --yes")
    assert left(server) == ["new.pth"]
    assert not server.exists("/data/owned")
    assert server.run("stat -c '%a %U' /run/aica/clean.lock").out == "600 root\n"


PTY = """
import os, pty, signal, sys, time
how, ready = sys.argv[1], sys.argv[2]
pid, fd = pty.fork()
if pid == 0:
    os.execvp("sudo", ["sudo", "-n", "aica-clean-cache", "--torch", "--yes"])
seen = b""
while ready.encode() not in seen:
    seen += os.read(fd, 1000)
if how == "hangup":
    os.close(fd)
else:
    os.write(fd, {"interrupt": b"\\x03", "quit": b"\\x1c", "stop": b"\\x1a"}[how])
    try:
        while True:
            part = os.read(fd, 1000)
            if not part:
                break
            seen += part
    except OSError:
        pass
print("status", os.waitpid(pid, 0)[1])
sys.stdout.write(seen.decode("utf-8", "replace"))
"""


def many(server, number=3000):
    server.run("cd {0}; for n in $(seq {1}); do : >many-$n; done; chown kim:gpu-users many-*; "
               "find . -name 'many-*' -exec touch {2} {{}} +".format(WEIGHTS, number, OLD))


@pytest.mark.parametrize("how", ["interrupt", "hangup", "quit"])
def test_stopped_from_the_terminal_the_next_run_ends_it(server, how):
    many(server)
    server.run("cat >/tmp/terminal.py", stdin=PTY)
    result = as_member(server, "python3 /tmp/terminal.py {} changed".format(how))
    server.wait_until("! pgrep -f [a]ica-clean-cache", 20, "the end of the run")
    assert len(left(server)) > 1, result
    if how == "interrupt":
        assert "freed" in result.out
    as_member(server, "sudo -n aica-clean-cache --torch --yes", check=True)
    assert left(server) == ["new.pth"]


def test_it_cannot_be_suspended_with_the_lock_in_its_hands(server):
    many(server)
    server.run("cat >/tmp/terminal.py", stdin=PTY)
    as_member(server, "timeout 50 python3 /tmp/terminal.py stop changed")
    assert left(server) == ["new.pth"]


def test_fifty_at_once(server):
    many(server, 500)
    command = ("for n in $(seq 50); do (sudo -n aica-clean-cache --torch --yes >/tmp/out.$n 2>&1; "
               "echo $?) & done; wait")
    codes = as_member(server, command, check=True, timeout_s=120).out.split()
    assert len(codes) == 50 and set(codes) <= {"0", "5"} and "0" in codes
    assert left(server) == ["new.pth"]
    assert server.run("cat /tmp/out.* | grep -v 'holds the lock' | grep -c ERROR", check=False).out \
        == "0\n"


def test_a_member_who_cleans_keeps_no_recovery_waiting(server):
    busy = "flock /run/aica/clean.lock "
    assert as_member(server, "true").code == 0
    result = server.run(busy + "su - kim -c 'sudo -n aica-clean-cache --torch --yes'", check=False)
    assert result.code == 5 and "holds the lock" in result.err
    assert server.run(busy + "timeout 10 aica recover -q", check=False).code == 0


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
pairs = [os.fsencode(name) for name in sys.argv[1:]]
while True:
    for number in range(0, len(pairs), 2):
        libc.renameat2(-100, pairs[number], -100, pairs[number + 1], 2)
"""


def test_folders_that_trade_places_with_links_to_what_matters(server):
    """S5: every folder that a member can rename, against root's removal, for some seconds."""
    server.run("cat >/tmp/swap.py", stdin=SWAP)
    server.run("mkdir -p /etc/victim/checkpoints /data/users/lee/keep; "
               "touch -d '90 days ago' /etc/victim/a_b_c /etc/victim/checkpoints/old-1.pth "
               "/data/users/lee/keep/old-2.pth /data/users/lee/keep/index.json")
    as_member(server, "ln -s /etc/victim {0}/../link; ln -s /data/users/lee/keep {0}/weights; "
                      "ln -s /etc/victim {1}/huggingface-link; ln -s /etc {2}/link-1-0".format(
                          TORCH, "/data/models/huggingface", PKGS))
    before = people.tree(server, "/etc", "/data/users/lee")
    names = [TORCH, "/data/models/torch/link", WEIGHTS, TORCH + "/weights", HUB,
             "/data/models/huggingface/huggingface-link", PKGS + "/unused-1-0", PKGS + "/link-1-0"]
    server.run(["systemd-run", "-q", "--unit=swap", "-p", "User=kim", "python3", "/tmp/swap.py"] + names)
    for _ in range(15):
        as_member(server, "sudo -n aica-clean-cache --all --yes")
    server.run(["systemctl", "stop", "swap"], check=False)
    assert people.tree(server, "/etc", "/data/users/lee") == before
    server.run("cd /data/models; for f in torch torch/hub huggingface; do "
               "find $f -maxdepth 1 -type l -delete; done; "
               "mkdir -p {0}; chown root:gpu-users {0}; chmod 2775 {0}".format(HUB))


# -- conda ----------------------------------------------------------------------------------------


FAKE_CONDA = """#!/bin/sh
{ echo "$(id -u) $(id -G) $*"; readlink /proc/self/fd/0; ps -o tty= -p $$; } >>/data/cache/conda/pkgs/ran
"""


@pytest.fixture
def conda(server):
    """A conda below /data, as root installed it, that says who ran it; and an index."""
    server.run("install -d /data/apps/miniconda3/bin; cat >/data/apps/miniconda3/bin/conda; "
               "chmod 755 /data/apps/miniconda3/bin/conda; mkdir -p {0}/cache; "
               "touch {1} {0}/cache/1234.json".format(PKGS, OLD), stdin=FAKE_CONDA)
    yield
    server.run("rm -rf /data/apps/miniconda3")


def test_nothing_below_data_is_run_for_a_member(server, conda):
    as_member(server, "sudo -n aica-clean-cache --all --yes", check=True)
    assert not server.exists(PKGS + "/ran") and not server.exists(PKGS + "/cache/1234.json")


def test_root_runs_conda_as_nobody_without_a_terminal(server, conda):
    server.run(["aica", "clean", "--conda", "--yes"])
    gid = server.run("getent group gpu-users | cut -d: -f3").out.strip()
    assert server.text(PKGS + "/ran").splitlines() == [
        "65534 {} clean --index-cache --yes".format(gid), "/dev/null", "?"]
    assert not server.exists(PKGS + "/cache/1234.json"), "what conda could not, we do"


def test_a_conda_that_others_can_change_is_not_run(server, conda):
    server.run("chmod g+w /data/apps/miniconda3/bin/conda; chgrp gpu-users /data/apps/miniconda3/bin/conda")
    server.run(["aica", "clean", "--conda", "--yes"])
    assert not server.exists(PKGS + "/ran")


# -- a full disk ------------------------------------------------------------------------------------


@pytest.fixture
def full(server, tmp_path):
    """A small ext4 for the models, full to the last block and inode. It is mounted inside."""
    disk = server.data / "disk.img"
    subprocess.run(["truncate", "-s", "16M", str(disk)], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-N", "256", "-m", "0", str(disk)], check=True)
    device = subprocess.run(["losetup", "--find", "--show", str(disk)], check=False,
                            stdout=subprocess.PIPE, universal_newlines=True)
    if device.returncode:
        refuse("no loop device here")
    yield device.stdout.strip()
    subprocess.run(["losetup", "--detach", device.stdout.strip()], check=True)
    disk.unlink()


def test_it_frees_a_disk_that_is_full_to_the_last_block_and_inode(server, full):
    numbers = subprocess.run(["stat", "-c", "%t %T", full], stdout=subprocess.PIPE,
                             universal_newlines=True, check=True).stdout.split()
    pid = str(server.leader)
    enter = ["nsenter", "--target", pid, "-m", "--", "sh", "-c"]
    # The node is made in the server's mounts by the host, which may have devices.
    subprocess.run(enter + ["mknod /data/disk b {} {}; mount /data/disk /data/models/torch".format(
        *(int(n, 16) for n in numbers))], check=True)
    try:
        server.run(textwrap.dedent("""
            chgrp gpu-users /data/models/torch; chmod 2775 /data/models/torch
            mkdir -p {w}; cd {w}
            head -c 3000000 /dev/zero >old-1.pth; echo new >new.pth
            seq -f old-%g 300 | xargs touch 2>/dev/null
            for n in 1 2 3 4 5 6; do
                dd if=/dev/zero bs=1k of=old-$n oflag=append conv=notrunc,fsync 2>/dev/null
            done
            find . -name 'old-*' -exec touch {o} {{}} +
        """).format(w=WEIGHTS, o=OLD), check=False)
        assert server.run("cd {}; touch x || echo full".format(WEIGHTS), check=False).out == "full\n"
        assert server.run("df --output=avail /data/models/torch | tail -1").out.strip() == "0"
        done = as_member(server, "sudo -n aica-clean-cache --torch --yes", timeout_s=120)
        assert done.code == 0, done
        assert left(server) == ["lost+found", "new.pth"] or left(server) == ["new.pth"]
        assert int(server.run("df --output=avail /data/models/torch | tail -1").out) > 3000
    finally:
        subprocess.run(enter + ["umount /data/models/torch; rm /data/disk"], check=True)
