"""Cache cleaning: choose, look at the list with sizes, agree, remove."""


from ...caches.cleaning import TARGETS, Cleaning, Request
from .. import keys
from ..asking import Form, Invalid, Question
from ..base import Push, Replace
from ..lists import Findings
from ..running import Run
from ..view import Field
from ..words import _, tr

LABELS = {"conda": _("conda packages"), "pip": _("pip cache"), "torch": _("torch.hub models"),
          "hf": _("Hugging Face models")}
# From so many bytes on, a person has to type more than "y".
MUCH_BYTES = 100 << 30
DEFAULT_DAYS = "30"


def form(app):
    """Return the form of what to clean."""
    fields = [Field(name, LABELS[name], name != "conda", "switch", help=_("Space chooses."))
              for name in TARGETS]
    fields.append(Field("days", _("Unused for days"), DEFAULT_DAYS,
                        help=_("only what nobody used for so many days")))
    return Form(_("Clean caches"), fields, lambda values: Push(Look(app, request_of(values))),
                command_of)


def request_of(values):
    """Return the Request that a filled-in form is. Raise Invalid."""
    targets = tuple(name for name in TARGETS if values[name])
    if not targets:
        raise Invalid(TARGETS[0], tr("choose at least one"))
    if not values["days"].isdecimal() or len(values["days"]) > 5:
        raise Invalid("days", tr("expected a number of days"))
    return Request(targets, int(values["days"]))


def command_of(values):
    """Return the command that does what the form says. Pure."""
    names = ["--" + name for name in TARGETS if values[name]]
    return " ".join(["aica clean"] + (["--all"] if len(names) == len(TARGETS) else names)
                    + ["--older-than", values["days"] or "DAYS"])


class Look(Findings):
    """The list of what would go and what stays, and why; `c` goes on to the question."""

    footer = (keys.UP, keys.DOWN, keys.BACK, keys.MARK, keys.FILTER)

    def __init__(self, app, request):
        command = "aica clean {} --older-than {}".format(
            " ".join("--" + name for name in request.targets), request.days)
        super().__init__(_("What can go"), lambda: Cleaning(app, request).plan(),
                         command + " --dry-run", None)
        self._app, self._request, self._words = app, request, command
        self.fine = _("There is nothing to remove.")

    def choose(self, entry):
        planned = [one for one in self.outcomes if one.status == "planned"]
        if self.workers() or not planned:
            return None
        blocks = [(tr("{} things are removed from the caches. Programs fetch again what they "
                      "need.").format(len(planned)), "text")]
        word = "clean" if _many(planned) else ""
        return Replace(Question(_("Clean caches"), blocks, self._go, word, self._words))

    def _go(self):
        return Replace(Run(_("Clean caches"), lambda: Cleaning(self._app, self._request).run(),
                           self._words + " --yes"))


def _many(planned):
    sizes = [change.before for one in planned for change in one.changes
             if isinstance(change.before, int)]
    return sum(sizes) > MUCH_BYTES or len(planned) > 100
