"""Groups, with exactly the gid that was recorded."""

from .. import accounts
from ..errors import Conflict
from . import shadow_tools
from .base import Resource


class Group(Resource):
    """A group with its gid; its members are the business of Membership."""

    kind = "group"

    def __init__(self, name, gid, needs=()):
        super().__init__(name, needs)
        self.gid = gid

    def desired(self):
        return {"gid": self.gid, "gshadow": True}

    def inspect(self, host):
        present = host.accounts()
        group = present.group.get(self.name)
        if group is None and host.directory_group(self.name) is not None:
            return self._from_directory(host.directory_group(self.name))
        if group is None:
            owner = present.name_of_gid(self.gid)
            if owner is not None:
                raise Conflict(
                    "gid {} is recorded for group {}, but here it belongs to {}".format(
                        self.gid, self.name, owner),
                    hint="give {} another gid in the image: groupmod -g".format(owner))
            return None
        if group.gid != self.gid:
            raise Conflict(
                "group {} has gid {} here, {} is recorded".format(self.name, group.gid, self.gid),
                hint="keep the recorded one: groupmod -g {} {}".format(self.gid, self.name))
        return {"gid": group.gid, "gshadow": self.name in present.gshadow or not present.gshadow}

    def _from_directory(self, gid):
        """A group of LDAP or SSSD is used, never created beside it."""
        if gid != self.gid:
            raise Conflict("group {} has gid {} in a directory service, {} is recorded".format(
                self.name, gid, self.gid), hint="one of the two needs another name or gid")
        return {"gid": gid, "gshadow": True, "directory": True}

    def remark(self, actual):
        from_there = actual is not None and actual.get("directory")
        return "from a directory service: not created" if from_there else ""

    def apply(self, host, changes):
        root = host.root
        if any(change.field == "gid" for change in changes):
            shadow_tools.execute(host, accounts.groupadd_argv(self.name, self.gid, root))
        elif changes:
            shadow_tools.execute(host, accounts.conversion_argv("grpconv", root))

    def describe(self, changes):
        made = any(change.field == "gid" for change in changes)
        return ("new group, gid {}".format(self.gid) if made else "its gshadow line",)


class UnrecordedGroup(Resource):
    """A group that the settings name and of which no gid was ever recorded."""

    kind = "group"

    def __init__(self, name, required=False, needs=()):
        super().__init__(name, needs)
        self.required = required

    def desired(self):
        return {}

    def inspect(self, host):
        if self.required or self.name not in host.accounts().group:
            raise Conflict("no gid is recorded for group {}".format(self.name),
                           hint="aica setup")
        return {}

    def remark(self, actual):
        return "its gid is not recorded and would be lost: aica setup"
