"""aica record: let the vault follow what people changed; aica-record.path runs it."""

from . import show


def add_parser(add):
    """Describe the verb."""
    add("record", "record changed passwords, shells and groups of registered users")


def run(args, app):
    """Record and show what was learned."""
    return show.outcomes(args, app, app.record())
