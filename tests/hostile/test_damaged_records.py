"""Records that a power cut, a bad disk or an editor has damaged: one user's harm nobody else."""

import pytest

pytestmark = pytest.mark.usefixtures("root_rights")

RECORDS = "/data/config/accounts/"
HASH = "$6$demo$" + "." * 86


def account(server, name):
    return [line for line in server.read("/etc/passwd").split("\n") if line.startswith(name + ":")]


@pytest.mark.parametrize("part, before, after", [
    ("passwd", "lee:/bin/bash", "lee:/bin/b\0sh"),
    ("passwd", "\uae40 (demo):/home/lee", "\0\0\0 (demo):/home/lee"),
    ("group", "lee:x:2002", "l\0ee:x:2002"),
    ("shadow", "lee:" + HASH + ":20400", "lee:" + HASH + ":2\x0000"),
])
def test_zeros_in_the_record_of_one_user_keep_nobody_else_out(server, part, before, after):
    """What XFS leaves of a file that was not synced. It was a bug, and park had no account."""
    server.replace(RECORDS + part, before, after)
    answer = server.cli("recover", "--boot")
    assert answer.code in (1, 4), answer
    assert account(server, "kim") and account(server, "park")
    assert not {"account:lee", "symlink:/home/lee"} & set(answer.ids("ok", "changed"))
    assert "symlink:/home/park" in answer.ids("changed")


@pytest.mark.parametrize("part", ["subuid", "subgid"])
@pytest.mark.parametrize("ranges, words", [
    ("4294969297:1", "goes beyond the last id"),     # usermod(8) makes 2001 of it
    ("4294967295:1", "goes beyond the last id"),
    ("9999999999:9999999999", "goes beyond the last id"),
    ("2001:1", "holds the id 2001, which is somebody's"),
    ("1990:100", "which is somebody's"),
    ("2003:1", "holds the id 2003"),                 # park's, who is restored later
])
def test_nobody_becomes_somebody_else_by_a_subordinate_id(server, part, ranges, words):
    """Whoever has kim's uid as a subordinate one opens kim's files: newuidmap(1)."""
    server.replace(RECORDS + part, "lee:165536:65536", "lee:" + ranges)
    answer = server.cli("recover", "--boot")
    assert answer.code == 4 and answer.ids("blocked") == ["subids:lee"], answer
    assert words in answer.out
    assert "lee:" not in server.read("/etc/" + part)


def test_a_hash_that_lost_its_name_is_not_shown(whole):
    """An editor wrapped the line: what is left of it has no name in front."""
    path = RECORDS + "shadow"
    whole.write(path, "$6$salt$Secret:20400:0:99999:7:::\n" + whole.read(path), 0o600)
    for words in (("recover",), ("check",), ("check", "--json")):
        answer = whole.cli(*words)
        assert answer.code == 4 and "vault:" in answer.out
        assert "Secret" not in answer.out + answer.err + whole.read("/var/log/aica-recovery.log")
    whole.write(path, "kim\n" + whole.read(path).split("\n", 1)[1], 0o600)
    assert "'kim'" in whole.cli("check").out
