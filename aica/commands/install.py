"""aica install: conda and uv."""

from ..install import actions, pins
from . import options, show
from .progress import Progress


def add_arguments(parser):
    """Describe the verb and what it installs."""
    actions_of = parser.add_subparsers(dest="what", metavar="WHAT")
    actions_of.required = True
    conda = _what(actions_of, "miniconda", "conda, in /data/apps/miniconda3")
    conda.add_argument("--variant", choices=sorted(pins.PINS), default="",
                       help="miniforge has conda-forge only, and no terms to agree with")
    conda.add_argument("--url", default="", help="fetch the installer from here")
    conda.add_argument("--update", action="store_true",
                       help="replace an older conda in place; it is closed meanwhile")
    conda.add_argument("--yes", action="store_true",
                       help="do not ask: you agree with Anaconda's terms ({})".format(pins.TERMS))
    uv = _what(actions_of, "uv", "uv, in /data/apps/uv, linked from /usr/local/bin")
    uv.add_argument("--version", default="", metavar="V", help="this version, not the newest")
    for parser in (conda, uv):
        parser.add_argument("--from", default="", dest="path", metavar="FILE",
                            help="use this file instead of the network")
        parser.add_argument("--sha256", default="", metavar="HEX",
                            help="what the file must have")
    _what(actions_of, "missing", "what aica.conf wants and is not there; its timer runs it")


def _what(parsers, name, text):
    parser = parsers.add_parser(name, help=text, description=text, parents=[options.common()])
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    return parser


def run(args, app):
    """Install, and show every outcome."""
    return ACTIONS[args.what](args, app)


def _miniconda(args, app):
    asked = actions.Request(args.variant, args.path, args.url, args.sha256, update=args.update)
    if not args.dry_run and not args.yes and actions.needs_terms(app, asked):
        question = "Do you agree with Anaconda's terms for this site, {} ?".format(pins.TERMS)
        if not show.confirm(args, question):
            show.info(args, "nothing was changed; without such terms: "
                            "aica install miniconda --variant miniforge")
            return 0
    return _show(args, app, actions.miniconda, asked)


def _uv(args, app):
    asked = actions.Request(path=args.path, sha256=args.sha256, version=args.version)
    return _show(args, app, actions.uv, asked)


def _missing(args, app):
    progress = Progress(args)
    found = actions.missing(app, args.dry_run, progress.bytes)
    return show.outcomes(args, app, progress.over(found), args.dry_run)


def _show(args, app, action, asked):
    progress = Progress(args)
    found = action(app, asked, args.dry_run, progress.bytes)
    return show.outcomes(args, app, progress.over(found), args.dry_run)


ACTIONS = {"miniconda": _miniconda, "uv": _uv, "missing": _missing}
