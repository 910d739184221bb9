"""The SELinux labels of parts of a home, read and set by a child that has dropped to its owner."""

import os
import stat

from .. import labels
from ..files import OPEN_PIN


def survey(home, parts):
    """Return {part: label} of the parts of a home, such as ".ssh", that are there and the caller's.

    Links are not followed; of a file with a second name nothing is said.
    """
    found = {}
    for part in parts:
        handle = _open_own(home, part)
        if handle is not None:
            found[part] = labels.read(handle)
            os.close(handle)
    return found


def set_types(home, wanted):
    """Give parts of a home the types of these labels, {part: label}; those that survey() names."""
    for part, label in sorted(wanted.items()):
        handle = _open_own(home, part)
        if handle is not None:
            try:
                labels.write(handle, labels.with_type_of(labels.read(handle), label))
            except OSError as error:
                raise OSError(error.errno, error.strerror, "{}/{}".format(home, part))
            finally:
                os.close(handle)


def _open_own(home, part):
    """Return a pin on a part of a home, None unless it is the caller's alone and no link."""
    handle = os.open(home, OPEN_PIN | os.O_DIRECTORY)
    for name in part.split("/"):
        try:
            below = os.open(name, OPEN_PIN, dir_fd=handle)
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
