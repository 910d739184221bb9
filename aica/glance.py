"""One glance at the server: disks, last recovery, people, graphics cards. For the menu.

Works for everybody, with what they may see; a dead disk is said, not waited for.
"""

import csv
from typing import NamedTuple, Optional, Tuple

from . import status, storage
from .disk import overview
from .errors import AicaError
from .settings import Settings

# The menu starts at once, whatever the data disk does.
PATIENCE_S = 0.5
GPU_FIELDS = "index,name,memory.used,memory.total,utilization.gpu,uuid"
MIB = 1 << 20


class Gpu(NamedTuple):
    """One graphics card; memory in bytes, busy in percent (None: it does not say), users' names."""

    index: str
    name: str
    used_bytes: int
    size_bytes: int
    busy: Optional[int]
    users: Tuple[str, ...] = ()


class Glance(NamedTuple):
    """What there is to see at a glance. disks are (alarm.Look, alarm.State)."""

    disks: Tuple = ()
    recovery: dict = {}
    people: Tuple[str, ...] = ()
    gpus: Tuple[Gpu, ...] = ()
    problems: Tuple[str, ...] = ()


def glance(app):
    """Return a Glance. What cannot be looked at is among its problems."""
    host = app.host(read_only=True, need_root=False)
    problems, disks = [], ()
    try:
        found = overview.overview(app, own=False)
        disks = tuple(zip(found.looks, found.states))
    except (AicaError, OSError) as error:
        problems.append(str(error))
    return Glance(disks, status.load(host), _people(host), _gpus(host), tuple(problems))


def theme(app):
    """Return the site's theme of the menu; the built-in one where it cannot be read at once."""
    try:
        host = app.host(read_only=True, need_root=False)
        settings = app.etc_settings(host)
        storage.probe(host.real(settings.data), PATIENCE_S)
        return (app.with_site(host, settings) or settings).tui_theme
    except (AicaError, OSError):
        return Settings().tui_theme


def _people(host):
    """Return the names of who is logged in, each once."""
    if not host.live or not host.has_program("who"):
        return ()
    lines = host.query(["who"]).out.split("\n")
    return tuple(dict.fromkeys(line.split()[0] for line in lines if line.strip()))


def _gpus(host):
    if not host.live or not host.has_program("nvidia-smi"):
        return ()
    try:
        cards = host.query(_question("gpu", GPU_FIELDS), timeout_s=10)
        programs = host.query(_question("compute-apps", "gpu_uuid,pid"), timeout_s=10)
    except AicaError:
        return ()  # a driver that hangs is not our alarm
    owners = {uuid: _owners(host, programs.out, uuid) for uuid in _uuids(programs.out)}
    return parse_gpus(cards.out, owners) if cards.code == 0 else ()


def _question(what, fields):
    return ["nvidia-smi", "--query-{}={}".format(what, fields), "--format=csv,noheader,nounits"]


def _uuids(text):
    return {row[0] for row in _rows(text) if len(row) == 2}


def _owners(host, text, uuid):
    """Return the names of those whose programs run on a card."""
    names = []
    for row in _rows(text):
        if len(row) == 2 and row[0] == uuid and row[1].isdecimal():
            info = host.lstat("/proc/" + row[1])
            name = host.accounts().name_of_uid(info.uid) if info else None
            names.append(name or str(info.uid) if info else "?")
    return tuple(sorted(set(names)))


def parse_gpus(text, owners):
    """Return the Gpus that nvidia-smi lists as CSV; owners are {uuid: names}. Pure."""
    found = []
    for row in _rows(text):
        if len(row) != 6 or not (row[2].isdecimal() and row[3].isdecimal()):
            continue
        busy = int(row[4]) if row[4].isdecimal() else None
        found.append(Gpu(row[0], row[1], int(row[2]) * MIB, int(row[3]) * MIB, busy,
                         owners.get(row[5], ())))
    return tuple(found)


def _rows(text):
    return [[cell.strip() for cell in row] for row in csv.reader(text.split("\n")) if row]
