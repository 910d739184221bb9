"""aica user add: somebody new, complete or not at all."""

import contextlib
import os
import sys

from .. import ssh_keys
from ..errors import ConfigError
from ..people import adding, letter, passwords
from . import options, show

TERMINAL = "/dev/tty"


def add_arguments(action):
    """Describe the options."""
    action.add_argument("--group", default="", metavar="GROUP",
                        help="default: the site's group")
    action.add_argument("--full-name", metavar="TEXT", help="for the comment of the account")
    action.add_argument("--shell", default="", metavar="PATH", help="default: /bin/bash")
    action.add_argument("--ssh-key", default="", metavar="FILE",
                        help="public key(s); - reads them from standard input")
    action.add_argument("--uid", type=options.uid, metavar="N", help="default: one that nobody ever had")
    action.add_argument("--password-stdin", action="store_true",
                        help="read the password from standard input, one line")


def run(args, app):
    """Add the user, show a one-time password on the terminal, and what to send."""
    keys = _keys(args)
    request = adding.Request(args.name, args.group, _text(args.full_name), args.shell, args.uid,
                             keys)
    adding.check(app, request)
    with contextlib.ExitStack() as stack:
        password, deliver, must_change = None, lambda: None, False
        if args.password_stdin:
            password = passwords.given(_stdin(passwords.LONGEST_BYTES + 3))
        elif not keys:
            must_change, password = True, passwords.one_time()
            deliver = _teller(stack, args.name, password)
        request = request._replace(password=password, must_change=must_change)
        code = show.outcomes(args, app, adding.add(app, request, deliver))
    if code == 0:
        show.info(args, "to send to {}:".format(args.name))
        show.plain(args, letter.letter(app, args.name, bool(keys)))
    return code


def _keys(args):
    if not args.ssh_key:
        return ()
    if args.ssh_key != "-":
        try:
            with open(args.ssh_key, "rb") as file:
                return ssh_keys.parse(file.read(ssh_keys.LIMIT_BYTES + 1), args.ssh_key)
        except OSError as error:
            raise ConfigError("--ssh-key {}: {}".format(args.ssh_key, error.strerror))
    if args.password_stdin:
        raise ConfigError("--ssh-key - and --password-stdin both read standard input",
                          hint="write the key to a file")
    return ssh_keys.parse(_stdin(ssh_keys.LIMIT_BYTES + 1), "standard input")


def _text(argument):
    """Return an argument as UTF-8 text: in the C locale of Python 3.6 it arrives in pieces."""
    return None if argument is None else os.fsencode(argument).decode("utf-8", "surrogateescape")


def _stdin(limit):
    return b"" if sys.stdin is None else sys.stdin.buffer.read(limit)


def _teller(stack, name, password):
    """Return what shows the password: on the terminal itself, past every pipe and log."""
    try:
        terminal = stack.enter_context(open(TERMINAL, "w"))
    except OSError:
        raise ConfigError("a one-time password is shown on a terminal, and there is none",
                          hint="give --ssh-key FILE or --password-stdin")

    def tell():
        terminal.write("\nThe one-time password of {}, shown only now:\n\n    {}\n\n"
                       "It must be changed at the first login.\n".format(name, password))
        terminal.flush()
    return tell
