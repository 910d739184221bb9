"""What an unfinished `aica user add` must undo: one small file of root's for each.

It is written before the first step and removed after the last one, so what
is there when nobody holds the lock was cut off: a kill, or a power cut.
"""

import json
import time
from typing import NamedTuple

from .. import seen, ssh_keys
from ..accounts import Passwd
from ..errors import AicaError
from ..registry import Entry
from ..site.people import Newcomer

BEGIN, END = "adding-", ".json"
# No `user add` takes so long, whatever the clocks of two servers say.
LONGEST_S = 3600


class Plan(NamedTuple):
    """Who was to be added, and what was there before and must stay.

    this_boot: it began in this boot, so an account that is there is its work.
    """

    entry: Entry
    newcomer: Newcomer
    had_home: bool = False
    had_record: bool = False
    this_boot: bool = True


def _path(settings, name):
    return "{}/{}{}{}".format(settings.state, BEGIN, name, END)


def write(host, settings, plan):
    """Say that this plan has begun. No password is written."""
    user = plan.newcomer.user
    found = {
        "name": plan.entry.name, "group": plan.entry.group, "uid": user.uid, "gid": user.gid,
        "home": user.home, "shell": user.shell, "private_group": plan.newcomer.private_group,
        "keys": plan.newcomer.key_lines, "had_home": plan.had_home,
        "had_record": plan.had_record, "boot": seen.boot_of(host)}
    if host.shared:
        found.update(server=host.instance(), began=int(time.time()))
    text = json.dumps(found, indent=1, sort_keys=True)
    host.write_file(_path(settings, plan.entry.name), text.encode("ascii") + b"\n", 0o600)


def unfinished(host, settings):
    """Return the names of those whose `user add` did not end."""
    return tuple(name[len(BEGIN):-len(END)] for name in host.names(settings.state)
                 if name.startswith(BEGIN) and name.endswith(END))


def at_work(host, settings, name):
    """True if another server that shares /data may be adding this name right now."""
    if not host.shared:
        return False
    try:
        found = json.loads(host.read_trusted(_path(settings, name)).decode("ascii"))
        mine = found.get("server") == host.instance()
        return not mine and time.time() - found.get("began", 0) < LONGEST_S
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return False


def read(host, settings, name):
    """Return the Plan that was written. Raise AicaError if it cannot be understood."""
    path = _path(settings, name)
    try:
        found = json.loads(host.read_trusted(path).decode("ascii"))
        user = Passwd(found["name"], found["uid"], found["gid"], "", found["home"],
                      found["shell"])
        keys = ssh_keys.parse("\n".join(found["keys"]).encode(), path) if found["keys"] else ()
        return Plan(Entry(found["name"], found["group"]),
                    Newcomer(user, found["private_group"], keys=keys),
                    found["had_home"], found["had_record"],
                    found["boot"] == seen.boot_of(host))
    except (ValueError, TypeError, KeyError) as error:
        raise AicaError("{} cannot be understood: {}".format(path, error),
                        hint="look what is left of {0}: aica user list; then: rm {1}".format(
                            name, path))


def remove(host, settings, name):
    """Say that the plan has ended: done, or undone."""
    host.remove_file(_path(settings, name))
