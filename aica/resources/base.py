"""The protocol that the engine speaks with every resource."""

from ..change import Change


class Resource:
    """One thing on the host that we keep in a desired state.

    inspect() reads, plan() thinks, apply() writes -- and none does another's job.
    """

    kind = ""
    needs = ()
    # predecessor(text) is true for what the bash version left in this place; takes_over says
    # that it may be moved aside, which only a setup does.
    predecessor = None
    takes_over = False

    def __init__(self, name, needs=()):
        self.name = name
        self.needs = tuple(needs)

    @property
    def id(self):
        """The kind and the name: unique within a site."""
        return "{}:{}".format(self.kind, self.name)

    def desired(self):
        """Return the desired state as {field: value}."""
        raise NotImplementedError(self.id)

    def inspect(self, host):
        """Return the present state as {field: value}, None if absent.

        Raise Conflict for what a human must decide, NotApplicable if this
        host has no such thing.
        """
        raise NotImplementedError(self.id)

    def plan(self, actual):
        """Return the Changes that lead from `actual` to desired(). Pure."""
        before = actual or {}
        return tuple(
            Change(field, before.get(field), wanted)
            for field, wanted in sorted(self.desired().items())
            if before.get(field) != wanted
        )

    def apply(self, host, changes):
        """Make the changes so."""
        raise NotImplementedError(self.id)

    def folders(self):
        """Return the folders in which apply() replaces files or links. Pure."""
        return ()

    def remark(self, actual):
        """Return what people should know although nothing is to be changed. Pure."""
        return ""

    def describe(self, changes):
        """Return the changes as people read them, one string each (may hold newlines)."""
        return tuple(self.describe_one(change) for change in changes)

    def describe_one(self, change):
        """Return one change as people read it."""
        before, after = (_shown(change.field, v) for v in (change.before, change.after))
        if change.before is None:
            return "{} {}".format(change.field, after)
        return "{} {} -> {}".format(change.field, before, after)


def _shown(field, value):
    if field == "mode" and isinstance(value, int):
        return "{:04o}".format(value)
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "none"
    return str(value)
