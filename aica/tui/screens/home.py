"""The first screen: what an admin and what a member can do."""

from ... import glance
from ..base import Opens
from ..view import Item
from ..words import _
from . import (
    backups,
    caches,
    disks,
    losses,
    mine,
    papers,
    people,
    recovery,
    software,
    trees,
    wizard,
)
from .overview import Home

TITLE = "AICA DataKeeper"


def admin(app):
    """Return the menu of root."""
    return Home(TITLE, [
        Item(_("Set-up test"), _("is the server as it should be? what repairs it?"),
             value=Opens(lambda: recovery.check(app), "aica check")),
        Item(_("Users"), _("who is here; add, remove, repair"),
             value=Opens(lambda: people.menu(app), "aica user list")),
        Item(_("Recovery"), _("last run, dry run, run now"),
             value=Opens(lambda: recovery.menu(app), "aica recover")),
        Item(_("What a wipe would lose"), _("and what keeps it"),
             value=Opens(lambda: losses.Losses(app), "aica volatile")),
        Item(_("Permissions"), _("of the shared folders"),
             value=Opens(lambda: trees.menu(app), trees.CHECK)),
        Item(_("Disks"), _("who and what fills them; the alarm"),
             value=Opens(lambda: disks.menu(app), "aica disk")),
        Item(_("Clean caches"), _("what nobody uses"),
             value=Opens(lambda: caches.form(app), "aica clean")),
        Item(_("Backups"), _("snapshots, a run now, a file back"),
             value=Opens(lambda: backups.menu(app), "aica backup --list")),
        Item(_("Software"), _("conda and uv for everybody"),
             value=Opens(lambda: software.menu(app), "aica install missing")),
        Item(_("Logs"), _("what happened"), value=Opens(lambda: papers.logs(app))),
        Item(_("Settings"), _("and where each comes from"),
             value=Opens(lambda: papers.settings(app), "man aica.conf")),
        Item(_("Set up this server"), _("the first time, or to complete it"),
             value=Opens(lambda: wizard.form(app, people.group_of(app)), "aica setup")),
    ], lambda: glance.glance(app))


def member(app):
    """Return the menu of everybody else."""
    return Home(TITLE, [
        Item(_("My environment"), _("variables, caches, conda; what is wrong with it"),
             value=Opens(lambda: mine.Environment(app), "aica env")),
        Item(_("My disk usage"), _("what lies in my home, measured now"),
             value=Opens(lambda: disks.own(app), "aica disk --path ~")),
        Item(_("conda in short"), _("an environment of my own, in scripts too"),
             value=Opens(lambda: mine.conda(app), "aica env")),
        Item(_("Users"), _("who is here"),
             value=Opens(lambda: people.Users(app), "aica user list")),
        Item(_("Last recovery"), _("when, how it ended, what was wrong"),
             value=Opens(lambda: recovery.last(app), "cat /run/aica/status.json")),
        Item(_("Disks"), _("the team, by the last scan"),
             value=Opens(lambda: disks.menu(app), "aica disk")),
        Item(_("Clean caches"), _("yours; how the shared ones are cleaned"),
             value=Opens(lambda: caches.form(app), "aica clean --pip")),
        Item(_("Help and contact"), _("whom to ask, where things are"),
             value=Opens(lambda: mine.contact(app))),
    ], lambda: glance.glance(app))
