"""Real homes, and files that no package owns where people put their own."""

import re
import stat

from ..resources.home import is_skeleton
from . import look
from .finding import Finding

TOPS = ("/root", "/opt", "/srv")
LOCAL = "/usr/local"
# The folders of /usr/local itself: hier(7). No package owns them.
SHELVES = ("bin", "etc", "games", "include", "lib", "lib64", "libexec", "man", "sbin", "share",
           "src")
# What programs make for themselves and nobody misses.
CRUMBS = (".cache", ".bash_history", ".lesshst", ".viminfo", ".wget-hsts")
# So many of one folder are told by name.
MOST = 50
ASIDE = re.compile(r"\.(.+)\.[a-z]+\.[0-9]+\Z")


def homes(scene):
    """Yield the folders in /home that are no links to the data disk."""
    for path, status in look.entries(scene.host, scene.settings.home):
        name = path.rsplit("/", 1)[1]
        if _is_aside(scene, name) or _leads_to_data(path, scene) or is_mount_of_data(path, scene):
            continue
        found = _one(scene, path, status, scene.save_command(path))
        if found is None or stat.S_ISDIR(status.st_mode) and is_skeleton(scene.host, path):
            continue
        # The image's own account gets its real home back from the image: a link would be blocked.
        if stat.S_ISDIR(status.st_mode) and scene.user(name) and name not in scene.image.accounts:
            found = found._replace(message="a real home", keep=scene.set_up_command(name))
        yield found._replace(kind="home")


def _is_aside(scene, name):
    """True for what `aica user setup` moved aside when all of it was on the data disk."""
    aside = ASIDE.match(name)
    return bool(aside) and scene.desired.registry.get(aside.group(1)) is not None


def _leads_to_data(path, scene):
    info = scene.host.lstat(path)
    return info is not None and info.target.startswith(scene.settings.users + "/")


def is_mount_of_data(path, scene):
    """True for a folder that survives, or is on the way to one."""
    return any((kept + "/").startswith(path + "/")
               for kept in (scene.settings.data, scene.settings.backup, scene.settings.home))


def files(scene):
    """Yield what lies in /root, /opt, /srv and /usr/local and belongs to no package."""
    for top in TOPS:
        yield from _entries(scene, top)
    for path, status in look.entries(scene.host, LOCAL):
        if stat.S_ISDIR(status.st_mode) and path.rsplit("/", 1)[1] in SHELVES:
            yield from _entries(scene, path)
        elif not (stat.S_ISLNK(status.st_mode) and path.rsplit("/", 1)[1] in SHELVES):
            yield from _some(_one(scene, path, status))


def _entries(scene, top):
    """Yield the Findings of a folder's entries; the many are told as one."""
    rest = []
    for number, found in enumerate(_each(scene, top)):
        if number < MOST:
            yield found
        else:
            rest.append(found)
    if rest:
        yield Finding("folder", top, "besides those above", scene.save_command(top),
                      sum(one.size_bytes for one in rest), sum(one.files or 1 for one in rest),
                      all(one.complete for one in rest))


def _each(scene, top):
    for path, status in look.entries(scene.host, top):
        if path.rsplit("/", 1)[1] not in CRUMBS and not is_mount_of_data(path, scene):
            yield from _some(_one(scene, path, status))


def _some(found):
    return () if found is None else (found,)


def _one(scene, path, status, keep=""):
    """Return the Finding of one entry, None if a wipe loses nothing of it."""
    keep = keep or scene.keep_command(path, status)
    if not stat.S_ISDIR(status.st_mode):
        lost = scene.is_lost(path, status)
        return Finding("file", path, "", keep, status.st_size) if lost else None
    lost = scene.below(path)
    if not lost.files and lost.complete:
        return None
    return Finding("folder", path, "", keep, lost.size_bytes, lost.files, lost.complete)
