"""What a worker brought, in words. Pure."""

from ..report import summary
from .outcomes import said
from .words import _, tr

# For the catalogue: words that come from elsewhere, and are looked up when they are shown.
STATUSES = (_("ok"), _("planned"), _("changed"), _("blocked"), _("failed"), _("skipped"))
STATES = (_("configuration"), _("not-ready"), _("unfinished"), _("bug"))


def counts(outcomes):
    """Return how many Outcomes ended in which status, in words."""
    return ", ".join("{} {}".format(n, tr(status)) for status, n in summary(outcomes) if n) \
        or tr("nothing to do")


VERDICTS = (("pass", ("ok", "changed")), ("fail", ("planned", "blocked", "failed")),
            ("skip", ("skipped",)))
WORDS = (_("pass"), _("fail"), _("skip"))


def verdicts(outcomes):
    """Return how many Outcomes of a test pass, fail and were skipped, in words."""
    numbers = dict(summary(outcomes))
    return ", ".join("{} {}".format(sum(numbers[one] for one in statuses), tr(word))
                     for word, statuses in VERDICTS)


def failure(worker):
    """Return how a worker failed as blocks of text: what happened, then the hint; () if it did not."""
    if worker.trace:
        return ((tr("a bug: {}").format(worker.trace.strip().split("\n")[-1]), "error"),)
    if not worker.error:
        return ()
    words, hint = map(said, worker.error)
    return ((words, "error"),) + (((tr("hint: ") + hint, "key"),) if hint else ())


def happened(outcome):
    """Return in one line what an Outcome says."""
    return said(outcome.message) or "; ".join(
        said(line.split("\n", 1)[0]) for line in outcome.lines)
