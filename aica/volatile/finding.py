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
    def details(self):
        """The message, with how much it is."""
        if self.size_bytes is None:
            return self.message
        many = "" if self.files is None else " in {} file{}".format(
            self.files, "" if self.files == 1 else "s")
        least = "" if self.complete else "at least "
        amount = least + report.size(self.size_bytes) + many
        return "{}; {}".format(amount, self.message) if self.message else amount
