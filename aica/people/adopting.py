"""`aica user adopt`: record what is here, once an admin agrees."""

from typing import NamedTuple

from .. import ids, vault
from ..accounts import Group, Passwd, Shadow
from ..errors import ConfigError, Conflict
from ..registry import Entry
from . import common


class Adoption(NamedTuple):
    """What would be recorded for a user, in words for people, and the vault with it."""

    entry: Entry
    words: str
    known: object


def plan_adoption(app, name, group=""):
    """Return the Adoption of a name: of its account here, or else of the owner of its home."""
    host = app.host(read_only=True)
    desired = common.open_site(app, host)
    return _adoption(app, host, desired, name, group)


def _adoption(app, host, desired, name, group):
    entry = desired.registry.get(name)
    if group or entry is None:
        entry = common.checked_entry(app, host, desired.settings, name,
                                     group or desired.settings.group)
        if not group:
            here = name in host.accounts().passwd or host.is_folder(_folder(desired, name))
            raise ConfigError(
                "{!r} is not registered".format(name),
                hint="say its group: aica user adopt {} --group {}".format(*entry) if here else
                "somebody new: aica user add {}".format(name))
    if name in host.accounts().passwd:
        return _adoption_of_account(host, desired, entry)
    return _adoption_of_home(host, desired, entry)


def _folder(desired, name):
    return "{}/{}".format(desired.settings.users, name)


def _adoption_of_account(host, desired, entry):
    name, present = entry.name, host.accounts()
    user = present.passwd[name]
    common.check_ids(desired, present, user)
    known = _with_reserved(host, desired, user)
    after = vault.record(known, present, name, common.home_of(desired, name), desired.keep_passwords)
    words = "the account {} here: uid {}, gid {}, shell {}".format(
        name, user.uid, user.gid, user.shell)
    news = vault.changes(desired.vault, after)
    return Adoption(entry, words + "; that changes: " + common.in_words(news) if news else words, after)


def _with_reserved(host, desired, user):
    """Return the vault with the old ids of an account reserved, if it has others now.

    Its files still belong to the old uid: without a home that has the new
    one, the next user with the old uid would own them.
    """
    recorded = desired.vault.passwd.get(user.name)
    if recorded is None or (recorded.uid, recorded.gid) == (user.uid, user.gid):
        return desired.vault
    home = host.lstat(_folder(desired, user.name))
    if home is None or home.uid != user.uid:
        raise Conflict("{} is recorded with uid {}, and its home does not belong to uid {}".format(
            user.name, recorded.uid, user.uid),
            hint="give the account its ids back: usermod -u {} {}; groupmod -g {} {}".format(
                recorded.uid, user.name, recorded.gid, user.name))
    return vault.reserve(desired.vault, recorded)


def _adoption_of_home(host, desired, entry):
    name, known = entry.name, desired.vault
    folder = _folder(desired, name)
    info = host.lstat(folder)
    if info is None or info.kind != "folder":
        raise Conflict("{} has neither an account here nor a folder {}".format(name, folder),
                       hint="adduser {0}, then: aica user register {0} {1}".format(
                           name, entry.group))
    if name in known.passwd:
        raise Conflict("{} is recorded already, with uid {}".format(name, known.passwd[name].uid),
                       hint="aica recover --user {}".format(name))
    gid = ids.free_gid(host.accounts(), known, first=info.uid)
    user = Passwd(name, info.uid, gid, "", common.home_of(desired, name), "/bin/bash")
    common.check_ids(desired, host.accounts(), user)
    words = "the owner of {}: uid {}; private group with gid {}; no password".format(
        folder, info.uid, gid)
    return Adoption(entry, words, known._replace(
        passwd=dict(known.passwd, **{name: user}),
        group=dict(known.group, **{name: Group(name, gid)}),
        shadow=dict(known.shadow, **{name: Shadow(name, vault.LOCKED)})))


def adopt(app, adoption):
    """Yield the Outcomes of an Adoption that an admin agreed to."""
    host = app.host()
    with app.locked(host, common.WAIT_S):
        desired = common.open_site(app, host)
        again = _adoption(app, host, desired, adoption.entry.name, adoption.entry.group)
        if again.words != adoption.words:
            raise Conflict("{} changed meanwhile: {}".format(again.entry.name, again.words),
                           hint="repeat the command")
        yield from common.write_down(app, host, desired._replace(vault=again.known), again.entry)
