"""One copy of one folder into a snapshot that is being made: measured, made, looked at again."""

import contextlib
import os
import tempfile
import time
from typing import NamedTuple, Tuple

from .. import report, storage
from ..change import Change
from ..errors import AicaError, TimedOut
from ..resources.base import Resource
from . import rsync, verify

WHOLE, PARTIAL, FAILED = "whole", "partial", "failed"
# The kernel's time stamps lag behind the clock by a tick.
SLACK_NS = 2 * 10**9
# With --checksum all of a home is read to compare it.
MEASURE_S = 7 * 24 * 3600
# A disk is never filled to the last: so many hundredths stay free.
SPARE_PERCENT = 1


class Target(NamedTuple):
    """The snapshot that is being made, and by what means.

    top is the folder of the snapshots, unfinished the name of this one, bases
    the names of earlier ones in it, the best first. torn are those of them that
    a power cut may have ended: a file there can have the right size and time,
    and zeros for what was never written. lock is the descriptor of
    the lock that the copying programs hold too, -1 in a dry run.
    """

    top: str
    unfinished: str
    bases: Tuple[str, ...] = ()
    checksum: bool = False
    torn: Tuple[str, ...] = ()
    lock: int = -1


class Copy(Resource):
    """The copy of a folder. `place` is where in the snapshot it goes, such as users/kim.

    exclude are patterns of rsync(1) for what is left out.
    """

    kind = "copy"

    def __init__(self, name, source, place, target, exclude=(), needs=()):
        super().__init__(name, needs)
        self.source = source
        self.place = place
        self.target = target
        self.exclude = tuple(exclude)
        self.state = None      # until it was tried
        self.fatal = False     # going on with others would teach nothing
        self.measured = None
        self.answer = None
        self.changed = 0       # entries that were changed while they were copied
        self._copied = None    # the Stats of the copying
        self._since_ns = 0

    def desired(self):
        return {"copied": True}

    def inspect(self, host):
        """Before the copy: measure what it would take. After it: compare both sides."""
        if self._copied is None:
            self.measured = self._measure(host)
            return {"copied": False, "new_files": self.measured.new_files,
                    "new_bytes": self.measured.new_bytes}
        self._verify(host)
        return {"copied": True}

    def plan(self, actual):
        if actual["copied"]:
            return ()
        return tuple(Change(field, None, actual[field]) for field in ("new_bytes", "new_files"))

    def describe(self, changes):
        return ("{:,} of {:,} files are new, {}".format(
            self.measured.new_files, self.measured.entries.get("reg", 0),
            report.size(self.measured.new_bytes)),)

    def apply(self, host, changes):
        self.state = FAILED  # whatever ends it: a complete one says so below
        self._require_room(host)
        slack_ns = storage.clock_slack_ns(host.real(self.source)) or SLACK_NS
        self._since_ns = int(time.time() * 1e9) - slack_ns
        with host.folder(self.target.top, trusted=True) as top:
            result = self._wait_for(
                host, "./{}/{}/".format(self.target.unfinished, self.place),
                folder=top, held=(self.target.lock,), judge=lambda code: True)
        self.answer = rsync.answer(result.code, result.err)
        self._judge(host)
        self._copied = _stats(result.out)
        self.state = WHOLE

    def _wait_for(self, host, target, **more):
        """Copy; give up what takes longer than any disk that works, for the sake of the others."""
        longest_s = rsync.longest_s(self.measured, self._reads_all(self._bases(host)))
        try:
            return self._rsync(host.execute, host, target, timeout_s=longest_s, **more)
        except TimedOut:
            raise AicaError("not copied within {:,} s, and given up".format(longest_s),
                            hint="is the disk alive? Or do programs of its owner hold files back: "
                                 "grep LEASE /proc/locks")

    def _judge(self, host):
        code = self.answer.code
        if code in (0, rsync.VANISHED):
            return
        self.state = PARTIAL if code == rsync.PARTIAL else FAILED
        self.fatal = code in rsync.FATAL or not has_room(host, self.target.top)
        raise AicaError("rsync ended with {}: {}".format(code, rsync.shown(self.answer)),
                        hint="is {} full? aica backup goes on with what is there".format(
                            self.target.top) if self.fatal else "")

    def _measure(self, host):
        """Return the Stats of what would be copied now."""
        result = self._rsync(host.query, host, host.real("{}/{}/{}/".format(
            self.target.top, self.target.unfinished, self.place)), dry_run=True)
        answer = rsync.answer(result.code, result.err)
        if result.code not in (0, rsync.VANISHED, rsync.PARTIAL):
            raise AicaError("rsync ended with {}: {}".format(result.code, rsync.shown(answer)))
        return _stats(result.out)

    def _rsync(self, run, host, target, dry_run=False, timeout_s=MEASURE_S, **more):
        """Run rsync from the source to target by run(): host.query or host.execute."""
        names = self._bases(host) if self._copied is None else []
        bases = [host.real("{}/{}/{}".format(self.target.top, name, self.place)) for name in names]
        with self._config(host) as config:
            argv = rsync.copy_argv(config, target, self._excluded(host), bases, dry_run,
                                   self._reads_all(names))
            argv = rsync.quiet_argv(argv, host.has_program("ionice"))
            return run(argv, timeout_s=timeout_s, alone=True, **more)

    def _bases(self, host):
        return [base for base in self.target.bases
                if host.lstat("{}/{}/{}".format(self.target.top, base, self.place)) is not None]

    def _reads_all(self, bases):
        """True if contents are compared: somebody wants it, or a base may be torn."""
        return self.target.checksum or any(base in self.target.torn for base in bases)

    @contextlib.contextmanager
    def _config(self, host):
        """Yield the path of the reading side's configuration."""
        try:
            text = rsync.config_text(host.real(self.source))
        except ValueError as expected:
            raise AicaError("{!r} is not copied: expected {}".format(self.source, expected),
                            hint="rename it")
        with tempfile.NamedTemporaryFile("w", prefix="aica-", dir="/tmp") as config:
            config.write(text)
            config.flush()
            yield config.name

    def _excluded(self, host):
        """Return the patterns, and what is mounted below the source."""
        return self.exclude + tuple(
            rsync.exclude_argument(path) for path in mounted_below(host.real(self.source)))

    def _require_room(self, host):
        need = rsync.need(self.measured, bool(self._bases(host)))
        free_bytes, free_inodes = room(host, self.target.top)
        for needed, free, unit in ((need.size_bytes, free_bytes, report.size),
                                   (need.inodes, free_inodes, "{:,} inodes".format)):
            if needed > free:
                raise AicaError(
                    "needs {}, {} has {}".format(unit(needed), self.target.top, unit(max(0, free))),
                    hint="df -h {0}; df -i {0}; or leave something out: [backup] exclude".format(
                        self.target.top))

    def _verify(self, host):
        self.state = FAILED
        copy = "{}/{}/{}".format(self.target.top, self.target.unfinished, self.place)
        with host.folder(copy) as below, host.folder(self.source) as source:
            found = verify.compare(below, source, self._since_ns)
        self.changed = found.tally.counts.get(verify.CHANGED, 0)
        faults = verify.faults(found, self._copied.entries, self.answer.vanished)
        if self.target.checksum:
            faults += self._compare_contents(host)
        if faults:
            raise AicaError("the copy is not what its source is: " + "; ".join(faults))
        self.state = WHOLE

    def _compare_contents(self, host):
        """Let rsync read both sides once more: what it would still copy now has another content."""
        others = self._measure(host).new_files
        if others <= self.changed:
            return ()
        return ("{} files have another content, {} entries were changed meanwhile".format(
            others, self.changed),)


def room(host, path):
    """Return (bytes, inodes) that a copy may take on the disk of a folder."""
    with host.folder(path) as folder:
        found = os.fstatvfs(folder)
    spare = found.f_blocks * SPARE_PERCENT // 100
    inodes = found.f_favail - found.f_files * SPARE_PERCENT // 100 if found.f_files else 1 << 62
    return (found.f_bavail - spare) * found.f_frsize, inodes


def has_room(host, path):
    """True if anything can be copied to the disk of a folder."""
    return all(free > 0 for free in room(host, path))


def mounted_below(path):
    """Return the paths, below `path`, of what is mounted there."""
    inside = path.rstrip("/") + "/"
    return sorted({mount.point[len(inside):] for mount in storage.mounts()
                   if mount.point.startswith(inside)})


def _stats(text):
    try:
        return rsync.parse_stats(text)
    except ValueError as error:
        raise AicaError("rsync did not say what it did: {}".format(error))
