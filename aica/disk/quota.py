"""How much everybody holds, by the quota of the file system: right at once, where it is kept.

repquota(8) reads it for ext4 and xfs. Without quota nothing is lost: a scan
finds the same, only later.
"""

import re

from .. import storage
from ..errors import AicaError

# The options of mount(8) and xfs(5) that say that use is counted by user.
COUNTED = re.compile(r"(usrquota|usrjquota=.+|uquota|quota|uqnoenforce|qnoenforce)\Z")
LINE = re.compile(r"#(\d+)\s+[-+]{2}\s+(\d+)\s")
BLOCK_BYTES = 1024


def held(host, path):
    """Return {uid: bytes} of a mount, None where no quota is kept or it cannot be read."""
    if not host.live or not host.has_program("repquota"):
        return None
    mount = storage.mount_at(path, storage.mounts())
    if mount is None or not is_counted(mount.options):
        return None
    try:
        answer = host.query(["repquota", "-u", "-n", "-p", path], timeout_s=30)
    except AicaError:
        return None
    return parse(answer.out) if answer.code == 0 else None


def is_counted(options):
    """True if the options of a mount say that use is counted by user. Pure."""
    return any(COUNTED.match(option) for option in options.split(","))


def parse(text):
    """Return {uid: bytes} of what `repquota -u -n` prints; its blocks are of 1024 bytes. Pure."""
    found = {}
    for line in text.split("\n"):
        match = LINE.match(line)
        if match:
            found[int(match.group(1))] = int(match.group(2)) * BLOCK_BYTES
    return found
