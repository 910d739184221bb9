"""Volumes of docker and podman that lie on the system disk."""

import json
import os
import stat

from ..errors import AicaError
from . import look
from .finding import Finding

DOCKER_CONF = "/etc/docker/daemon.json"
DOCKER = "/var/lib/docker"
PODMAN = "/var/lib/containers/storage"


def volumes(scene):
    """Yield the volumes that hold something and lie on the disk that is wiped."""
    for top in (_docker_root(scene.host), PODMAN):
        folder = top + "/volumes"
        if not _on_system_disk(scene.host, folder):
            continue
        for path, status in look.entries(scene.host, folder):
            if stat.S_ISDIR(status.st_mode):
                yield from _volume(scene, path)


def _volume(scene, path):
    lost = scene.below(path)
    if lost.files or not lost.complete:
        yield Finding(
            "volume", path.rsplit("/", 1)[1], "on the system disk; for good: \"data-root\" on {} "
            "in {}".format(scene.settings.data, DOCKER_CONF), scene.save_command(path),
            lost.size_bytes, lost.files, lost.complete)


def _docker_root(host):
    try:
        found = json.loads(host.read_file(DOCKER_CONF).decode("utf-8", "replace"))
        return str(found["data-root"]).rstrip("/") or DOCKER
    except (OSError, AicaError, ValueError, TypeError, KeyError):
        return DOCKER


def _on_system_disk(host, folder):
    """False if it is missing, or lies on another file system than /."""
    try:
        found = look.at(host, folder)
    except AicaError:
        return False  # a link on the way: it leads elsewhere
    with host.folder("/") as root:
        return found is not None and found.st_dev == os.fstat(root).st_dev
