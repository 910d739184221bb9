"""The value that every part of the survey returns, and how much of it there is. Pure."""

from typing import NamedTuple, Optional

from .. import report


class Finding(NamedTuple):
    """One thing that a wipe would lose.

    size_bytes and files are None where they say nothing; complete is False
    if counting stopped at a limit, so that both are "at least". keep is what
    keeps it: a command where there is one.
    """

    kind: str
    name: str
    message: str
    keep: str
    size_bytes: Optional[int] = None
    files: Optional[int] = None
    complete: bool = True

    @property
    def id(self):
        """The finding's name for people: kind:name."""
        return "{}:{}".format(self.kind, self.name)

    @property
    def amount(self):
        """How much it is, "" where that says nothing."""
        if self.size_bytes is None:
            return ""
        size = report.size(self.size_bytes)
        if self.files is None:
            return size
        if not self.complete:
            return "at least {} in {} files".format(size, self.files)
        return "{} in {} files".format(size, self.files) if self.files != 1 \
            else "{} in 1 file".format(size)

    @property
    def details(self):
        """The message, with how much it is."""
        return "; ".join(part for part in (self.amount, self.message) if part)
