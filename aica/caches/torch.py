"""The cache of torch.hub: weights in hub/checkpoints, one folder for each repository of code.

A repository is what torch.hub loads: a folder OWNER_NAME_REF with a
hubconf.py. Everything else there, such as trusted_list, is left alone.
"""

import re
import stat

from .measure import files_in, folders_in, is_kind, look

TOP = "models/torch/hub"
CHECKPOINTS = b"checkpoints"
REPOSITORY = re.compile(rb"[^_.].*_.*_.+\Z", re.S)


def find(cache, walk, _host):
    """Yield the weights and the repositories that may go."""
    for name in files_in(walk, (CHECKPOINTS,)):
        yield from cache.judge(walk, "torch", (CHECKPOINTS, name))
    for name in folders_in(walk):
        if REPOSITORY.match(name) and is_kind(look(walk, (name, b"hubconf.py")), stat.S_IFREG):
            yield from cache.judge(walk, "torch", (name,))
