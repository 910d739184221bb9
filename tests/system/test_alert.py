"""The disk alarm on a booted server: cron, channels that survive the wipe, logins, dead disks."""

import json
import os

import pytest

import team as people
from server import Server
from test_no_data import DEAD_SERVER

LOG = "/var/log/aica-disk-alert.log"
TOLD = "/var/tmp/told"
ALERT = "/usr/sbin/aica-disk-alert"  # not in the PATH of a member
# Slow, as a mail server may be: nothing may wait for it.
CHANNEL = "#!/bin/sh\nsleep 5\ncat >>{0}\necho >>{0}\n".format(TOLD)
CRONTAB = "* * * * * root cd / && run-parts --report /etc/cron.hourly\n"


@pytest.fixture(scope="module")
def server(image, team):
    """A wiped server after its boot, with a channel on /data, and an alarm at one percent."""
    fuse = ["--bind=/dev/fuse"] if os.path.exists("/dev/fuse") else []
    with Server(image, "alert", data=team.data) as one:
        people.add_locals(one)
        one.change_image("usermod", "-aG", "sudo", "guest")
        one.plant("/etc/cron.d/every-minute", CRONTAB)
        folder = one.data / "config" / "alert.d"
        folder.mkdir()
        (folder / "chat").write_text(CHANNEL)
        (folder / "chat").chmod(0o755)
        settings = one.data / "config" / "aica.conf"
        settings.write_text(settings.read_text().replace(
            "[alert]\n", "[alert]\nwarning = 1\ncritical = 100\nrestore = chat\ndisks = /data\n"))
        one.boot(options=fuse)
        yield one


def told(server):
    return [json.loads(line) for line in server.text(TOLD).split("\n") if line]


def of_kind(server, kind):
    return [one for one in told(server) if one["kind"] == kind]


def finished(server, unit):
    """Return when systemd said that a unit has done its work, in seconds since the boot."""
    lines = server.journal("-u", unit).splitlines()
    line, = [line for line in lines if "Finished " in line]  # the name, or what it does: systemd 247
    return float(line.split("]")[0].strip("[ "))


def test_after_a_wipe_one_message_says_who_is_back(server):
    server.wait_until("grep -q recovery " + TOLD, 60, "the message of the recovery")
    message, = of_kind(server, "recovery")
    assert (message["event"], message["restored"]) == ("recovered", ["kim", "lee", "park"])
    assert message["host"] == server.run(["uname", "-n"]).out.strip()
    assert message["exit"] == 0 and message["seconds"] < 60
    assert message["message"] in server.journal("-t", "aica-disk-alert")


def test_no_login_waited_for_it(server):
    permitted, sent = [finished(server, unit) for unit in (
        "systemd-user-sessions.service", "aica-announce.service")]
    assert 0 < permitted < sent - 4


def test_cron_runs_it_and_has_no_mail_to_send(server):
    server.wait_until("test -s " + LOG, 80, "cron")
    line = server.text(LOG).splitlines()[0]
    percent = server.run("df -P /data | awk 'NR==2 {print $5}'").out.strip()
    assert line.startswith("[ALERT] ") and line.endswith(
        " - /data disk usage: {} (threshold: 1%)".format(percent))
    assert server.run("run-parts --test /etc/cron.hourly").out.count("aica-disk-alert") == 1
    assert server.run("run-parts --report /etc/cron.hourly", check=False).out == ""


def test_the_channel_is_told_once_though_cron_runs_on(server):
    server.wait_until("grep -q raised " + TOLD, 30, "the channel")
    assert server.run(["aica-disk-alert"]).out == "", "nothing new"
    assert [one["event"] for one in of_kind(server, "disk")] == ["raised"]
    assert "disk usage" in server.journal("-t", "aica-disk-alert")


def test_the_calls_of_the_old_script_work(server):
    out = server.run([ALERT, "--threshold", "1", "--dry-run"], user="kim").out
    assert " - /data disk usage: " in out and out.endswith("% (threshold: 1%)\n")
    assert server.run(["aica-disk-alert", "--threshold", "100"]).code == 0


def test_admins_see_it_at_login_and_members_do_not(server):
    server.run(["aica-disk-alert"])
    line = server.run(["cat", "/run/aica/disk-notice"]).out.strip()
    assert line in people.terminal(server, "root")
    assert line in people.terminal(server, "guest"), "who is in the group sudo"
    assert line not in people.terminal(server, "kim")


def test_the_nightly_scan_is_there_for_members(server):
    server.run(["systemctl", "start", "aica-maintenance.service"])
    out = server.run(["aica", "disk"], user="lee").out
    for words in ("DISK ", "/data ", "your home /data/users/lee: ", "HOMES", "  kim ", "CACHES",
                  "scanned just now"):
        assert words in out
    du = server.run("du -xs --block-size=1 /data/users/kim").out.split()[0]
    rows = [json.loads(line) for line in server.run(["aica", "disk", "--json"]).out.splitlines()]
    kim, = [row for row in rows if row.get("kind") == "home" and row["name"] == "kim"]
    assert kim["size_bytes"] == int(du)


def test_nothing_of_ours_has_failed(server):
    assert server.failed_units() == []


def test_a_data_that_is_not_mounted_is_said_and_nothing_is_written_in_its_place(server):
    server.run("umount --lazy /data")
    out = server.run(["aica-disk-alert"]).out
    assert out.endswith(" - /data is not mounted\n") and out.count("\n") == 1
    assert server.run(["ls", "-A", "/data"]).out == ""
    assert of_kind(server, "disk")[-1]["level"] == "missing"


@pytest.fixture(scope="module")
def dead(server):
    """The server after its /data was replaced by one that never answers."""
    server.run("umount --lazy /data 2>/dev/null || :")
    server.run(["sh", "-c", "cat >/usr/local/sbin/dead-server"], stdin=DEAD_SERVER)
    server.run("systemd-run -q -p Type=forking python3 /usr/local/sbin/dead-server")
    server.wait_until("grep -q '^dead /data' /proc/mounts", 10, "the dead file server")
    return server


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="this kernel has no FUSE")
class TestHangingData:
    def test_it_is_reported_within_20_seconds(self, dead):
        out = dead.run(["timeout", "20", "aica-disk-alert", "-v"]).out
        assert " - /data does not answer" in out

    def test_runs_do_not_pile_up(self, dead):
        dead.run("for i in 1 2 3 4; do aica-disk-alert --quiet & done; wait", check=False,
                 timeout_s=60)
        dead.wait_until("! pgrep -f '^/usr/bin/python3 -I /usr/s?bin/aica'", 75, "the last of us")

    def test_everybody_can_ask_and_nobody_waits(self, dead):
        for code, words in ((0, [ALERT, "--dry-run"]), (5, ["aica", "disk"])):
            said = dead.run(["timeout", "20"] + words, user="kim", check=False)
            assert said.code == code and "does not answer" in said.out, said
