"""Run the tools of the shadow suite, patiently: another one may hold their lock."""

import time

from ..errors import AicaError, Conflict

TRIES = 5
FILES = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
SUFFIXES = ("", "-", "+", ".lock")


def _refuse_links(host):
    """The tools open files, backups and locks by path: in a foreign tree those may lead out."""
    for name in [name + suffix for name in FILES for suffix in SUFFIXES] + [".pwd.lock"]:
        info = host.lstat("/etc/" + name)
        if info is not None and (info.kind != "file" or info.links > 1 and name[-5:] != ".lock"):
            raise Conflict("/etc/{} is a {} with {} link(s), expected a plain file".format(
                name, info.kind, info.links), hint="look at it and remove it")


def execute(host, argv, stdin=""):
    """Run a shadow tool; if the account files are locked, wait and try again a few times.

    Raise Conflict if the tool would follow a link out of an offline root.
    """
    if not host.live:
        _refuse_links(host)
    for attempt in range(1, TRIES + 1):
        try:
            return host.execute(argv, stdin=stdin, timeout_s=30)
        except AicaError as error:
            if "lock" not in str(error) or attempt == TRIES:
                raise
            time.sleep(0.2 * attempt)
