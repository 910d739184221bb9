"""Configuration: what packages brought and somebody changed, and what somebody added to /etc."""

import hashlib
import re
import stat

from ..errors import AicaError
from . import look
from .finding import Finding

HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
# What programs write there by themselves, what the recovery makes of the
# records, and what a link stands for (links have their own finding).
MADE = re.compile(
    r"/etc/((passwd|shadow|group|gshadow|subuid|subgid)-?|\.pwd\.lock|mtab|resolv\.conf|adjtime"
    r"|ld\.so\.cache|machine-id|\.updated|printcap|ca-certificates\.conf"
    r"|(alternatives|ssl/certs|aica|lvm/(archive|backup|cache)|apparmor\.d/cache|rc[0-9S]\.d"
    r"|pki/ca-trust/extracted)/.*|.*\.(dpkg|rpm)[a-z-]*|.*[~-]|.*/\.aica-.*)\Z")
FSTAB = "/etc/fstab"


def changed(scene):
    """Yield the configuration files of packages that are not as the package brought them."""
    for path, digest in sorted(scene.packages.config.items()):
        status = look.at(scene.host, path)
        if status is None or not stat.S_ISREG(status.st_mode) or not scene.is_new(status) \
                or MADE.match(path) or scene.is_safe(path, status):
            continue
        if _digest(scene.host, path, digest) != digest:
            yield Finding("config", path, "changed since {} brought it".format(
                scene.packages.owned.get(path, "its package")),
                scene.keep_command(path, status), status.st_size)


def _digest(host, path, like):
    if len(like) not in HASHES:
        return like  # a digest of another kind tells nothing
    try:
        return hashlib.new(HASHES[len(like)], host.read_file(path)).hexdigest()
    except (AicaError, FileNotFoundError):
        return ""
    except ValueError as error:  # a kernel in FIPS mode has no md5
        raise AicaError("what {} was is not known: {}".format(path, error))


def added(scene):
    """Yield what was put into /etc since the image; nothing where the image is not known."""
    if not scene.image.known:
        return
    for path, status in look.entries(scene.host, "/etc"):
        if not stat.S_ISDIR(status.st_mode):
            yield from _files(scene, [(path, status)])
        elif path in scene.packages.owned:
            found = _below(scene, path)
            yield from _files(scene, found.paths)
            if found.files > len(found.paths):
                yield Finding("config", path, "with {} files that are not named here".format(
                    found.files - len(found.paths)), scene.save_command(path), found.size_bytes,
                    found.files, found.complete)
        else:
            yield from _folder(scene, path)


def _below(scene, path):
    def is_lost(inner, status):
        return stat.S_ISREG(status.st_mode) and not MADE.match(inner) \
            and scene.is_lost(inner, status)
    return look.below(scene.host, path, is_lost, scene.budget)


def _files(scene, found):
    for path, status in found:
        if stat.S_ISREG(status.st_mode) and not MADE.match(path) and scene.is_lost(path, status):
            keep = "in the image, or in mounts: of cloud-init" if path == FSTAB \
                else scene.keep_command(path, status)
            yield Finding("config", path, "no package's", keep, status.st_size)


def _folder(scene, path):
    """One file in a folder of its own is told by its name, more of them by the folder."""
    found = _below(scene, path)
    if found.files <= len(found.paths) <= 3:
        yield from _files(scene, found.paths)
    elif found.files:
        yield Finding("config", path, "no package's", scene.save_command(path),
                      found.size_bytes, found.files, found.complete)
