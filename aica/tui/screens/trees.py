"""The shared folders: what others of the group cannot use, and the repair."""

from ... import maintenance
from ..base import Menu, Opens
from ..lists import Findings
from ..running import asked
from ..view import Item
from ..words import _, tr
from .recovery import Finding

CHECK, APPLY = "aica permissions check", "aica permissions apply"


def menu(app):
    """Return the menu of the shared folders' permissions."""
    return Menu(_("Permissions"), [
        Item(_("Check"), _("count what others of the group cannot use"),
             value=Opens(lambda: look(app), CHECK)),
        Item(_("Repair"), _("folders g+rwxs, files g+rwX, the site's group"),
             value=Opens(lambda: ask(app), APPLY)),
    ])


def look(app):
    """Return the screen of what is wrong in the shared trees."""
    return Findings(_("Permissions"), lambda: maintenance.survey(app), CHECK,
                    lambda outcome: Finding(app, outcome))


def ask(app):
    """Return the question before the shared trees are repaired."""
    words = tr("Gives everything in the shared folders the group and its rights. Execute bits, "
               "hard-linked files and owners stay as they are. On a large disk it takes hours.")
    return asked(_("Repair"), words, lambda: maintenance.apply(app), APPLY)
