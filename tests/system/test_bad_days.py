"""Power cuts, hanging programs and images that come with somebody else in them."""

import pytest

import team as people
from server import Server
from team import RECOVERY

HANGING = "[Service]\nExecStart=\nExecStart=/bin/sleep infinity\nTimeoutStartSec=8s\n"


# --- power cuts --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def after_a_power_cut(image, team):
    """A server whose power was cut 4 s after a change of password, shell and group."""
    with Server(image, "power-cut", data=team.data) as one:
        one.boot()
        one.run("for i in $(seq 20); do echo lee:cut-$i | chpasswd; sleep 0.1; done")
        one.run("echo kim:just-before | chpasswd; chsh -s /bin/dash kim; usermod -aG video park")
        one.expected = {name: people.account(one, name) for name in people.MEMBERS}
        one.run("sleep 4")
        one.power_cut()
        one.boot()
        yield one


def test_after_a_power_cut_the_same_ssd_boots_clean(after_a_power_cut):
    server = after_a_power_cut
    assert server.failed_units() == []
    assert {name: people.account(server, name) for name in people.MEMBERS} == server.expected


def test_changes_made_seconds_before_a_power_cut_survive_the_wipe(after_a_power_cut):
    server = after_a_power_cut
    server.power_cut()
    server.wipe()
    server.boot()
    assert {name: people.account(server, name) for name in people.MEMBERS} == server.expected
    for name, password in (("kim", "just-before"), ("lee", "cut-20")):
        said = server.run(["su", name, "-c", "whoami"], user="nobody", stdin=password + "\n").out
        assert said == name + "\n"


# --- an image with somebody else in it ---------------------------------------------------------


def _add_ubuntu(server, uid):
    server.change_image("groupadd", "--gid", uid, "ubuntu")
    server.change_image("useradd", "--create-home", "--uid", uid, "--gid", uid, "ubuntu")


class TestImageWithAnotherAccount:
    """The provider's new image has `ubuntu` with the uid and gid that kim has had for years."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "ubuntu", data=team.data) as one:
            people.add_locals(one)
            _add_ubuntu(one, people.UIDS["kim"])
            # Its subordinate ids are another story, told below.
            one.change_image("sed", "-i", "/^ubuntu:/d", "/etc/subuid", "/etc/subgid")
            one.boot()
            yield one

    def test_the_recovery_says_that_a_human_must_decide(self, server):
        assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "4"
        assert RECOVERY in server.failed_units()

    def test_that_user_is_blocked_and_both_sides_are_named(self, server):
        by_name, _, code = people.outcomes(server, "check")
        assert code == 4
        blocked = [
            row for name, row in by_name.items() if row["status"] == "blocked" and "kim" in name
        ]
        assert any(
            "ubuntu" in row["message"] and people.UIDS["kim"] in row["message"] for row in blocked
        )

    def test_nothing_was_given_to_the_stranger(self, server):
        assert server.run("getent passwd kim", check=False).code == 2
        assert not server.exists("/home/kim")
        assert server.run("stat -c %u:%g /data/users/kim").out == "1002:1002\n"
        assert server.run("id -nG ubuntu").out == "ubuntu\n"
        assert server.run("grep -c ^ubuntu: /etc/passwd").out == "1\n"

    def test_the_others_are_whole(self, server, team):
        people.assert_whole(server, team, ("lee", "park"))
        assert server.ssh("lee", "cat thesis.tex").out == "work of lee\n"

    def test_everybody_who_logs_in_sees_the_notice(self, server):
        notice = server.text("/run/aica/notice").strip()
        assert len(notice.splitlines()) == 1
        for user in ("guest", "lee", "root"):
            assert notice in people.terminal(server, user)

    def test_commands_over_ssh_are_not_disturbed_by_it(self, server):
        assert server.ssh("lee", "echo data").out == "data\n"


def test_subordinate_ids_are_never_given_to_two_users(image, team):
    """An image's new account takes the first free range, which may be a member's."""
    with Server(image, "subids", data=team.data) as server:
        people.add_locals(server)
        _add_ubuntu(server, "1901")
        server.boot()
        taken = server.text("/etc/subuid").splitlines()
        starts = [line.split(":")[1] for line in taken]
        assert len(starts) == len(set(starts)), taken
        assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "4"
        notice = server.text("/run/aica/notice")
        assert "ubuntu" in notice and "park" in notice
        people.assert_whole(server, team, ("kim", "lee"))


# --- a program that hangs ----------------------------------------------------------------------


class TestHangingProgram:
    """The recovery never ends. Nobody gets in before its time is up, everybody after."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "hanging", data=team.data) as one:
            people.add_locals(one)
            one.plant("/etc/systemd/system/{}.d/hang.conf".format(RECOVERY), HANGING)
            one.boot(wait=False)
            one.wait_until("ss -ltn | grep -q 127.0.0.1:22 || ss -ltn | grep -q ':22 '", 7, "sshd")
            one.early = one.ssh("guest", "echo in", check=False)
            one.early_state = one.run(["systemctl", "is-active", RECOVERY], check=False).out.strip()
            one.wait_booted()
            yield one

    def test_an_early_login_is_refused(self, server):
        assert server.early_state == "activating"
        assert server.early.code != 0
        assert "in\n" not in server.early.out

    def test_the_recovery_is_ended_and_seen_to_have_failed(self, server):
        assert server.show(RECOVERY, "Result")["Result"] == "timeout"
        assert RECOVERY in server.failed_units()

    def test_logins_are_permitted_afterwards(self, server):
        assert not server.exists("/run/nologin")
        assert server.ssh("guest", "echo in").out == "in\n"
        assert server.ssh("root", "echo in").out == "in\n"

    def test_an_admin_can_recover_by_hand(self, server, team):
        server.run(["aica", "recover"])
        people.assert_whole(server, team)
