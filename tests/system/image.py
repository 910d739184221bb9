"""The image that a server comes back as: a distribution and, on top, the package under test."""

import hashlib
import os
import shutil
from pathlib import Path

from sandbox import CHECKOUT, digest, fresh, must, nspawn

# What a server needs so that a member can come in by every door that the tests open.
PACKAGES = (
    "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,libpam-runtime,passwd,adduser,sudo,"
    "openssh-server,openssh-client,python3,cron,at,iproute2,procps,zsh,strace,rsync,logrotate,at,"
    "rpm,libnss-extrausers"
)


# Which of the two packages the image has: deb or rpm.
KIND = os.environ.get("AICA_SYSTEM_PACKAGE", "deb")


def find_package(kind="deb"):
    """Return the package under test: AICA_DEB or AICA_RPM, or the newest one built, or None."""
    named = os.environ.get("AICA_" + kind.upper())
    if named:
        return Path(named)
    built = CHECKOUT.glob("build/*." + kind), CHECKOUT.parent.glob("aica-datakeeper[_-]*." + kind)
    return max(
        list(built[0]) or list(built[1]), key=lambda path: path.stat().st_mtime, default=None
    )


class Image:
    """Read-only layers of a root file system, the uppermost first."""

    def __init__(self, work, layers):
        self.work = work
        self.layers = layers

    @classmethod
    def distribution(cls, work, suite):
        """Return the plain distribution; built once and kept for later runs."""
        mirror = os.environ.get("AICA_SYSTEM_MIRROR", "")
        root = work / "base-{}-{}".format(suite, digest(PACKAGES, mirror))
        if not root.is_dir():
            half = fresh(work / "base.half")
            argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=important"]
            must(
                argv + ["--include=" + PACKAGES, suite, str(half)] + ([mirror] if mirror else []),
                timeout_s=900,
            )
            (half / "data").mkdir()  # the mount point belongs to the image
            half.rename(root)
        return cls(work, [root])

    def keys(self):
        """Return the folder with the key pair `client` that Server.ssh() logs in with."""
        keys = self.work / "keys"
        if not (keys / "client.pub").exists():
            argv = nspawn(self.layers[-1]) + ["--pipe", "--read-only"]
            keygen = "ssh-keygen -q -t ed25519 -N '' -C client -f /mnt/client"
            must(argv + ["--bind={}:/mnt".format(fresh(keys)), "sh", "-c", keygen])
        return keys

    def public_key(self):
        """Return the line for an authorized_keys file that lets Server.ssh() in."""
        return (self.keys() / "client.pub").read_text()

    def with_package(self, package):
        """Return this image with the package installed, as an image is made: nothing is running."""
        content = hashlib.sha256(package.read_bytes()).hexdigest()
        return self._with(package.suffix[1:], content, lambda root: install_package(root, package))

    def with_more(self, packages):
        """Return this image with more packages of the distribution, named with commas."""
        return self._with("more", packages, lambda root: install_more(root, packages.split(",")))

    def _with(self, kind, content, install):
        """Return this image with what install(root) adds, a layer that is kept as long as it fits."""
        layer = self.work / "{}-{}".format(kind, digest(self.layers[0].name, content))
        if not layer.is_dir():
            for old in self.work.glob(kind + "-*"):
                shutil.rmtree(str(old))
            half = fresh(self.work / "package.half")
            with Overlay(self.layers, half, self.work / "package.root") as root:
                install(root)
            half.rename(layer)
        return Image(self.work, [layer] + self.layers)


def install_package(root, package):
    """Install a .deb or a .rpm into the root of a server that is off.

    rpm knows nothing of the packages that dpkg installed, hence --nodeps.
    """
    inside = "/run/" + package.name
    install = {".deb": "exec apt-get install -y --no-install-recommends ",
               ".rpm": "exec rpm --install --nodeps "}[package.suffix] + inside
    argv = nspawn(root) + ["--pipe", "--as-pid2", "--bind-ro={}:{}".format(package, inside)]
    must(argv + ["--setenv=DEBIAN_FRONTEND=noninteractive", "sh", "-c", install], timeout_s=300)


def install_more(root, packages):
    """Install packages of the distribution into the root of a server that is off."""
    install = "apt-get update -qq && exec apt-get install -y -qq --no-install-recommends "
    argv = nspawn(root) + ["--pipe", "--as-pid2", "--setenv=DEBIAN_FRONTEND=noninteractive"]
    must(argv + ["sh", "-c", install + " ".join(packages)], timeout_s=600)


class Overlay:
    """A mounted overlay: `layers` below, `upper` takes every change. A context manager."""

    def __init__(self, layers, upper, root):
        self.root = root
        self.scratch = Path(str(root) + ".scratch")
        self.options = "lowerdir={},upperdir={},workdir={}".format(
            ":".join(map(str, layers)), upper, self.scratch
        )

    def mount(self):
        """Mount it and return the root."""
        fresh(self.scratch)
        fresh(self.root)
        must(["mount", "-t", "overlay", "overlay", "-o", self.options, str(self.root)])
        return self.root

    def unmount(self):
        """Unmount it; the upper layer keeps what was changed. Harmless when it is not mounted."""
        if self.root.exists():
            # Lazily: a killed container's last processes may hold the tree for some milliseconds.
            must(["umount", "--lazy", str(self.root)])
            shutil.rmtree(str(self.scratch))
            self.root.rmdir()

    def __enter__(self):
        return self.mount()

    def __exit__(self, *error):
        self.unmount()
