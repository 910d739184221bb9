"""The slow part of keeping a server whole: what lies in the shared trees.

It runs beside everything else: under a lock of its own, so that a changed
password is recorded while 50 TB are walked.
"""

import contextlib
import os

from . import lock, report, site, status, storage
from .backup import records as backups
from .bootstrap import survival
from .change import CHANGED, Outcome
from .engine import converge
from .errors import AicaError, ConfigError, Conflict
from .host import ReadOnlyHost
from .resources import pam
from .resources.shared_tree import SavedModes
from .tree import saved
from .volatile.survey import what_is_lost

# So many entries of the first level of each tree does `aica check` look at.
GLANCE = 1000


def check(app, deep=False, tick=None):
    """Yield what is not as it should be: the server, and what members made in the shared trees."""
    yield from app.check()
    host = app.host(read_only=True)
    desired = app.site(host, app.settings(host))
    if host.live:
        app.warnings[:0] = survival.warnings(host, desired.settings,
                                             site.units.mount_unit(desired.settings.data))
        lost = what_is_lost(app)
        app.warnings.extend([lost] if lost else [])
    if storage.is_read_only(host.real(desired.settings.data)):
        app.warnings.insert(0, "{} is mounted read-only: nobody can work, and no password that is "
                            "changed now is recorded; dmesg says why".format(desired.settings.data))
    app.warnings += backups.warnings(host, desired.settings)
    wanted = site.folders.sharing(desired, 0 if deep else GLANCE, tick)
    wanted.append(backups.LastBackup(desired.settings))
    guards = site.guards.rule(desired) + site.guards.switch(desired)
    yield from converge(guards + _ways(host, desired) + wanted, host, dry_run=True)


def _ways(host, desired):
    """Return what is looked at of the ways in: of members, and of members to root."""
    installed = host.lstat(pam.PROFILE) is not None
    found = site.ways.ways(desired) + site.bash_version.holes(desired.settings)
    return [one for one in found if installed or one.kind != "way-in"]


def recover(app, dry_run=False, tick=None):
    """Yield the Outcomes of `aica recover --deep`: the server, then what takes long."""
    def slow(desired):
        return site.guards.rule(desired) + _everything_shared(desired, tick)
    yield from app.recover(dry_run=dry_run)
    yield from _repair(app, dry_run, slow)


def survey(app, paths=(), tick=None):
    """Yield what is wrong in the shared trees, or below these paths in them."""
    yield from apply(app, paths, dry_run=True, tick=tick)


def apply(app, paths=(), dry_run=False, tick=None):
    """Yield the Outcomes of repairing the shared trees, or what lies below these paths in them."""
    def chosen(desired):
        if not paths:
            return _everything_shared(desired, tick)
        return [_part(_trees(desired, tick), path, tick) for path in paths]
    yield from _repair(app, dry_run, chosen, whole=not paths)


def _repair(app, dry_run, choose, whole=True):
    """Yield the Outcomes of the resources that choose(desired state) returns."""
    host = app.host(read_only=dry_run)
    yield from _run(app, host, choose(app.site(host, app.settings(host))), dry_run, whole)


def _run(app, host, resources, dry_run, whole):
    """Yield the Outcomes of resources, under the lock of the maintenance; tell how it ended."""
    if dry_run:
        yield from converge(resources, host, dry_run=True)
        return
    with lock.hold(host, 0, lock.MAINTENANCE):
        outcomes = []
        try:
            for outcome in converge(resources, host):
                outcomes.append(outcome)
                yield outcome
        finally:  # Ctrl-C too: what was repaired until then is told
            _finish(app, host, resources, outcomes, whole)


def save(app, path):
    """Yield an Outcome for each shared tree whose modes and groups were written to a new file.

    path is one of this system, whichever root is looked at: see _folder_of.
    """
    host = app.host(read_only=True)
    desired = app.site(host, app.settings(host))
    with _folder_of(path) as folder, saved.new_file(folder, path) as write:
        outcomes = [_save(host, tree, desired.settings.data, write)
                    for tree in site.folders.shared_trees(desired)
                    if host.lstat(tree.top) is not None]
    yield from outcomes  # now they are on the disk


def _save(host, tree, data, write):
    found = host.save_modes(tree.top, os.path.relpath(tree.top, data), write)
    return Outcome("saved-modes:" + tree.top, CHANGED, message=tree.remark(found))


def restore(app, path, dry_run=False):
    """Yield the Outcomes of bringing the shared trees back to the modes and groups of a file."""
    host = app.host(read_only=dry_run)
    desired = app.site(host, app.settings(host))
    with _folder_of(path) as folder, saved.opened(folder, path) as lines:
        resources = [_saved(lines, tree.top, desired.settings.data)
                     for tree in site.folders.shared_trees(desired)]
        yield from _run(app, host, resources, dry_run, whole=False)


def _saved(lines, top, data):
    prefix = os.path.relpath(top, data)
    return SavedModes(top, prefix.count("/") + 1, lambda: saved.read(lines, prefix),
                      saved.RESTORED)


@contextlib.contextmanager
def _folder_of(path):
    """Open the folder that a FILE of an admin's lies in, without following a link.

    Root writes there, or obeys what lies there: raise ConfigError unless it
    and every folder above it are root's alone.
    """
    with contextlib.ExitStack() as stack:
        try:
            above = os.path.dirname(os.path.abspath(path))
            folder = stack.enter_context(ReadOnlyHost("/").folder(above, trusted=True))
        except Conflict as error:
            raise ConfigError("{}: {}".format(path, error),
                              hint="name a file in a folder that is root's alone, such as /root")
        except OSError as error:
            raise ConfigError("{}: {}".format(path, error.strerror),
                              hint="name a file in a folder that is there")
        yield folder


def _finish(app, host, resources, outcomes, whole):
    """Tell how it ended; the status only if all of the shared trees were looked at to the end."""
    code, error = report.exit_status(outcomes), ""
    if len(outcomes) < len(resources):
        code = code or AicaError.exit_status
        error = "stopped in {}: what was done until then stays".format(resources[len(outcomes)].id)
    app.write_log(host, outcomes, code, error, verbose=True)
    if whole and not error:
        status.save_maintenance(host, status.compose(outcomes, code))


def _everything_shared(desired, tick):
    """Return the resources of the trees, after the shared folders that they start from."""
    trees = _trees(desired, tick)
    folders = [folder for folder in site.folders.shared(desired) if folder.kind == "directory"]
    return folders + trees


def _trees(desired, tick):
    """Return the resources of the shared trees. Raise AicaError if there can be none."""
    trees = site.folders.shared_trees(desired, tick=tick)
    if not trees:
        raise AicaError("the group {} is not recorded".format(desired.settings.group),
                        hint="aica setup")
    return trees


def _part(trees, path, tick):
    """Return the resource of a folder inside of a tree. Raise ConfigError if it lies in none."""
    whole = os.path.abspath(path)
    for tree in trees:
        if whole == tree.top or whole.startswith(tree.top + "/"):
            return type(tree)(whole, tree.top, tree.order.gid, tick=tick)
    raise ConfigError("{}: not in a shared tree".format(path),
                      hint="the shared trees: " + ", ".join(tree.top for tree in trees))

