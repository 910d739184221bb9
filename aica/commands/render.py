"""aica render: write the generated system files; the package's postinst runs it."""

from . import show


def add_parser(add):
    """Describe the verb."""
    parser = add("render", "write the generated files below /etc; the package runs it")
    parser.add_argument("--package", action="store_true",
                        help="only missing files, with the built-in settings; reads nothing "
                             "below /data")


def run(args, app):
    """Render and show what was written."""
    return show.outcomes(args, app, app.render(package=args.package))
