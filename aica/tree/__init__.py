"""The walker of trees that other people control: whole, bounded, and never led out of them.

walk.py visits one tree, fence.py keeps it inside, workers.py shares the work,
tally.py counts what was found, remove.py removes what somebody chose,
beside.py and bring.py are for two trees that belong together. Policy
lives elsewhere: a consumer is a Visitor, which is told of every entry and
answers whether to enter it.
"""

from .beside import Beside
from .bring import bring_back, unmunged
from .remove import Remover, empty, remove
from .tally import Tally
from .walk import MOUNT, SWAPPED, Enough, Visitor, Walk, is_folder
from .workers import run

__all__ = ["MOUNT", "SWAPPED", "Beside", "Enough", "Remover", "Tally", "Visitor", "Walk",
           "bring_back", "empty", "is_folder", "remove", "run", "unmunged"]
