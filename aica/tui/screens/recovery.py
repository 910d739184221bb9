"""Recovery: how the last one went, a dry run, a run, the units."""

import shlex

from ... import booting, maintenance, status
from ...bootstrap import storing
from ...errors import AicaError
from .. import keys
from ..asking import Form, Invalid, Question
from ..base import Menu, Opens, Replace
from ..lists import Findings
from ..outcomes import said
from ..reading import Text
from ..results import verdicts
from ..running import Run, asked
from ..view import STATUS_ROLES, Field, Item
from ..words import _, tr


def menu(app):
    """Return the screen of everything about the recovery."""
    return Menu(_("Recovery"), [
        Item(_("Last recovery"), _("when, how it ended, what was wrong"),
             value=Opens(lambda: last(app), "cat /run/aica/status.json")),
        Item(_("Dry run"), _("what a recovery would change"),
             value=Opens(lambda: dry_run(app), "aica recover --dry-run")),
        Item(_("Recover now"), _("make the server whole"),
             value=Opens(lambda: ask(app), "aica recover")),
        Item(_("Recover deeply"), _("and repair what takes too long for the boot"),
             value=Opens(lambda: ask_deep(app), DEEP)),
        Item(_("Status of the unit"), _("does it run at boot? how did it end?"),
             value=Opens(lambda: said_by(app, _("Status of the unit"), booting.status,
                                         "systemctl status " + booting.UNIT),
                         "systemctl status " + booting.UNIT)),
        Item(_("Journal"), _("what it said in this boot, the newest line first"),
             value=Opens(lambda: said_by(app, _("Journal"), booting.journal, JOURNAL), JOURNAL)),
        Item(_("Turn on at boot"), _("as it should be"),
             value=Opens(lambda: ask_on(app), ENABLE)),
        Item(_("Turn off at boot"), _("until the next recovery or set-up"),
             value=Opens(lambda: ask_off(app), DISABLE)),
        Item(_("Package on the data disk"), _("for an image that comes back without aica"),
             value=Opens(lambda: package_form(app), "aica bootstrap --package FILE")),
    ])


DEEP = "aica recover --deep"
JOURNAL = "journalctl -b -u " + booting.UNIT
ENABLE, DISABLE = "systemctl enable " + booting.UNIT, "systemctl disable " + booting.UNIT


def said_by(app, title, look, command):
    """Return the screen of what systemd or the journal says."""
    def load():
        lines = look(app)
        for line in lines:
            yield line, "text"
        if not lines:
            yield tr("Nothing is known: does systemd run here?"), "muted"
    return Text(title, command=command, load=load)


def ask_on(app):
    """Return the question before the recovery runs at boot again."""
    words = tr("From the next boot on the server is made whole before anybody can log in. Nothing "
               "runs now.")
    return asked(_("Turn on at boot"), words, lambda: booting.enable(app), ENABLE)


def ask_off(app):
    """Return the question before the recovery no longer runs at boot."""
    words = tr("At the next boot of this system disk nothing is restored by itself. After a wipe it "
               "is as the image has it, and a recovery or set-up by hand turns it on again.")
    return asked(_("Turn off at boot"), words, lambda: booting.disable(app), DISABLE, "warning",
                 "off")


def last(app):
    """Return the screen of the last recovery's status."""
    return Text(_("Last recovery"), command="cat {}".format(status.PATH),
                load=lambda: blocks_of(status.load(app.host(read_only=True, need_root=False))))


def blocks_of(found):
    """Return a status as blocks of text. Pure."""
    if not found:
        return [(tr("There was no recovery in this boot."), "warning")]
    role = "ok" if found.get("exit") == 0 else "error"
    blocks = [("{}  {}".format(found.get("finished", "?"), tr(str(found.get("state", "?")))), role)]
    counts = found.get("summary", {})
    blocks.append((", ".join("{} {}".format(n, tr(one)) for one, n in counts.items() if n), "text"))
    blocks += [("· " + said_problem(problem), "error") for problem in found.get("problems", ())]
    return blocks


def said_problem(problem):
    """Return a problem of a status, "kind:name message", in the language of the menu. Pure."""
    resource, _space, message = problem.partition(" ")
    return "{} {}".format(resource, said(message)) if ":" in resource[1:-1] else said(problem)


def dry_run(app):
    """Return the screen on which a dry run is shown."""
    return Run(_("Dry run"), lambda: app.recover(dry_run=True), "aica recover --dry-run")


def ask(app):
    """Return the question before a recovery."""
    words = tr("Restores groups, accounts, homes, folders, environment and units. Nothing is "
               "removed; what stands in the way is reported.")
    return asked(_("Recover now"), words, app.recover, "aica recover")


def ask_deep(app):
    """Return the question before a recovery with the slow repairs."""
    words = tr("A recovery, then the permissions of everything in the shared folders. On a large "
               "disk it takes hours.")
    return asked(_("Recover deeply"), words, lambda: maintenance.recover(app), DEEP)


def package_form(app):
    """Return the form of the package that is put on the data disk."""
    def command_of(values):
        return "aica bootstrap --package " + shlex.quote(values["file"] or "FILE")

    def go(values):
        try:
            found = storing.Bootstrap(app, values["file"])
            line = found.line()
        except AicaError as error:
            raise Invalid("file", said(str(error)))
        command = command_of(values)
        words = tr("The package and a script that installs it are put on the data disk. What then "
                   "has to be in the image is shown at the end.")
        return Replace(Question(_("Package on the data disk"), [(words, "text")], lambda: Replace(
            Run(_("Package on the data disk"), found.run, command,
                after=lambda outcomes: starting(line, outcomes))), command=command))
    return Form(_("Package on the data disk"), [
        Field("file", _("Package"), help=_("a .deb or .rpm of aica-datakeeper on this server"))],
        go, command_of)


def starting(line, outcomes):
    """Return what an admin does with the line that starts it, as blocks of text. Pure."""
    if any(one.status in ("failed", "blocked") for one in outcomes):
        return []
    return [(tr("The line for cloud-init (runcmd), the provider's start-up script or /etc/rc.local "
                "of the image, run as root at each boot:"), "key"), (line, "text")]


def check(app):
    """Return the screen of the set-up test: what is not as it should be."""
    screen = Findings(_("Set-up test"), lambda: maintenance.check(app), "aica check",
                      lambda outcome: Finding(app, outcome))
    screen.count = verdicts
    return screen


class Finding(Text):
    """One outcome of the set-up test; Enter repairs what recovery can repair."""

    footer = (keys.ENTER, keys.BACK)

    def __init__(self, app, outcome):
        blocks = blocks_of_outcome(outcome)
        if outcome.status == "planned":
            blocks += [("", "text"), (tr("Enter repairs it."), "key")]
        super().__init__(outcome.resource, blocks, command_for(outcome))
        self._app, self._outcome = app, outcome

    def press(self, action, name):
        if action == keys.ENTER and self._outcome.status == "planned":
            return repair(self._app, self._outcome)
        return super().press(action, name)


def blocks_of_outcome(outcome):
    """Return everything that an Outcome says, as blocks of text. Pure."""
    blocks = [(tr(outcome.status), STATUS_ROLES[outcome.status]), ("", "text")]
    blocks += [(said(outcome.message), "text")] if outcome.message else []
    blocks += [(said(part), "text") for line in outcome.lines for part in line.split("\n")]
    if outcome.hint:
        blocks += [("", "text"), (tr("hint: ") + said(outcome.hint), "key")]
    return blocks


USERS_OWN = ("account", "membership", "subids", "home", "symlink", "crontab", "linger", "at-jobs")


def command_for(outcome):
    """Return the command that repairs what an Outcome names, "" if none of ours does. Pure."""
    if outcome.status != "planned":
        return ""
    if outcome.kind == "shared-tree":
        return "aica permissions apply " + shlex.quote(outcome.name)
    if outcome.kind in USERS_OWN:
        return "aica recover --user " + shlex.quote(outcome.name.rsplit("/", 1)[-1])
    return "aica recover"


def repair(app, outcome):
    """Return the effect of repairing a finding: the question, then what command_for() says."""
    command = command_for(outcome)
    words = shlex.split(command)

    def work():
        return maintenance.apply(app, (words[-1],)) if words[1] == "permissions" \
            else app.recover(tuple(words[3:]))
    told = tr("Runs: {}").format(command)
    more = tr("Nothing is removed; what stands in the way is reported.")
    return Replace(Question(_("Repair"), [(told, "title"), (more, "text")], lambda: Replace(Run(
        _("Repair"), work, command)), command=command))
