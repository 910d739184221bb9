"""What the hourly runs remember: how full each disk was, and what was said of it.

In two places: on the data disk, where it survives the wipe, and in /run, where
a full data disk keeps nobody from writing. The one with the higher number is
the newer one, whatever the clock says.
"""

import json
from typing import Any, Dict, NamedTuple, Tuple

from ..errors import AicaError
from .alarm import LEVELS, MEASURES, State

RUN = "/run/aica/disks.json"
NAME = "disks.json"
VERSION = 1
# An hour apart: six weeks.
MOST = 1000
# A run by hand is no sample of its own.
APART_S = 1800
# A disk of another size is another disk.
SAME_SIZE = 0.9


class Sample(NamedTuple):
    """How full a disk was: bytes and inodes, and its size in bytes."""

    when_s: int
    used: int
    inodes: int
    size: int


class History(NamedTuple):
    """Everything that is remembered. number counts the runs; samples and states are by disk.

    owed are the messages that a channel did not take: [facts, [channels], tries].
    """

    number: int = 0
    samples: Dict[str, Tuple[Sample, ...]] = {}
    states: Dict[str, State] = {}
    owed: Tuple = ()


def load(host, state_folder=""):
    """Return the newest History that can be read, an empty one if there is none.

    state_folder is that on the data disk, "" if it may not be touched. Nothing
    of root's alone is missed by others: /run has the same.
    """
    paths = [RUN] + ([state_folder + "/" + NAME] if state_folder else [])
    found = [_read(host, path) for path in paths]
    return max(found, key=lambda one: one.number)


def _read(host, path):
    try:
        return parse(host.read_trusted(path).decode("utf-8"))
    except (OSError, ValueError, AicaError):
        return History()  # never a reason to be silent about a full disk


def save(host, history, state_folder=""):
    """Write a History; return what could not be written, in words."""
    text, problems = render(history).encode("ascii"), []
    for path, mode in [(RUN, 0o644)] + ([(state_folder + "/" + NAME, 0o600)] if state_folder
                                        else []):
        try:
            host.write_file(path, text, mode)
        except (OSError, AicaError) as error:
            problems.append("{} cannot be written: {}".format(path, error))
    return problems


def remember(history, disk, figures, now_s):
    """Return a History with one more sample of a disk, unless it has one of this hour."""
    known = history.samples.get(disk, ())
    if known and abs(now_s - known[-1].when_s) < APART_S:
        return history
    inodes = figures.inodes.used if figures.inodes else 0
    sample = Sample(int(now_s), figures.blocks.used, inodes, figures.blocks.size)
    samples = dict(history.samples)
    samples[disk] = (known + (sample,))[-MOST:]
    return history._replace(samples=samples)


def space_of(history, disk, size):
    """Return the (when, used bytes) of a disk while it had about this size."""
    return [(one.when_s, one.used) for one in history.samples.get(disk, ())
            if one.size * SAME_SIZE <= size <= one.size / SAME_SIZE]


def render(history):
    """Return a History as text."""
    states = {disk: {"levels": {name: LEVELS[level] for name, level in state.levels.items()},
                     "since": state.since_s, "said": state.said_s, "trend": state.trend_s}
              for disk, state in history.states.items() if state.level}
    return json.dumps({"version": VERSION, "number": history.number, "states": states,
                       "samples": history.samples, "owed": history.owed}, sort_keys=True) + "\n"


def parse(text):
    """Return the History that render() wrote. Raise ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise ValueError("not a history of disks")
    try:
        samples = {disk: tuple(Sample(*map(int, one)) for one in many)
                   for disk, many in found["samples"].items()}
        states = {disk: _state(one) for disk, one in found["states"].items()}
        owed = tuple((dict(facts), list(channels), int(tries))
                     for facts, channels, tries in found["owed"])
        return History(int(found["number"]), samples, states, owed)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a history of disks: {}".format(error))


def _state(found: Any):
    levels = {name: LEVELS.index(level) for name, level in found["levels"].items()
              if name in MEASURES}
    return State(levels, float(found["since"]), float(found["said"]), float(found["trend"]))
