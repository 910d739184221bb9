"""The argument parser, assembled from commands/."""

import argparse
import importlib

from . import __version__, commands
from .commands import options


def build(prog):
    """Return the parser. Every verb's namespace has a `run` that does it."""
    parser = argparse.ArgumentParser(
        prog=prog.split()[0], description="Keeps a shared GPU server with a volatile SSD whole.",
        parents=[options.common(defaults=True)])
    parser.add_argument("--version", action="version", version="aica " + __version__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    verbs.required = True
    for name in commands.VERBS:
        module = importlib.import_module("aica.commands." + name)

        def add(verb, text, module=module):
            sub = verbs.add_parser(verb, help=text, description=text,
                                   parents=[options.common()])
            sub.set_defaults(run=module.run)
            return sub
        module.add_parser(add)
    return parser
