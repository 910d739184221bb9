"""Trees that members control, shared ones and homes: walked from an open folder."""

import os

from .. import files, storage, tree
from ..tree import measure, own_files, saved, sharing
from . import child


class Trees:
    """The part of a Host that walks whole trees."""

    def measure(self, path, budget_s=0.0):
        """Return (bytes, entries, complete) of what lies below a folder: see measure.measure."""
        with self.folder(path) as top:
            return measure.measure(top, budget_s)

    def survey_home(self, path, order):
        """Return a Tally of what is wrong inside a home, or of an old owner: own_files.Order."""
        with self.folder(path) as top:
            return own_files.survey(top, order)

    def survey_tree(self, path, order):
        """Return a Tally of what is wrong in a shared tree: see permissions.Order."""
        with self.folder(path) as top:
            return sharing.survey(top, order, storage.is_network(self.real(path)))

    def save_modes(self, path, prefix, write):
        """Write the modes and groups below a folder: see saved.save."""
        with self.folder(path) as top:
            return saved.save(top, prefix, write)

    def compare_modes(self, path, depth, entries):
        """Return a Tally of what differs below a folder from saved Entries."""
        with self.folder(path) as top:
            return saved.restore(top, depth, entries)

    def repair_tree(self, path, order):
        """Bring a shared tree to the modes and the group of permissions.py; return a Tally."""
        with self.folder(path) as top:
            return sharing.repair(top, order, storage.is_network(self.real(path)))

    def repair_home(self, path, order):
        """Bring the modes inside a home to what own_files.py says, or take an old owner's files."""
        with self.folder(path) as top:
            return own_files.repair(top, order)

    def restore_modes(self, path, depth, entries):
        """Bring back the modes and groups of saved Entries below a folder; return a Tally."""
        sharing.require_protected_links()
        with self.folder(path) as top:
            return saved.restore(top, depth, entries, change=True)

    def remove_cached(self, top, path, expected, spare=lambda _here, _status: "", first=()):
        """Remove one entry below the folder `top`, whatever stands in it: see tree.remove."""
        with self.folder(top) as handle:
            return tree.remove(handle, path, expected, spare, first)

    def empty_cached(self, top, path, spare, keep_folders=False):
        """Remove what is below a folder in the folder `top`, unless it is spared: tree.empty."""
        with self.folder(top) as handle:
            return tree.empty(handle, path, spare, keep_folders)

    def bring_back(self, source, home, path, suffix, ids):
        """Copy a path from one open folder to another, as ids: see tree.bring_back."""
        return child.call(ids, tree.bring_back, source, home, path, suffix,
                          held=(source, home), who=self._who(ids))

    def remove_tree(self, path):
        """Remove a folder of a folder that is root's alone; return a Tally of what had to stay."""
        with self.folder(os.path.dirname(path), trusted=True) as parent:
            name = os.path.basename(path)
            info = files.look(parent, name)
            return tree.remove(parent, (os.fsencode(name),), (info.device, info.inode)).left_over
