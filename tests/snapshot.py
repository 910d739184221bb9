"""A folder as a value: what stands where, whose it is, what it says. Nothing is followed."""

import hashlib
import os
import stat

# What may differ between two runs that did the same: when they ran, and the boot.
VOLATILE = ("/run/aica", "/var/log/aica-recovery.log")
# Generations that useradd and its kin leave beside the files they change, and their locks.
BACKUPS = ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-",
           "/etc/subgid-", "/etc/.pwd.lock")


def tree(root, leave_out=(), times=False):
    """Return {path: (kind, mode, uid, gid, content or target[, mtime, ctime])} below root.

    leave_out names paths (with what is below them) that do not count.
    """
    found = {}
    for folder, folders, files in os.walk(root):
        here = folder[len(root):]
        folders[:] = [name for name in folders if here + "/" + name not in leave_out]
        for name in folders + files:
            path = here + "/" + name
            if path not in leave_out:
                found[path] = _entry(os.path.join(folder, name), times)
    found["/"] = _entry(root, times)
    return found


def _entry(path, times):
    info = os.lstat(path)
    content = ""
    if stat.S_ISLNK(info.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as data:
            content = hashlib.sha256(data.read()).hexdigest()
    entry = (stat.S_IFMT(info.st_mode), oct(stat.S_IMODE(info.st_mode)), info.st_uid, info.st_gid,
             content)
    return entry + (info.st_mtime_ns, info.st_ctime_ns) if times else entry


def differences(before, after):
    """Return the sorted paths at which two trees differ."""
    return sorted(path for path in set(before) | set(after) if before.get(path) != after.get(path))
