"""aica clean, and aica-clean-cache: the one door that members may open as root."""

import argparse
import os
import select
import sys

from .. import report
from ..caches.cleaning import PROGRAM, TARGETS, Cleaning, Request
from ..door import Caller, caller_of
from ..errors import ConfigError, NotReady
from . import show

# So long a reader of our words may take before we go on without.
PATIENCE_S = 5
OPTIONS = (("conda", "packages that no environment uses, and their archives"),
           ("pip", "the shared cache of pip; without root the caches of pip, uv and npm in your home"),
           ("torch", "weights and repositories of torch.hub"),
           ("hf", "models, data sets and spaces of Hugging Face"))


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--all", action="store_true", help="all of these:")
    for name, text in OPTIONS:
        parser.add_argument("--" + name, action="store_true", help=text)
    parser.add_argument("--older-than", metavar="DAYS", type=_days, default=None,
                        help="only what nobody used for so many days")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(caller=Caller())


def _days(text):
    if not text.isdecimal() or len(text) > 5:
        raise argparse.ArgumentTypeError("expected a number of days, not {!r}".format(text))
    return int(text)


def run(args, app):
    """List, ask, remove; or explain what there is to be cleaned."""
    targets = TARGETS if args.all else tuple(t for t in TARGETS if getattr(args, t))
    if not targets:
        return _explain(args)
    if args.json and not (args.dry_run or args.yes):
        raise ConfigError("--json asks nothing", hint="add --dry-run or --yes")
    caller = args.caller
    cleaning = Cleaning(app, Request(targets, args.older_than, caller.is_member, _words(caller)))
    if args.dry_run:
        return show.outcomes(args, app, cleaning.plan(), dry_run=True)
    if not args.yes:
        code = show.outcomes(args, app, cleaning.plan(), dry_run=True)
        question = "Remove these {:,}?".format(cleaning.planned)
        if not (cleaning.planned and show.confirm(args, question)):
            return code
    return _remove(args, app, cleaning)


def _remove(args, app, cleaning):
    for stream in (sys.stdout, sys.stderr):
        _let_it_fail(stream)
    try:
        return show.outcomes(args, app, cleaning.run())
    finally:  # after Ctrl-C too
        if cleaning.began:
            show.info(args, "{} freed".format(cleaning.freed_text))


def _let_it_fail(stream):
    """From now on nothing is stopped by output that goes nowhere.

    It may go to the very disk that is full, to a reader who left, or to one
    who does not read: the lock must not be held for that.
    """
    write, flush = stream.write, stream.flush

    def patiently(function):
        def called(*words):
            try:
                if _is_stuck(stream):
                    raise OSError("nobody reads")
                return function(*words)
            except OSError:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
                return None
        return called
    stream.write, stream.flush = patiently(write), patiently(flush)


def _is_stuck(stream):
    """True if nobody has read from a stream for so long that nothing more fits in."""
    try:
        handle = stream.fileno()
    except (OSError, ValueError):
        return False  # no file at all
    return not select.select([], [handle], [], PATIENCE_S)[1]


def _words(caller):
    """Return who called, for the journal: an admin who used sudo has a name too."""
    named = caller if caller.is_member else caller_of(os.environ)
    return "{} (uid {})".format(named.name, named.uid) if named.is_member else "root"


def _explain(args):
    if args.dry_run or args.yes or args.json or args.older_than is not None:
        raise ConfigError("nothing named to be cleaned", hint="--all, or " + ", ".join(
            "--" + name for name in TARGETS))
    if not args.quiet:
        print(EXPLAINED)
    return 0


EXPLAINED = """\
Removes from the shared caches what nobody uses, and says what it kept and why.
Name what shall be cleaned:

  --all     all of these:
{}

then --dry-run to see the list first, or --yes to be asked nothing.
Members: sudo aica-clean-cache --all. What was used lately is kept, and so is
what a program has open. Without sudo: aica clean --pip, for your own home.""".format(
    "\n".join("  --{:7} {}".format(name, text) for name, text in OPTIONS))


class Door:
    """The parser of aica-clean-cache: exactly what the sudo rules say, and no common option."""

    prog = PROGRAM

    def __init__(self, caller):
        self._caller = caller

    def parse_args(self, argv):
        """Return the namespace of a command line; say what is wrong with it and exit with 2."""
        if list(argv) not in allowed():
            hint = "{0} --help; everything else: sudo aica clean --help".format(PROGRAM)
            text = "not one of the command lines that this program takes"
            print(report.message("ERROR", text, hint), file=sys.stderr)
            raise SystemExit(2)
        names = [word[len("--"):] for word in argv]
        target = names[0] if names and names[0] != "help" else ""
        found = argparse.Namespace(
            root="/", config="", json=False, quiet=False, verbose=False, color="auto",
            older_than=None, dry_run="dry-run" in names, yes="yes" in names,
            all=target == "all", run=run_door, caller=self._caller)
        for name in TARGETS:
            setattr(found, name, name == target)
        return found


def allowed():
    """Return every command line of aica-clean-cache, as site.sudoers.render() has them."""
    lines = [[], ["--help"]]
    for target in ("all",) + TARGETS:
        lines += [["--" + target] + more for more in ([], ["--dry-run"], ["--yes"])]
    return lines


def run_door(args, app):
    """The same as `aica clean`, for those who came with root's rights."""
    if os.geteuid() != 0 and (args.all or any(getattr(args, name) for name in TARGETS)):
        raise NotReady("this needs root", hint="sudo {}; your own home: aica clean --pip".format(
            PROGRAM))
    return run(args, app)
