"""SELinux labels of files: their text, and the attribute that holds it.

A label reads USER:ROLE:TYPE:RANGE, the range only where the policy has ranges.
The type decides who may do what with a file; the rest says little about it,
and is left as it is. Without SELinux no file has a label.
"""

import os
import stat

ATTRIBUTE = "security.selinux"


def type_of(label):
    """Return the type of a label, "" if the text is none. Pure."""
    fields = label.split(":", 3)
    return fields[2] if len(fields) > 2 else ""


def with_type_of(label, wanted):
    """Return a label with the type of another one; the other one if it is none itself. Pure."""
    if not type_of(label):
        return wanted
    fields = label.split(":", 3)
    return ":".join(fields[:2] + [type_of(wanted)] + fields[3:])


def read(handle):
    """Return the label of an open file or folder, "" if it has none.

    The handle may be a pin (O_PATH).
    """
    return _read("/proc/self/fd/{}".format(handle), follow=True)


def write(handle, label):
    """Give an open file or folder, which may be a pin, its label."""
    os.setxattr("/proc/self/fd/{}".format(handle), ATTRIBUTE, os.fsencode(label))


def read_entry(folder, name):
    """Return the label of an entry of an open folder, not followed; "" if it has none."""
    return _read("/proc/self/fd/{}/{}".format(folder, name), follow=False)


def _read(path, follow):
    try:
        return os.fsdecode(os.getxattr(path, ATTRIBUTE, follow_symlinks=follow).rstrip(b"\0"))
    except OSError:
        return ""  # none, no entry, no SELinux, or a file system without labels


def inherit(handle, folder, name):
    """Give a new file the label of the one that it will replace, as well as that goes.

    A file that a program of root's makes gets the type of its folder: after
    the rename, others than before could read it, or too few.
    """
    label = read_entry(folder, name)
    if label and label != read(handle):
        try:
            write(handle, label)
        except OSError:
            pass  # the policy, or the file system, knows better


# -- run by a child that has dropped to the owner -------------------------


def survey(home, parts):
    """Return {part: label} of the parts of a home, such as ".ssh", that are there and the caller's.

    Links are not followed; of a file with a second name nothing is said.
    """
    found = {}
    for part in parts:
        handle = _open_own(home, part)
        if handle is not None:
            found[part] = read(handle)
            os.close(handle)
    return found


def set_types(home, wanted):
    """Give parts of a home the types of these labels, {part: label}; those that survey() names."""
    for part, label in sorted(wanted.items()):
        handle = _open_own(home, part)
        if handle is not None:
            try:
                write(handle, with_type_of(read(handle), label))
            except OSError as error:
                raise OSError(error.errno, error.strerror, "{}/{}".format(home, part))
            finally:
                os.close(handle)


def _open_own(home, part):
    """Return a pin on a part of a home, None unless it is the caller's alone and no link."""
    flags = getattr(os, "O_PATH", 0o10000000) | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(home, flags | os.O_DIRECTORY)
    for name in part.split("/"):
        try:
            below = os.open(name, flags, dir_fd=handle)
        except OSError:
            below = None
        os.close(handle)
        if below is None:
            return None
        handle = below
        if not _is_own(os.fstat(handle)):
            os.close(handle)
            return None
    return handle


def _is_own(status):
    if status.st_uid != os.geteuid():
        return False
    return stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
