"""pip's cache, where a site shares one: what pip downloads again when it is gone.

Each file stands for itself: pip asks for one and takes it, or does without.
"""

from .measure import folders_in

TOP = "cache/pip"
FOLDERS = (b"http", b"http-v2", b"wheels", b"selfcheck")


def find(cache, walk, _host):
    """Yield the parts of the cache that hold old files."""
    for name in folders_in(walk):
        if name in FOLDERS:
            yield from cache.sweep(walk, "pip", (name,))
