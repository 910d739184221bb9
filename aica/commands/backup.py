"""aica backup: homes and settings on the backup disk, and back."""

from .. import report
from ..backup import finding
from ..backup.run import Backup
from ..errors import ConfigError
from . import show


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    parser.add_argument("--user", action="append", default=[], metavar="NAME",
                        help="only this home (may be repeated)")
    parser.add_argument("--checksum", action="store_true",
                        help="compare contents too, which reads everything on both disks")
    parser.add_argument("--list", action="store_true", help="show the snapshots")
    parser.add_argument("--restore", nargs=2, metavar=("NAME", "PATH"),
                        help="put this file or folder of a user's home beside what is there now")
    parser.add_argument("--from", dest="snapshot", default="", metavar="SNAPSHOT",
                        help="restore from this one, not from the newest that has it")


def run(args, app):
    """Make a snapshot, list them, or restore from one."""
    _check(args)
    if args.list:
        return _list(args, finding.rows(app, args.user))
    if args.restore:
        results = finding.bring_back(app, args.restore[0], args.restore[1], args.snapshot,
                                     args.dry_run)
    else:
        results = Backup(app, args.user, args.checksum).run(args.dry_run)
    return show.outcomes(args, app, results, args.dry_run)


def _list(args, rows):
    if not rows:
        show.info(args, "no snapshot {}is there yet".format(
            "of {} ".format(", ".join(args.user)) if args.user else ""))
    show.rows(args, rows if args.json else [
        row._replace(size=_size(row.size), new=_size(row.new)) for row in rows])
    return show.end(args, {"rows": len(rows)}, 0)


def _size(size_bytes):
    return None if size_bytes is None else report.size(size_bytes)


def _check(args):
    if args.list and (args.restore or args.dry_run or args.checksum):
        raise ConfigError("--list goes with --user only")
    if args.restore and (args.user or args.checksum):
        raise ConfigError("--restore goes with --from and --dry-run only")
    if args.snapshot and not args.restore:
        raise ConfigError("--from goes with --restore only")
