"""The options that every verb has, before or after its name."""

import argparse


def uid(text):
    """Return an id of a user as a number; argparse tells what is wrong with it."""
    if not text.isdecimal() or len(text) > 10:
        raise argparse.ArgumentTypeError("{!r}: expected a number".format(text))
    return int(text)


def common(defaults=False):
    """Return a parent parser. Only the outermost one sets defaults, so that neither side wins."""
    parser = argparse.ArgumentParser(add_help=False)

    def add(*names, default, **more):
        parser.add_argument(*names, default=default if defaults else argparse.SUPPRESS, **more)

    add("--root", default="/", metavar="DIR", help="work on the system below this folder")
    add("--config", default="", metavar="FILE", help="read this instead of /etc/aica/aica.conf")
    add("--json", default=False, action="store_true", help="one JSON object per line")
    add("-q", "--quiet", default=False, action="store_true", help="only what needs attention")
    add("-v", "--verbose", default=False, action="store_true", help="with all details")
    add("--color", default="auto", choices=("auto", "always", "never"), help="default: auto")
    return parser
