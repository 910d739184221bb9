"""The argument parser, assembled from commands/."""

import argparse
import importlib

from . import __version__, commands, report
from .commands import options

# Programs beside `aica` that are one verb of it, because others call them.
DOORS = {"aica-recover": "recover", "aica-disk-alert": "alert", "aica-tui": "tui"}


class Parser(argparse.ArgumentParser):
    """An argument parser that complains as every other part of the program does."""

    # Whose module adds its arguments once it is known that they are wanted: one verb
    # needs few of the program's modules, and all of them together take long to import.
    verb = ""

    def parse_args(self, args=None, namespace=None):
        """Return the namespace; what is too much is complained of by the verb that it follows."""
        found, more = self.parse_known_args(args, namespace)
        if more:
            words = [getattr(found, name, None) for name in ("verb", "action", "what")]
            self.prog = " ".join([self.prog] + [word for word in words if word])
            self.error("unrecognized arguments: " + " ".join(more))
        return found

    def error(self, message):
        """Say what is wrong with the command line and exit with 2."""
        text = report.message("ERROR", message, hint="{} --help".format(self.prog))
        self.exit(2, text + "\n")

    def parse_known_args(self, args=None, namespace=None):
        """The same; a verb's parser gets here when the verb is chosen."""
        self.complete()
        return super().parse_known_args(args, namespace)

    def complete(self):
        """Import the verb's module, and let it add its arguments; once."""
        verb, self.verb = self.verb, ""
        if verb:
            module = _module(verb)
            module.add_arguments(self)
            self.set_defaults(run=module.run)


def build(prog, caller=None):
    """Return the parser of a program. The namespace has a `run` that does the verb.

    caller: see cli.main; a program that members may run as root has a parser of its own.
    """
    if caller is not None:
        return _module("clean").Door(caller)
    parser = Parser(prog=prog, parents=[options.common(defaults=True)])
    parser.add_argument("--version", action="version", version="aica " + __version__)
    if prog in DOORS:
        parser.verb = DOORS[prog]
        parser.description = commands.VERBS[parser.verb]
    else:
        _add_verbs(parser)
    return parser


def _add_verbs(parser):
    parser.description = "Keeps a shared GPU server with a volatile SSD whole."
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    verbs.required = True
    common = options.common()
    for verb, text in commands.VERBS.items():
        verbs.add_parser(verb, help=text, description=text, parents=[common]).verb = verb


def _module(verb):
    return importlib.import_module("aica.commands." + verb)
