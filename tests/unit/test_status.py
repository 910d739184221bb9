"""How the last recovery ended: status.json and the notice."""

import json

import pytest

from aica import status
from aica.change import Outcome
from aica.run import Run


def compose(*outcomes, **more):
    return status.compose([Outcome(*row) for row in outcomes], more.get("code", 0),
                          more.get("error", ""), more.get("contact", ""))


@pytest.mark.parametrize("code, state", [(0, "ok"), (1, "failed"), (2, "configuration"),
                                         (4, "blocked"), (5, "not-ready"), (70, "bug")])
def test_the_state_has_a_name(code, state):
    assert compose(code=code)["state"] == state


def test_problems_are_what_failed_or_is_blocked_in_one_line_each():
    found = compose(("a:a", "ok"), ("a:b", "failed", (), "x\ny"), ("a:c", "blocked", (), "\x1b[m"),
                    ("a:d", "skipped", (), "needs a:b"), code=1)
    assert found["problems"] == ["a:b x", "a:c \\x1b[m"]
    assert found["summary"]["ok"] == 1


def test_many_problems_are_counted_not_listed():
    found = compose(*[("a:{}".format(n), "failed") for n in range(50)], code=1)
    assert len(found["problems"]) == 20 and found["more_problems"] == 30
    assert "(and 49 more)" in status.notice_line(found)


def test_the_notice_is_one_line_that_says_what_to_do():
    assert status.notice_line(compose()) == ""
    line = status.notice_line(compose(code=5, error="/data is not there\n" + "x" * 9999))
    assert "/data is not there" in line and line.endswith("aica check -q")
    assert "\n" not in line and len(line) < 500


def test_the_notice_says_whom_to_tell():
    line = status.notice_line(compose(code=4, contact="room 12, \x1b[2J"))
    assert line.endswith("An admin (room 12, \\x1b[2J) should run: aica check -q")


def test_the_notice_exists_only_after_a_failure(server):
    host = server.host()
    status.save(host, compose(("a:b", "failed", (), "김 \udcff"), code=1))
    server.read(status.NOTICE).encode("ascii")
    assert server.stat(status.NOTICE) == (0o644, 0, 0) == server.stat(status.PATH)
    status.save(host, compose())
    assert not server.exists(status.NOTICE)
    assert status.load(host)["exit"] == 0


def test_a_status_of_another_boot_counts_for_nothing(server):
    host = server.host()
    status.save(host, compose())
    assert status.load(host)["state"] == "ok"
    server.replace(status.PATH, json.loads(server.read(status.PATH))["boot"], "other")
    assert status.load(host) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff", "7", '{"boot": 1}'])
def test_a_status_that_is_garbage_counts_for_nothing(server, text):
    server.write(status.PATH, text)
    assert status.load(server.host()) == {}


@pytest.mark.parametrize("before, code, verb", [
    (None, 5, "start"), (5, 5, "start"), (5, 0, "stop"), (5, 4, "stop"), (0, 0, None),
    (None, 4, None)])
def test_the_recovery_is_repeated_while_it_ends_not_ready_and_no_longer(monkeypatch, before, code,
                                                                        verb):
    asked = []

    class Booting:
        live = True

        def execute(self, argv):
            asked.append(argv)

    monkeypatch.setattr(status, "load", lambda host: {"exit": before})
    monkeypatch.setattr(status, "save", lambda host, found: None)
    Run(Booting(), lambda *args: None, partial=False, boot=True).end(code)
    timer = [argv[-2] for argv in asked if argv[-1] == "aica-recovery-retry.timer"]
    assert timer == ([verb] if verb else [])
