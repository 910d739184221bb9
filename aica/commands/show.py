"""What every command shows: outcomes as text or JSON, messages, questions.

Together with cli.py and its neighbours here the only place that prints.
"""

import json
import os
import sys

from .. import report, streams
from ..errors import ConfigError


def use_color(choice, stream):
    """True if `stream` shall get colours: --color wins, then NO_COLOR, then the terminal."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def outcomes(args, app, results, dry_run=False, drift=0, brief=False):
    """Show outcomes while they come, then the summary; return the exit status.

    brief leaves out what is in order, but not the summary.
    """
    seen = []
    if not dry_run:
        streams.go_on()
    try:
        for outcome in results:
            seen.append(outcome)
            if args.json or not ((brief or args.quiet) and outcome.status in ("ok", "skipped")):
                _one(args, outcome)
    except KeyboardInterrupt:
        warning(args, "interrupted; until then: " + report.summary_text(seen, dry_run),
                hint="nothing is half changed; repeat the command to complete it")
        raise
    warnings(args, app)
    code = report.exit_status(seen, drift)
    if args.json:
        print(report.json_summary(seen, code))
    elif not (args.quiet and code == 0):
        print(report.message("INFO", report.summary_text(seen, dry_run),
                             color=use_color(args.color, sys.stdout)))
    if streams.lost():
        warning(args, "{}: the work went on, and not all that was done could be said".format(
            streams.lost()), hint="how it is now: aica check")
    return code


def warnings(args, app):
    """Print what the app warns of, each once."""
    for text in _taken(app):
        warning(args, text)


def _taken(app):
    """Return the warnings of the app, each once, and forget them."""
    texts = list(dict.fromkeys(app.warnings))
    del app.warnings[:]
    return texts


def _one(args, outcome):
    if args.json:
        print(report.json_line(outcome), flush=True)
    else:
        color = use_color(args.color, sys.stdout)
        for line in report.text_lines(outcome, color, args.verbose):
            print(line, flush=True)


def rows(args, found):
    """Show a list of NamedTuples: one JSON object each, or a table."""
    if args.json:
        for row in found:
            print(json.dumps(row._asdict()))
        return
    heads = [[field.upper() for field in found[0]._fields]] if found else []
    for line in report.table(heads + [["-" if value is None else value for value in row]
                                      for row in found]):
        print(line)


def end(args, summary, code):
    """Print the last line of --json where there are no outcomes; return the exit status.

    summary is {what: how many}.
    """
    if args.json:
        print(json.dumps({"summary": summary, "exit": code}))
    return code


def fields(row):
    """Show one NamedTuple, a field a line."""
    for name, value in zip(row._fields, row):
        print("{:10} {}".format(name, "-" if value is None else report.escape(value)))


def info(args, text):
    """Print an [INFO] line, unless --quiet or --json."""
    if not (args.quiet or args.json):
        print(report.message("INFO", text, color=use_color(args.color, sys.stdout)))


def plain(args, lines):
    """Print lines to be copied, unless --quiet or --json."""
    if not (args.quiet or args.json):
        for line in lines:
            print("    " + report.escape(line))


def warning(args, text, hint=""):
    """Print a [WARNING] line on standard error."""
    _complain(args, "WARNING", text, hint)


def error(args, text, hint=""):
    """Print an [ERROR] line on standard error."""
    _complain(args, "ERROR", text, hint)


def _complain(args, tag, text, hint):
    color = use_color(args.color, sys.stderr)
    print(report.message(tag, text, hint, color), file=sys.stderr, flush=True)


def confirm_name(args, name, question):
    """True if the very name is typed; without asking if --yes was given. Raises as confirm()."""
    return args.yes or _answer(args, question) == name


def confirm(args, question):
    """Return the answer to a yes/no question; True without asking if --yes was given.

    Raise ConfigError without a terminal: nobody is there to answer; with --json: a program is.
    """
    return args.yes or _answer(args, question, " [y/N] ").lower() in ("y", "yes")


def _answer(args, question, choice=""):
    """Return what somebody types, "" at the end of input. Raise ConfigError without a terminal."""
    if args.json:
        raise ConfigError("--json asks nothing, and would have to: {}".format(question),
                          hint="say --yes to agree")
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("would ask: {}".format(question), hint="say --yes to agree")
    try:
        return input(question + choice).strip()
    except EOFError:
        print()
        return ""
