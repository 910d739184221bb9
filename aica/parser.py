"""The argument parser, assembled from commands/."""

import argparse
import importlib

from . import __version__, commands, report
from .commands import options


class Parser(argparse.ArgumentParser):
    """An argument parser that complains as every other part of the program does."""

    def error(self, message):
        """Say what is wrong with the command line and exit with 2."""
        text = report.message("ERROR", message, hint="{} --help".format(self.prog))
        self.exit(2, text + "\n")


def build(prog):
    """Return the parser. Every verb's namespace has a `run` that does it."""
    parser = Parser(
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
