"""Whoever does what a hint says gets out: each hint is followed until all is well again."""

import re
import shlex

import pytest

from aica import storage

NAMES = ("kim", "lee", "park")


def hint(text):
    """Return the words of the first hint's command in what was printed."""
    found = re.search(r"hint: (?:[^:\n]*: )?((?:aica|install|mv) [^\n;]*)", text)
    assert found, text
    return shlex.split(found.group(1))


def follow(server, words):
    """Do what a hint says: one of our commands, or install(1) of one file over another."""
    if words[0] == "aica":
        return server.cli(*words[1:], *(["--yes"] if words[1:3] == ["user", "adopt"] else []))
    assert words[:3] == ["install", "-m", "644"]
    server.write(words[4], server.read(words[3]))
    return None


def test_lost_records_are_made_anew_from_the_homes_that_are_there(server):
    server.remove("/data/config/accounts")
    for verb in ("recover", "check"):
        answer = server.cli(verb)
        assert answer.code == 2 and "aica setup, then for each user: aica user adopt" in answer.err
    assert server.cli("setup", "--skip", "conda,uv", "--yes").code == 0
    for name in NAMES:
        assert server.cli("user", "adopt", name, "--yes").code == 0, name
    answer = server.cli("recover")
    assert answer.code == 0, answer
    assert server.host().accounts().passwd["kim"].uid == server.stat("/data/users/kim")[1]
    # Nobody has a password now, and nobody says otherwise.
    assert "changed  account:kim" in answer.out and "with its password" not in answer.out


@pytest.mark.parametrize("data", [b"kim:gpu-users\n\0", b"#" * (1 << 20) + b"\n", b"", None],
                         ids=["NUL", "over 1 MiB", "empty", "missing"])
def test_a_damaged_registry_comes_back_as_its_last_good_copy(whole, data):
    before = whole.read("/data/config/users.txt")
    if data is None:
        whole.remove("/data/config/users.txt")
    else:
        whole.write("/data/config/users.txt", data)
    answer = whole.cli("recover")
    assert answer.code == 2
    follow(whole, hint(answer.err))
    assert whole.read("/data/config/users.txt") == before
    assert whole.cli("recover").code == 0


def test_who_registers_is_told_what_the_next_wipe_takes(whole):
    whole.host().execute(["useradd", "--prefix", whole.root, "--uid", "2010", "--create-home", "choi"])
    whole.append("/etc/group", "sudo:x:27:choi\n")
    answer = whole.cli("user", "register", "choi", "gpu-users")
    assert answer.code == 0
    assert "home of choi is not on /data, and the next wipe takes it: aica user setup choi" in answer.err
    assert "choi comes back without sudo: list in [accounts] keep_groups of /data/config" in answer.err
    assert "next wipe" not in whole.cli("user", "register", "kim", "gpu-users").err


def test_who_was_registered_before_the_home_moved_is_not_told_to_make_an_empty_one(whole):
    whole.remove("/home/kim")
    whole.folder("/home/kim", 0o750, *whole.stat("/data/users/kim")[1:])
    whole.remove("/data/users/kim")
    whole.write("/home/kim/thesis.tex", "years", 0o644, *whole.stat("/home/kim")[1:])
    answer = whole.cli("check", "--only", "home")
    assert answer.code == 4 and "--create" not in answer.out
    words = hint(answer.out)
    assert words == ["aica", "user", "setup", "kim", "gpu-users"]
    assert follow(whole, words).code == 0
    assert whole.read("/data/users/kim/thesis.tex") == "years"
    assert whole.cli("check").code == 0


def test_a_disk_that_came_up_read_only_is_named_first(whole, monkeypatch):
    assert "read-only" not in whole.cli("check", "-q").err
    monkeypatch.setattr(storage, "is_read_only", lambda path: path == whole.path("/data"))
    assert whole.cli("check", "-q").err.startswith("[WARNING] /data is mounted read-only: ")
