"""aica recover: make this server whole again."""

from .. import early, maintenance
from ..errors import ConfigError
from . import show
from .progress import Progress


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument("--user", action="append", default=[], metavar="NAME",
                        help="only this registered user (may be repeated)")
    parser.add_argument("--boot", action="store_true",
                        help="as at boot: wait up to 60 s for the lock, and if /data is not "
                             "there try again each minute")
    parser.add_argument("--early", action="store_true",
                        help="only what must be right before sshd starts: its host keys and the "
                             "files of [keep]")
    parser.add_argument("--deep", action="store_true",
                        help="then also repair what lies in the shared trees, which may take hours")


def run(args, app):
    """Recover and show every outcome."""
    if args.early and (args.user or args.boot or args.deep):
        raise ConfigError("--early goes with --dry-run only")
    if args.early:
        return show.outcomes(args, app, early.restore(app, args.dry_run), args.dry_run)
    if args.deep:
        return _deep(args, app)
    results = app.recover(tuple(args.user), args.dry_run, args.boot)
    return show.outcomes(args, app, results, args.dry_run)


def _deep(args, app):
    if args.user or args.boot:
        raise ConfigError("--deep is for the whole server and never for the boot")
    progress = Progress(args)
    results = progress.over(maintenance.recover(app, args.dry_run, progress))
    return show.outcomes(args, app, results, args.dry_run)
