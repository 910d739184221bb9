"""Whom to tell: every program in /etc/aica/alert.d, like run-parts(8), side by side.

They run as root; so they must be root's alone, and so must every folder above.
"""

import json
import re
from typing import NamedTuple

from .. import report
from ..errors import AicaError

FOLDER = "/etc/aica/alert.d"
TIMEOUT_S = 30
# Leftovers of editors and packages, and whatever is hidden.
NOT_CHANNELS = re.compile(r"\.|.*(~|\.bak|\.old|\.orig|\.dpkg-\w+|\.rpm\w+|\.sw[a-z])\Z")
VALUE_LENGTH = 4000
GIVEN_UP = "failed a moment ago: the next run tries it again"


class Delivery(NamedTuple):
    """What became of a message on its way. problem is "" if it was delivered."""

    channel: str
    problem: str = ""


def find(host):
    """Return (paths of the channels, Deliveries of those that cannot be used)."""
    good, bad = [], []
    try:
        names = host.names(FOLDER)
    except (OSError, AicaError) as error:
        return [], [Delivery(FOLDER, str(error))]
    for name in names:
        if not NOT_CHANNELS.match(name):
            path = "{}/{}".format(FOLDER, name)
            problem = _problem(host, path)
            if problem:
                bad.append(Delivery(path, problem))
            else:
                good.append(path)
    return good, bad


def _problem(host, path):
    """Say why a channel may not be run, "" if it may."""
    try:
        host.read_trusted(path)
    except (OSError, AicaError) as error:
        return str(error)
    return "" if host.lstat(path).mode & 0o100 else "not executable: chmod 755 {}".format(path)


def tell(host, facts, only=None, given_up=()):
    """Tell every channel the facts, or only those; return a Delivery for each.

    Nothing that one of them does, or does not do, keeps the others from being
    told. Those that are given_up are not tried: they took their time before.
    """
    good, bad = find(host)
    if only is not None:
        good, bad = [path for path in good if path in only], []
    bad += [Delivery(path, GIVEN_UP) for path in good if path in given_up]
    good = [path for path in good if path not in given_up]
    if not good:
        return bad
    text = json.dumps(facts, sort_keys=True) + "\n"
    results = host.notify(good, text, environment(facts), TIMEOUT_S)
    return bad + [Delivery(path, _outcome(results[host.real(path)])) for path in good]


def _outcome(result):
    if result is None:
        return "did not finish within {} s".format(TIMEOUT_S)
    if result.code == 0:
        return ""
    said = report.escape(result.out.strip().replace("\n", "; "))[:300]
    return "exit status {}{}".format(result.code, ": " + said if said else "")


def environment(facts):
    """Return the facts as environment variables: AICA_DISK=/data. Lists are joined by newlines."""
    return {"AICA_" + name.upper(): _value(value) for name, value in facts.items()
            if not isinstance(value, dict)}


def _value(value):
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        value = "\n".join(str(item) for item in value)
    if isinstance(value, bool):
        value = int(value)
    return str(value).replace("\0", "")[:VALUE_LENGTH]
