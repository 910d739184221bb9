"""What concerns a member: the own environment, conda in short, whom to ask."""

from ... import memberenv, report
from ...settings_apps import prefix_of
from .. import text
from ..base import Push
from ..lists import Table
from ..outcomes import said
from ..reading import Text
from ..words import _, tr

HEAD = (_("KIND"), _("NAME"), _("VALUE"))
KINDS = {"variable": _("variable"), "setting": _("setting"), "conda-env": _("conda"),
         "warning": _("warning")}


class Environment(Table):
    """Variables, caches, conda environments, and what is wrong with them; Enter says more."""

    def __init__(self, app):
        super().__init__(_("My environment"), HEAD, lambda: rows(memberenv.Environment(
            app, memberenv.caller()).rows()), "aica env")

    def choose(self, entry):
        return Push(Text(entry[2].name, blocks(entry[2]), self.command))


def rows(found):
    """Yield memberenv.Rows as rows of the table, what is wrong first. Pure."""
    for row in sorted(found, key=lambda row: row.kind != "warning"):
        value = tr("not set") if row.value is None else _value(row)
        if row.size_bytes is not None:
            value = "{}  {}".format(report.size(row.size_bytes), value)
        role = "warning" if row.kind == "warning" or row.value is None else "text"
        yield (tr(KINDS.get(row.kind, row.kind)), row.name, value), role, row


def blocks(row):
    """Return a memberenv.Row as blocks of text. Pure."""
    found = [(tr("not set") if row.value is None else _value(row), "title"), ("", "text")]
    if row.source:
        words = tr("what helps: {}") if row.kind == "warning" else tr("from: {}")
        found.append((words.format(said(row.source)), "text"))
    return found


def _value(row):
    """Return the value of a Row; a warning's is a sentence, the others are what programs see."""
    return said(row.value) if row.kind == "warning" else row.value


def conda(app):
    """Return the short guide to conda on this server."""
    return Text(_("conda in short"), load=lambda: _conda(app), command="aica env")


def _conda(app):
    settings = app.settings(app.host(read_only=True, need_root=False))
    prefix = prefix_of(settings)
    yield tr("A new environment, which lies in your home and survives every reboot:"), "title"
    yield "  conda create -n NAME python=3.12", "key"
    yield "  conda activate NAME", "key"
    yield tr("It lies in ~/conda/envs. Packages are fetched once for everybody: they lie in "
             "{}/cache/conda/pkgs and are linked into each environment.").format(
                 settings.data), "text"
    yield "", "text"
    yield tr("If your shell does not know conda (once; for zsh say zsh in place of bash):"), "title"
    yield "  {}/bin/conda init bash".format(prefix), "key"
    yield "", "text"
    yield tr("In scripts, cron and systemd:"), "title"
    yield "  aica env --exec -- conda run -n NAME python train.py", "key"
    yield "", "text"
    yield tr("Do not install into base: it is everybody's, and only root can write there. "
             "Remove what you need no more:"), "text"
    yield "  conda env remove -n NAME", "key"


def contact(app):
    """Return the screen that says whom to ask and where things are."""
    return Text(_("Help and contact"), load=lambda: _contact(app))


def _contact(app):
    settings = app.settings(app.host(read_only=True, need_root=False))
    yield (tr("Help: {}").format(settings.contact) if settings.contact else
           tr("Help: the admins of this server")), "title"
    yield "", "text"
    yield tr("Your home lies on {} and survives every reboot; what you put elsewhere on the "
             "system disk does not.").format(settings.data), "text"
    yield tr("For everybody: {0}/models, {0}/dataset, {0}/code.").format(settings.data), "text"
    yield tr("Shared caches are cleaned by: sudo aica-clean-cache --all"), "text"
    yield "", "text"
    yield tr("Without the menu:"), "title"
    for command, words in COMMANDS:
        yield text.pad("  " + command, 24) + tr(words), "text"


COMMANDS = (("aica env", _("your environment, and what is wrong with it")),
            ("aica disk", _("the disks, and how large your home is")),
            ("aica clean --pip", _("your own caches")),
            ("aica user list", _("who is here")),
            ("man aica", _("everything")))
