"""Backups: what there is, a run now, a file back."""

import shlex

from ... import report
from ...backup import finding
from ...backup.run import Backup
from .. import keys
from ..asking import Form
from ..base import Menu, Opens, Push, Replace
from ..lists import Table
from ..running import Run, asked
from ..view import Field, Item
from ..words import _, tr

# For the catalogue: what finding.rows() says.
STATES = (_("whole"), _("part"), _("unknown"))
INSIDE = (_("NAME"), _("SIZE"))
HEAD = (_("SNAPSHOT"), _("STATE"), _("HOMES"), _("SIZE"), _("NEW"))


def menu(app):
    """Return the menu of backups."""
    return Menu(_("Backups"), [
        Item(_("List"), _("the snapshots, what is in them, a file back"),
             value=Opens(lambda: Snapshots(app), "aica backup --list")),
        Item(_("Dry run"), _("what a backup would copy"),
             value=Opens(lambda: dry_run(app), "aica backup --dry-run")),
        Item(_("Back up now"), _("homes and settings; only what changed is copied"),
             value=Opens(lambda: ask(app), "aica backup")),
        Item(_("Bring back"), _("a file or folder of somebody's home, beside what is there"),
             value=Opens(lambda: restore_form(app), "aica backup --restore NAME PATH")),
    ])


class Snapshots(Table):
    """All snapshots; Enter looks into one."""

    def __init__(self, app):
        super().__init__(_("Backups"), HEAD, lambda: rows(finding.rows(app)), "aica backup --list")
        self._app = app
        self.empty = _("no snapshot is there yet")

    def choose(self, entry):
        return Push(Inside(self._app, entry[2].snapshot, ()))


class Inside(Table):
    """What lies in a snapshot: homes, then folders; Enter goes down, Space brings back."""

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.MARK, keys.FILTER)

    def __init__(self, app, snapshot, names):
        """names are those of the path so far; the first is whose home it is."""
        super().__init__("/".join((snapshot,) + names), INSIDE,
                         lambda: entries(app, snapshot, names))
        self._app, self._snapshot, self._names = app, snapshot, names

    @property
    def command(self):
        """What brings back the entry at the cursor."""
        entry = self.current()
        return restore_command(self._names + (entry[2].name,), self._snapshot) if entry else ""

    @command.setter
    def command(self, words):
        """It depends on the cursor."""

    def choose(self, entry):
        if entry[2].is_folder:
            return Push(Inside(self._app, self._snapshot, self._names + (entry[2].name,)))
        return self._ask(entry)

    def press(self, action, name):
        if action == keys.MARK and not self.typing and self.current():
            return self._ask(self.current())
        return super().press(action, name)

    def _ask(self, entry):
        names = self._names + (entry[2].name,)
        command = restore_command(names, self._snapshot)
        words = tr("{} is brought back beside what is there now: nothing is overwritten.").format(
            "/".join(names))
        return Push(asked(_("Bring back"), words, lambda: finding.bring_back(
            self._app, names[0], "/".join(names[1:]), self._snapshot), command))


def restore_command(names, snapshot):
    """Return the command that brings back a path of a home from a snapshot. Pure."""
    return "aica backup --restore {} {} --from {}".format(
        shlex.quote(names[0]), shlex.quote("/".join(names[1:])), snapshot)


def entries(app, snapshot, names):
    """Yield what lies in a folder of a snapshot as rows of the table."""
    for entry in finding.inside(app, snapshot, names):
        size = "" if entry.size_bytes is None else report.size(entry.size_bytes)
        yield (entry.name + ("/" if entry.is_folder else ""), size), "text", entry


def rows(found):
    """Yield backup rows as rows of the table. Pure."""
    for row in found:
        sizes = ["-" if value is None else report.size(value) for value in (row.size, row.new)]
        role = "text" if row.state == "whole" else "warning"
        yield (row.snapshot, tr(row.state), str(row.copies)) + tuple(sizes), role, row


def dry_run(app):
    """Return the screen of what a backup would copy."""
    return Run(_("Dry run"), lambda: Backup(app).run(dry_run=True), "aica backup --dry-run")


def ask(app):
    """Return the question before a backup."""
    words = tr("Copies all homes and the settings to the backup disk. Older snapshots stay, and "
               "what has not changed takes no room again.")
    return asked(_("Back up now"), words, lambda: Backup(app).run(), "aica backup")


def restore_form(app):
    """Return the form of what to bring back."""
    def command_of(values):
        return "aica backup --restore {} {}".format(shlex.quote(values["name"] or "NAME"),
                                                    shlex.quote(values["path"] or "PATH"))

    def go(values):
        return Replace(Run(_("Bring back"), lambda: finding.bring_back(
            app, values["name"], values["path"]), command_of(values)))
    return Form(_("Bring back"), [
        Field("name", _("Name"), help=_("whose home")),
        Field("path", _("Path"), help=_("below the home, such as work/thesis.tex")),
    ], go, command_of)
