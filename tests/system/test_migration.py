"""A server of the bash version moves over: in minutes, without losing or leaking anything."""

import shutil
import sys

import pytest

import team as people
from sandbox import CHECKOUT
from server import Server
from team import GROUP, RECOVERY

sys.path.insert(0, str(CHECKOUT / "tests"))
import old_server  # noqa: E402

ACCOUNTS = (("kim", "1001"), ("lee", "1002"), ("park", "1003"))
HOMES = "cd /data/users && find kim park -printf '%p %U %m %s %T@ %l\\n' | sort"
SHARED = "cd /data/models/torch && find . -type f -printf '%p %u %g %m %s %T@\\n' | sort"


def make_old(server):
    """Let the image and the disk be as the bash version and a year of work leave them."""
    people.add_locals(server)
    for path, (text, mode) in old_server.FILES.items():
        server.plant(path, text, mode)
    server.plant("/var/spool/cron/crontabs/root", old_server.ROOTS_CRONTAB, 0o600)
    script = ["groupadd -g 1100 " + GROUP]
    for name, uid in ACCOUNTS:
        script += ["useradd -M -u {1} -s /bin/bash -G {2} {0}".format(name, uid, GROUP),
                   "echo {0}:secret-{0} | chpasswd".format(name)]
    script += ["ln -s /data/users/{0} /home/{0}".format(name) for name in ("kim", "park")]
    script += ["cp -a /etc/skel /home/lee; mkdir /home/lee/code; echo work > /home/lee/code/a",
               "chown -R lee:lee /home/lee"]
    script += ["mkdir -p /etc/systemd/system/multi-user.target.wants; ln -s {} /etc/systemd/system/"
               "multi-user.target.wants/".format(old_server.UNIT_PATH)]
    server.change_image("sh", "-ec", "\n".join(script))


def fill_data(server):
    """The data disk: scripts, homes as user:group, and everything open to the group."""
    for path, (text, mode) in old_server.ON_DATA.items():
        server.run("mkdir -p $(dirname {0}) && cat > {0} && chmod {1:o} {0}".format(path, mode),
                   stdin=text)
    server.run("mkdir -p " + " ".join(old_server.OPEN))
    for name in ("kim", "park"):
        server.run(
            "cp -rT /etc/skel /data/users/{0} && echo work of {0} > /data/users/{0}/thesis.tex && "
            "mkdir /data/users/{0}/.ssh && cat > /data/users/{0}/.ssh/authorized_keys && "
            "chmod 700 /data/users/{0}/.ssh && chmod 600 /data/users/{0}/.ssh/authorized_keys && "
            "echo umask 002 >> /data/users/{0}/.bashrc && "
            "chown -R {0}:{1} /data/users/{0} && chmod 750 /data/users/{0}".format(name, GROUP),
            stdin=server.image.public_key())
    server.run("echo weights > /data/models/torch/kim.bin && chown kim:{0} "
               "/data/models/torch/kim.bin && chmod 664 /data/models/torch/kim.bin".format(GROUP))
    for path in old_server.OPEN:
        server.run("chown root:{0} {1} && chmod 2775 {1}".format(GROUP, path))
    server.run("chown root:{} /data/config/users.txt".format(GROUP))


@pytest.fixture(scope="module")
def server(distribution, package):
    """The old server, with the new package just installed on it."""
    with Server(distribution, "migration") as one:
        make_old(one)
        one.boot()
        fill_data(one)
        assert one.run("sudo -n /data/scripts/ops-clean-cache.sh", user="kim").code == 0
        one.homes, one.shared = one.run(HOMES).out, one.run(SHARED).out
        shutil.copy(str(package), str(one.root / "root" / "aica.deb"))
        one.run("DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "
                "/root/aica.deb")
        yield one


def test_installing_moved_a_job_of_the_same_name_aside(server):
    assert server.text(old_server.aside(old_server.CRON_PATH)) == old_server.CRON_HOURLY
    assert "/data/" not in server.text(old_server.CRON_PATH)


def test_before_setup_it_is_not_ready_and_says_what_to_do(server):
    result = server.run(["aica", "check"], check=False)
    assert result.code == 5 and "aica setup" in result.err


def test_the_plan_shows_all_and_changes_nothing(server):
    before = people.tree(server, "/etc", "/home", "/data")
    plan = server.run(["aica", "setup", "--group", GROUP, "--skip", "conda,uv", "--dry-run"], check=False)
    for words in (
            "read it before you agree: kim:gpu-users, lee:gpu-users",
            "sudoers:/etc/sudoers.d/aica-datakeeper  of the bash version: moved aside",
            "unit:aica-recovery.service  of the bash version: moved aside",
            "old-jobs:/etc/cron.d  of the bash version, moved aside: aica-disk",
            "/var/spool/cron/crontabs/root runs /data/scripts/ops-disk-alert.sh",
            "park has an account and a home and is not registered"):
        assert words in plan.out + plan.err, words
    assert people.tree(server, "/etc", "/home", "/data") == before


def test_setup_takes_over_and_names_what_an_admin_must_do(server):
    result = server.run(["aica", "setup", "--group", GROUP, "--skip", "conda,uv", "--yes"], check=False)
    by_name, _, _ = people.outcomes(server, "check")
    assert result.code == 4, result
    blocked = people.statuses(by_name).get("blocked")
    assert blocked == ["home:/data/users/lee", "root-hole:/data"], people.statuses(by_name)


def test_the_ways_to_root_are_closed(server):
    for attack in ("sudo -n /data/scripts/ops-clean-cache.sh", "mkdir /data/config/x",
                   "mv /data/scripts /data/x", "mv /data/users/park /data/users/x",
                   "touch /data/apps/x", "echo mallory:gpu-users >> /data/config/users.txt"):
        assert server.run(attack, user="kim", check=False).code != 0, attack
    assert "ExecStart=/usr/sbin/aica-recover" in server.run(["systemctl", "cat", RECOVERY]).out
    server.run(["visudo", "-c"])


def test_a_real_home_moves_when_its_user_is_away(server):
    server.run("systemd-run -q --uid=lee sleep 600")
    setup = ["aica", "user", "setup", "lee", GROUP]
    refused = server.run(setup, check=False)
    assert refused.code == 4 and "process(es) of lee are running" in refused.out
    server.run("pkill -u lee sleep")
    server.run(setup)
    assert server.run(["readlink", "/home/lee"]).out == "/data/users/lee\n"
    assert server.run("su - lee -c 'cat code/a'").out == "work\n"
    assert server.text("/home/.lee.moved.1/code/a") == "work\n"


def test_after_the_last_two_commands_all_is_well(server):
    server.run("crontab -r")
    server.run(["aica", "user", "register", "park", GROUP])
    server.run(["aica", "recover"])
    by_name, _, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)


def test_nothing_of_the_users_was_touched(server):
    assert server.run(HOMES).out == server.homes
    assert server.run(SHARED).out == server.shared


def test_after_the_wipe_everybody_is_back(server, image):
    """Last: it ends this life. The next image has the package and nothing of the bash version."""
    server.run(["systemctl", "start", "aica-record.service"])
    hashes = {name: server.run(["getent", "shadow", name]).out for name, _ in ACCOUNTS}
    server.shutdown()
    with Server(image, "migrated", data=server.data) as one:
        people.add_locals(one)
        one.boot()
        assert one.failed_units() == []
        for name, uid in ACCOUNTS:
            assert one.run(["id", "-u", name]).out == uid + "\n"
            assert one.run(["getent", "shadow", name]).out == hashes[name]
        assert one.ssh("kim", "bash -lc 'cat thesis.tex; umask'").out == "work of kim\n0002\n"
        assert one.run("su - lee -c 'cat code/a'").out == "work\n"
        assert people.outcomes(one, "check")[2] == 0
