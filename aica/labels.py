"""SELinux labels of files: their text, and the attribute that holds it.

A label reads USER:ROLE:TYPE:RANGE, the range only where the policy has ranges.
The type decides who may do what with a file; the rest says little about it,
and is left as it is. Without SELinux no file has a label.
"""

import os

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
