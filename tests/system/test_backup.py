"""Backups on a booted server: by the timer's unit, with its few rights, across a wipe."""

import json

import pytest

import team as people
from server import Server

UNIT, TIMER = "aica-backup.service", "aica-backup.timer"
TOP = "/backup/users"


@pytest.fixture(scope="module")
def server(image, team):
    """A recovered server with the team on it, and a backup disk."""
    with Server(image, "backup", data=team.data) as one:
        people.add_locals(one)
        boot(one)
        yield one


def boot(server):
    """Boot it with its backup disk, which is a folder of the host and survives every wipe."""
    disk = server.disk / "backup"
    disk.mkdir(mode=0o755, exist_ok=True)
    server.boot(options=["--bind={}:/backup".format(disk)])


def snapshots(server):
    return server.run("ls {} 2>/dev/null || true".format(TOP)).out.split()


def differences(server, name):
    """Return what rsync itself finds different between the homes and a snapshot."""
    judge = "rsync -aHAXn --munge-links -e 'env -u' --numeric-ids --delete --itemize-changes " \
            "--exclude=/.cache/"
    each = "cd /data/users && for home in *; do {} here:/data/users/$home/ {}/{}/users/$home/; done"
    return server.run(each.format(judge, TOP, name)).out


def test_the_timer_is_installed_and_off(server):
    assert server.run(["systemctl", "is-enabled", TIMER], check=False).out == "disabled\n"
    assert server.run(["systemctl", "is-active", TIMER], check=False).out == "inactive\n"


def test_the_unit_makes_a_snapshot_that_is_what_the_homes_are(server):
    server.run(["su", "-", "kim", "-c", "mkdir -p a/b .cache; ln thesis.tex a/b/same; echo x >.cache/x; "
                "ln -s /etc/shadow a/link; setpriv --dump >a/dump; mkfifo a/fifo"])
    server.run("echo docker >/data/users/kim/a/roots; chmod 600 /data/users/kim/a/roots")
    server.run(["systemctl", "start", UNIT], timeout_s=120)
    shown = server.show(UNIT, "Result", "ExecMainStatus")
    assert shown["Result"] == "success" and shown["ExecMainStatus"] == "0", server.journal("-u", UNIT)
    name, = snapshots(server)
    assert differences(server, name) == ""
    assert server.run(["stat", "-c", "%a %U:%G", TOP, TOP + "/" + name]).out == "700 root:root\n" * 2
    state = json.loads(server.text("/data/config/state/backup.json"))
    assert (state["last_good"], state["last_run"]["exit"]) == (name, 0)


def test_no_member_gets_into_the_backups(server):
    name = snapshots(server)[-1]
    for path in (TOP, "{}/{}".format(TOP, name), "{}/{}/users/kim/thesis.tex".format(TOP, name)):
        for member in ("kim", "lee"):
            assert server.run(["ls", path], user=member, check=False).code != 0
    assert server.run(["aica", "backup", "--list"], user="kim", check=False).code == 5


def test_after_a_wipe_the_timer_is_on_again_and_files_come_back(server):
    server.run("sed -i 's/^#timer = no/timer = yes/' /data/config/aica.conf; aica recover")
    assert server.run(["systemctl", "is-active", TIMER]).out == "active\n"
    server.run("rm -r /data/users/kim/a")
    server.shutdown()
    server.wipe()
    people.add_locals(server)
    boot(server)
    assert server.run(["systemctl", "is-enabled", TIMER]).out == "enabled\n"
    assert server.run(["systemctl", "is-active", TIMER]).out == "active\n"
    name, = snapshots(server)
    assert name in server.run(["aica", "check", "--only", "backup"]).out
    done = server.run(["aica", "backup", "--restore", "kim", "a"], check=False)
    back = "/data/users/kim/a.restored-" + name
    assert done.code == 1 and "1 Permission denied" in done.out, done  # what was root's
    looks = server.run("cd {} && stat -c '%n %U %G %F' * b/*".format(back)).out
    assert looks.split("\n")[:-1] == [
        "b kim kim directory", "dump kim kim regular file", "fifo kim kim fifo",
        "link kim kim symbolic link", "b/same kim kim regular file"]
    assert server.run(["cat", back + "/b/same"], user="kim").out == "work of kim\n"


def test_without_the_disk_the_unit_fails_and_makes_nothing(server):
    server.run(["umount", "/backup"])
    assert server.run(["systemctl", "start", UNIT], check=False).code != 0
    assert UNIT in server.failed_units()
    assert "/backup is not mounted" in server.journal("-u", UNIT)
    assert server.run("ls -A /backup").out == ""
