"""Throw-away servers for the system tests: real systemd, real logins, an SSD that can be wiped.

A Server boots an Image in systemd-nspawn. Its SSD is an overlay on top of the image: throwing the
upper folder away gives exactly what a fresh image at the next reboot gives. /data is a folder of
the host, bound into the server, so it is a real mount point there and outlives every wipe.
"""

import contextlib
import os
import shutil
import signal
import subprocess

from image import Overlay
from sandbox import (
    ServerError,
    call,
    children,
    describe,
    fresh,
    is_init,
    must,
    nspawn,
    own_cgroup,
    wait_for,
)

BOOT_TIMEOUT_S = 90
LIFE_TIMEOUT_S = 900  # no server outlives this, even when the tests are killed
# systemd's own "power off, please" for a process 1 without a button.
SIGNAL_POWER_OFF = signal.SIGRTMIN + 4
BECOME = (
    "user=$1; shift; "
    'exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --reset-env "$@"'
)
SSH_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
)
BOOT_DONE = ("running", "degraded", "maintenance", "stopping")

running = []  # the servers that are up now, for whoever wants to show their journals


class Server:
    """One server: an image, an SSD that can be wiped, and a /data that survives. A context manager.

    `data` is the host's side of /data. `disk` is its parent: a server that boots with data=False
    finds it at /srv/disk, where plug_in() makes `volume` appear, so that a test can mount it late.
    """

    def __init__(self, image, name, data=None):
        """`data`: a folder whose content the new server's /data starts with."""
        self.image = image
        self.folder = fresh(image.work / "servers" / name)
        self.ssd, self.disk = self.folder / "ssd", self.folder / "disk"
        for folder in (self.ssd, self.disk):
            folder.mkdir(mode=0o755)
        self.data = self.disk / "volume"
        if data is None:
            self.data.mkdir(mode=0o755)
        else:
            must(["cp", "-a", "--reflink=auto", str(data), str(self.data)])
        self.overlay = Overlay(image.layers, self.ssd, self.folder / "root")
        self.process = self.leader = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process is not None:
            self.power_cut()
        self.overlay.unmount()  # still mounted when a boot went wrong half-way
        shutil.rmtree(str(self.folder))

    # --- the power switch and the SSD

    def boot(self, data=True, read_only=False, wait=True, options=()):
        """Power on; with `wait`, return when nothing is left to start.

        Without `data`, the disk is not there until plug_in() and a mount inside. With `read_only`
        it is mounted so. `options` are more words for systemd-nspawn.
        """
        if not data:
            self._unplug()
        self.root = self.overlay.mount()
        argv = ["timeout", "--kill-after=10", str(LIFE_TIMEOUT_S)] + nspawn(self.root)
        argv += ["--boot", "--console=read-only", "--private-network", "--hostname=gpu"]
        argv += ["--bind-ro={}:/srv/keys".format(self.image.keys()), *options]
        bind = "--bind-ro={}:{}" if read_only else "--bind={}:{}"
        argv += [bind.format(self.data, "/data") if data else bind.format(self.disk, "/srv/disk")]
        with open(str(self.folder / "console.log"), "ab") as console:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                preexec_fn=own_cgroup("aica-" + self.folder.name),
                start_new_session=True,
            )
        running.append(self)
        self.leader = wait_for(self._find_leader, 20, "process 1 of " + self.folder.name)
        if wait:
            self.wait_booted()

    def wait_booted(self):
        """Wait until systemd has nothing more to start; return "running" or "degraded"."""

        def state():
            word = self.run(["systemctl", "is-system-running"], check=False).out.strip()
            return word if word in BOOT_DONE else None

        return wait_for(state, BOOT_TIMEOUT_S, "the end of the boot", every_s=0.3)

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
        fresh(self.ssd)

    def plug_in(self):
        """Make the data disk of a server that booted without it appear at /srv/disk/volume."""
        self.data.unlink()
        (self.folder / "unplugged").rename(self.data)

    def change_image(self, *argv):
        """Run a command in the root of the server while it is off: the next image differs so."""
        self._must_be_off()
        with self.overlay as root:
            must(nspawn(root) + ["--pipe", "--as-pid2", "--"] + list(argv))

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
            argv = ["sh", "-c", BECOME, "sh", user] + argv
        enter = ["nsenter", "--target", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        # The limit is kept inside: killing nsenter would leave its child behind.
        limit = ["timeout", "--kill-after=5", str(timeout_s)]
        result = call(enter + limit + argv, stdin, timeout_s + 20)
        if check and result.code != 0:
            raise ServerError("{} -> {}".format(command, describe(result)))
        return result

    def loginctl(self, *words):
        """Run loginctl as a unit: logind of systemd 257 answers nobody from a cgroup outside."""
        return self.run(["systemd-run", "--quiet", "--wait", "--pipe", "loginctl"] + list(words))

    def ssh(self, user, command=None, stdin="", check=True, timeout_s=60):
        """Log in with a key over the network: to a command, or to a terminal fed by stdin."""
        argv = ["ssh", "-i", "/srv/keys/client"]
        argv += [word for option in SSH_OPTIONS for word in ("-o", option)]
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

    def main_process(self, unit):
        """Return (start, end) of the last run of a unit's program, in seconds since the boot."""
        names = ["ExecMain{}TimestampMonotonic".format(word) for word in ("Start", "Exit")]
        times = self.show(unit, *names)
        return tuple(int(times[name]) / 1e6 for name in names)

    def failed_units(self):
        """Return the names that `systemctl --failed` shows."""
        return self.run("systemctl --failed --plain --no-legend | cut -d' ' -f1").out.split()

    def journal(self, *arguments):
        """Return this boot's journal, e.g. journal("-u", "aica-recovery.service")."""
        journalctl = ["journalctl", "--no-pager", "-b", "-o", "short-monotonic"]
        return self.run(journalctl + list(arguments)).out

    def console(self):
        """Return the last words on the console; readable also when nothing answers."""
        return (self.folder / "console.log").read_text(errors="replace")[-2000:]

    def wait_until(self, command, seconds, what):
        """Wait until the shell command succeeds, or raise ServerError naming `what`."""

        def done():
            return self.run(command, check=False).code == 0 or None

        wait_for(done, seconds, what, every_s=0.5)

    # --- below the lid

    def _unplug(self):
        # A file, not nothing: systemd creates the missing source folder of a bind mount by itself.
        self.data.rename(self.folder / "unplugged")
        self.data.write_text("no disk here yet\n")

    def _find_leader(self):
        if self.process.poll() is not None:
            raise ServerError("the server did not start: " + self.console())
        for middle in children(self.process.pid):
            for child in children(middle):
                if is_init(child):
                    return child
        return None

    def _wait_off(self, seconds):
        try:
            self.process.wait(seconds)
        finally:
            running.remove(self)
            self.process = self.leader = None
            self.overlay.unmount()
            if (self.folder / "unplugged").exists():
                self.plug_in()

    def _must_be_off(self):
        if self.process is not None:
            raise ServerError("{} is still running".format(self.folder.name))
