"""What a wipe used to cost besides accounts: host keys, kept files, crontabs, lingering."""

import shutil
import subprocess

import pytest

import team as people
from server import Server
from team import RECOVERY

EARLY = "aica-early.service"
TEAM_CONF = "/etc/ssh/sshd_config.d/team.conf"
KEYS = "cat /etc/ssh/ssh_host_*_key.pub; sha256sum /etc/ssh/ssh_host_*_key"
FRESH_KEYS = ("sh", "-c", "rm -f /etc/ssh/ssh_host_*; ssh-keygen -A")


@pytest.fixture(scope="module")
def life(image, team):
    """A server whose SSD held all this; what it was; then the wipe and the next boot."""
    with Server(image, "keeper", data=team.data) as one:
        people.add_locals(one)
        one.change_image(*FRESH_KEYS)
        one.boot()
        people.list_files(one, "/etc/hosts", TEAM_CONF, "/usr/local/bin/tool")
        one.plant_running = lambda path, text: one.run(
            "mkdir -p {} && cat > {}".format(path.rsplit("/", 1)[0], path), stdin=text)
        one.plant_running(TEAM_CONF, "MaxAuthTries 4\n")
        one.plant_running("/usr/local/bin/tool", "#!/bin/sh\necho tool\n")
        one.run("chmod 755 /usr/local/bin/tool; echo '10.0.0.9 team' >> /etc/hosts")
        one.run("crontab -u kim -", stdin="# kim's\n@reboot echo ran > /home/kim/ran\n")
        one.loginctl("enable-linger", "lee")
        one.keys = one.run(KEYS).out
        one.hosts = one.text("/etc/hosts")
        one.shutdown()
        one.wipe()
        people.add_locals(one)
        one.change_image(*FRESH_KEYS)  # as cloud-init does on a fresh image
        one.boot()
        yield one


def test_the_boot_succeeds(life):
    assert life.failed_units() == []
    assert life.show(EARLY, "Result", "ExecMainStatus") == {
        "Result": "success", "ExecMainStatus": "0"}


def test_the_server_is_still_the_one_that_ssh_knows(life):
    assert life.run(KEYS).out == life.keys
    scanned = life.run("ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null").out.split()[2]
    assert scanned in life.keys


def test_keys_and_files_were_right_before_sshd_started(life):
    ended = life.main_process(EARLY)[1]
    assert 0 < ended < life.main_process("ssh.service")[0]
    assert "maxauthtries 4" in life.run(["sshd", "-T"]).out


def test_kept_files_are_back_with_their_mode(life):
    assert life.text("/etc/hosts") == life.hosts
    assert life.run(["/usr/local/bin/tool"]).out == "tool\n"
    assert life.run(["stat", "-c", "%a %U:%G", TEAM_CONF]).out == "644 root:root\n"


def test_a_crontab_is_back_and_runs(life):
    assert life.run("crontab -l -u kim").out == "# kim's\n@reboot echo ran > /home/kim/ran\n"
    life.wait_until("test -e /data/users/kim/ran", 20, "kim's job")


def test_who_lingers_is_running_without_a_login(life):
    life.wait_until("systemctl is-active -q user@1001.service", 20, "lee's manager")
    assert life.exists("/var/lib/systemd/linger/lee")


def test_check_finds_nothing(life):
    by_name, _, code = people.outcomes(life, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
    assert {"crontab:kim", "linger:lee", "kept-file:/etc/hosts"} <= set(by_name)


def test_a_key_made_anew_and_a_removed_crontab_are_followed(life):
    """Last: it ends this life."""
    life.run("rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -A")
    life.run("crontab -u kim -r")
    life.loginctl("disable-linger", "lee")
    keys = life.run(KEYS).out
    life.wait_until("! test -e /data/config/jobs/kim.crontab", 30, "the record")
    life.shutdown()
    life.wipe()
    people.add_locals(life)
    life.boot()
    assert life.run(KEYS).out == keys
    assert life.run("crontab -l -u kim", check=False).code != 0
    assert not life.exists("/var/lib/systemd/linger/lee")
    assert life.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "0"


class TestImageWithoutThePackage:
    """A plain image with only the one line of `aica bootstrap`."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, distribution, package, team):
        with Server(image, "starter", data=team.data) as first:
            people.add_locals(first)
            first.boot()
            shutil.copy(str(package), str(first.root / "root" / "aica.deb"))
            said = first.run(["aica", "bootstrap", "--package", "/root/aica.deb"]).out
            first.shutdown()
            with Server(distribution, "plain", data=first.data) as one:
                people.add_locals(one)
                one.plant("/etc/rc.local", "#!/bin/sh\n" + said.splitlines()[-1] + "\n", 0o755)
                one.boot()
                one.wait_until("test -L /home/park", 60, "the recovery")
                one.wait_until("systemctl is-active -q " + RECOVERY, 30, "its end")
                yield one

    def test_is_whole(self, server, team):
        people.assert_whole(server, team)
        assert server.ssh("kim", "cat thesis.tex").out == "work of kim\n"

    def test_has_the_package_properly_installed(self, server):
        assert server.run(["dpkg", "--audit"]).out == ""
        assert server.failed_units() == []
        by_name, _, code = people.outcomes(server, "check")
        assert (people.statuses(by_name), code) == ({}, 0)

    def test_the_line_may_run_again_and_changes_nothing(self, server):
        server.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
        before = people.tree(server, "/etc", "/home", "/data")
        server.run(["/etc/rc.local"])
        assert people.tree(server, "/etc", "/home", "/data") == before

    def test_what_others_may_change_is_not_started(self, server):
        server.run("chmod g+w /data/config/bootstrap; dpkg --purge aica-datakeeper")
        assert "others than root" in server.run(["/etc/rc.local"], check=False).err
        assert server.run(["dpkg", "-s", "aica-datakeeper"], check=False).code != 0


PROVIDES = """\
Name: el-like
Version: 1
Release: 1
Summary: What EL has
License: MIT
BuildArch: noarch
Provides: {}
%description
x
%files
"""


class TestImageWithoutTheRpm:
    """The same with the .rpm, on an image that lacks something first."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, distribution, rpm, team):
        with Server(image, "rpm-starter", data=team.data) as first:
            people.add_locals(first)
            first.boot()
            shutil.copy(str(rpm), str(first.root / "root" / "aica.rpm"))
            said = first.run(["aica", "bootstrap", "--package", "/root/aica.rpm"]).out
            first.shutdown()
            with Server(distribution, "rpm-plain", data=first.data) as one:
                people.add_locals(one)
                one.plant("/etc/rc.local", "#!/bin/sh\n" + said.splitlines()[-1] + "\n", 0o755)
                one.boot()
                yield one

    def test_what_is_missing_is_named_and_nothing_is_half_installed(self, server):
        assert server.failed_units() == ["rc-local.service"]
        journal = server.journal("-u", "rc-local.service")
        assert "cronie is needed by aica-datakeeper" in journal
        assert "what it names above is missing in the image" in journal
        assert server.run(["rpm", "-q", "aica-datakeeper"], check=False).code != 0
        assert not server.exists("/home/kim")

    def test_with_it_the_server_becomes_whole(self, server, team, rpm, work):
        """rpm knows nothing of what dpkg installed: an empty package says that it is there."""
        needed = subprocess.run(["rpm", "-qp", "--requires", str(rpm)], check=True,
                                stdout=subprocess.PIPE).stdout.decode().splitlines()
        wanted = [line for line in needed if not line.startswith("rpmlib(")]
        spec = work / "el-like.spec"
        spec.write_text(PROVIDES.format(", ".join(line.replace(">=", "=") for line in wanted)))
        subprocess.run(["rpmbuild", "--quiet", "-bb", "--define", "_topdir {}".format(work / "el"),
                        str(spec)], check=True)
        built = next((work / "el" / "RPMS").glob("*/el-like-*.rpm"))
        shutil.copy(str(built), str(server.root / "root" / "el-like.rpm"))
        server.run(["rpm", "-i", "/root/el-like.rpm"])
        server.run(["/etc/rc.local"])
        server.wait_until("test -L /home/park", 60, "the recovery")
        server.wait_until("systemctl is-active -q " + RECOVERY, 30, "its end")
        people.assert_whole(server, team)
        assert server.run(["systemctl", "is-active", "aica-record.path"]).out == "active\n"
        again = server.run(["/etc/rc.local"])
        assert "the installed version stays" in again.out
