"""A user's own conda: a folder for environments, and a ~/.condarc where there is none."""

from .base import Resource

CONDARC = """\
# Made once by `aica user conda`; yours from now on, nothing changes it again.
envs_dirs:
  - ~/conda/envs
pkgs_dirs:
  - {pkgs}
"""


class CondaUser(Resource):
    """What conda needs in a home, made by a child that has become the user, only if missing.

    What stands there already, whatever it is, is the user's.
    """

    kind = "conda"

    def __init__(self, home, uid, gid, pkgs, needs=()):
        super().__init__(home, needs)
        self.ids = (uid, gid)
        self.text = CONDARC.format(pkgs=pkgs)

    def desired(self):
        return {"condarc": True, "environments": True}

    def inspect(self, host):
        conda = host.lstat(self.name + "/conda")
        theirs = conda is not None and conda.kind != "folder"  # a link: they decided where
        return {"condarc": host.lstat(self.name + "/.condarc") is not None,
                "environments": theirs or host.lstat(self.name + "/conda/envs") is not None}

    def apply(self, host, changes):
        home = host.real(self.name)
        for change in changes:
            if change.field == "condarc":
                self._write(host, home + "/.condarc")
            else:
                host.execute(["mkdir", "-p", "--", home + "/conda/envs"], ids=self.ids)

    def _write(self, host, path):
        """Make a file where none is, whole or not at all: half of one would stay for good."""
        new = path + ".aica-new"
        host.execute(["rm", "-f", "--", new], ids=self.ids)  # of a run that was cut off
        try:
            host.execute(["dd", "of=" + new, "conv=excl,fsync", "status=none"], stdin=self.text,
                         ids=self.ids)
            host.execute(["ln", "-T", "--", new, path], ids=self.ids)  # replaces nothing
        finally:
            host.execute(["rm", "-f", "--", new], ids=self.ids)

    def describe_one(self, change):
        return {"condarc": "new ~/.condarc", "environments": "new ~/conda/envs"}[change.field]
