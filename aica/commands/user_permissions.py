"""aica user fix-permissions: modes of somebody's own files; one old owner's files on request."""

from ..errors import ConfigError
from ..people import permissions
from . import options, show


def add_arguments(action):
    """Describe the options."""
    action.add_argument("--from", dest="old", type=options.uid, metavar="UID",
                        help="list what belongs to this old uid, ask, and give it to NAME")
    action.add_argument("--dry-run", action="store_true", help="show what would be changed")
    action.add_argument("--yes", action="store_true", help="do not ask")


def run(args, app):
    """Repair the modes; or list, ask and take."""
    if args.old is None:
        return show.outcomes(args, app, permissions.fix(app, args.name, args.dry_run),
                             args.dry_run)
    return _take(args, app)


def _take(args, app):
    taking = permissions.Taking(app, args.name, args.old)
    listed = taking.listing()
    if not (listed.number or listed.rest):  # as after a run that took all of it
        show.info(args, "nothing of uid {} lies in the home of {}".format(args.old, args.name))
        return show.end(args, {}, 0)
    if not listed.number:
        raise ConfigError("nothing of uid {} in the home of {} can be taken: {}".format(
            args.old, args.name, listed.rest),
            hint="who owns what there: aica user fix-permissions {} --dry-run -v".format(args.name))
    if args.dry_run and args.json:
        return show.outcomes(args, app, taking.plan(), dry_run=True)
    show.plain(args, listed.lines + ([listed.rest] if listed.rest else []))
    if args.dry_run or not show.confirm(args, "Give these {:,} of uid {} to {}?".format(
            listed.number, args.old, args.name)):
        show.info(args, "nothing was changed")
        return 0
    return show.outcomes(args, app, taking.run())
