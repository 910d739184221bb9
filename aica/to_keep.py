"""What there is to keep on this host, and what this boot remembers of it."""

import json
import re
from typing import Dict, NamedTuple, Tuple

from . import seen, settings_apps
from .change import CHANGED, OK
from .errors import AicaError, Conflict
from .resources.host_key import FOLDER
from .resources.jobs import AT_JOB, LINGER, SPOOLS, SPOOLS_OF_AT
from .resources.kept import Kept, digest_of

PATH = "/run/aica/kept.json"
HOST_KEY = re.compile(r"ssh_host_[a-z0-9_]+_key\Z")


class Found(NamedTuple):
    """What was found here, in the copies, or remembered from earlier in this boot.

    seen maps a resource's id to the digest that both sides had. at_jobs are
    pairs of owner (a uid here, a user's name in the copies) and job. apps
    are "conda" and "uv", if something stands in their place on the data disk.
    """

    seen: Dict[str, str] = {}
    host_keys: Tuple[str, ...] = ()
    spool: str = SPOOLS[0]
    crontabs: Tuple[str, ...] = ()
    lingering: Tuple[str, ...] = ()
    at_spool: str = SPOOLS_OF_AT[0]
    at_jobs: Tuple[Tuple[object, str], ...] = ()
    apps: Tuple[str, ...] = ()

    def jobs_of(self, user, uid):
        """Return the names of a user's jobs of at(1): those that wait, and those of the copies."""
        return tuple(sorted({job for owner, job in self.at_jobs if owner in (user, uid)}))


def find(host, settings):
    """Return the Found of a host and its data disk."""
    keys = _names(host, FOLDER) + host.names(settings.ssh)
    spool, at_spool = (next((path for path in paths if host.is_folder(path)), paths[0])
                       for paths in (SPOOLS, SPOOLS_OF_AT))
    copies = host.names(settings.jobs)
    return Found(
        load(host), tuple(sorted({name for name in keys if HOST_KEY.match(name)})), spool,
        _users(_names(host, spool), copies, ".crontab"),
        _users(_names(host, LINGER), copies, ".linger"),
        at_spool, _at_jobs(host, at_spool, copies), _apps(host, settings))


def _apps(host, settings):
    """Return what stands in the folder of applications, by name; it is judged later."""
    places = {"conda": settings_apps.prefix_of(settings), "uv": settings_apps.uv_of(settings)}
    try:
        return tuple(name for name, path in places.items() if host.lstat(path) is not None)
    except AicaError:
        return ()  # a link in the way, which the folders' own resources tell of


def _names(host, path):
    """A link on the way is told by whose job lies behind it; it must not stop a recovery."""
    try:
        return host.names(path)
    except Conflict:
        return ()


def _at_jobs(host, spool, copies):
    here = ((host.lstat("{}/{}".format(spool, name)), name) for name in _names(host, spool)
            if AT_JOB.match(name))
    kept = (name.rsplit(".at.", 1) for name in copies if ".at." in name)
    return tuple((info.uid, name) for info, name in here if info is not None) + tuple(
        (user, job) for user, job in kept if AT_JOB.match(job))


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


def forget(host, user):
    """Forget the jobs of a user who left: a copy that is left is then nothing that was removed."""
    theirs = re.compile(r"(crontab|linger):{0}\Z|at-job:{0}\.[^.]*\Z".format(re.escape(user)))
    before = load(host)
    _save(host, before, {name: digest for name, digest in before.items()
                         if not theirs.match(name)})


def note(host, resources, outcomes):
    """Remember what these resources were when a run ended with both sides alike."""
    fine = {outcome.resource for outcome in outcomes if outcome.status in (OK, CHANGED)}
    before = load(host)
    after = dict(before)
    for resource in resources:
        if isinstance(resource, Kept) and resource.id in fine and resource.alike:
            after[resource.id] = digest_of(resource.kept)
    _save(host, before, {name: digest for name, digest in after.items() if digest is not None})


def _save(host, before, after):
    if after != before:
        host.make_parents(PATH)
        text = json.dumps({"boot": seen.boot_of(host), "kept": after}, indent=1, sort_keys=True)
        host.write_file(PATH, text.encode("ascii") + b"\n", 0o600)
