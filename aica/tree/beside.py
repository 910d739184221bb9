"""Two trees at once: where a walk is in one of them, in the other."""

import os

from .. import files


def down(top, path):
    """Return the open folder at `path` (names) below an open one, -1 if the way is barred."""
    handle = os.dup(top)
    for name in path:
        try:
            below = os.open(name, files.OPEN_FOLDER, dir_fd=handle)
        except OSError:
            below = -1
        os.close(handle)
        if below < 0:
            return -1
        handle = below
    return handle


class Beside:
    """The folders of another tree, at the paths at which a walk is. Never follows a link."""

    def __init__(self, top):
        self._top = top
        self._here = None
        self._handle = -1

    def folder(self, here):
        """Return the open folder at the path of `here`, -1 if there is none. Valid until asked anew."""
        if here is not self._here:
            self.close()
            self._here = here
            path = here.path()
            self._handle = down(self._top, path.split(b"/") if path else ())
        return self._handle

    def close(self):
        """Give the descriptor back."""
        if self._handle >= 0:
            os.close(self._handle)
        self._here, self._handle = None, -1
