"""What the next wipe would lose, and what keeps each."""

from ...volatile.survey import Survey
from ..base import Push
from ..lists import Table
from ..outcomes import said
from ..reading import Text
from ..words import _, tr

HEAD = (_("KIND"), _("NAME"), _("WHAT"))


class Losses(Table):
    """Everything that the next wipe would lose; Enter says what keeps it."""

    def __init__(self, app):
        super().__init__(_("What a wipe would lose"), HEAD, lambda: rows(app), "aica volatile")
        self.empty = _("The next wipe would lose nothing.")

    def choose(self, entry):
        return Push(Text(entry[2].id, blocks(entry[2]), "aica volatile"))


def rows(app):
    """Yield the findings as rows, then as texts what could not be looked at, and why."""
    survey = Survey(app)
    for one in survey.findings():
        yield (one.kind, one.name, details(one)), "warning", one
    yield from survey.problems
    yield from survey.notes


def details(finding):
    """Return what Finding.details says in the language of the menu. Pure."""
    return "; ".join(said(part) for part in (finding.amount, finding.message) if part)


def blocks(finding):
    """Return a Finding as blocks of text. Pure."""
    return [(details(finding), "text"), ("", "text"), (tr("What keeps it:"), "muted"),
            (said(finding.keep), "key")]
