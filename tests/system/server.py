"""Throw-away servers for the system tests: real systemd, real logins, an SSD that can be wiped.

An Image is what the provider's image holds: a distribution and, as a second layer, the package under test.
A Server boots an Image in systemd-nspawn. Its SSD is an overlay on top of the image: throwing the upper
folder away gives exactly what a fresh image at the next reboot gives. /data is a folder of the host,
bound into the server, so it is a real mount point there and outlives every wipe.

Needs root, mmdebstrap and systemd-container. Nothing outside the work folder is touched.
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
# What a server needs so that a member can come in by every door that the tests open.
PACKAGES = (
    "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,libpam-runtime,passwd,adduser,sudo,"
    "openssh-server,openssh-client,python3,cron,iproute2,procps,zsh,strace,rsync,logrotate"
)
BOOT_TIMEOUT_S = 90
LIFE_TIMEOUT_S = 900  # no server outlives this, even when the tests are killed
# systemd's own "power off, please" for a process 1 without a button.
SIGNAL_POWER_OFF = signal.SIGRTMIN + 4
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
UNIT_DONE = ("running", "degraded", "maintenance", "stopping")

running = []  # the servers that are up now, for whoever wants to show their journals


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
    return Path(os.environ.get("AICA_SYSTEM_WORK") or CHECKOUT / "build" / "system")


def find_package():
    """Return the .deb under test: AICA_DEB, or the newest one built from this checkout, or None."""
    if os.environ.get("AICA_DEB"):
        return Path(os.environ["AICA_DEB"])
    built = list(CHECKOUT.glob("build/*.deb")) or list(CHECKOUT.parent.glob("aica-datakeeper_*.deb"))
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


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


# --- images ----------------------------------------------------------------------------------


class Image:
    """Read-only layers of a root file system, the uppermost first."""

    def __init__(self, work, layers):
        self.work = work
        self.layers = layers

    @classmethod
    def distribution(cls, work, suite):
        """Return the plain distribution; built once and kept for later runs."""
        mirror = os.environ.get("AICA_SYSTEM_MIRROR", "")
        root = work / "base-{}-{}".format(suite, _digest(PACKAGES, mirror))
        if not root.is_dir():
            half = _fresh(work / "base.half")
            argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=important", "--include=" + PACKAGES]
            _must(argv + [suite, str(half)] + ([mirror] if mirror else []), timeout_s=900)
            (half / "data").mkdir()  # the mount point belongs to the image
            half.rename(root)
        return cls(work, [root])

    def keys(self):
        """Return the folder with the key pair `client` that Server.ssh() logs in with."""
        keys = self.work / "keys"
        if not (keys / "client.pub").exists():
            argv = _nspawn(self.layers[-1]) + ["--pipe", "--read-only", "--bind={}:/mnt".format(_fresh(keys))]
            _must(argv + ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "client", "-f", "/mnt/client"])
        return keys

    def public_key(self):
        """Return the line for an authorized_keys file that lets Server.ssh() in."""
        return (self.keys() / "client.pub").read_text()

    def with_package(self, package):
        """Return this image with the package installed, as an image is made: nothing is running."""
        content = hashlib.sha256(package.read_bytes()).hexdigest()
        layer = self.work / "package-{}".format(_digest(self.layers[0].name, content))
        if not layer.is_dir():
            for old in self.work.glob("package-*"):
                shutil.rmtree(str(old))
            half = _fresh(self.work / "package.half")
            with Overlay(self.layers, half, self.work / "package.root") as root:
                install_package(root, package)
            half.rename(layer)
        return Image(self.work, [layer] + self.layers)


def install_package(root, package):
    """Install a .deb into the root of a server that is off."""
    inside = "/run/" + package.name
    apt = "exec apt-get install -y --no-install-recommends " + inside
    argv = _nspawn(root) + ["--pipe", "--as-pid2", "--bind-ro={}:{}".format(package, inside)]
    _must(argv + ["--setenv=DEBIAN_FRONTEND=noninteractive", "sh", "-c", apt], timeout_s=300)


class Overlay:
    """A mounted overlay: `layers` below, `upper` takes every change. A context manager."""

    def __init__(self, layers, upper, root):
        self.root = root
        self.scratch = Path(str(root) + ".scratch")
        self.options = "lowerdir={},upperdir={},workdir={}".format(
            ":".join(map(str, layers)), upper, self.scratch
        )

    def __enter__(self):
        _fresh(self.scratch)
        _fresh(self.root)
        _must(["mount", "-t", "overlay", "overlay", "-o", self.options, str(self.root)])
        return self.root

    def __exit__(self, *error):
        # Lazily: a killed container's last processes may hold the tree for some milliseconds.
        _must(["umount", "--lazy", str(self.root)])
        shutil.rmtree(str(self.scratch))
        self.root.rmdir()


# --- servers ---------------------------------------------------------------------------------


class Server:
    """One server: an image, an SSD that can be wiped, and a /data that survives. A context manager.

    `data` is the host's side of /data. `disk` is its parent: a server that boots with data=False
    finds it at /srv/disk, where plug_in() makes `volume` appear, so that a test can mount it late.
    """

    def __init__(self, image, name, data=None):
        """`data`: a folder whose content the new server's /data starts with."""
        self.image = image
        self.folder = _fresh(image.work / "servers" / name)
        self.ssd, self.disk = self.folder / "ssd", self.folder / "disk"
        for folder in (self.ssd, self.disk):
            folder.mkdir(mode=0o755)
        self.data = self.disk / "volume"
        if data is None:
            self.data.mkdir(mode=0o755)
        else:
            _must(["cp", "-a", "--reflink=auto", str(data), str(self.data)])
        self.overlay = Overlay(image.layers, self.ssd, self.folder / "root")
        self.process = self.leader = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process is not None:
            self.power_cut()
        shutil.rmtree(str(self.folder))

    # --- the power switch and the SSD

    def boot(self, data=True, wait=True):
        """Power on and, with `wait`, return when nothing is left to start. Without `data`, the disk is not there until plug_in() and a mount inside."""
        if not data:
            self._unplug()
        self.root = self.overlay.__enter__()
        argv = ["timeout", "--kill-after=10", str(LIFE_TIMEOUT_S)] + _nspawn(self.root)
        argv += ["--boot", "--console=read-only", "--private-network", "--hostname=gpu"]
        argv += ["--bind-ro={}:/srv/keys".format(self.image.keys())]
        argv += ["--bind={}:{}".format(*((self.data, "/data") if data else (self.disk, "/srv/disk")))]
        with open(str(self.folder / "console.log"), "ab") as console:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=_own_cgroup("aica-" + self.folder.name), start_new_session=True,
            )
        running.append(self)
        self.leader = _wait_for(self._find_leader, 20, "process 1 of " + self.folder.name)
        if wait:
            self.wait_booted()

    def wait_booted(self):
        """Wait until systemd has nothing more to start; return "running" or "degraded"."""
        def state():
            word = self.run(["systemctl", "is-system-running"], check=False).out.strip()
            return word if word in UNIT_DONE else None

        return _wait_for(state, BOOT_TIMEOUT_S, "the end of the boot", every_s=0.3)

    def shutdown(self):
        """Power off as an admin does: services stop in order, file systems are synced."""
        os.kill(self.leader, SIGNAL_POWER_OFF)
        self._wait_off(BOOT_TIMEOUT_S)

    def power_cut(self):
        """Everything stops at once; nothing gets the chance to say goodbye."""
        if self.leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)  # nspawn sees it and buries the dead
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._wait_off(20)

    def wipe(self):
        """The provider's reboot: a fresh image, nothing that was added since is left."""
        self._must_be_off()
        _fresh(self.ssd)

    def plug_in(self):
        """Make the data disk of a server that booted without it appear at /srv/disk/volume."""
        self.data.unlink()
        (self.folder / "unplugged").rename(self.data)

    def change_image(self, *argv):
        """Run a command in the root of the server while it is off: the next image differs so."""
        self._must_be_off()
        with self.overlay as root:
            _must(_nspawn(root) + ["--pipe", "--as-pid2", "--"] + list(argv))

    def plant(self, path, text, mode=0o644):
        """Put a file of root's on the SSD while the server is off."""
        self._must_be_off()
        with self.overlay as root:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            target.chmod(mode)

    # --- commands inside

    def run(self, command, user=None, check=True, stdin="", timeout_s=60):
        """Run argv (a list) or shell text in the server, as root or as `user` (without PAM).

        Raise ServerError with all output when it fails, unless `check` is off.
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        if user is not None:
            argv = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env"] + argv
        enter = ["nsenter", "--target", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        # The limit is kept inside: killing nsenter would leave its child behind.
        limit = ["timeout", "--kill-after=5", str(timeout_s)]
        result = _call(enter + limit + argv, stdin, timeout_s + 20)
        if check and result.code != 0:
            raise ServerError("{} -> {}".format(command, describe(result)))
        return result

    def ssh(self, user, command=None, stdin="", check=True, timeout_s=60):
        """Log in over the network with a key: run a command, or an interactive shell fed by stdin."""
        options = "BatchMode=yes StrictHostKeyChecking=no UserKnownHostsFile=/dev/null LogLevel=ERROR"
        argv = ["ssh", "-i", "/srv/keys/client"]
        argv += [word for option in options.split() for word in ("-o", option)]
        argv += ["{}@127.0.0.1".format(user)] + ([command] if command else ["-tt"])
        return self.run(argv, check=check, stdin=stdin, timeout_s=timeout_s)

    def text(self, path):
        """Return the content of a file as the server sees it."""
        return self.run(["cat", path]).out

    def exists(self, path):
        """Tell whether anything, a broken link too, is at the path."""
        return self.run(["test", "-e", path, "-o", "-L", path], check=False).code == 0

    def show(self, unit, *properties):
        """Return systemd's properties of a unit as a dictionary of strings."""
        wanted = [word for name in properties for word in ("-p", name)]
        lines = self.run(["systemctl", "show", unit] + wanted).out.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def failed_units(self):
        """Return the names that `systemctl --failed` shows."""
        return self.run("systemctl --failed --plain --no-legend | cut -d' ' -f1").out.split()

    def journal(self, *arguments):
        """Return this boot's journal, e.g. journal("-u", "aica-recovery.service")."""
        return self.run(["journalctl", "--no-pager", "-b", "-o", "short-monotonic"] + list(arguments)).out

    def wait_until(self, command, seconds, what):
        """Wait until the shell command succeeds in the server, or raise ServerError naming `what`."""
        _wait_for(lambda: self.run(command, check=False).code == 0 or None, seconds, what, every_s=0.5)

    # --- below the lid

    def _unplug(self):
        # A file, not nothing: systemd creates the missing source folder of a bind mount by itself.
        self.data.rename(self.folder / "unplugged")
        self.data.write_text("no disk here yet\n")

    def _find_leader(self):
        if self.process.poll() is not None:
            raise ServerError("the server did not start: " + (self.folder / "console.log").read_text()[-2000:])
        for nspawn in _children(self.process.pid):
            for child in _children(nspawn):
                if _is_booting_init(child):
                    return child
        return None

    def _wait_off(self, seconds):
        try:
            self.process.wait(seconds)
        finally:
            running.remove(self)
            self.process = self.leader = None
            self.overlay.__exit__()
            if (self.folder / "unplugged").exists():
                self.plug_in()

    def _must_be_off(self):
        if self.process is not None:
            raise ServerError("{} is still running".format(self.folder.name))


# --- helpers ---------------------------------------------------------------------------------


def describe(result):
    """Return a Result as text for an error message."""
    return "exit {}\n--- stdout\n{}\n--- stderr\n{}".format(result.code, result.out, result.err)


def shell(argv):
    """Return argv as shell text."""
    return " ".join(shlex.quote(word) for word in argv)


def _call(argv, stdin="", timeout_s=60):
    done = subprocess.run(
        argv, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=CLEAN_ENVIRONMENT, cwd="/", timeout=timeout_s,
    )
    return Result(done.returncode, *(text.decode("utf-8", "replace") for text in (done.stdout, done.stderr)))


def _must(argv, timeout_s=60):
    """Run a command of the host with the caller's environment: mmdebstrap may need its proxy."""
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s
    )
    if done.returncode != 0:
        raise ServerError("{} -> exit {}\n{}".format(shell(argv), done.returncode, done.stdout.decode("utf-8", "replace")))


def _nspawn(root):
    # No machined is asked, so that this works on a host that was not booted with systemd.
    return ["systemd-nspawn", "--quiet", "-D", str(root), "--register=no", "--keep-unit"]


def _digest(*words):
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def _fresh(folder):
    """Return the folder, empty, whatever was there."""
    if folder.exists():
        shutil.rmtree(str(folder))
    folder.mkdir(mode=0o755, parents=True)
    return folder


def _wait_for(look, seconds, what, every_s=0.1):
    """Return look()'s first result that is not None, or raise ServerError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise ServerError("waited {} s in vain for {}".format(seconds, what))
        time.sleep(every_s)


def _children(pid):
    with contextlib.suppress(OSError):
        return [int(word) for word in Path("/proc/{0}/task/{0}/children".format(pid)).read_text().split()]
    return []


def _is_booting_init(pid):
    """Is this process 1 of a container, past nspawn's own preparations?"""
    with contextlib.suppress(OSError):
        status = Path("/proc/{}/status".format(pid)).read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return fields["NSpid"].split()[-1] == "1" and fields["Name"] in ("systemd", "init")
    return False


def _own_cgroup(name):
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
            words = Path("/proc/{}/cmdline".format(pid)).read_bytes().decode("utf-8", "replace").split("\0")
            if "systemd-nspawn" in words and any(word.startswith(servers) for word in words):
                for child in _children(pid):
                    os.kill(child, signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith(str(work) + "/"):
            _must(["umount", "--lazy", target])
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
