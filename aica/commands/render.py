"""aica render: write the generated system files; the package's postinst runs it."""

from . import show


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--package", action="store_true",
                        help="only missing files, with the built-in settings; reads nothing "
                             "below /data")


def run(args, app):
    """Render and show what was written."""
    return show.outcomes(args, app, app.render(package=args.package))
