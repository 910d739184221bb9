"""aica setup: prepare this server and its data disk, or complete what is missing."""

from .. import site
from ..errors import ConfigError
from ..provision import Setup
from . import show


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--group", default="", metavar="NAME",
                        help="the group that owns the shared folders (default: gpu-users)")
    parser.add_argument("--allow-unmounted", action="store_true",
                        help="the data folder need not be a mount point")
    parser.add_argument("--skip", action="append", default=[], metavar="NAMES",
                        help="leave out steps, comma-separated: " + ", ".join(site.STEPS))
    parser.add_argument("--dry-run", action="store_true", help="show the plan only")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args, app):
    """Show the plan, ask, and set the server up."""
    skip = [step for names in args.skip for step in names.split(",")]
    for step in skip:
        if step not in site.STEPS:
            raise ConfigError("--skip {}: expected one of {}".format(step, ", ".join(site.STEPS)))
    setup = Setup(app, args.group, args.allow_unmounted, skip)
    if args.dry_run:
        return show.outcomes(args, app, setup.run(dry_run=True), dry_run=True)
    if args.json and not args.yes:
        raise ConfigError("--json asks nothing", hint="add --dry-run or --yes")
    if not args.yes:
        planned = list(setup.run(dry_run=True))
        show.outcomes(args, app, (o for o in planned if o.status != "ok"), dry_run=True)
        if not show.confirm(args, "Set this server up as shown above?"):
            show.info(args, "nothing was changed")
            return 0
    code = show.outcomes(args, app, setup.run())
    if code == 0:
        group = setup.desired.settings.group if setup.desired else args.group or "GROUP"
        show.info(args, "next, for somebody new: aica user add NAME")
        show.info(args, "for who has an account here already: aica user setup NAME {0}; "
                        "aica user register NAME {0}".format(group))
    return code
