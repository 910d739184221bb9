"""The nightly repair of the shared folders, as systemd runs it, and what members then can do."""

import json

import pytest

import team as people
from server import Server

UNIT = "aica-maintenance.service"
HUB = "/data/models/huggingface/hub"


@pytest.fixture(scope="module")
def server(image, team):
    """A recovered server with the team on it."""
    with Server(image, "maintenance", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        yield one


def as_member(server, name, command, check=True):
    return server.run(["su", "-", name, "-c", command], check=check)


def test_its_timer_is_waiting(server):
    assert server.run(["systemctl", "is-enabled", "aica-maintenance.timer"]).out == "enabled\n"
    assert server.run(["systemctl", "is-active", "aica-maintenance.timer"]).out == "active\n"


def test_what_one_member_made_private_another_can_use_afterwards(server):
    as_member(server, "kim", "umask 077; mkdir -p {0}/a/b; echo one >{0}/a/b/file; "
                             "echo '#!/bin/sh' >{0}/a/tool; chmod 700 {0}/a/tool; "
                             ": >{0}/a/x.lock".format(HUB))
    assert as_member(server, "lee", "cat {}/a/b/file".format(HUB), check=False).code != 0
    server.run(["systemctl", "start", UNIT])
    shown = server.show(UNIT, "Result", "ExecMainStatus")
    assert shown["Result"] == "success" and shown["ExecMainStatus"] == "0"
    as_member(server, "lee", "set -e; echo two >>{0}/a/b/file; {0}/a/tool; : >>{0}/a/x.lock; "
                             "mkdir {0}/a/b/c; rm -r {0}/a".format(HUB))


def test_a_run_with_nothing_to_do_says_so(server):
    server.run(["systemctl", "start", UNIT])
    status = json.loads(server.text("/run/aica/maintenance.json"))
    assert (status["state"], status["summary"]["changed"]) == ("ok", 0)
    assert server.failed_units() == []


def test_a_password_is_recorded_while_it_runs(server):
    """Its lock is one of its own: hours of walking keep nobody waiting."""
    command = "flock /run/aica/maintenance.lock timeout 10 aica record --quiet"
    assert server.run(command, check=False).code == 0
    busy = server.run("flock /run/aica/maintenance.lock systemctl start " + UNIT, check=False)
    assert busy.code == 0, "a second run is not a failure"
