"""Fifty commands at once, and an admin's editor in the middle: no line lost, no half account."""

import os
import subprocess
import sys
import threading
import time

from wiped import REPOSITORY

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0hU7Cq5cJX9m0q3Q3m8m4b0lZ4Kq9m9m9m9m9m9m x"
ADDED, REGISTERED, REMOVED = 14, 12, 6


def start(server, *words):
    argv = [sys.executable, "-m", "aica", "--root", server.root] + list(words)
    return subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def account(server, name, uid):
    """Do what adduser does, before anything else runs."""
    server.append("/etc/passwd", "{0}:x:{1}:{1}::/home/{0}:/bin/bash\n".format(name, uid))
    server.append("/etc/shadow", "{}:!:20500:0:99999:7:::\n".format(name))
    server.append("/etc/group", "{}:x:{}:\n".format(name, uid))
    server.append("/etc/gshadow", "{}:!::\n".format(name))
    server.folder("/data/users/" + name, 0o750, uid, uid)


def edit(server, done, words):
    """Save users.txt as an editor does, again and again: read, think, rename a new one over it."""
    path = server.path("/data/config/users.txt")
    while not done.is_set() and len(words) < 8:
        before = server.read("/data/config/users.txt")
        word = "# note {}\n".format(len(words))
        server.write("/data/config/users.txt.swp", before + word)
        if server.read("/data/config/users.txt") == before:  # "changed on disk since": start anew
            os.rename(path + ".swp", path)
            words.append(word)
        time.sleep(0.7)


def test_fifty_commands_at_once_lose_no_line_and_leave_no_half_account(whole, tmp_path):
    key = tmp_path / "key.pub"
    key.write_text(KEY)
    old = ["old{}".format(number) for number in range(REGISTERED)]
    gone = ["gone{}".format(number) for number in range(REMOVED)]
    for number, name in enumerate(old + gone):
        account(whole, name, 2100 + number)
    for name in gone:
        assert whole.cli("user", "register", name, "gpu-users").code == 0
    new = ["new{}".format(number) for number in range(ADDED)]
    work = [("user", "add", name, "--ssh-key", str(key)) for name in new]
    work += [("user", "register", name, "gpu-users") for name in old]
    work += [("user", "remove", name, "--yes") for name in gone]
    work += [("recover",)] * 4 + [("record",)] * 6 + [("user", "list")] * 4 + [("check", "-q")] * 4
    assert len(work) == 50
    done, words = threading.Event(), []
    editor = threading.Thread(target=edit, args=(whole, done, words))
    editor.start()
    running = [(start(whole, *one), one) for one in sorted(work, key=lambda one: one[-1][::-1])]
    ended = {one: (process.communicate()[0].decode("utf-8"), process.returncode)
             for process, one in running}
    done.set()
    editor.join()
    for one, (said, code) in ended.items():
        assert code != 70 and "Traceback" not in said, (one, said)

    def succeeded(verb, names):
        return {name for name in names for one, (_, code) in ended.items()
                if one[:2] == ("user", verb) and one[2] == name and code == 0}

    assert succeeded("add", new) and succeeded("register", old) and succeeded("remove", gone)
    text = whole.read("/data/config/users.txt")
    registered = {line.split(":")[0] for line in text.split("\n") if line and line[0] != "#"}
    assert registered == ({"kim", "lee", "park"} | succeeded("add", new)
                          | succeeded("register", old) | set(gone) - succeeded("remove", gone))
    assert text.count("\n") == len(set(text.split("\n"))) - 1, "each line once"
    assert text.startswith("# who shall exist\n")
    found = whole.host().accounts()
    for name in new:
        whole_one = name in succeeded("add", new)
        for part in (found.passwd, found.shadow, found.group, found.gshadow):
            assert (name in part) == whole_one, name
        assert whole.exists("/data/users/" + name) == whole_one
        assert whole.exists("/home/" + name) == whole_one
    uids = [user.uid for user in found.passwd.values()]
    assert len(uids) == len(set(uids))
    for word in words:
        assert word in text, "an editor's line was lost"
    assert whole.cli("recover").code == 0
    assert [row for row in whole.cli("check", "-q").rows if row[0] in ("planned", "failed")] == []
