"""The first screen: what an admin and what a member can do."""

from ..base import Menu, Opens
from ..view import Item
from ..words import _
from . import people, recovery


def admin(app):
    """Return the menu of root."""
    return Menu("AICA DataKeeper", [
        Item(_("Set-up test"), _("is the server as it should be?"),
             value=Opens(lambda: recovery.check(app), "aica check")),
        Item(_("Users"), _("who is here; add, remove, repair"),
             value=Opens(lambda: people.menu(app), "aica user list")),
        Item(_("Recovery"), _("last run, dry run, run now"),
             value=Opens(lambda: recovery.menu(app), "aica recover")),
    ])


def member(app):
    """Return the menu of everybody else."""
    return Menu("AICA DataKeeper", [
        Item(_("Users"), _("who is here"),
             value=Opens(lambda: people.Users(app), "aica user list")),
    ])
