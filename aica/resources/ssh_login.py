"""Would sshd take a user's key, as far as owners and modes decide? Its StrictModes, predicted.

The rule is that of safe_path() in OpenSSH's misc.c: the canonical path of
the key file, the file itself and each folder up to the canonical home (or to
/) must belong to root or the user, and nobody else may write it. Debian and
Ubuntu allow the group to write where the user is its only member.
"""

import os
import shlex
from typing import NamedTuple

from ..errors import AicaError, Conflict, NotApplicable
from .base import Resource

KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
MOST_LINKS = 40
DEBIAN = "/etc/debian_version"


class SshServer:
    """What the installed sshd says of itself; asked once per user, with its defaults otherwise."""

    def __init__(self):
        self._answers = {}

    def settings(self, host, user="root"):
        """Return {keyword in small letters: value} of sshd -T for a user; {} if it does not say."""
        if user not in self._answers:
            self._answers[user] = self._ask(host, user)
        return self._answers[user]

    def _ask(self, host, user):
        if not host.live:
            return {}
        where = "user={},host=localhost,addr=127.0.0.1".format(user)
        try:
            answer = host.query(["sshd", "-T", "-C", where])
        except AicaError:
            return {}  # no sshd here
        if answer.code != 0:
            return {}
        pairs = (line.partition(" ") for line in answer.out.splitlines())
        return {key: value for key, _, value in pairs}

    def uses_pam(self, host):
        """False if sshd says that it leaves PAM out."""
        return self.settings(host).get("usepam", "yes") == "yes"


class SshLogin(Resource):
    """sshd does not refuse a user's keys for owners and modes. Looked at only.

    What `aica recover` takes away from the top of a home counts as drift,
    anything else is for a human.
    """

    kind = "ssh-login"

    def __init__(self, user, folder, server):
        super().__init__(user.name)
        self.user = user
        self.folder = folder
        self._server = server

    def desired(self):
        return {"refused": ""}

    def inspect(self, host):
        said = self._server.settings(host, self.name)
        if said.get("strictmodes", "yes") == "no":
            raise NotApplicable("sshd does not look at owners and modes (StrictModes no)")
        judge = Judge(host, self.user)
        found = [one for one in map(judge.refusal, self._key_files(said)) if one is not None]
        if not found:
            return {"refused": ""}
        first = found[0]
        if first.path == self.folder and first.uid == self.user.uid and first.mode & 0o022:
            return {"refused": first.words}
        raise Conflict("sshd refuses the keys of {}: {}".format(self.name, first.words),
                       hint=first.hint)

    def apply(self, host, changes):
        raise AicaError("{} is only looked at".format(self.id))

    def describe_one(self, change):
        return "sshd refuses the keys: {}".format(change.before)

    def _key_files(self, said):
        names = said.get("authorizedkeysfile", "").split() or KEY_FILES
        for name in names:
            for mark, text in (("%h", self.user.home), ("%u", self.name),
                               ("%U", str(self.user.uid)), ("%%", "%")):
                name = name.replace(mark, text)
            if name != "none":
                yield name if name.startswith("/") else "{}/{}".format(self.user.home, name)


class Refusal(NamedTuple):
    """What makes sshd refuse a key file."""

    path: str
    uid: int
    mode: int
    words: str
    hint: str


class Judge:
    """Applies the rule for one user of one host."""

    def __init__(self, host, user):
        self._host = host
        self._user = user
        self._private_groups = host.lstat(DEBIAN) is not None

    def refusal(self, path):
        """Return the Refusal of a key file, None if sshd takes it. One that is missing is taken."""
        real, info = self._canonical(path)
        if info is None:
            return None
        if info.kind != "file":
            return Refusal(real, info.uid, info.mode, "{} is a {}, expected a file".format(
                real, info.kind), "ls -l {}".format(shlex.quote(real)))
        home = self._canonical(self._user.home)[0]
        return self._first(self._closed_to_them(part, info) for part, info in self._above(real)) \
            or self._first(self._unsafe(part, info) for part, info in self._up_to(real, home))

    def _first(self, found):
        return next((one for one in found if one is not None), None)

    def _above(self, real):
        """Yield (path, Info) of a file and of all folders above it."""
        while real != "/":
            yield real, self._host.lstat(real)
            real = os.path.dirname(real)

    def _up_to(self, real, home):
        """Yield the same, but nothing above the home; / too for a file that is outside of it."""
        for part, info in self._above(real):
            yield part, info
            if part == home and part != real:
                return
        with self._host.folder("/") as top:
            status = os.fstat(top)
        yield "/", _Top(status.st_uid, status.st_mode & 0o7777, status.st_gid, "folder")

    def _closed_to_them(self, path, info):
        """sshd opens the file with the user's own rights."""
        wanted = 4 if info.kind == "file" else 1
        if self._user.uid == 0 or self._rights(info) & wanted:
            return None
        hint = "chown -h {} {}" if info.uid == 0 else "chmod u+rwX {1}"
        return self._refused(path, info, ", closed to {}".format(self._user.name),
                             hint.format(self._user.name, shlex.quote(path)))

    def _rights(self, info):
        """Return what the user may do there: 4 read, 2 write, 1 enter, added up."""
        if info.uid == self._user.uid:
            return info.mode >> 6 & 7
        present = self._host.accounts()
        names = present.groups_of(self._user.name)
        gids = {present.group[name].gid for name in names} | {self._user.gid}
        return info.mode >> 3 & 7 if info.gid in gids else info.mode & 7

    def _unsafe(self, path, info):
        if info.uid not in (0, self._user.uid):
            return self._refused(path, info, "", "look whose it is; then: chown -h {} {}".format(
                self._user.name, shlex.quote(path)))
        private = self._private_groups and not info.mode & 0o002 and self._is_alone_in(info)
        if info.mode & 0o022 and not private:
            return self._refused(path, info, "", "chmod go-w {}".format(shlex.quote(path)))
        return None

    def _refused(self, path, info, more, hint):
        return Refusal(path, info.uid, info.mode, "{} belongs to uid {} with mode {:04o}{}".format(
            path, info.uid, info.mode, more), hint)

    def _canonical(self, path):
        """Return (path without links, Info or None of what is there): realpath(3)."""
        done, left, links, info = "", path.split("/"), 0, None
        while left:
            name = left.pop(0)
            if name == "..":
                done = os.path.dirname(done).rstrip("/")
            if name in ("", ".", ".."):
                continue
            info = self._host.lstat("{}/{}".format(done, name))
            if info is not None and info.kind == "symlink" and links < MOST_LINKS:
                links += 1
                left = info.target.split("/") + left
                done = "" if info.target.startswith("/") else done
                continue
            done = "{}/{}".format(done, name)
            if info is None or (left and info.kind != "folder"):
                return done, None
        return done or "/", info

    def _is_alone_in(self, info):
        """Debian's patch user-group-modes: the group has exactly one member, the owner."""
        present = self._host.accounts()
        group = next((g for g in present.group.values() if g.gid == info.gid), None)
        owner = present.name_of_uid(info.uid)
        primary = [user.uid for user in present.passwd.values() if user.gid == info.gid]
        if group is None or owner is None or set(primary) - {self._user.uid}:
            return False
        if group.members and group.members != (owner,):
            return False
        return bool(primary or group.members)


class _Top(NamedTuple):
    """The root folder itself, as far as the rule looks at it."""

    uid: int
    mode: int
    gid: int
    kind: str
