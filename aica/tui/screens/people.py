"""Users: the list, one user, and what can be done for them."""

import os
import shlex

from ... import report, ssh_keys
from ...errors import AicaError
from ...people import (
    adding,
    letter,
    passwords,
    permissions,
    registering,
    removing,
    review,
    setting_up,
)
from .. import keys, text
from ..asking import Form, Invalid, Question
from ..base import Menu, Opens, Push, Replace
from ..lists import Findings, Table
from ..outcomes import said
from ..reading import Text
from ..running import Run, asked
from ..view import Field, Item
from ..words import _, tr
from . import adopt
from .recovery import blocks_of_outcome

HEAD = (_("NAME"), _("GROUP"), _("UID"), _("ACCOUNT"), _("HOME"), _("LINK"),
        _("LAST LOGIN"), _("SIZE"), _("NOTES"))
LIST, FIX = "aica user list", "aica user fix-permissions {}"
ROOMY = 100
ONLY_ROOT = _("needs root: sudo aica-tui")
WITH_KEY, WITH_PASSWORD = _("public key"), _("one-time password")


class Users(Table):
    """Everybody registered, and folders of nobody; Enter opens one."""

    def __init__(self, app, sizes=False):
        super().__init__(_("Users"), HEAD, lambda: look(app, sizes),
                         LIST + (" --sizes" if sizes else ""))
        self._app = app
        self.empty = _("Nobody is registered yet.")

    def columns(self, width):
        """Where there is little room, leave it to the notes: Details has the rest."""
        left_out = () if width >= ROOMY else ("uid", "last_login")
        return [place for place, field in enumerate(review.Row._fields) if field not in left_out]

    def choose(self, entry):
        row = entry[2]
        return Push(one(self._app, row) if row.group is not None else stranger(self._app, row))


def look(app, sizes=False):
    """Yield everybody as rows of the table, then as texts the lines of users.txt that are wrong."""
    found, problems = review.rows(app, sizes)
    yield from rows(found)
    yield from ("users.txt: {}".format(said(problem)) for problem in problems)


def rows(found):
    """Return review.Rows as rows of the table. Pure."""
    for row in found:
        fine = (row.account, row.home, row.link) in (("local", "ok", "ok"),
                                                     ("directory", "ok", "ok"))
        cells = tuple("-" if value is None else str(value) for value in readable(row))
        yield cells, "text" if fine and not row.notes else "warning", row


# For the catalogue: what review.rows() says of account, home and link.
STATES = (_("local"), _("locked"), _("directory"), _("missing"), _("foreign"), _("folder"),
          _("symlink"), _("file"))


def readable(row):
    """Return a review.Row with size and states as people read them. Pure."""
    return row._replace(size=None if row.size is None else report.size(row.size),
                        account=tr(row.account), home=tr(row.home), link=tr(row.link),
                        notes=said(row.notes))


def menu(app):
    """Return the menu of everything about users."""
    off = "" if os.geteuid() == 0 else ONLY_ROOT
    return Menu(_("Users"), [
        Item(_("List"), _("who is here, and what is wrong with whom"),
             value=Opens(lambda: Users(app), LIST)),
        Item(_("Add a user"), _("account, home, key or one-time password, registered"), off,
             Opens(lambda: add_form(app), "aica user add NAME")),
        Item(_("Register an account"), _("an account that is here comes back after every wipe"),
             off, Opens(lambda: register_form(app), "aica user register NAME GROUP")),
        Item(_("Adopt"), _("record an account, or who owns a home"), off,
             Opens(lambda: adopt.form(app), "aica user adopt NAME")),
        Item(_("List with sizes"), _("of the homes as they are now; takes as long as du"),
             value=Opens(lambda: Users(app, sizes=True), LIST + " --sizes")),
    ])


def stranger(app, row):
    """Return the menu of a folder among the homes that nobody is registered for."""
    off = "" if os.geteuid() == 0 else ONLY_ROOT
    return Menu(row.name, [
        Item(_("Details"), _("ids, home, last login, size, what is wrong"),
             value=Opens(lambda: Text(row.name, details(row), LIST), LIST)),
        Item(_("Adopt"), _("record who owns it and register them, from now on for every wipe"), off,
             Opens(lambda: adopt.form(app, row.name, group_of(app)),
                   "aica user adopt {} --group GROUP".format(shlex.quote(row.name)))),
    ], LIST)


def one(app, row):
    """Return the menu of one user."""
    name, off = row.name, "" if os.geteuid() == 0 else ONLY_ROOT
    return Menu(name, [
        Item(_("Details"), _("ids, home, last login, size, what is wrong"),
             value=Opens(lambda: Text(name, details(row), "aica user show " + name),
                         "aica user show " + name)),
        Item(_("Restore"), _("account, groups, home link as recorded"), off,
             Opens(lambda: restore(app, name), "aica recover --user " + name)),
        Item(_("Repair permissions"), _("modes of the own files, for ssh and the team"),
             off, Opens(lambda: fix(app, name), FIX.format(name))),
        Item(_("Whose files are there"), _("in the home; what a repair would change"), off,
             Opens(lambda: owners(app, name), FIX.format(name) + " --dry-run")),
        Item(_("Set up the home"), _("moves a home off the system disk"), off,
             Opens(lambda: set_up(app, row), "aica user setup {} {}".format(name, row.group))),
        Item(_("No longer restore"), _("the account stays until the next wipe"), off,
             Opens(lambda: unregister(app, name), "aica user unregister " + name)),
        Item(_("Remove"), _("ids reserved, home set aside, nothing deleted"), off,
             Opens(lambda: remove(app, name), "aica user remove " + name)),
    ])


LABELS = dict(zip(review.Row._fields, HEAD))


def details(row):
    """Return a review.Row as blocks of text, one line a field. Pure."""
    return [(text.pad(tr(LABELS[field]), 16) + ("-" if value in (None, "") else str(value)),
             "warning" if field == "notes" and value else "text")
            for field, value in zip(row._fields, readable(row))]


def restore(app, name):
    """Return the question before somebody is restored."""
    command = "aica recover --user " + name
    words = tr("Account, ids, password, groups and home link of {} become what is recorded. "
               "Nothing is removed; what stands in the way is reported.").format(name)
    return asked(_("Restore"), words, lambda: app.recover((name,)), command)


def fix(app, name):
    """Return the question before the modes in somebody's home are repaired."""
    command = FIX.format(name)
    words = tr("The modes of what belongs to {} in the own home become what ssh and the team need. "
               "Files of others there are listed and stay as they are. A large home takes its "
               "time.").format(name)
    return asked(_("Repair permissions"), words, lambda: permissions.fix(app, name), command)


def owners(app, name):
    """Return the screen of whose files lie in a home, and what a repair would change."""
    screen = Findings(_("Whose files are there"), lambda: permissions.fix(app, name, dry_run=True),
                      FIX.format(name) + " --dry-run -v",
                      lambda outcome: Text(outcome.resource, blocks_of_outcome(outcome)))
    screen.all = True
    return screen


def set_up(app, row):
    """Return the question before a home is set up."""
    command = "aica user setup {} {}".format(row.name, row.group)
    words = tr("What is in the home is copied, compared, and then the old folder is moved aside: "
               "nothing is deleted. The user should be logged out.")
    return asked(_("Set up the home"), words,
                 lambda: setting_up.set_up(app, row.name, row.group), command)


def unregister(app, name):
    """Return the question before somebody is unregistered."""
    command = "aica user unregister " + name
    words = tr("After the next wipe {} has no account any more. The ids stay reserved, the home "
               "stays where it is.").format(name)
    return asked(_("No longer restore"), words, lambda: registering.unregister(app, name), command)


# -- add -----------------------------------------------------------------


def add_form(app):
    """Return the form of a new user."""
    return Form(_("Add a user"), [
        Field("name", _("Name"), help=_("small letters, digits, - and _")),
        Field("full_name", _("Full name"), help=_("may be left empty")),
        Field("access", _("First login by"), WITH_KEY, "choice", (WITH_KEY, WITH_PASSWORD),
              help=_("Left and right choose.")),
        Field("key", _("Public key"), help=_("the line of the .pub file: paste it here")),
    ], lambda values: submit(app, values), add_command)


def add_command(values):
    """Return the command that does what the form says. Pure."""
    command = "aica user add " + shlex.quote(values["name"] or "NAME")
    if values["full_name"]:
        command += " --full-name " + shlex.quote(values["full_name"])
    return command + (" --ssh-key -" if values["access"] == WITH_KEY else "")


def submit(app, values):
    """Return the effect of a filled-in form. Raise Invalid for what add() would refuse."""
    keys, password = (), None
    if values["access"] == WITH_KEY:
        try:
            keys = ssh_keys.parse(values["key"].encode("utf-8", "surrogateescape"), tr("the key"))
        except AicaError as error:
            raise Invalid("key", said(str(error)))
    else:
        password = passwords.one_time()
    request = adding.Request(values["name"], "", values["full_name"] or None, "", None, keys,
                             password, password is not None)
    try:
        adding.check(app, request)
    except AicaError as error:
        raise Invalid("full_name" if "--full-name" in str(error) else "name", said(str(error)))
    return Replace(Run(_("Add a user"), lambda: adding.add(app, request), add_command(values),
                       after=lambda outcomes: goodbye(app, request, outcomes)))


def goodbye(app, request, outcomes):
    """Return what an admin sends to a new colleague, and the password, which is shown only now."""
    if any(one.status in ("failed", "blocked") for one in outcomes):
        return []
    blocks = []
    if request.password is not None:
        blocks += [(tr("The one-time password, shown only now: {}").format(request.password),
                    "title")]
    return blocks + [(tr("To send to {}:").format(request.name), "key")] + [
        (line, "text") for line in letter.letter(app, request.name, bool(request.keys))]


def register_form(app):
    """Return the form that registers an account which is here already."""
    def go(values):
        name, group = values["name"], values["group"]
        return Replace(Run(_("Register an account"),
                           lambda: registering.register(app, name, group), command_of(values)))

    def command_of(values):
        return "aica user register {} {}".format(shlex.quote(values["name"] or "NAME"),
                                                 shlex.quote(values["group"] or "GROUP"))
    return Form(_("Register an account"), [
        Field("name", _("Name"), help=_("an account that this server has")),
        Field("group", _("Group"), group_of(app), help=_("the site's group or an allowed one")),
    ], go, command_of)


def group_of(app):
    """Return the site's group, "" if the server is not set up."""
    try:
        return app.settings(app.host(read_only=True, need_root=False)).group
    except AicaError:
        return ""


# -- remove --------------------------------------------------------------


class Remove(Text):
    """What an admin should know before somebody is removed; then asks for the name."""

    footer = (keys.ENTER, keys.BACK)

    def __init__(self, app, name):
        super().__init__(_("Remove"), command="aica user remove " + name,
                         load=lambda: farewell(removing.plan_removal(app, name, end=True)))
        self._app, self._name = app, name

    def press(self, action, name):
        if action == keys.ENTER and self.blocks and self.blocks[-1][1] == "key":  # read to its end
            return Replace(Question(_("Remove"), self.blocks, self._go, self._name, self.command))
        return super().press(action, name)

    def _go(self):
        return Replace(Run(_("Remove"), lambda: removing.remove(
            self._app, self._name, end=True), self.command + " --end-processes"))


def remove(app, name):
    """Return the screens of removing a user."""
    return Remove(app, name)


def farewell(found):
    """Return a removing.Farewell as blocks of text. Pure."""
    yield "{}  uid {}".format(found.name, found.uid), "title"
    if found.home:
        size = "" if found.size_bytes is None else report.size(found.size_bytes)
        more = "" if found.size_complete else tr("more than ")
        yield tr("home: {}, {}{}; it is moved to .removed beside it").format(
            found.home, more, size), "text"
    yield tr("last login: {}").format(found.last_login or tr("not known")), "text"
    if found.processes:
        yield tr("running, and will be ended: {}").format(", ".join(found.processes)), "warning"
    if found.jobs:
        yield tr("{}: taken away, a copy stays on the data disk").format(
            ", ".join(found.jobs)), "text"
    yield "", "text"
    yield tr("Nothing is deleted, and the ids stay reserved. Enter goes on."), "key"
