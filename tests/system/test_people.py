"""From the first day of a colleague to the last, on a real server, across a wipe."""

import json
import re

import pytest

import team as people
from server import Server

PASSWORD = re.compile(r"\n +(\w{4}-\w{4}-\w{4}-\w{4})\r?\n")


@pytest.fixture(scope="module")
def server(image, team):
    """A server with the team on it; the tests of this module are one story, in order."""
    with Server(image, "people", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        yield one


def on_a_terminal(server, command, stdin="", check=True):
    """Run shell text with a terminal of its own; return what the terminal saw."""
    said = server.run(["script", "-qec", command, "/dev/null"], stdin=stdin, check=check)
    return said.out


def test_who_is_added_with_a_key_logs_in_with_it(server):
    added = server.run(["aica", "user", "add", "choi", "--full-name", "최민호", "--ssh-key", "-"],
                       stdin=server.image.public_key())
    assert "ssh choi@" in added.out and "SHA256:" in added.out
    look = "id; umask; pwd; printenv HF_HOME; touch /data/code/mine"
    seen = server.ssh("choi", "bash -lc '{}'".format(look)).out  # a login: for the .rpm too
    assert "(gpu-users)" in seen and "0002\n/data/users/choi\n/data/models/huggingface" in seen
    assert server.run(["stat", "-c", "%a %U:%G", "/data/code/mine"]).out == "664 choi:gpu-users\n"
    assert server.run(["stat", "-c", "%a %U", "/data/users/choi"]).out == "750 choi\n"
    assert people.outcomes(server, "check")[2] == 0


def test_a_one_time_password_is_changed_at_the_first_login(server):
    seen = on_a_terminal(server, "aica user add jung >/run/said 2>&1")
    password = PASSWORD.search(seen).group(1)
    everywhere = server.run("cat /run/said /var/log/aica-recovery.log; journalctl -b").out
    assert password not in everywhere
    assert server.run("grep ^jung: /etc/shadow | cut -d: -f3").out == "0\n"
    said = server.run("su -s /bin/sh guest -c 'su jung -c id'", check=False,
                      stdin="{0}\n{0}\nmy own Long 1\nmy own Long 1\n".format(password))
    assert "must" in said.out + said.err or "required" in said.out + said.err, said
    assert server.run("grep ^jung: /etc/shadow | cut -d: -f3").out != "0\n"
    server.run(["aica", "record"])
    assert people.outcomes(server, "check")[2] == 0


def test_after_a_wipe_they_are_what_they_were(server):
    before = {name: people.account(server, name) for name in ("choi", "jung")}
    server.shutdown()
    server.wipe()
    server.boot()
    assert server.failed_units() == []
    assert {name: people.account(server, name) for name in before} == before
    assert server.ssh("choi", "id -un").out == "choi\n"
    assert people.outcomes(server, "check")[2] == 0


def test_who_still_runs_something_is_not_removed(server):
    server.run("su - jung -s /bin/sh -c 'sleep 600 >/dev/null 2>&1 </dev/null &'")
    server.run("first=$(grep ^jung: /etc/subuid | cut -d: -f2); "
               "setsid setpriv --reuid $((first + 1000)) --clear-groups "
               "sleep 601 >/dev/null 2>&1 </dev/null &")
    server.wait_until("pgrep -f 'sleep 601'", 10, "a process in a container of jung's")
    refused = server.run(["aica", "user", "remove", "jung", "--yes"], check=False)
    # The user manager of the session may still be there too.
    assert refused.code == 4 and refused.err.count("sleep (") == 2, refused.err
    assert server.run("grep -c ^jung: /etc/passwd").out == "1\n"
    server.run("echo '0 4 * * * true' | crontab -u jung -")
    server.loginctl("enable-linger", "jung")
    server.run("echo true | at now + 3 days", user="jung")
    server.run(["aica", "record"])
    removed = server.run(["aica", "user", "remove", "jung", "--yes", "--end-processes"])
    assert "crontab and lingering and jobs of at" in removed.out
    assert server.run("ls /var/spool/cron/atjobs").out == ""
    assert server.run("ls /data/config/jobs/jung.at.* | wc -l").out == "1\n"
    assert server.run(["pgrep", "-u", "2002"], check=False).code == 1
    assert server.run(["pgrep", "sleep"], check=False).code == 1
    assert server.run("grep -c ^jung: /data/config/accounts/subuid").out == "1\n"
    assert server.run(["getent", "passwd", "jung"], check=False).code == 2
    assert not server.exists("/var/spool/cron/crontabs/jung")
    assert server.text("/data/config/jobs/jung.crontab") == "0 4 * * * true\n"


def test_who_is_removed_does_not_come_back_and_loses_nothing(server):
    server.ssh("choi", stdin="echo years > thesis.tex; exit\n")
    server.run("loginctl terminate-user choi || true")
    server.wait_until("! pgrep -u choi", 30, "the end of choi's session")
    assert "last login: 20" in server.run(["aica", "user", "remove", "choi", "--yes"]).out
    assert server.ssh("choi", "id", check=False).code != 0
    server.shutdown()
    server.wipe()
    server.boot()
    assert server.failed_units() == []
    for name in ("choi", "jung"):
        assert server.run(["getent", "passwd", name], check=False).code == 2
        assert not server.exists("/home/" + name)
        assert server.run("grep -c ^{}: /data/config/accounts/passwd".format(name)).out == "1\n"
    assert server.run("cat /data/users/.removed/choi-*/thesis.tex").out == "years\n"
    assert server.run(["stat", "-c", "%a %U", "/data/users/.removed"]).out == "700 root\n"
    server.run("aica user add new --ssh-key -", stdin=server.image.public_key())
    taken = server.run("stat -c %u /data/users/.removed/*").out.split()
    assert server.run(["id", "-u", "new"]).out.strip() not in taken
    assert people.outcomes(server, "check")[2] == 0


def test_a_review_shows_who_left_a_home_and_when_somebody_was_here(server):
    server.ssh("kim", stdin="exit\n")
    server.run(["mkdir", "/data/users/ghost"])
    rows = [json.loads(line) for line in server.run(
        ["aica", "user", "list", "--json", "--sizes"]).out.splitlines()]
    found = {row["name"]: row for row in rows[:-1]}
    assert found["kim"]["last_login"].startswith("20") and found["kim"]["size"] > 0
    assert found["ghost"]["notes"].startswith("nobody is registered")
    assert "/data/users/.removed: 2" in server.run(["aica", "user", "list"]).out
    server.run(["rmdir", "/data/users/ghost"])


def test_fix_permissions_lets_sshd_believe_in_the_keys_again(server):
    server.run("chmod 2777 /data/users/kim; chmod 777 /data/users/kim/.ssh/authorized_keys")
    server.run("chmod 2775 /data/users/kim/.ssh; touch /data/users/kim/old")
    server.run("chown 1777:1777 /data/users/kim/old; sleep 0.2")
    assert server.ssh("kim", "id", check=False).code != 0
    assert "of uid 1777 (old)" in server.run(["aica", "user", "fix-permissions", "kim", "-v"]).out
    assert server.ssh("kim", "id -un").out == "kim\n"
    server.run(["aica", "user", "fix-permissions", "kim", "--from", "1777", "--yes"])
    assert server.run(["stat", "-c", "%U:%G", "/data/users/kim/old"]).out == "kim:kim\n"
    refused = server.run(["aica", "user", "fix-permissions", "kim", "--from", "1001", "--yes"],
                         check=False)
    assert refused.code == 4 and "belongs to lee" in refused.err
