"""`aica user list`, `home` and `conda`: what a monthly review needs, and one thing put right."""

import json
import os
import struct
import time

import pytest

HOME = "/data/users/kim"


def listed(server, *more):
    answer = server.cli("user", "list", "--json", *more)
    return {row["name"]: row for row in answer.objects[:-1]}


def test_a_whole_server_has_nothing_to_review(whole):
    assert {row["notes"] for row in listed(whole).values()} == {""}
    assert set(listed(whole)) == {"kim", "lee", "park"}


def test_what_a_review_should_look_at_is_named(whole):
    whole.folder("/data/users/ghost", 0o700, 2055, 2055)
    whole.folder("/data/users/.hidden")
    whole.write("/data/users/lee/.bashrc", "umask 077\n", 0o644, 2002, 2002)
    whole.replace("/etc/group", "gpu-users:x:2000:kim,lee,park", "gpu-users:x:2000:kim,lee")
    whole.replace("/etc/passwd", ":2003:2003:", ":2003:2000:")
    os.chmod(whole.path(HOME), 0o2770)
    whole.replace("/etc/shadow", "kim:$", "kim:!$")
    found = listed(whole)
    assert set(found) == {"kim", "lee", "park", "ghost"}
    assert found["kim"]["notes"] == "home 2770" and found["kim"]["account"] == "locked"
    assert found["lee"]["notes"] == "/data/users/lee/.bashrc:1 says umask 077"
    assert found["park"]["notes"] == "primary group gpu-users"
    assert found["ghost"]["group"] is None
    assert found["ghost"]["notes"] == "nobody is registered; belongs to uid 2055"


def test_who_is_registered_without_account_home_or_link_is_shown(server):
    os.rename(server.path(HOME), server.path("/data/users/kim.old"))
    found = listed(server)
    assert (found["kim"]["account"], found["kim"]["home"], found["kim"]["link"]) == (
        "missing", "missing", "symlink")
    assert found["kim.old"]["notes"].startswith("nobody is registered; belongs to uid 2001")


def test_sizes_are_counted_only_where_that_was_asked_for(whole):
    whole.write(HOME + "/large", b"x" * 100000, 0o600, 2001, 2001)
    assert listed(whole)["kim"]["size"] is None
    assert listed(whole, "--sizes")["kim"]["size"] >= 100000
    assert " K\n" in whole.cli("user", "list", "--sizes").out


def test_a_member_sees_what_members_may_see(whole):
    whole.write("/data/users/lee/.bashrc", "umask 077\n", 0o644, 2002, 2002)
    answer = whole.cli_as(2001, "user", "list", "--sizes")
    assert answer.code == 0, answer
    assert "umask" not in answer.out and "lee" in answer.out


def test_homes_of_those_who_left_are_counted(whole):
    assert whole.cli("user", "remove", "lee", "--yes").code == 0
    assert "/data/users/.removed: 1" in whole.cli("user", "list").out
    assert ".removed" not in whole.cli("user", "list", "--json").out


# -- last logins ----------------------------------------------------------


def wtmp(*sessions):
    record = struct.Struct("<hxxi32s4s32s256shhiii4i20x")
    return b"".join(record.pack(kind, 1, b"pts/0", b"", name, b"", 0, 0, 0, when, 0, 0, 0, 0, 0)
                    for kind, name, when in sessions)


def test_the_last_login_outlives_the_wipe(whole):
    day = 86400
    whole.write("/var/log/wtmp", wtmp((7, b"kim", 20000 * day + 43200), (8, b"lee", 20001 * day),
                                      (7, b"kim", 19000 * day)))
    assert listed(whole)["kim"]["last_login"] == "2024-10-04"
    assert listed(whole)["lee"]["last_login"] is None
    assert whole.cli("record").code == 0
    assert json.loads(whole.read("/data/config/state/logins.json")) == {"kim": "2024-10-04"}
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert listed(whole)["kim"]["last_login"] == "2024-10-04"


def test_who_is_here_now_was_here_today(whole):
    whole.write("/run/systemd/users/2001", "NAME=kim\nSTATE=active\n")
    whole.write("/run/systemd/users/2002", "NAME=lee\nSTATE=lingering\n")
    found = listed(whole)
    assert found["kim"]["last_login"] == time.strftime("%Y-%m-%d")
    assert found["lee"]["last_login"] is None


@pytest.mark.parametrize("data", [b"", b"\xff" * 1000, b"x" * 383])
def test_a_broken_wtmp_breaks_nothing(whole, data):
    whole.write("/var/log/wtmp", data)
    whole.write("/data/config/state/logins.json", b"[1]", 0o600)
    assert whole.cli("user", "list").code == 0
    assert whole.cli("record").code == 0


# -- one thing ------------------------------------------------------------


def test_a_missing_home_is_made_only_on_purpose(whole):
    whole.remove(HOME)
    answer = whole.cli("user", "home", "kim")
    assert answer.code == 4 and "aica user home kim --create" in answer.out
    assert not whole.exists(HOME)
    assert whole.cli("user", "home", "kim", "--create").code == 0
    assert whole.stat(HOME) == (0o750, 2001, 2001)
    assert whole.stat(HOME + "/.profile")[1:] == (2001, 2001)


def test_the_top_of_a_home_and_its_link_are_put_right(whole):
    os.chmod(whole.path(HOME), 0o2777)
    whole.remove("/home/kim")
    for more in ((), ("--create",)):
        assert whole.cli("user", "home", "kim", *more).code == 0
    assert whole.stat(HOME)[0] == 0o750
    assert os.readlink(whole.path("/home/kim")) == HOME
    assert whole.read(HOME + "/notes.txt") == "the only copy\n"


@pytest.mark.parametrize("verb", ["home", "conda"])
def test_who_is_not_registered_has_nothing_to_be_put_right(whole, verb):
    assert whole.cli("user", verb, "choi").code == 2


def test_conda_gets_what_is_missing_and_nothing_else(whole):
    assert whole.cli("user", "conda", "kim").code == 0
    assert whole.stat(HOME + "/.condarc") == (0o600, 2001, 2001)
    assert "/data/cache/conda/pkgs" in whole.read(HOME + "/.condarc")
    assert whole.stat(HOME + "/conda/envs")[1:] == (2001, 2001)
    whole.write(HOME + "/.condarc", "mine", 0o644, 2001, 2001)
    again = whole.cli("user", "conda", "kim")
    assert again.code == 0 and again.ids("changed") == []
    assert whole.read(HOME + "/.condarc") == "mine"


@pytest.mark.parametrize("path", ["/.condarc", "/conda"])
def test_a_link_in_a_home_leads_root_nowhere(whole, path):
    whole.folder("/victim", 0o755)
    whole.link(HOME + path, whole.path("/victim") + ("/new" if path == "/.condarc" else ""))
    os.lchown(whole.path(HOME + path), 2001, 2001)
    whole.cli("user", "conda", "kim")
    assert os.listdir(whole.path("/victim")) == []


def test_sizes_are_those_of_the_last_scan_where_there_is_one(whole):
    whole.write(HOME + "/large", b"x" * 100000, 0o600, 2001, 2001)
    assert whole.cli("disk", "--scan").code == 0
    whole.write(HOME + "/more", b"x" * 500000, 0o600, 2001, 2001)
    assert 100000 <= listed(whole)["kim"]["size"] < 500000
    assert listed(whole, "--sizes")["kim"]["size"] >= 600000
