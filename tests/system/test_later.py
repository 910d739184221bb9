"""Members who leave, and members whose record is lost."""

import pytest

import team as people
from server import Server
from team import RECOVERY


@pytest.fixture
def server(image, team):
    """A server with the team on it, before its first boot after the wipe."""
    with Server(image, "later", data=team.data) as one:
        people.add_locals(one)
        yield one


def test_who_was_unregistered_does_not_come_back_but_keeps_files_and_uid(server, team):
    server.boot()
    server.run(["aica", "user", "unregister", "park"])
    assert server.run(["id", "-u", "park"]).out == "1500\n"  # lives until the wipe
    server.shutdown()
    server.wipe()
    server.boot()
    assert server.failed_units() == []
    assert server.run(["getent", "passwd", "park"], check=False).code == 2
    assert not server.exists("/home/park")
    assert server.text("/data/users/park/thesis.tex") == "work of park\n"
    assert server.run(["stat", "-c", "%u:%g %a", "/data/users/park"]).out == "1500:1500 700\n"
    assert people.account(server, "lee") == team.accounts["lee"]
    assert people.outcomes(server, "check")[2] == 0


def test_who_has_no_record_is_blocked_until_adopted(server, team):
    for part in ("passwd", "shadow", "group", "subuid", "subgid"):
        vault = server.data / "config" / "accounts" / part
        lines = [
            line for line in vault.read_text().splitlines(True) if not line.startswith("park:")
        ]
        vault.write_text("".join(lines))
    server.boot()
    assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "4"
    by_name, _, code = people.outcomes(server, "check")
    assert code == 4
    assert by_name["account:park"]["status"] == "blocked"
    assert "aica user adopt park" in by_name["account:park"]["hint"]
    assert people.account(server, "kim") == team.accounts["kim"]
    server.run(["aica", "user", "adopt", "park", "--yes"])
    server.run(["aica", "recover"])
    assert server.run(["id", "-u", "park"]).out == "1500\n"
    assert server.run("su - park -c 'cat thesis.tex'").out == "work of park\n"


def test_a_real_folder_in_the_way_is_never_touched(server, team):
    server.change_image("sh", "-c", "mkdir /home/kim; echo precious > /home/kim/file")
    server.boot()
    assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "4"
    assert people.outcomes(server, "check")[0]["symlink:/home/kim"]["status"] == "blocked"
    assert server.text("/home/kim/file") == "precious\n"
    assert people.account(server, "lee") == team.accounts["lee"]
