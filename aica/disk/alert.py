"""The hourly run: look at the disks, remember, and tell whoever must know.

Its order is that of importance: what can fail on a full or a dead disk comes
last, and what fails stops nothing that follows.
"""

import contextlib
import os
import syslog
import time
from typing import NamedTuple, Tuple

from .. import lock, storage
from ..errors import AicaError
from . import alarm, channels, history, message, probe, scan
from .alarm import LOST, Limits, Look, State
from .forecast import forecast

LOG = "/var/log/aica-disk-alert.log"
NOTICE = "/run/aica/disk-notice"
LOCK = "/run/aica/alert.lock"
# Who may read the notice at login: the first group that this system has.
ADMINS = ("sudo", "wheel", "adm")
# So often a channel that failed is tried again, an hour apart.
TRIES = 24
OWED = 20

PRIORITIES = {alarm.OK: syslog.LOG_NOTICE, alarm.WARNING: syslog.LOG_WARNING,
              alarm.CRITICAL: syslog.LOG_CRIT, LOST: syslog.LOG_ALERT}


class Found(NamedTuple):
    """One disk in this run. texts are what is wrong with it."""

    look: Look
    state: State
    event: str
    texts: Tuple[str, ...]
    hints: Tuple[str, ...] = ()

    @property
    def facts(self):
        """Return it as a value for JSON."""
        return message.facts(self.look, self.state, self.event, self.texts, self.hints)


class Report(NamedTuple):
    """A whole run. lines are those of the log, news those of them that were not said before.

    problems say what could not be told.
    """

    found: Tuple[Found, ...]
    lines: Tuple[str, ...]
    news: Tuple[str, ...] = ()
    problems: Tuple[str, ...] = ()


def watch(app, threshold=0, dry_run=False, now_s=None):
    """Look at the disks and return a Report; unless it is a dry run, tell everybody.

    threshold replaces the warning level, in percent. A dry run is for everybody.
    Raise NotReady without root, or while another run is at it.
    """
    now_s = time.time() if now_s is None else now_s
    host = app.host(read_only=dry_run, need_root=not dry_run)
    if dry_run:
        disks = Disks(app, host, locks=False)
        return _report(_judged(disks, limits_of(disks.settings, threshold), now_s), now_s)
    with lock.hold(host, 0, LOCK):
        disks = Disks(app, host)
        report = _report(_judged(disks, limits_of(disks.settings, threshold), now_s), now_s)
        return report._replace(problems=tuple(_tell(disks, report)))


def limits_of(settings, threshold=0):
    """Return the Limits of a site; threshold replaces its warning level, 0 for none."""
    warning = threshold or settings.alert_warning
    return Limits(warning, max(settings.alert_critical, warning), settings.alert_hysteresis,
                  threshold)


class Disks:
    """The disks that are watched, as they answered, and what is remembered of them.

    Nothing here ever waits for a dead disk, and nothing on one is read.
    """

    def __init__(self, app, host, locks=True):
        self.host = host
        self.settings = app.etc_settings(host)
        data, backup = self.settings.data, self.settings.backup
        self.seen = probe.look(host, (data, backup, "/"), locks)
        self.mounts = storage.mounts() if host.live else ()
        self.reachable = self.seen[data].state == probe.OK
        if self.reachable:
            host.fence(data, self.seen[data].device)
            self._read_site(app)
        self.state_folder = self.settings.state if self.lost(data) == "" else ""
        self.history = history.load(host, self.state_folder)
        self.names = self._chosen()
        more = [path for path in self.names if path not in self.seen]
        self.seen.update(probe.look(host, more, locks))

    def _read_site(self, app):
        """Take the site's settings; a mistake in them is said and is no reason for silence."""
        try:
            found = app.with_site(self.host, self.settings)
        except (OSError, AicaError) as error:
            app.warnings.append("{}: the built-in settings are used".format(error))
            return
        self.settings = found or self.settings
        app.warnings.extend(self.settings.warnings)

    def _chosen(self):
        """Return the paths to watch: the site's list, or the disk for copies only if there is one."""
        settings = self.settings
        if settings.alert_disks:
            return settings.alert_disks
        known = (settings.backup in self.history.samples or self._in_fstab(settings.backup)
                 or not self.lost(settings.backup) and self.host.live)
        return (settings.data,) + ((settings.backup,) if known else ()) + ("/",)

    def _in_fstab(self, path):
        try:
            lines = self.host.read_file("/etc/fstab").decode("utf-8", "replace").split("\n")
        except (OSError, AicaError):
            return False
        return any(line.split()[1:2] == [path] for line in lines
                   if not line.lstrip().startswith("#"))

    def lost(self, path):
        """Say why a disk cannot be looked at, "" if it can: never the root disk's numbers."""
        seen = self.seen[path]
        if seen.state == probe.HANGING:
            return seen.reason
        optional = path == self.settings.data and not self.settings.require_mount
        if self.host.live and path != "/" and not optional:
            if storage.mount_at(path, self.mounts) is None:
                return "is not mounted"
        return seen.reason

    def look(self, path, now_s):
        """Return a Look at a disk, and remember it."""
        lost = self.lost(path)
        if lost:
            return Look(path, lost)
        figures = self.seen[path].figures
        self.history = history.remember(self.history, path, figures, now_s)
        past = history.space_of(self.history, path, figures.blocks.size)
        return Look(path, "", figures, forecast(past, figures.blocks.free, now_s))


def _judged(disks, limits, now_s):
    """Return what is Found of each disk, and remember what will have been said."""
    found = []
    states = {key: state for key, state in disks.history.states.items()
              if key.split("@")[0] in disks.names}
    for path in disks.names:
        look, key = disks.look(path, now_s), state_of(path, limits, disks.settings)
        states[key], event = alarm.step(states.get(key, State()), look, limits, now_s)
        state, hints = states[key], ()
        if (event or state.level) and not look.lost:
            hints = scan.hints(disks.host, disks.settings, path)
        found.append(Found(look, state, event, message.reasons(look, state, limits), hints))
    disks.history = disks.history._replace(number=disks.history.number + 1, states=states)
    return tuple(sorted(found, key=lambda one: -one.state.level))


def state_of(path, limits, settings):
    """Return under which name the state of a disk is kept.

    Whoever runs it with a threshold of her own, beside the hourly run, must not
    have one undo what the other has said.
    """
    own = limits.named and limits.named != settings.alert_warning
    return "{}@{}".format(path, limits.named) if own else path


def _report(found, now_s):
    news = [one for one in found if one.event]
    return Report(found, _lines(found, now_s), _lines(news, now_s))


def _lines(found, now_s):
    lines = [message.line(message.ALERT, now_s, text) for one in found for text in one.texts]
    return tuple(lines + [message.line(message.OK, now_s, message.over(one.look))
                          for one in found if one.event == alarm.OVER])


def _tell(disks, report):
    """Tell everybody, and remember; yield what did not work."""
    host = disks.host
    yield from history.save(host, disks.history)  # in /run, which is never full
    yield from write_log(host, report.lines)
    write_notice(host, [text for one in report.found for text in one.texts])
    letters = [(facts, names, tries + 1) for facts, names, tries in disks.history.owed]
    for one in report.found:
        if one.event:
            texts = one.texts or (message.over(one.look),)
            write_journal(host, texts, one.state.level)
            letters.append((dict(one.facts, message=message.escape("; ".join(texts))), None, 1))
    owed, problems = _deliver(host, letters)
    yield from problems
    disks.history = disks.history._replace(owed=owed)
    yield from history.save(host, disks.history, disks.state_folder)


def _deliver(host, letters):
    """Tell channels of letters: (facts, only these or None for all, how often it was tried).

    Return (the letters that are still owed, what did not work). A channel that
    failed once is not tried again in this run, so that one which hangs costs
    its time once.
    """
    owed, failed = [], {}
    for facts, only, tries in letters:
        bad = [one for one in channels.tell(host, stamped(facts), only, tuple(failed))
               if one.problem]
        for one in bad:
            failed.setdefault(one.channel, one.problem)
        if bad and tries < TRIES:
            owed.append((facts, [one.channel for one in bad], tries))
    return tuple(owed[-OWED:]), ["{}: {}".format(*pair) for pair in failed.items()]


def stamped(facts):
    """Return facts with what every message has: the host and the time."""
    return dict(facts, host=os.uname().nodename, time=time.strftime("%Y-%m-%d %H:%M:%S%z"))


def write_log(host, lines):
    """Append lines to the log; yield what did not work."""
    if not lines:
        return
    try:
        group = host.accounts().group.get("adm")
        host.append_log(LOG, "".join(line + "\n" for line in lines), group.gid if group else 0)
    except (OSError, AicaError) as error:
        yield "{} cannot be written: {}".format(LOG, error)


def write_journal(host, texts, level):
    """Write to the system's log, and so to the journal."""
    if host.live:
        syslog.openlog("aica-disk-alert", 0, syslog.LOG_DAEMON)
        for text in texts:
            syslog.syslog(PRIORITIES[level], message.escape(text))


def write_notice(host, texts, tag=""):
    """Write the one line that admins see at login, or take it away."""
    with contextlib.suppress(OSError, AicaError):  # without it there are the other channels
        if not texts:
            if host.lstat(NOTICE) is not None:
                host.remove_file(NOTICE)
            return
        more = " (and {} more)".format(len(texts) - 1) if len(texts) > 1 else ""
        line = "AICA DataKeeper: {}{}{}. Look at: aica disk\n".format(
            tag, message.escape(texts[0])[:300], more)
        host.write_file(NOTICE, line.encode("ascii", "backslashreplace"), 0o640, gid=_admins(host))


def _admins(host):
    groups = host.accounts().group
    return next((groups[name].gid for name in ADMINS if name in groups), 0)


def test(app):
    """Send a marked message everywhere; yield (where, problem), the problem "" if it went out.

    Nothing is remembered. The notice stays until the next hourly run.
    """
    host = app.host()
    now_s, text = time.time(), "this is a test of the disk alarm: nothing is wrong"
    problem = "; ".join(write_log(host, [message.line(message.TEST, now_s, text)]))
    yield LOG, problem
    if host.live:
        write_journal(host, ["[TEST] " + text], alarm.OK)
        yield "journal", ""
    write_notice(host, [text], tag="[TEST] ")
    yield NOTICE, "" if host.lstat(NOTICE) else "cannot be written"
    facts = {"kind": "test", "event": "test", "level": "ok", "disk": "", "test": True,
             "message": "[TEST] " + text, "hints": []}
    for delivery in channels.tell(host, stamped(facts)):
        yield delivery.channel, delivery.problem
