"""conda and uv for everybody: what is there, and installing it."""

import os

from ...install import actions, pins
from ..base import Menu, Opens
from ..running import asked
from ..view import Item
from ..words import _, tr
from .people import ONLY_ROOT

MINIFORGE = "aica install miniconda --variant miniforge"
MINICONDA = "aica install miniconda --variant miniconda"
UV, MISSING = "aica install uv", "aica install missing"


def menu(app):
    """Return the menu of what is installed for everybody."""
    off = "" if os.geteuid() == 0 else ONLY_ROOT

    def install(title, words, make, command):
        return Opens(lambda: asked(title, words, make, command), command)
    conda = tr("The installer is fetched, its checksum compared, and it runs as nobody in "
               "particular. It takes some minutes; what is there already stays.")
    terms = tr("This site agrees with Anaconda's terms: {}").format(pins.TERMS)
    return Menu(_("Software"), [
        Item(_("conda (Miniforge)"), _("from conda-forge, no terms to agree with"), off,
             install(_("conda (Miniforge)"), conda, lambda: actions.miniconda(
                 app, actions.Request("miniforge")), MINIFORGE)),
        Item(_("conda (Miniconda)"), _("Anaconda's, with Anaconda's terms"), off,
             install(_("conda (Miniconda)"), conda + " " + terms, lambda: actions.miniconda(
                 app, actions.Request("miniconda")), MINICONDA + " --yes")),
        Item("uv", _("from the Python index, linked in /usr/local/bin"), off,
             install("uv", tr("uv is fetched from the Python index, its checksum compared."),
                     lambda: actions.uv(app, actions.Request()), UV)),
        Item(_("What is missing"), _("what aica.conf wants and is not there"), off,
             install(_("What is missing"), tr("Installs what aica.conf wants and is not there."),
                     lambda: actions.missing(app), MISSING)),
    ])
