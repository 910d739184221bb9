"""A small wiped server in a throw-away folder, for `aica demo` and for tests.

It is what a fresh image with a surviving /data looks like: no accounts, no
group, no links except a wrong one, shared folders with wrong modes.
"""

import os

from . import settings_template, vault
from .accounts import AccountSet, Group, Passwd, Shadow
from .settings import Settings

GROUP = Group("gpu-users", 2000, ("kim", "lee", "park"))
# Not a hash of anything: nobody can log in with it.
PASSWORD = "$6$demo$" + "." * 86
AGING = ("20400", "0", "99999", "7", "", "", "")
NAMES = ("kim", "lee", "park")
FIRST_UID = 2001

IMAGE = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nvideo:x:44:\nusers:x:100:\n",
    "etc/shadow": "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
    "etc/gshadow": "root:*::\ndaemon:*::\nvideo:!::\nusers:!::\n",
    "etc/subuid": "", "etc/subgid": "",
    "etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\n",
    "etc/skel/.profile": "# per-user settings\n",
}
FOLDERS = ("etc/profile.d", "etc/sudoers.d", "home", "run", "var/log", "data/users", "data/models",
           "data/models/torch", "data/cache")
SECRET_FILES = ("etc/shadow", "etc/gshadow")


def build(root):
    """Fill the empty folder `root` with a wiped server. Must be root."""
    for folder in FOLDERS:
        os.makedirs(os.path.join(root, folder), 0o755, exist_ok=True)
    os.chmod(root, 0o755)
    for path, text in IMAGE.items():
        _write(root, path, text, 0o640 if path in SECRET_FILES else 0o644)
    _write(root, "data/config/aica.conf", settings_template.render(Settings()))
    _write(root, "data/config/users.txt", "# who shall exist\n" + "".join(
        "{}:{}\n".format(name, GROUP.name) for name in NAMES))
    for name, data in vault.texts(records()):
        _write(root, "data/config/accounts/" + name, data.decode("utf-8"), 0o600)
    os.chmod(root + "/data/config/accounts", 0o700)
    os.makedirs(root + "/data/config/state", 0o700)
    for number, name in enumerate(NAMES):
        _make_home(root, name, FIRST_UID + number)
    os.chmod(root + "/data/models/torch", 0o777)
    os.symlink("/mnt/old/kim", root + "/home/kim")


def records():
    """Return the vault of the demo's users."""
    users, groups, lines, subids = {}, {GROUP.name: GROUP}, {}, {}
    for number, name in enumerate(NAMES):
        uid = FIRST_UID + number
        users[name] = Passwd(name, uid, uid, "\uae40 (demo)", "/home/" + name, "/bin/bash")
        groups[name] = Group(name, uid)
        lines[name] = Shadow(name, PASSWORD, AGING)
        subids[name] = ("{}:65536".format(100000 + 65536 * number),)
    groups["video"] = Group("video", 44, ("kim",))
    return AccountSet(users, lines, groups, subuid=subids, subgid=dict(subids))


def _make_home(root, name, uid):
    home = "data/users/" + name
    _write(root, home + "/notes.txt", "the only copy\n")
    os.chown(os.path.join(root, home, "notes.txt"), uid, uid)
    os.chown(os.path.join(root, home), uid, uid)
    os.chmod(os.path.join(root, home), 0o777 if name == "lee" else 0o750)


def _write(root, path, text, mode=0o644):
    target = os.path.join(root, path)
    os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
    with open(target, "w", encoding="utf-8", errors="surrogateescape") as new:
        new.write(text)
    os.chmod(target, mode)


def missing_tools(find):
    """Return the programs of the shadow suite that find() does not find."""
    needed = ("useradd", "usermod", "groupadd", "chpasswd", "chage")
    return [tool for tool in needed if find(tool) is None]
