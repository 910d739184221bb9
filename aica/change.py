"""The two values that travel from the engine to every face of the program."""

from typing import Any, NamedTuple, Tuple

OK = "ok"
PLANNED = "planned"
CHANGED = "changed"
BLOCKED = "blocked"
FAILED = "failed"
SKIPPED = "skipped"

STATUSES = (OK, PLANNED, CHANGED, BLOCKED, FAILED, SKIPPED)


class Change(NamedTuple):
    """One attribute that differs between the host and the desired state.

    before and after are plain values that may be shown to anybody: no Change
    ever carries a password hash.
    """

    field: str
    before: Any
    after: Any


class Outcome(NamedTuple):
    """What happened to one resource.

    `lines` are the changes as people read them; of something blocked, what
    helps to decide.
    """

    resource: str
    status: str
    changes: Tuple[Change, ...] = ()
    message: str = ""
    hint: str = ""
    lines: Tuple[str, ...] = ()

    @property
    def kind(self):
        """The kind of the resource: the part of its id before the colon."""
        return self.resource.split(":", 1)[0]

    @property
    def name(self):
        """The name of the resource: the part of its id after the colon."""
        return self.resource.split(":", 1)[1]
