"""`aica user list` and `show`: who is registered, and what is wrong with whom."""

from typing import NamedTuple


class Row(NamedTuple):
    """One registered user, as `aica user list` shows it. uid is None without an account."""

    name: str
    group: str
    uid: object
    account: str
    home: str
    link: str


def rows(app):
    """Return the Rows of everybody registered. Works for everybody, with what they may see."""
    host = app.host(read_only=True, need_root=False)
    settings = app.settings(host)
    entries = app.registry(host, settings)
    return [_row(host, settings, entry) for entry in entries.entries], entries.problems


def _row(host, settings, entry):
    user = host.accounts().passwd.get(entry.name)
    ids = (user.uid, user.gid) if user else host.directory_user(entry.name)
    folder = "{}/{}".format(settings.users, entry.name)
    home = host.lstat(folder)
    link = host.lstat("{}/{}".format(settings.home, entry.name))
    return Row(
        entry.name, entry.group, ids[0] if ids else None,
        "local" if user else "directory" if ids else "missing",
        "missing" if home is None else "foreign" if ids and home.uid != ids[0] else "ok",
        "missing" if link is None else "ok" if link.target == folder else link.kind)
