"""What a new user gets beside account and home: keys to come in with, a first password."""

from .. import accounts
from ..errors import Conflict
from . import shadow_tools
from .base import Resource

# No password at all, which is not the same as a locked account: sshd without
# PAM refuses a key for an account that is locked ("!").
NO_PASSWORD = "*"


class AuthorizedKeys(Resource):
    """Public keys in ~/.ssh/authorized_keys, written by a child that has become the user.

    Other keys there stay. The modes are those that sshd's StrictModes takes.
    """

    kind = "authorized-keys"

    def __init__(self, home, uid, gid, keys, needs=()):
        super().__init__(home + "/.ssh/authorized_keys", needs)
        self.folder = home + "/.ssh"
        self.uid = uid
        self.gid = gid
        self.keys = tuple(keys)

    def desired(self):
        return {"keys": tuple(key.line for key in self.keys), "folder mode": 0o700,
                "mode": 0o600}

    def inspect(self, host):
        folder = host.lstat(self.folder)
        if folder is None:
            return None
        if folder.kind != "folder" or folder.uid != self.uid:
            raise Conflict("{} is a {} of uid {}, expected a folder of uid {}".format(
                self.folder, folder.kind, folder.uid, self.uid), hint="look at it")
        info = host.lstat(self.name)
        present = self._present(host) if info is not None else ()
        return {"folder mode": folder.mode, "mode": info.mode if info is not None else None,
                "keys": tuple(key.line for key in self.keys if key.blob in present)}

    def _present(self, host):
        text = host.read_owned(self.name, self.uid)
        return {key.blob for key in self.keys
                if any(key.line.split()[1].encode("ascii") in line.split()
                       for line in text.split(b"\n") if not line.lstrip().startswith(b"#"))}

    def apply(self, host, changes):
        fields = {change.field: change for change in changes}
        if fields.get("folder mode"):
            made = fields["folder mode"].before is None
            self._as_user(host, ["mkdir", "-m", "0700"] if made else ["chmod", "0700"],
                          self.folder)
        if "keys" in fields:
            missing = set(fields["keys"].after) - set(fields["keys"].before or ())
            lines = [key.line for key in self.keys if key.line in missing]
            self._append(host, "".join(line + "\n" for line in lines))
        if "mode" in fields:
            self._as_user(host, ["chmod", "0600"], self.name)

    def _append(self, host, text):
        # An empty line in front: the last one that is there may not be complete.
        start = "\n" if host.lstat(self.name) is not None else ""
        host.execute(["dd", "of=" + host.real(self.name), "oflag=append,nofollow",
                      "conv=notrunc,fsync", "status=none"],
                     stdin=start + text, ids=(self.uid, self.gid))

    def _as_user(self, host, argv, path):
        host.execute(argv + ["--", host.real(path)], ids=(self.uid, self.gid))

    def describe(self, changes):
        added = [change for change in changes if change.field == "keys"]
        lines = ["{} {} {}".format(key.type, key.fingerprint, key.comment).rstrip()
                 for key in self.keys] if added else []
        modes = [change for change in changes if change.before is not None and not added]
        return tuple(lines + [self.describe_one(change) for change in modes])

    def describe_one(self, change):
        return "{} {:04o} -> {:04o}".format(change.field, change.before, change.after)


class FirstPassword(Resource):
    """The password of an account that was just made; None means that there is none.

    The text goes to chpasswd through its standard input and nowhere else.
    must_change: whoever logs in with it has to choose another one.
    """

    kind = "password"

    def __init__(self, user, password, must_change=False, method="SHA512", needs=()):
        super().__init__(user, needs)
        self._password = password
        self.must_change = must_change
        self.method = method

    def desired(self):
        if self._password is None:
            return {"password": "none"}
        return {"password": "set", "must be changed": self.must_change}

    def inspect(self, host):
        line = host.accounts().shadow.get(self.name)
        if line is None:
            return None
        word = "none" if line.hash == NO_PASSWORD else "missing"
        if line.hash not in accounts.PLACEHOLDERS and not line.hash.startswith(("!", "*")):
            word = "set"
        return {"password": word, "must be changed": line.last_change == "0"}

    def apply(self, host, changes):
        if self._password is None:
            shadow_tools.execute(host, accounts.chpasswd_argv(host.root),
                                 stdin="{}:{}\n".format(self.name, NO_PASSWORD))
            return
        shadow_tools.execute(host, accounts.new_password_argv(self.method, host.root),
                             stdin="{}:{}\n".format(self.name, self._password))
        if self.must_change:
            shadow_tools.execute(host, accounts.expire_password_argv(self.name, host.root))

    def describe(self, changes):
        if self._password is None:
            return ("no password: only a key opens this account",)
        return ("set; must be changed at the first login" if self.must_change else "set",)
