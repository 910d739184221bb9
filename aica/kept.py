"""What there is to keep on this host, and what this boot remembers of it."""

import json
import re
from typing import Dict, NamedTuple, Tuple

from . import seen
from .change import CHANGED, OK
from .errors import AicaError
from .resources.host_key import FOLDER
from .resources.jobs import LINGER, SPOOLS
from .resources.kept import Kept, digest_of

PATH = "/run/aica/kept.json"
HOST_KEY = re.compile(r"ssh_host_[a-z0-9_]+_key\Z")


class Found(NamedTuple):
    """What was found here, in the copies, or remembered from earlier in this boot.

    seen maps a resource's id to the digest that both sides had.
    """

    seen: Dict[str, str] = {}
    host_keys: Tuple[str, ...] = ()
    spool: str = SPOOLS[0]
    crontabs: Tuple[str, ...] = ()
    lingering: Tuple[str, ...] = ()


def find(host, settings):
    """Return the Found of a host and its data disk."""
    keys = host.names(FOLDER) + host.names(settings.ssh)
    spool = next((path for path in SPOOLS if _is_folder(host, path)), SPOOLS[0])
    copies = host.names(settings.jobs)
    return Found(
        load(host), tuple(sorted({name for name in keys if HOST_KEY.match(name)})), spool,
        _users(host.names(spool), copies, ".crontab"),
        _users(host.names(LINGER), copies, ".linger"))


def _is_folder(host, path):
    info = host.lstat(path)
    return info is not None and info.kind == "folder"


def _users(here, copies, suffix):
    kept = {name[:-len(suffix)] for name in copies if name.endswith(suffix)}
    return tuple(sorted(kept | set(here)))


def load(host):
    """Return {resource id: digest} of what this boot has seen alike."""
    try:
        found = json.loads(host.read_trusted(PATH).decode("ascii"))
        return dict(found["kept"]) if found["boot"] == seen.boot_of(host) else {}
    except (OSError, ValueError, TypeError, KeyError, AicaError):
        return {}


def note(host, resources, outcomes):
    """Remember what these resources were when a run ended with both sides alike."""
    fine = {outcome.resource for outcome in outcomes if outcome.status in (OK, CHANGED)}
    before = load(host)
    after = dict(before)
    for resource in resources:
        if isinstance(resource, Kept) and resource.id in fine and resource.alike:
            after[resource.id] = digest_of(resource.kept)
    after = {name: digest for name, digest in after.items() if digest is not None}
    if after != before:
        host.make_parents(PATH)
        text = json.dumps({"boot": seen.boot_of(host), "kept": after}, indent=1, sort_keys=True)
        host.write_file(PATH, text.encode("ascii") + b"\n", 0o600)
