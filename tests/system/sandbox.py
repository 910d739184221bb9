"""What the system tests do on this host itself: commands, the work folder, control groups.

Nothing outside the work folder is changed, and no process ended that was not started from it.
"""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = ("mmdebstrap", "systemd-nspawn", "nsenter", "mount", "umount", "timeout")
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class ServerError(Exception):
    """The harness, not the product, could not do what a test asked."""


class Result(NamedTuple):
    """What a command in a server left behind."""

    code: int
    out: str
    err: str


def missing_requirements():
    """Return what this host lacks for the system tests, as a list of words."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return missing if os.geteuid() == 0 else ["root"] + missing


def work_folder():
    """Return the folder for images and servers; AICA_SYSTEM_WORK overrides the build folder."""
    return Path(os.environ.get("AICA_SYSTEM_WORK") or CHECKOUT / "build" / "system").resolve()


@contextlib.contextmanager
def exclusive(work):
    """Hold the work folder for one test run; clear what a killed earlier run left in it."""
    work.mkdir(parents=True, exist_ok=True)
    with open(str(work / "lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError("another run of the system tests uses {}".format(work)) from None
        _clear_leftovers(work)
        try:
            yield work
        finally:
            _clear_leftovers(work)


# --- commands --------------------------------------------------------------------------------


def describe(result):
    """Return a Result as text for an error message."""
    return "exit {}\n--- stdout\n{}\n--- stderr\n{}".format(result.code, result.out, result.err)


def shell(argv):
    """Return argv as shell text."""
    return " ".join(shlex.quote(word) for word in argv)


def call(argv, stdin="", timeout_s=60):
    done = subprocess.run(
        argv,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=CLEAN_ENVIRONMENT,
        cwd="/",
        timeout=timeout_s,
    )
    return Result(done.returncode, _decode(done.stdout), _decode(done.stderr))


def must(argv, timeout_s=60):
    """Run a command of the host with the caller's environment: mmdebstrap may need its proxy."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        said = _decode(done.stdout)
        raise ServerError("{} -> exit {}\n{}".format(shell(argv), done.returncode, said))


def _decode(output):
    return output.decode("utf-8", "replace")


def nspawn(root):
    # No machined is asked, so that this works on a host that was not booted with systemd.
    return ["systemd-nspawn", "--quiet", "-D", str(root), "--register=no", "--keep-unit"]


def digest(*words):
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def fresh(folder):
    """Return the folder, empty, whatever was there."""
    if folder.exists():
        shutil.rmtree(str(folder))
    folder.mkdir(mode=0o755, parents=True)
    return folder


def wait_for(look, seconds, what, every_s=0.1):
    """Return look()'s first result that is not None, or raise ServerError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise ServerError("waited {} s in vain for {}".format(seconds, what))
        time.sleep(every_s)


def children(pid):
    with contextlib.suppress(OSError):
        children = Path("/proc/{0}/task/{0}/children".format(pid)).read_text()
        return [int(word) for word in children.split()]
    return []


def is_init(pid):
    """Is this process 1 of a container, past nspawn's own preparations?"""
    with contextlib.suppress(OSError):
        status = Path("/proc/{}/status".format(pid)).read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return fields["NSpid"].split()[-1] == "1" and fields["Name"] in ("systemd", "init")
    return False


# --- control groups and leftovers ------------------------------------------------------------


def own_cgroup(name):
    """Return a function that puts the calling process into a control group of its own.

    nspawn calls its payload's group `payload` whatever the container, below the group of whoever
    started it. Two containers in one group would kill each other's processes at shutdown.
    """
    groups = [Path(base + path) / name for base, path in _systemd_hierarchies()]
    for group in groups:
        group.mkdir(exist_ok=True)

    def enter():
        for group in groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    return enter


def _systemd_hierarchies():
    """Return (mount point, path of this process in it) of each cgroup tree that systemd uses."""
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controller, path = line.split(":", 2)
        paths[controller] = path
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, kind, options = line.split()[:4]
        controller = "" if kind == "cgroup2" else "name=systemd"
        if kind == "cgroup2" or (kind == "cgroup" and controller in options.split(",")):
            found.append((target, paths[controller]))
    return found


def _clear_leftovers(work):
    """Kill the servers below the work folder, unmount them and throw them away."""
    servers = str(work / "servers") + "/"
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        with contextlib.suppress(OSError):
            words = _decode(Path("/proc/{}/cmdline".format(pid)).read_bytes()).split("\0")
            if "systemd-nspawn" in words and any(word.startswith(servers) for word in words):
                for child in children(pid):
                    os.kill(child, signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith(str(work) + "/"):
            must(["umount", "--lazy", target])
    for leftover in [work / "servers", *work.glob("*.half"), *work.glob("package.root*")]:
        if leftover.exists():
            shutil.rmtree(str(leftover))
    _remove_cgroups()


def _remove_cgroups():
    for base, path in _systemd_hierarchies():
        for group in Path(base + path).glob("aica-*"):
            for folder, _, _ in os.walk(str(group), topdown=False):
                with contextlib.suppress(OSError):  # busy: a process is not quite gone yet
                    os.rmdir(folder)
