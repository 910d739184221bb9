"""Whom to tell: programs of root's, side by side, none of which can hold up another."""

import json
import os
import time

import pytest

from aica import command
from aica.disk import channels
from aica.host import ReadOnlyHost

FACTS = {"kind": "disk", "event": "raised", "level": "critical", "disk": "/data", "percent": 91,
         "message": "/data: \"full\" $(id) 한글", "hints": ["one", "two"], "lost": "",
         "free_bytes": None, "test": True}
SAVE = "#!/bin/sh\nenv >{0}.env; cat >{0}.json\n"


@pytest.fixture
def host(server):
    os.makedirs(server.path(channels.FOLDER), 0o755)
    return server.host()


def add(server, name, text, mode=0o755, uid=0):
    server.write("{}/{}".format(channels.FOLDER, name), text, mode, uid)


def problems(deliveries):
    return {one.channel.rsplit("/", 1)[1]: one.problem for one in deliveries}


def test_a_channel_gets_the_facts_in_its_environment_and_as_json(server, host, tmp_path):
    add(server, "save", SAVE.format(tmp_path / "got"))
    assert problems(channels.tell(host, FACTS)) == {"save": ""}
    assert json.loads((tmp_path / "got.json").read_text()) == FACTS
    env = (tmp_path / "got.env").read_text(encoding="utf-8").split("\n")
    for line in ('AICA_MESSAGE=/data: "full" $(id) 한글', "AICA_HINTS=one", "two", "AICA_PERCENT=91",
                 "AICA_FREE_BYTES=", "AICA_TEST=1", "HOME=/"):
        assert line in env


def test_nobodys_environment_is_handed_on(server, host, tmp_path, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SECRET", "token")
    add(server, "save", SAVE.format(tmp_path / "got"))
    channels.tell(host, FACTS)
    assert "SECRET" not in (tmp_path / "got.env").read_text(encoding="utf-8")


def test_a_hanging_channel_stops_no_other(server, host, tmp_path, monkeypatch):
    """Nor does one that leaves a child behind, which holds its output open."""
    monkeypatch.setattr(channels, "TIMEOUT_S", 1)
    add(server, "a-hangs", "#!/bin/sh\nsleep 99\n")
    add(server, "b-ignores", "#!/bin/sh\ntrap '' TERM HUP INT\nwhile :; do sleep 1; done\n")
    add(server, "c-leaves-a-child", "#!/bin/sh\nsleep 98 &\nexit 0\n")
    add(server, "z-works", SAVE.format(tmp_path / "got"))
    started = time.monotonic()
    told = problems(channels.tell(host, FACTS))
    assert time.monotonic() - started < 8
    assert told.pop("z-works") == told.pop("c-leaves-a-child") == ""
    assert set(told.values()) == {"did not finish within 1 s"}
    assert (tmp_path / "got.json").exists()


def test_what_a_channel_started_ends_with_it(server, host, tmp_path):
    add(server, "leaves", "#!/bin/sh\nsleep 97 >/dev/null 2>&1 & echo $! >{}\n".format(
        tmp_path / "pid"))
    channels.tell(host, FACTS)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.05)
    raise AssertionError("still there")


def is_running(pid):
    """False for a zombie: nobody may be there to reap it."""
    try:
        with open("/proc/{}/stat".format(pid)) as line:
            return line.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("text, said", [
    ("#!/bin/sh\necho no route to host >&2; exit 7\n", "exit status 7: no route to host"),
    ("#!/bin/sh\nkill -9 $$\n", "exit status -9"),
    ("#!/no/such/interpreter\n", "exit status 127: No such file or directory"),
    ("no program at all", "exit status 127: Exec format error"),
    ("#!/bin/sh\nprintf 'a\\033[2Jb'; exit 1\n", "exit status 1: a\\x1b[2Jb"),
])
def test_what_went_wrong_is_said(server, host, text, said):
    add(server, "broken", text)
    assert problems(channels.tell(host, FACTS)) == {"broken": said}


def test_a_channel_that_says_gigabytes_is_cut_short(server, host):
    add(server, "loud", "#!/bin/sh\nhead -c 20000000 /dev/zero | tr '\\0' x; exit 1\n")
    assert len(problems(channels.tell(host, FACTS))["loud"]) < 400


def test_what_is_not_roots_alone_is_not_run(server, host, tmp_path):
    text = SAVE.format(tmp_path / "got")
    add(server, "members", text, uid=1234)
    add(server, "writable", text, mode=0o775)
    add(server, "closed", text, mode=0o644)
    os.symlink("/bin/true", server.path(channels.FOLDER + "/link"))
    os.mkdir(server.path(channels.FOLDER + "/folder"))
    told = problems(channels.tell(host, FACTS))
    assert set(told) == {"members", "writable", "closed", "link", "folder"} and all(told.values())
    assert not (tmp_path / "got.json").exists()


def test_a_folder_that_others_can_write_runs_nothing(server, host, tmp_path):
    add(server, "save", SAVE.format(tmp_path / "got"))
    os.chmod(server.path(channels.FOLDER), 0o775)
    assert all(problems(channels.tell(host, FACTS)).values())
    assert not (tmp_path / "got.json").exists()


@pytest.mark.parametrize("name", [".hidden", "chat~", "chat.bak", "chat.dpkg-old", "chat.rpmsave",
                                  ".aica-tmp.chat.1.2"])
def test_leftovers_are_no_channels(server, host, name):
    add(server, name, "#!/bin/sh\nexit 1\n")
    assert channels.tell(host, FACTS) == []


def test_no_folder_no_channels(server):
    assert channels.tell(server.host(), FACTS) == []


def test_only_those_that_failed_can_be_told_again(server, host, tmp_path):
    add(server, "one", SAVE.format(tmp_path / "one"))
    add(server, "two", SAVE.format(tmp_path / "two"))
    channels.tell(host, FACTS, only=[channels.FOLDER + "/two"])
    assert (tmp_path / "two.json").exists() and not (tmp_path / "one.json").exists()


def test_a_dry_run_can_tell_nobody(server):
    add(server, "save", "#!/bin/sh\n")
    with pytest.raises(Exception, match="dry run"):
        channels.tell(ReadOnlyHost(server.root), FACTS)


def test_a_program_that_reads_nothing_is_no_problem():
    path = "/bin/true"
    assert command.run_together([path], "x" * 60000, {}, 5)[path].code == 0
