"""aica bootstrap: for images that come back without the package."""

from ..bootstrap.storing import Bootstrap
from . import show


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--package", required=True, metavar="FILE",
                        help="the .deb or .rpm of aica-datakeeper that shall be installed")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")


def run(args, app):
    """Put it there, and show the line that has to be in the image or at the provider's."""
    bootstrap = Bootstrap(app, args.package)
    code = show.outcomes(args, app, bootstrap.run(args.dry_run), args.dry_run)
    if code == 0 and not args.json:
        show.info(args, "the line for cloud-init (runcmd), the provider's start-up script or "
                        "/etc/rc.local of the image, run as root at each boot:")
        print(bootstrap.line())
    return code
