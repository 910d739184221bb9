"""Backups: what there is, a run now, a file back."""

from ... import report
from ...backup import finding
from ...backup.run import Backup
from ..asking import Form, Question
from ..base import Menu, Opens, Replace
from ..lists import Table
from ..running import Run
from ..view import Field, Item
from ..words import _, tr

HEAD = (_("SNAPSHOT"), _("STATE"), _("HOMES"), _("SIZE"), _("NEW"))


def menu(app):
    """Return the menu of backups."""
    return Menu(_("Backups"), [
        Item(_("List"), _("the snapshots on the backup disk"),
             value=Opens(lambda: Snapshots(app), "aica backup --list")),
        Item(_("Back up now"), _("homes and settings; only what changed is copied"),
             value=Opens(lambda: ask(app), "aica backup")),
        Item(_("Bring back"), _("a file or folder of somebody's home, beside what is there"),
             value=Opens(lambda: restore_form(app), "aica backup --restore NAME PATH")),
    ])


class Snapshots(Table):
    """All snapshots."""

    def __init__(self, app):
        super().__init__(_("Backups"), HEAD, lambda: rows(finding.rows(app)), "aica backup --list")
        self.empty = _("no snapshot is there yet")


def rows(found):
    """Yield backup rows as rows of the table. Pure."""
    for row in found:
        sizes = ["-" if value is None else report.size(value) for value in (row.size, row.new)]
        role = "text" if row.state == "ok" else "warning"
        yield (row.snapshot, row.state, str(row.copies)) + tuple(sizes), role, row


def ask(app):
    """Return the question before a backup."""
    words = tr("Copies all homes and the settings to the backup disk. Older snapshots stay, and "
               "what has not changed takes no room again.")
    return Question(_("Back up now"), [(words, "text")], lambda: Replace(Run(
        _("Back up now"), lambda: Backup(app).run(), "aica backup")), command="aica backup")


def restore_form(app):
    """Return the form of what to bring back."""
    def command_of(values):
        return "aica backup --restore {} {}".format(values["name"] or "NAME",
                                                    values["path"] or "PATH")

    def go(values):
        return Replace(Run(_("Bring back"), lambda: finding.bring_back(
            app, values["name"], values["path"]), command_of(values)))
    return Form(_("Bring back"), [
        Field("name", _("Name"), help=_("whose home")),
        Field("path", _("Path"), help=_("below the home, such as work/thesis.tex")),
    ], go, command_of)
