"""The first set-up: what is wanted, the plan, then the work and what comes next."""

import shlex

from ...provision import Setup
from ...site import STEPS
from .. import keys
from ..asking import Form, Question
from ..base import Push, Replace
from ..lists import Findings
from ..reading import Text
from ..running import Run
from ..view import Field
from ..words import _, tr
from .recovery import blocks_of_outcome

LABELS = {
    "group": _("The group and the accounts"), "storage": _("Settings and records on the data disk"),
    "folders": _("Shared folders"), "environment": _("Environment variables"),
    "sudoers": _("Sudo rules"), "pam": _("Umask and variables by PAM"), "conda": _("conda (Miniforge)"),
    "uv": _("uv"), "units": _("Units: recovery at boot"),
}


def form(app, group):
    """Return the form of the set-up, with what is known of the server."""
    fields = [Field("name", _("Group"), group or "gpu-users",
                    help=_("it owns the shared folders, and its members get the sudo rules"))]
    fields += [Field(step, LABELS.get(step, step), True, "switch", help=_("Space chooses."))
               for step in STEPS]
    fields.append(Field("allow_unmounted", _("The data folder need not be a mount point"), False,
                        "switch", help=_("only if it is a plain folder of the system disk")))
    return Form(_("Set up this server"), fields, lambda values: Push(Plan(app, values)), command_of)


def command_of(values):
    """Return the command that does what the form says. Pure."""
    words = ["aica setup --group", shlex.quote(values["name"] or "NAME")]
    left_out = skipped(values)
    words += ["--skip", ",".join(left_out)] if left_out else []
    return " ".join(words + (["--allow-unmounted"] if values["allow_unmounted"] else []))


def skipped(values):
    """Return the steps that are left out. Pure."""
    return [step for step in STEPS if not values[step]]


class Plan(Findings):
    """What the set-up would do; Enter goes on to the question."""

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.MARK, keys.FILTER)

    def __init__(self, app, values):
        super().__init__(_("The plan"), lambda: self._setup().run(dry_run=True),
                         command_of(values) + " --dry-run", None)
        self._app, self._values = app, dict(values)
        self.fine = _("This server is set up already.")

    def _setup(self):
        values = self._values
        return Setup(self._app, values["name"], values["allow_unmounted"], skipped(values))

    def choose(self, entry):
        if entry.status in ("blocked", "failed"):
            return Push(Text(entry.resource, blocks_of_outcome(entry)))
        if self.workers():
            return None
        command = command_of(self._values)
        words = tr("Set this server up as shown? {} steps.").format(
            sum(one.status == "planned" for one in self.outcomes))
        return Replace(Question(_("Set up this server"), [(words, "text")], lambda: Replace(Run(
            _("Set up this server"), lambda: self._setup().run(), command + " --yes",
            len(self.outcomes), after=next_steps)), command=command))


def next_steps(outcomes):
    """Return what an admin does after the set-up, as blocks of text. Pure."""
    if any(one.status in ("failed", "blocked") for one in outcomes):
        return [(tr("Look at what failed, then set up again: what is right stays as it is."),
                 "warning")]
    return [(tr("Next: Users, Add a user. Then Set-up test."), "key")]
