"""aica record: let the vault follow what people changed; aica-record.path runs it."""

import contextlib

from ..errors import AicaError
from ..people import logins
from . import show


def add_arguments(parser):
    """Nothing: the verb has the common options only."""


def run(args, app):
    """Record and show what was learned; keep who was here, for the next review."""
    code = show.outcomes(args, app, app.record())
    with contextlib.suppress(AicaError, OSError):  # the next run keeps it
        logins.note(app)
    return code
