"""Adopting: what is here of somebody is looked at, agreed to, and recorded."""

import shlex

from ...errors import AicaError
from ...people import adopting
from ..asking import Form, Invalid, Question
from ..base import Replace
from ..outcomes import said
from ..running import Run
from ..view import Field
from ..words import _, tr


def form(app, name="", group=""):
    """Return the form of who is adopted; group is empty for somebody who is registered."""
    return Form(_("Adopt"), [
        Field("name", _("Name"), name, help=_("who has an account here, or a home on the data disk")),
        Field("group", _("Group"), group, help=_("empty for somebody who is registered already")),
    ], lambda values: ask(app, values), command_of)


def command_of(values):
    """Return the command that does what the form says. Pure."""
    command = "aica user adopt " + shlex.quote(values["name"] or "NAME")
    return command + (" --group " + shlex.quote(values["group"]) if values["group"] else "")


def ask(app, values):
    """Return the effect of a filled-in form: the question, with what was found. Raise Invalid."""
    try:
        found = adopting.plan_adoption(app, values["name"], values["group"])
    except AicaError as error:
        at_group = "group" in str(error) or "--group" in error.hint
        raise Invalid("group" if at_group else "name", said(str(error)))
    command = command_of(values)
    blocks = [(tr("Found: {}").format(said(found.words)), "title"), ("", "text"),
              (tr("This is recorded for {}, and comes back after every wipe. Nothing "
                  "else is changed.").format(found.entry.name), "text")]
    return Replace(Question(_("Adopt"), blocks, lambda: Replace(Run(
        _("Adopt"), lambda: adopting.adopt(app, found), command + " --yes")), command=command))
