"""SELinux: the labels of the homes' tops, the rule that tells them, and a switch for NFS.

A home on the data disk is labelled as one below /home is: without that sshd
may not read the keys in it. Labels stay on the data disk. The rule, and the
switch, are on the system disk and gone after a wipe.
"""

import re

from .. import labels
from ..errors import AicaError, Conflict, NotApplicable
from ..tree import own_labels
from .base import Resource

# Where the policies know homes, whatever folder the links are in.
HOME = "/home"
SOMEBODY = "/somebody"
KEYS = SOMEBODY + "/.ssh"
ENDS = ("", SOMEBODY, KEYS)  # of what the policy is asked about, here and there
# What sshd reads before anybody is logged in; the rest of a home is its owner's.
PARTS = (".ssh", ".ssh/authorized_keys", ".ssh/authorized_keys2")
NO_LABEL = ("", "unlabeled_t")
CONFIG = "/etc/selinux/config"
RULES = "/etc/selinux/{}/contexts/files/file_contexts.subs"
SWITCHES = "/sys/fs/selinux/booleans/"
SEMANAGE_S = 600
# Three files are looked at. Whoever stops the one who looks must not hold up everybody's recovery.
LOOK_S = 10


def policy_labels(host, paths):
    """Return {path: label} that the policy has for folders of these names, "" for none.

    They need not exist. Raise NotApplicable if nobody can be asked.
    """
    if not host.has_program("matchpathcon"):
        raise NotApplicable("matchpathcon is not installed: nobody says which labels are right",
                            hint="dnf install libselinux-utils")
    result = host.query(["matchpathcon", "-n", "-m", "dir"] + list(paths))
    lines = result.out.splitlines()
    if result.code != 0 or len(lines) != len(paths):
        raise AicaError("matchpathcon does not say which labels are right: {}".format(
            result.err.strip() or "exit status {}".format(result.code)))
    return {path: line if labels.type_of(line) else "" for path, line in zip(paths, lines)}


class Label(Resource):
    """A folder of root's has a label of this type."""

    kind = "label"

    def __init__(self, name, label, needs=()):
        super().__init__(name, needs)
        self.label = label

    def desired(self):
        return {"type": labels.type_of(self.label)}

    def inspect(self, host):
        info = host.lstat(self.name)
        return None if info is None else {"type": labels.type_of(host.label(self.name))}

    def apply(self, host, changes):
        info = host.lstat(self.name)
        if info is None or info.kind != "folder":
            raise Conflict("{} is not a folder".format(self.name))
        host.set_label(self.name, labels.with_type_of(host.label(self.name), self.label), info)

    def describe_one(self, change):
        return "{} {} -> {}".format(change.field, change.before or "none", change.after)


class NewDiskLabel(Label):
    """The top of a disk that no SELinux has seen yet; another type than none is somebody's choice."""

    def inspect(self, host):
        actual = super().inspect(host)
        return actual if actual is None or actual["type"] in NO_LABEL else self.desired()


class UnknownLabels(Resource):
    """Stands for all labels where the policy could not be asked, and says why."""

    kind = "label"

    def __init__(self, name, error):
        super().__init__(name)
        self.error = error

    def desired(self):
        return {}

    def inspect(self, host):
        raise self.error


class HomeLabel(Label):
    """The top of a home, and the keys in it, have labels of these types.

    The top is root's to change: it stands in a folder of root's. What is below
    is looked at, and changed, by a child that has become the user, so nothing
    that a member arranges gets a type that the member could not give it.
    """

    def __init__(self, name, ids, label, keys, needs=()):
        super().__init__(name, label, needs)
        self.ids = ids
        self.keys = keys

    def desired(self):
        parts = dict.fromkeys(PARTS if self.keys else (), labels.type_of(self.keys))
        return dict(super().desired(), **parts)

    def inspect(self, host):
        actual = super().inspect(host)
        if actual is None:
            return None
        found = host.look_as(self.ids, own_labels.survey, host.real(self.name), PARTS,
                             timeout_s=LOOK_S)
        types = {part: labels.type_of(label) for part, label in found.items()}
        return dict(self.desired(), **dict(actual, **types))

    def apply(self, host, changes):
        fields = [change.field for change in changes]
        if "type" in fields:
            super().apply(host, changes)
        parts = {field: self.keys for field in fields if field != "type"}
        if parts:
            host.work_as(self.ids, own_labels.set_types, host.real(self.name), parts,
                         timeout_s=LOOK_S)


class HomeRule(Resource):
    """The policy has the same labels for what is below the folder of the homes as below /home.

    Without this rule the next restorecon takes the right labels away.
    """

    kind = "selinux"

    def desired(self):
        return {"as": HOME}

    def inspect(self, host):
        pairs = [(self.name + end, HOME + end) for end in ENDS]
        known = policy_labels(host, [path for pair in pairs for path in pair])
        if all(labels.type_of(known[here]) == labels.type_of(known[there])
               for here, there in pairs):
            return {"as": HOME}
        self._refuse_another(host)
        if not host.has_program("semanage"):
            raise NotApplicable("semanage is not installed: the next restorecon takes the labels "
                                "below {} away".format(self.name),
                                hint="dnf install policycoreutils-python-utils")
        return None

    def _refuse_another(self, host):
        other = _rules(host)[1].get(self.name)
        if other is not None:
            raise Conflict("the SELinux policy has for {} the labels of {}, expected those of {}"
                           .format(self.name, other, HOME),
                           hint="semanage fcontext -d -e {} {}".format(other, self.name))

    def apply(self, host, changes):
        # No reload: the rules for labels are no part of what the kernel has loaded.
        host.execute(["semanage", "fcontext", "-N", "-a", "-e", HOME, self.name],
                     timeout_s=SEMANAGE_S)

    def describe(self, changes):
        return ("labels as below {}".format(HOME),)

    def files(self, host):
        """Return the paths of the files that hold this rule and nothing else."""
        path, rules = _rules(host)
        return (path,) if rules == {self.name: HOME} else ()


def _rules(host):
    """Return (path, {path: path with the same labels}) of the rules that were made on this system."""
    try:
        config = host.read_file(CONFIG).decode("utf-8", "replace")
        name = re.search(r"^\s*SELINUXTYPE=([A-Za-z0-9_-]+)\s*$", config, re.M)
        path = RULES.format(name.group(1) if name else "targeted")
        text = host.read_file(path).decode("utf-8", "surrogateescape")
    except OSError:
        return "", {}
    lines = [line.split() for line in text.split("\n")]
    return path, {words[0]: words[1] for words in lines if len(words) == 2}


class NetworkHomes(Resource):
    """The switch of the policy that lets sshd and others use homes on a network disk is on.

    Looked at only: it is for all such disks of this machine, so an admin decides.
    """

    kind = "selinux"

    def desired(self):
        return {}

    def inspect(self, host):
        try:
            state = host.read_file(SWITCHES + self.name).split()
        except FileNotFoundError:
            raise NotApplicable("the SELinux policy has no switch {}".format(self.name))
        if state[:1] != [b"1"]:
            raise Conflict("SELinux keeps sshd from the keys in homes on a network disk: {} is off"
                           .format(self.name), hint="setsebool -P {} on".format(self.name))
        return {}
