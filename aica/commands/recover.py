"""aica recover: make this server whole again."""

from . import show


def add_parser(add):
    """Describe the verb."""
    parser = add("recover", "make the server whole: accounts, homes, folders, environment")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument("--user", action="append", default=[], metavar="NAME",
                        help="only this registered user (may be repeated)")
    parser.add_argument("--boot", action="store_true",
                        help="as at boot: wait up to 60 s for the lock, and if /data is not "
                             "there try again each minute")


def run(args, app):
    """Recover and show every outcome."""
    results = app.recover(tuple(args.user), args.dry_run, args.boot)
    return show.outcomes(args, app, results, args.dry_run)
