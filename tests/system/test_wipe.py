"""The main job: the SSD was wiped, the server booted, and the team notices nothing."""

import pytest

import team as people
from server import Server
from team import RECOVERY

# Looks at the door while the recovery starts and again when it has just ended.
WATCH_THE_DOOR = """[Service]
ExecStartPre=/bin/sh -c 'test -e /run/nologin && touch /run/door-closed-before'
ExecStartPost=/bin/sh -c 'test -e /run/nologin && touch /run/door-closed-after'
"""


@pytest.fixture(scope="module")
def server(image, team):
    """The team's server after the wipe."""
    with Server(image, "wiped", data=team.data) as one:
        people.add_locals(one)
        one.plant("/etc/systemd/system/{}.d/door.conf".format(RECOVERY), WATCH_THE_DOOR)
        one.boot()
        yield one


def test_the_boot_succeeds(server):
    assert server.failed_units() == []
    assert server.show(RECOVERY, "Result", "ExecMainStatus") == {
        "Result": "success",
        "ExecMainStatus": "0",
    }
    assert not server.exists("/run/aica/notice")
    assert server.exists("/run/aica/status.json")
    assert server.exists("/var/log/aica-recovery.log")


@pytest.mark.parametrize(
    "topic",
    [
        "passwd",
        "shadow",
        "private group",
        "subuid",
        "subgid",
        "groups",
        "link",
        "home",
        "files",
    ],
)
@pytest.mark.parametrize("name", people.MEMBERS)
def test_an_account_is_what_it_was(server, team, name, topic):
    assert people.account(server, name)[topic] == team.accounts[name][topic]


def test_the_first_life_had_what_is_compared(team):
    """Guards the test above: an empty string equals an empty string."""
    kim, lee, park = (team.accounts[name] for name in people.MEMBERS)
    assert kim["passwd"] == "kim:x:1002:1002:김철수,,,:/home/kim:/bin/bash\n"
    assert park["passwd"].endswith(":/bin/zsh\n")
    assert {"gpu-users", "video"} <= set(kim["groups"].split()) & set(lee["groups"].split())
    assert kim["link"] == "/data/users/kim\nsymbolic link\n"
    assert (kim["home"], park["home"]) == ("1002:1002 750\n", "1500:1500 700\n")
    assert all(
        account["subuid"] and "thesis.tex" in account["files"] for account in team.accounts.values()
    )
    assert park["shadow"].split(":")[4:6] == ["90", "14"]


@pytest.mark.parametrize(
    "name, password", [("kim", "second-kim"), ("lee", "burst-20"), ("park", "first-park")]
)
def test_the_last_password_is_the_one_that_opens(server, name, password):
    """Asked of PAM itself, through su as somebody who must give it."""
    su = "su {} -c whoami".format(name)
    assert server.run(su, user="guest", stdin=password + "\n").out == name + "\n"
    assert server.run(su, user="guest", stdin="first-kim\n", check=False).code != 0


@pytest.mark.parametrize("name", people.MEMBERS)
def test_a_member_logs_in_with_the_same_key_after_the_wipe(server, name):
    assert server.ssh(name, "echo $HOME; cat thesis.tex").out == "/home/{0}\nwork of {0}\n".format(
        name
    )


def test_members_share_and_others_do_not(server):
    server.run("su - kim -c 'echo more >> /data/models/torch/lee.bin'")
    assert (
        server.run(["stat", "-c", "%U:%G %a", "/data/models/torch/lee.bin"]).out
        == "lee:gpu-users 664\n"
    )
    assert server.run("su - kim -c 'cat /data/users/lee/thesis.tex'", check=False).code != 0
    assert server.run("su - guest -c 'touch /data/models/torch/guest.bin'", check=False).code != 0
    assert (
        server.run(
            "su - kim -c 'touch /data/config/x || touch /data/users/x || touch /data/x'",
            check=False,
        ).code
        != 0
    )


def test_a_member_may_clean_and_nothing_more(server):
    allowed = server.run("su kim -c 'sudo -n -l'").out
    assert "/usr/sbin/aica-clean-cache" in allowed
    assert "NOPASSWD: ALL" not in allowed
    assert server.run("su kim -c 'sudo -n id'", check=False).code != 0
    assert server.run("su guest -c 'sudo -n -l'", check=False).code != 0


def test_nobody_could_log_in_before_the_recovery_had_ended(server):
    _, ended = server.main_process(RECOVERY)
    opened, _ = server.main_process("systemd-user-sessions.service")
    assert 0 < ended < opened
    assert server.exists("/run/door-closed-before") and server.exists("/run/door-closed-after")
    assert not server.exists("/run/nologin")


def test_the_boot_part_is_quick(server):
    started, ended = server.main_process(RECOVERY)
    assert ended - started < 10  # a bound for a loaded machine, not a benchmark


def test_no_hash_is_ever_shown(server):
    hashes = [line.split(":")[1] for line in server.text("/etc/shadow").splitlines() if "$" in line]
    assert len(hashes) >= 4
    shown = server.journal() + server.run("cat /var/log/aica-* /run/aica/*").out
    assert [one for one in hashes if one in shown] == []


def test_check_finds_nothing(server):
    by_name, summary, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
    assert {"account:kim", "membership:kim", "home:/data/users/kim", "symlink:/home/kim"} <= set(
        by_name
    )


def test_a_second_recovery_changes_nothing_at_all(server):
    server.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
    before = people.tree(server, "/etc", "/home", "/data")
    said = server.run(["aica", "recover"]).out
    assert "0 changed" in said
    assert people.tree(server, "/etc", "/home", "/data") == before


def test_check_sees_drift_and_recover_repairs_it(server):
    server.run("rm /home/lee && chmod 777 /data/users/kim && gpasswd -d lee gpu-users")
    by_name, _, code = people.outcomes(server, "check")
    assert code == 3
    assert {"symlink:/home/lee", "home:/data/users/kim", "membership:lee"} <= {
        name for name, row in by_name.items() if row["status"] != "ok"
    }
    server.run(["aica", "recover"])
    by_name, _, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
    assert server.run(["stat", "-c", "%a", "/data/users/kim"]).out == "750\n"


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
@pytest.mark.parametrize("user", ["kim", "guest", "root"])
def test_the_profile_is_silent_in_a_strict_shell(server, shell, user):
    script = ". /etc/profile.d/global_envs.sh; echo ${HF_HOME-unset}"
    result = server.run([shell, "-eu", "-c", script], user=user)
    assert (result.out, result.err) == (
        "/data/models/huggingface\n" if user == "kim" else "unset\n",
        "",
    )


def test_rebooting_without_a_wipe_keeps_everything(server, team):
    """Last in this file: it ends the life that the tests above look at."""
    before = {name: people.account(server, name) for name in people.MEMBERS}
    server.shutdown()
    server.boot()
    assert server.failed_units() == []
    assert {name: people.account(server, name) for name in people.MEMBERS} == before
    assert people.outcomes(server, "check")[2] == 0
