"""aica env: what the environment of whoever asks is."""

import argparse
from typing import NamedTuple

from .. import command, memberenv
from ..errors import ConfigError
from . import show


class Line(NamedTuple):
    """What people see of a Row: the size is in the source, in words."""

    kind: str
    name: str
    value: str
    source: str


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--exec", dest="runs", action="store_true",
                        help="run a command in it, for cron, systemd and scripts")
    # argparse allows no "--" behind an option that takes the rest.
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...",
                        help="the command, and whatever belongs to it")


def run(args, app):
    """Show it, or run a command in it."""
    argv = args.command[1:] if args.command[:1] == ["--"] else args.command
    if bool(argv) != args.runs:
        raise ConfigError("--exec and a command go together",
                          hint="aica env --exec -- conda info")
    found = memberenv.Environment(app, memberenv.caller())
    if args.runs:
        command.become(argv, found.for_command(), memberenv.UMASK)
    rows = found.rows()
    if args.json:
        show.rows(args, rows)
        return show.end(args, {"rows": len(rows)}, 0)
    show.rows(args, [Line(*row[:4]) for row in rows if row.kind != "warning"])
    for row in rows:
        if row.kind == "warning":
            show.warning(args, row.value, row.source)
    return 0
