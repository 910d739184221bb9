"""The shared trees, which members control: walked by sharing.py and saved.py from an open folder."""

from .. import saved, sharing, storage, tree


class Trees:
    """The part of a Host that walks whole trees."""

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
