"""What installing, not setting up, and purging the package does to a server."""

import shutil

import pytest

import team as people
from server import Server

OUR_UNITS = "dpkg -L aica-datakeeper | grep -E '/systemd/system/[^/]+\\.(service|timer|path)$'"
ACCOUNT_FILES = "cat /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid"


class TestInstalling:
    """apt install on a running server."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, distribution, package):
        with Server(distribution, "install") as one:
            people.add_locals(one)
            (one.data / "dataset").mkdir()
            one.boot()
            shutil.copy(str(package), str(one.root / "root" / "aica.deb"))
            one.accounts_before = one.run(ACCOUNT_FILES).out
            one.data_before = people.tree(one, "/data")
            apt = "apt-get install -y --no-install-recommends /root/aica.deb"
            one.run("DEBIAN_FRONTEND=noninteractive " + apt)
            yield one

    @pytest.mark.parametrize(
        "path, mode",
        [
            ("/etc/profile.d/global_envs.sh", "644"),
            ("/etc/sudoers.d/aica-datakeeper", "440"),
            ("/etc/aica/aica.conf", "644"),
            ("/usr/bin/aica", "755"),
            ("/usr/sbin/aica-recover", "755"),
        ],
    )
    def test_puts_its_files_in_place(self, server, path, mode):
        assert server.run(["stat", "-c", "%U:%G %a", path]).out.strip() == "root:root " + mode

    def test_leaves_sudo_healthy(self, server):
        server.run(["visudo", "-c"])

    @pytest.mark.parametrize(
        "unit", ["aica-recovery.service", "aica-record.path", "aica-shutdown.service"]
    )
    def test_enables_its_units(self, server, unit):
        assert server.run(["systemctl", "is-enabled", unit], check=False).out.strip() == "enabled"

    def test_touches_nothing_below_data(self, server):
        assert people.tree(server, "/data") == server.data_before

    def test_creates_no_account_and_no_group(self, server):
        assert server.run(ACCOUNT_FILES).out == server.accounts_before

    def test_does_not_set_up(self, server):
        result = server.run(["aica", "recover"], check=False)
        assert result.code == 5
        assert "aica setup" in result.out + result.err

    def test_leaves_packages_consistent(self, server):
        assert server.run(["dpkg", "--audit"]).out == ""
        assert server.run(["dpkg", "-V", "aica-datakeeper"], check=False).out == ""

    def test_its_units_are_free_of_complaints(self, server):
        result = server.run("systemd-analyze verify --man=no $({})".format(OUR_UNITS), check=False)
        assert (result.code, result.out, result.err) == (0, "", "")

    def test_installing_it_again_changes_nothing(self, server):
        before = people.tree(server, "/etc/profile.d", "/etc/sudoers.d", "/etc/aica")
        server.run("dpkg -i /root/aica.deb")
        after = people.tree(server, "/etc/profile.d", "/etc/sudoers.d", "/etc/aica")
        assert [line.split()[0] for line in after] == [line.split()[0] for line in before]
        assert server.run(ACCOUNT_FILES).out == server.accounts_before


class TestWithoutSetup:
    """An image with the package on a server where nobody ran `aica setup`."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image):
        with Server(image, "no-setup") as one:
            people.add_locals(one)
            one.boot()
            yield one

    def test_the_recovery_fails_loudly(self, server):
        assert server.show("aica-recovery.service", "ExecMainStatus")["ExecMainStatus"] == "5"
        assert "aica-recovery.service" in server.failed_units()
        assert "aica setup" in server.journal("-u", "aica-recovery.service")

    def test_everybody_logs_in(self, server):
        assert server.ssh("guest", "echo in").out == "in\n"
        assert server.ssh("root", "echo in").out == "in\n"
        assert not server.exists("/run/nologin")

    def test_nothing_else_of_ours_has_failed(self, server):
        assert [unit for unit in server.failed_units() if unit != "aica-recovery.service"] == []

    def test_setup_without_a_yes_and_without_a_terminal_does_nothing(self, server):
        assert server.run(["aica", "setup", "--group", "gpu-users"], check=False).code == 2
        assert server.run(["getent", "group", "gpu-users"], check=False).code == 2

    def test_a_dry_run_of_setup_shows_the_plan_and_does_nothing(self, server):
        plan = server.run(["aica", "setup", "--group", "gpu-users", "--dry-run"]).out
        assert "planned" in plan and "directory:/data/users" in plan
        assert server.run(["getent", "group", "gpu-users"], check=False).code == 2

    def test_nothing_was_written_to_data(self, server):
        assert server.run(["ls", "-A", "/data"]).out == ""


class TestUpgrading:
    """dpkg -i over the installed package while a team works on the server."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team, package):
        with Server(image, "upgrade", data=team.data) as one:
            one.boot()
            shutil.copy(str(package), str(one.root / "root" / "aica.deb"))
            one.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
            one.before = cls._state(one)
            one.run(["dpkg", "-i", "/root/aica.deb"])
            yield one

    @staticmethod
    def _state(server):
        return {
            "accounts": server.run(ACCOUNT_FILES).out,
            "data": people.tree(server, "/data"),
            "recovery": server.show("aica-recovery.service", "InvocationID", "ActiveState"),
        }

    def test_changes_no_account_and_nothing_below_data(self, server):
        after = self._state(server)
        assert after["accounts"] == server.before["accounts"]
        assert after["data"] == server.before["data"]

    def test_does_not_run_the_recovery_again(self, server):
        assert self._state(server)["recovery"] == server.before["recovery"]

    def test_the_record_goes_on(self, server):
        assert server.failed_units() == []
        assert server.show("aica-record.path", "ActiveState") == {"ActiveState": "active"}

    def test_everything_is_as_it_should_be(self, server):
        by_name, _, code = people.outcomes(server, "check")
        assert (people.statuses(by_name), code) == ({}, 0)

    def test_removing_and_installing_again_keeps_the_team(self, server):
        server.run(["dpkg", "--remove", "aica-datakeeper"])
        assert server.run("su - kim -c 'cat thesis.tex'").out == "work of kim\n"
        server.run(["visudo", "-c"])
        server.run(["dpkg", "-i", "/root/aica.deb"])
        by_name, _, code = people.outcomes(server, "check")
        assert (people.statuses(by_name), code) == ({}, 0)


class TestPurging:
    """dpkg --purge on a server with a team on it."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "purge", data=team.data) as one:
            people.add_locals(one)
            one.boot()
            one.accounts_before = one.run(ACCOUNT_FILES).out
            # The record of the accounts may follow the recovery; let it come to rest first.
            one.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
            one.data_before = people.tree(one, "/data")
            one.run(["dpkg", "--purge", "aica-datakeeper"])
            yield one

    def test_leaves_data_alone(self, server):
        assert people.tree(server, "/data") == server.data_before

    def test_leaves_accounts_alone(self, server):
        assert server.run(ACCOUNT_FILES).out == server.accounts_before
        assert server.run("su - kim -c 'cat thesis.tex'").out == "work of kim\n"

    def test_leaves_nothing_of_ours_in_etc(self, server):
        assert server.run("find /etc -iname '*aica*' -o -name 'global_envs*'").out == ""
        assert server.run("grep -rIl aica /etc", check=False).out == ""

    def test_leaves_sudo_and_logins_healthy(self, server):
        server.run(["visudo", "-c"])
        assert server.ssh("kim", "umask").out == server.ssh("guest", "umask").out

    def test_leaves_no_unit_behind(self, server):
        assert (
            server.run(
                "systemctl list-units --all --plain --no-legend 'aica-*' | grep -v not-found || :"
            ).out
            == ""
        )
        assert server.run("systemctl list-unit-files --no-legend 'aica-*'", check=False).out == ""
