"""What may be removed from the shared caches, one module per cache.

rules.py says how old is old enough, opened.py what programs have open,
measure.py how large something is; cache.py is one cache, and thing.py a thing
in it as the engine sees it: a Resource whose desired state is to be gone.
conda.py, torch.py, hf.py and pip.py each know one layout and find what is in
it; own.py asks a user's own tools. None of them takes a path from anybody.
cleaning.py is one run over them, for `aica clean` and the nightly scan.
"""

from . import conda, hf, pip, torch
from .cache import Cache
from .opened import Opened
from .own import OwnCaches
from .rules import start

# What --all stands for, in the order of the work. Each has a TOP and find(cache, walk, host).
LAYOUTS = {"conda": conda, "pip": pip, "torch": torch, "hf": hf}

__all__ = ["LAYOUTS", "Cache", "Opened", "OwnCaches", "start"]
