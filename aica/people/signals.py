"""A change of the accounts is done whole or undone: it is not cut off by a signal.

Blocked signals are inherited, so a Ctrl-C at the terminal does not kill
useradd between two of its files either.
"""

import contextlib
import signal

HELD = frozenset([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@contextlib.contextmanager
def held():
    """Hold back what would end this process; it is delivered when the block is left."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def asked_to_stop():
    """True if one of the held signals has come."""
    return bool(signal.sigpending() & HELD)
