"""Packages that somebody installed, and units that somebody enabled, since the image."""

import re

from ..bootstrap import starter, survival
from ..site.units import UNITS
from . import database, look
from .finding import Finding
from .image import start_of_boot

SYSTEM = "/etc/systemd/system"
LINKS = re.compile(r".+\.(wants|requires)\Z")
AGAIN = "no wipe leaves it: in the image, or at each boot (runcmd of cloud-init, rc.local): {}"
INSTALL = {"dpkg": "apt-get install -y {}", "rpm": "dnf install -y {}"}


def packages(scene):
    """Yield the packages that the image does not bring and nobody's dependency brings."""
    yield from _ours(scene)
    if not scene.image.known:
        return
    command = INSTALL.get(database.kind_of(scene.host), "{}")
    for name, package in sorted(scene.packages.packages.items()):
        if name != starter.NAME and is_added(scene, name) \
                and name not in scene.packages.automatic:
            yield Finding("package", name, "installed since the image",
                          AGAIN.format(command.format(name)), package.size_bytes)


def _ours(scene):
    """Yield our own package, if it was installed by hand and nothing would do that again."""
    package = scene.packages.packages.get(starter.NAME)
    if package is None or survival.has_starter(scene.host, scene.settings):
        return
    added = is_added(scene, starter.NAME) if scene.image.known \
        else package.installed_at > start_of_boot(scene.host)
    if added:
        yield Finding("package", starter.NAME, "without it nothing comes back",
                      "in the image, or: aica bootstrap --package FILE", package.size_bytes)


def is_added(scene, name):
    """True if a package was first installed after the boot that brought this disk."""
    package = scene.packages.packages.get(name)
    return package is not None and name not in scene.image.packages \
        and package.installed_at > scene.image.since


def units(scene):
    """Yield the units that somebody enabled or masked."""
    if not scene.image.known:
        return
    ours, seen = {name for name, _ in UNITS}, set()
    for unit, status, target in _links(scene):
        owner = scene.packages.owned.get(target) or scene.packages.owned.get("/usr" + target)
        if unit in ours or unit in seen or not scene.is_new(status) \
                or owner is not None and is_added(scene, owner):
            continue
        seen.add(unit)
        is_masked = target == "/dev/null"
        yield Finding("unit", unit, "masked by hand" if is_masked else "enabled by hand",
                      AGAIN.format("systemctl {} {}".format(
                          "mask" if is_masked else "enable --now", unit)))


def _links(scene):
    """Yield (unit, status, target) of the links by which units are enabled or masked."""
    for path, status in look.entries(scene.host, SYSTEM):
        name, info = path.rsplit("/", 1)[1], scene.host.lstat(path)
        if info.target == "/dev/null":
            yield name, status, info.target
        if info.kind != "folder" or not LINKS.match(name):
            continue
        for inner, inner_status in look.entries(scene.host, path):
            link = scene.host.lstat(inner)
            if link is not None and link.kind == "symlink":
                yield inner.rsplit("/", 1)[1], inner_status, link.target
