"""aica permissions: the modes and the group of everything in the shared trees."""

from .. import maintenance, report
from . import options, show
from .progress import Progress


def add_arguments(parser):
    """Describe the verb and its actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.required = True
    for name, text in (("check", "count what others of the group cannot use"),
                       ("apply", "repair it")):
        action = _action(actions, name, text)
        action.add_argument("paths", metavar="PATH", nargs="*",
                            help="a folder inside a shared tree (default: all of them)")
    save = _action(actions, "save", "write all modes and groups to a new file")
    restore = _action(actions, "restore", "bring them back, as far as the entries are still there")
    for action in (save, restore):
        action.add_argument("file", metavar="FILE", help="root's alone, on any disk")
    for name in ("apply", "restore"):
        actions.choices[name].add_argument("--dry-run", action="store_true",
                                           help="only show what would be done")


def _action(actions, name, text):
    return actions.add_parser(name, help=text, description=text, parents=[options.common()])


def run(args, app):
    """Do the action and show its outcomes."""
    return ACTIONS[args.action](args, app)


def _check(args, app):
    progress = Progress(args)
    results = progress.over(maintenance.survey(app, args.paths, progress))
    return show.outcomes(args, app, results, dry_run=True, drift=report.EXIT_DRIFT)


def _apply(args, app):
    progress = Progress(args)
    results = progress.over(maintenance.apply(app, args.paths, args.dry_run, progress))
    return show.outcomes(args, app, results, args.dry_run)


def _save(args, app):
    return show.outcomes(args, app, maintenance.save(app, args.file))


def _restore(args, app):
    results = maintenance.restore(app, args.file, args.dry_run)
    return show.outcomes(args, app, results, args.dry_run)


ACTIONS = {"check": _check, "apply": _apply, "save": _save, "restore": _restore}
