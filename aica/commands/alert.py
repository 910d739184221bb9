"""aica alert: are the disks filling up? Hourly, from cron."""

import argparse
import contextlib
import json
import signal
import sys

from .. import report
from ..disk import alert, message, recovered
from . import show

# A disk that dies between the probe and the reading must not keep the lock for
# ever: then no later run could tell of it. SIGALRM ends even who waits for NFS.
LONGEST_S = 600


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--threshold", type=_percent, default=0, metavar="PCT",
                        help="alarm from so many percent on (default: [alert] warning, 80)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true",
                      help="show what would be said, tell nobody; for everybody")
    what.add_argument("--test", action="store_true", help="send a marked test message everywhere")
    what.add_argument("--recovered", action="store_true",
                      help="tell how the recovery of this boot ended, once; started by it")


def _percent(text):
    if not text.rstrip("%").isdecimal() or not 1 <= int(text.rstrip("%")) <= 100:
        raise argparse.ArgumentTypeError(
            "{!r}: expected a percentage from 1 to 100".format(text))
    return int(text.rstrip("%"))


def run(args, app):
    """Look, tell, show."""
    with _at_most(LONGEST_S):
        return _run(args, app)


@contextlib.contextmanager
def _at_most(seconds):
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _run(args, app):
    if args.test or args.recovered:
        return _delivered(args, app, (alert.test if args.test else recovered.tell)(app))
    seen = alert.watch(app, args.threshold, args.dry_run)
    if args.json:
        for one in seen.found:
            print(json.dumps(one.facts))
    elif not args.quiet:
        _show(args, seen)
    return _end(args, app, seen.problems, {"disks": len(seen.found), "lines": len(seen.lines)})


def _show(args, seen):
    """Show everything to a person, and only what is new to cron, which mails what it gets."""
    asked = args.dry_run or args.verbose or sys.stdout.isatty()
    for line in seen.lines if asked else seen.news:
        print(line)
    for hint in _hints(seen) if args.verbose else ():
        print("        hint: " + report.escape(hint))
    if asked and not seen.lines:
        show.info(args, "; ".join(message.well(one.look) for one in seen.found))


def _hints(seen):
    """Return what to do, each once."""
    return dict.fromkeys(hint for one in seen.found for hint in one.hints)


def _delivered(args, app, deliveries):
    """Show where a message went."""
    problems, sent = [], 0
    for where, problem in deliveries:
        sent += not problem
        if args.json:
            print(json.dumps({"channel": where, "problem": problem}))
        if problem:
            problems.append("{}: {}".format(where, problem))
        else:
            show.info(args, "told: " + where)
    return _end(args, app, problems, {"sent": sent, "failed": len(problems)})


def _end(args, app, problems, summary):
    show.warnings(args, app)
    for problem in problems:
        show.error(args, problem)
    return show.end(args, summary, 1 if problems else 0)
