"""aica tui: the menu, for admins as root and for everybody else."""

import os

from ..errors import ConfigError


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--ascii", action="store_true", help="draw with plain characters only")
    parser.add_argument("--lang", choices=("ko", "en"), default="", help="default: as LANG says")
    parser.add_argument("--theme", choices=("auto", "dark", "light", "none"), default="",
                        help="default: as [tui] theme of aica.conf says")


def run(args, app):
    """Show the menu until it is left."""
    from .. import glance
    from ..tui import app as menu
    from ..tui import screen
    from ..tui.screens import home
    if not screen.has_terminal():
        raise ConfigError("the menu needs a terminal", hint="aica --help")
    first = home.admin(app) if os.geteuid() == 0 else home.member(app)
    menu.main(first, args.theme or glance.theme(app), args.ascii, args.lang, app.log_bug,
              app.warnings)
    return 0
