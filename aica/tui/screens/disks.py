"""Disks: who and what fills them, by the last scan; what lies in a folder; the alarm."""

import os
import shlex

from ... import report
from ...disk import alert, message, overview, scan, shown
from ...disk.alarm import OVER
from ...disk.shown import user_rows
from .. import text
from ..asking import Question
from ..base import Menu, Opens, Push, Replace
from ..lists import Table
from ..outcomes import said
from ..reading import Text
from ..view import Item
from ..words import _, tr
from . import papers

PARTS = (_("KIND"), _("NAME"), _("SIZE"), _("GROWTH"))
USERS = (_("USER"), _("HOME"), _("ELSEWHERE"), _("GROWTH"))
ENTRIES = (_("NAME"), _("SIZE"), _("ENTRIES"))
KINDS = {"homes": _("homes"), "caches": _("caches"), "models": _("models"),
         "datasets": _("data sets"), "code": _("code"), "other": _("other")}
# Of each kind, right after a scan.
TOP = 5
LOG = alert.LOG
NEVER = _("There was no scan yet: every night, or now with: aica disk --scan")


def menu(app):
    """Return the menu of the disks."""
    off = "" if os.geteuid() == 0 else _("needs root: sudo aica-tui")
    return Menu(_("Disks"), [
        Item(_("What fills them"), _("homes, caches, models, data sets"),
             value=Opens(lambda: table(app, PARTS, parts, "aica disk"), "aica disk")),
        Item(_("Who fills them"), _("by user"),
             value=Opens(lambda: table(app, USERS, users, "aica disk --by-user"),
                         "aica disk --by-user")),
        Item(_("Look into folders"), _("measured now, by what lies in each"),
             value=Opens(lambda: Folder(app, data_of(app)), "aica disk --path /data")),
        Item(_("Scan now"), _("looks through the whole data disk; takes its time"), off,
             Opens(lambda: scan_now(app), "aica disk --scan")),
        Item(_("Alarm"), _("what it would say now"),
             value=Opens(lambda: alarm(app), "aica alert --dry-run")),
        Item(_("Alarm history"), _("what was told, the newest first"),
             value=Opens(lambda: papers.log(app, LOG), "less " + LOG)),
        Item(_("Test message"), _("to every channel of the alarm"), off,
             Opens(lambda: ask_test(app), "aica alert --test")),
    ])


def own(app):
    """Return the screen of what lies in the home of whoever asks, measured now."""
    host = app.host(read_only=True, need_root=False)
    place = overview.own_place(app.etc_settings(host))
    none = tr("You have no home on the data disk.")
    if not place:
        return Text(_("My disk usage"), [(none, "warning")])

    def load():  # in the worker: the data disk may not answer
        if overview.own_home(app.settings(host)):
            yield from entries(scan.of_folder(app, place))
        else:
            yield none
    return Folder(app, place, load)


def data_of(app):
    """Return the data folder."""
    return app.etc_settings(app.host(read_only=True, need_root=False)).data


def table(app, head, rows_of, command):
    """Return the table of the last scan by one of its sides."""
    def load():
        host = app.host(read_only=True, need_root=False)
        last = scan.load(host, app.etc_settings(host))
        return rows_of(last) if last is not None else ()
    screen = Table(_("Disks"), head, load, command)
    screen.empty = NEVER
    return screen


def parts(last):
    """Yield the parts of a Scan as rows, the largest first. Pure."""
    for part, size in sorted(last.parts.items(), key=lambda pair: -pair[1].size_bytes):
        yield part + (report.size(size.size_bytes), grown(last.growth(part))), "text", part


def users(last):
    """Yield who holds how much as rows, the most first. Pure."""
    for name, home, elsewhere, growth in user_rows(last):
        yield (name, report.size(home), report.size(elsewhere), grown(growth)), "text", name


def grown(size_bytes):
    """Return a growth in words, "-" if it is not known. Pure."""
    if size_bytes is None:
        return "-"
    return ("+" if size_bytes >= 0 else "-") + report.size(abs(size_bytes))


class Folder(Table):
    """What lies in a folder, measured now; Enter goes down into one."""

    def __init__(self, app, path, load=None):
        super().__init__(path, ENTRIES, load or (lambda: entries(scan.of_folder(app, path))),
                         "aica disk --path " + shlex.quote(path))
        self._app, self._path = app, path

    def choose(self, entry):
        below = "{}/{}".format(self._path.rstrip("/"), entry[2])
        info = self._app.host(read_only=True, need_root=False).lstat(below) if entry[2] else None
        return Push(Folder(self._app, below)) if info and info.kind == "folder" else None


def entries(found):
    """Yield the entries of a Usage as rows, the largest first. Pure."""
    for (_kind, name), size in sorted(found.parts.items(), key=lambda pair: -pair[1].size_bytes):
        yield (name or ".", report.size(size.size_bytes), str(size.entries)), "text", name


def scan_now(app):
    """Return the screen on which a scan runs and then says what it found."""
    def load():
        last, problem = scan.run(app)
        if problem:
            yield said(problem), "error"
        yield from scanned(last)
    return Text(_("Scan now"), command="aica disk --scan", load=load)


def scanned(last):
    """Yield what a Scan has found as blocks of text, the largest parts of each kind. Pure."""
    yield tr("looked through: {} in {} entries").format(
        report.size(last.total.size_bytes), last.total.entries), "title"
    missed = sum(last.problems.values())
    if missed:
        yield tr("{} entries could not be looked at").format(missed), "warning"
    for kind, title in shown.TITLES:
        found = [cells for cells, _role, part in parts(last) if part[0] == kind]
        if found:
            yield "", "text"
            yield tr(KINDS[title]), "title"
        for _kind, name, size, growth in found[:TOP]:
            yield "  {}  {}  {}".format(text.pad(name or ".", 30), text.right(size, 10), growth), "text"
        if found[TOP:]:
            yield "  " + tr("and {} more: What fills them").format(len(found) - TOP), "muted"


def alarm(app):
    """Return the screen of what the alarm would say now."""
    def load():
        seen = alert.watch(app, dry_run=True)
        yield from told(seen.found)
        for problem in seen.problems:
            yield said(problem), "error"
    return Text(_("Alarm"), command="aica alert --dry-run", load=load)


def told(found):
    """Yield what the alarm says of the disks it Found as blocks of text, with what helps. Pure."""
    for one in found:
        for words in one.texts:
            yield said(words), "error"
        if one.event == OVER:
            yield said(message.over(one.look)), "ok"
        for hint in one.hints if one.texts else ():
            yield "  " + tr("hint: ") + said(hint), "key"
    if not any(one.texts or one.event == OVER for one in found):
        yield tr("Nothing to say: all disks are well."), "ok"


def ask_test(app):
    """Return the question before a test message goes out."""
    def load():
        for where, problem in alert.test(app):
            yield "{}: {}".format(where, problem or tr("told")), "error" if problem else "ok"
    words = tr("A message that is marked as a test goes to the log, the journal, the notice at "
               "login and every channel.")
    return Question(_("Test message"), [(words, "text")], lambda: Replace(Text(
        _("Test message"), command="aica alert --test", load=load)), command="aica alert --test")


