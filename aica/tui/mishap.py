"""What is shown when the program itself is wrong: what happened, and where that is kept."""

import os

from ..app import LOG
from .reading import Text
from .words import _, tr


class Mishap(Text):
    """A bug, in words. The menu goes on when it is left."""

    def __init__(self, trace):
        super().__init__(_("Something went wrong"), blocks(trace, os.geteuid() == 0))


def blocks(trace, is_root):
    """Return a traceback as blocks of text, the cause first. Pure."""
    lines = trace.strip().split("\n")
    where = tr("The details below are in {} too; please report them.").format(LOG) if is_root \
        else tr("Please show the details below to your admin.")
    return [
        (tr("This is a bug in aica: {}").format(lines[-1]), "error"), ("", "text"),
        (tr("The server is as the last finished step left it. Esc goes back to the menu."), "text"),
        (where, "text"), ("", "text")] + [(line, "muted") for line in lines]
