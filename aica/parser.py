"""The argument parser, assembled from commands/."""

import argparse
import importlib

from . import __version__, commands, report
from .commands import options

# Programs beside `aica` that are one verb of it, because others call them.
DOORS = {"aica-recover": "recover", "aica-disk-alert": "alert", "aica-tui": "tui"}


class Parser(argparse.ArgumentParser):
    """An argument parser that complains as every other part of the program does."""

    def error(self, message):
        """Say what is wrong with the command line and exit with 2."""
        text = report.message("ERROR", message, hint="{} --help".format(self.prog))
        self.exit(2, text + "\n")


def build(prog, caller=None):
    """Return the parser of a program. The namespace has a `run` that does the verb.

    caller: see cli.main; a program that members may run as root has a parser of its own.
    """
    if caller is not None:
        return _module("clean").Door(caller)
    parser = Parser(prog=prog, parents=[options.common(defaults=True)])
    parser.add_argument("--version", action="version", version="aica " + __version__)
    if prog in DOORS:
        _add_door(parser, DOORS[prog])
    else:
        _add_verbs(parser)
    return parser


def _add_door(parser, verb):
    def add(_verb, text):
        parser.description = text
        return parser
    module = _module(verb)
    module.add_parser(add)
    parser.set_defaults(run=module.run)


def _add_verbs(parser):
    parser.description = "Keeps a shared GPU server with a volatile SSD whole."
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    verbs.required = True
    for name in commands.VERBS:
        module = _module(name)

        def add(verb, text, module=module):
            sub = verbs.add_parser(verb, help=text, description=text,
                                   parents=[options.common()])
            sub.set_defaults(run=module.run)
            return sub
        module.add_parser(add)


def _module(verb):
    return importlib.import_module("aica.commands." + verb)
