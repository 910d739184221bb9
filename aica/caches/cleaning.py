"""Remove from the shared caches what nobody uses: the list, the removal, and the audit lines.

The list and the removal are the same resources, converged without and with
the right to change something. Nothing needs to be written before space is free.
"""

import contextlib
import os
import syslog
from typing import NamedTuple, Optional, Tuple

from .. import lock, report, storage
from ..change import CHANGED, PLANNED
from ..engine import converge
from ..errors import ConfigError, NotApplicable
from . import LAYOUTS, Cache, Opened, OwnCaches, start

# Of its own, so that a member who cleans keeps no changed password from being recorded.
LOCK = lock.FOLDER + "/clean.lock"
PROGRAM = "aica-clean-cache"
AUDITED = 50
TARGETS = tuple(LAYOUTS)


class Request(NamedTuple):
    """What somebody wants cleaned: names of TARGETS, and how many days it must be unused.

    member: the caller has root's rights only for this, and may remove only
    what the settings allow. who: the caller, for the journal.
    """

    targets: Tuple[str, ...]
    days: Optional[int] = None
    member: bool = False
    who: str = "root"


class Cleaning:
    """One run: its caches, what is in them that may go, and what became of it.

    Who is not root cleans the caches in the own home, and removes from the
    shared ones what is the caller's own and the caller may remove anyway.
    """

    def __init__(self, app, request):
        self._app = app
        self._request = request
        self._root = os.geteuid() == 0
        self._groups = None
        self.planned = 0
        self.removed = []

    @property
    def began(self):
        """True if the caches were looked at: nothing was in the way of it."""
        return self._groups is not None

    @property
    def freed_bytes(self):
        """How many bytes the disk has got back until now."""
        return sum(group.freed_bytes for group in self._groups or ())

    @property
    def freed_text(self):
        """The same, as people read it."""
        return report.size(self.freed_bytes)

    def plan(self):
        """Yield what would be removed, and what is kept and why. Changes nothing."""
        host = self._app.host(read_only=True, need_root=False)
        yield from self._converge(host, dry_run=True)

    def run(self):
        """Yield the Outcomes of removing what plan() found, or else what is found now."""
        host = self._app.host(need_root=False)
        if not self._root:
            yield from self._converge(host)
            return
        with lock.hold(host, 0, LOCK):
            self._audit(host, "{} cleans {}".format(
                self._request.who, " ".join(self._request.targets)))
            try:
                yield from self._converge(host)
            finally:  # after Ctrl-C too
                self._audit_end(host)

    def _converge(self, host, dry_run=False):
        if self._groups is None:
            self._groups = self._choose(host)
        for group in self._groups:
            for outcome in converge(group.resources(host), host, dry_run):
                if outcome.status == CHANGED:
                    self.removed.append(outcome.resource)
                self.planned += outcome.status == PLANNED
                yield outcome

    # -- which caches, under which rules --------------------------------------

    def _choose(self, host):
        """Return the groups of resources that the request is about."""
        targets = self._request.targets
        own = [] if self._root or "pip" not in targets else [self._own(host)]
        shared = targets if self._root else [name for name in targets if name != "pip"]
        return own + (self._shared(host, shared) if shared else [])

    def _own(self, host):
        """Return the caches in the caller's home, which the tools of this system know."""
        if not host.live:
            raise ConfigError(
                "--pip with --root {}: the caches in your home are those of this system, and no "
                "other's".format(host.root), hint="leave out --root, or name what is shared: "
                "--conda, --torch, --hf")
        return OwnCaches()

    def _shared(self, host, targets):
        settings = self._app.settings(host)
        rules = start(self._days(settings), None if self._root else os.geteuid(),
                      os.stat(__file__).st_mtime)
        opened = Opened()
        gid = _gid(host, settings) if self._root and not self._request.member else None
        found = [Cache(settings.data, LAYOUTS[name], rules, opened, gid) for name in targets]
        for name, cache in zip(targets, found):
            if not self._root and name != "conda":
                cache.refuse(NotApplicable("shared: not yours alone to remove",
                                           hint="sudo {} --{}".format(PROGRAM, name)))
            elif rules.days and host.live and name != "conda":
                self._require_known_use(host, cache)
        return found

    def _days(self, settings):
        days = self._request.days
        if self._request.member:
            return max(days or 0, settings.clean_member_days)
        if days is None:
            return 0 if self._root else settings.clean_member_days
        return days

    def _require_known_use(self, host, cache):
        """Where reading leaves no trace, a model in daily use looks as old as its download."""
        mount = storage.mount_of(host.real(cache.name), storage.mounts())
        if mount is None or "noatime" not in mount.options.split(","):
            return
        text = "{} is mounted noatime: when a file was read last is not known".format(mount.point)
        if self._request.member:
            cache.refuse(NotApplicable(text, hint="ask an admin: sudo aica clean"))
        else:
            self._app.warnings.append(text + "; ages count from the download")

    # -- the journal -----------------------------------------------------------

    def _audit_end(self, host):
        for name in self.removed[:AUDITED]:
            self._audit(host, "{} removed {}".format(self._request.who, name))
        more = len(self.removed) - AUDITED
        self._audit(host, "{} freed {} bytes, {} removed{}".format(
            self._request.who, self.freed_bytes, len(self.removed),
            " ({} of them not named here)".format(more) if more > 0 else ""))

    def _audit(self, host, text):
        """One line for one event, whatever the names of files are."""
        if host.live:
            with contextlib.suppress(OSError):
                syslog.openlog(PROGRAM, syslog.LOG_PID, syslog.LOG_AUTHPRIV)
                syslog.syslog(syslog.LOG_NOTICE, _ascii(report.escape(text))[:900])


def _ascii(text):
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _gid(host, settings):
    """Return the gid of the site's group, None if there is none."""
    group = host.accounts().group.get(settings.group)
    return group.gid if group else None
