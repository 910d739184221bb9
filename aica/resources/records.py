"""The two sources themselves, as resources: what the registry says, what the vault keeps."""

from .. import registry, vault
from ..change import Change
from ..errors import AicaError, Changed, Conflict
from .base import Resource


class RegistryLines(Resource):
    """users.txt as it was read: it fails if a line was not accepted, and names each."""

    kind = "registry"

    def __init__(self, name, problems):
        super().__init__(name)
        self.problems = tuple(problems)

    def desired(self):
        return {}

    def inspect(self, host):
        if self.problems:
            raise AicaError("; ".join(self.problems), hint="edit {}".format(self.name))
        return {}


class RegistryEntry(Resource):
    """One line of users.txt: present with this group, or (group=None) absent."""

    kind = "registry"
    TRIES = 10

    def __init__(self, path, user, group, needs=()):
        super().__init__(user, needs)
        self.path = path
        self.group = group

    def desired(self):
        return {"group": self.group}

    def inspect(self, host):
        found = _group_in(host.read_trusted(self.path), self.name)
        if None not in (found, self.group) and found != self.group:
            raise Conflict("{} is registered with group {}".format(self.name, found),
                           hint="aica user unregister {}".format(self.name))
        return {"group": found}

    def apply(self, host, changes):
        for _ in range(self.TRIES):  # an editor may save in the middle: its words stay
            with host.alone():
                if self._write(host):
                    return
        raise AicaError("{} changes all the time".format(self.path))

    def _write(self, host):
        before = host.read_trusted(self.path)
        if self.group is None:
            after = registry.without_entry(before, self.name)
        else:
            after = registry.with_entry(before, registry.Entry(self.name, self.group))
        try:
            host.write_file(self.path, after, 0o644, expect=before)
        except Changed:
            return False
        return True

    def describe_one(self, change):
        return "registered with group {}".format(self.group) if self.group else "unregistered"


def _group_in(data, name):
    """Return the group of the first complete line of a name, or None."""
    for line in registry.lines(data)[:-1]:
        user, _, group = line.partition(":")
        if user == name:
            return group
    return None


class AccountRecords(Resource):
    """The vault on disk equals what we know now; one older generation lies beside it.

    Its state is (account records, files that others than root may read).
    based_on is what the records were when `wanted` was made from them: if
    another server has written meanwhile, nothing is.
    """

    kind = "vault"

    def __init__(self, name, wanted, erase=False, needs=(), based_on=None):
        super().__init__(name, needs)
        self.wanted = wanted
        self.erase = erase
        self.based_on = based_on

    def desired(self):
        return {}

    def inspect(self, host):
        self._refuse_unknown_lines(host)
        return vault.read(host, self.name) or vault.empty(), self._opened(host)

    def _opened(self, host):
        """Return {name: Info} of the files whose mode is not 0600: there are hashes in them."""
        ours = [name for name in host.names(self.name) if name.rstrip("-") in vault.FORMATS]
        found = {name: host.lstat("{}/{}".format(self.name, name)) for name in ours}
        return {name: info for name, info in found.items()
                if info is not None and info.kind == "file" and info.mode != 0o600}

    def _refuse_unknown_lines(self, host):
        """Writing a file anew must not lose a line that an admin put there."""
        present = host.names(self.name)
        for name in (name for name in vault.FORMATS if name in present):
            path = "{}/{}".format(self.name, name)
            lost = vault.unknown_lines(name, host.read_trusted(path))
            if lost:
                raise Conflict("{} has {} line(s) that are no account records, the first: {!r}"
                               .format(path, len(lost), _without_secret(lost[0])),
                               hint="correct or remove them")

    def plan(self, actual):
        known, opened = actual
        return tuple(Change(what, None, happened)
                     for what, happened in vault.changes(known, self.wanted)) + tuple(
                         Change(name, "{:04o}".format(info.mode), "0600")
                         for name, info in sorted(opened.items()))

    def apply(self, host, changes):
        for name, info in self._opened(host).items():
            host.set_attributes("{}/{}".format(self.name, name), 0o600, 0, 0, info)
        with host.alone():
            self._refuse_news(host)
            self._write(host)

    def _refuse_news(self, host):
        found = vault.read(host, self.name) or vault.empty()
        if self.based_on is not None and found != self.based_on:
            raise Changed("{} was changed by another server meanwhile".format(self.name),
                          hint="repeat the command")

    def _write(self, host):
        # An older generation with hashes goes first: after a kill nobody would look for it.
        if self.erase and host.lstat(self.name + "/shadow-") is not None:
            host.remove_file(self.name + "/shadow-")
        for name, data in vault.texts(self.wanted):
            path = "{}/{}".format(self.name, name)
            present = host.read_trusted(path) if host.lstat(path) is not None else False
            if present == data:
                continue
            if present is not False and not (self.erase and name == "shadow"):
                host.write_file(path + "-", present, 0o600)
            host.write_file(path, data, 0o600, expect=present)

    def folders(self):
        return (self.name,)

    def describe_one(self, change):
        if change.before is not None:
            return "{} mode {} -> {}".format(change.field, change.before, change.after)
        return "{}: {}".format(change.field, change.after)


def _without_secret(line):
    """Return the part of a line that may be shown: its name, if it still begins with one."""
    name = line.split(":", 1)[0]
    return name if registry.NAME_WITH_DOTS.match(name) else "..."
