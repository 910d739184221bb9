"""aica check finds what breaks sharing, each thing by its name, and changes nothing."""

import re

import pytest
import snapshot

KIM, LEE, NOBODYS = 2001, 2002, 1977
TORCH = "/data/models/torch"
HF = "/data/models/huggingface"


def gid(server):
    return int(re.search("^gpu-users:[^:]*:([0-9]+):", server.read("/etc/group"), re.M).group(1))


def a_folder(mode, path=TORCH + "/x"):
    return lambda server: server.folder(path, mode, KIM, gid(server))


def a_file(mode, path=TORCH + "/x", uid=KIM):
    return lambda server: server.write(path, "x", mode, uid, gid(server))


# what, how it came there, the outcome, the words that say it
CASES = [
    ("a folder without setgid", a_folder(0o775), "shared-tree:" + TORCH,
     "1 folders without g+rwxs"),
    ("a lock file", a_file(0o644, TORCH + "/x.lock"), "shared-tree:" + TORCH,
     "1 lock files that others cannot open"),
    ("a private file", a_file(0o600), "shared-tree:" + TORCH,
     "1 files that a program closed to the group"),
    ("a file under umask 022", a_file(0o644), "shared-tree:" + TORCH, "1 files without g+rwX"),
    ("a file for everybody", a_file(0o666), "shared-tree:" + TORCH, "1 writable for everybody"),
    ("a folder for everybody", a_folder(0o2777), "shared-tree:" + TORCH,
     "1 writable for everybody"),
    ("a folder for everybody in /data", a_folder(0o777, "/data/scratch"), "world-writable:/data",
     "every account may change scratch"),
    ("a token", a_file(0o664, HF + "/token"), "stray:" + HF + "/token", "can act as its owner"),
    ("stored tokens", a_file(0o600, HF + "/stored_tokens"), "stray:" + HF + "/stored_tokens",
     "can act as its owner"),
    ("a token elsewhere", a_file(0o664, "/data/code/token"), "secret:/data/code",
     "1 that others can read (token)"),
    ("code that is imported", a_folder(0o2775, HF + "/modules"), "stray:" + HF + "/modules",
     "whoever wrote it"),
    ("a colleague's file in a home", a_file(0o600, "/data/users/kim/loot", LEE),
     "foreign-files:/data/users/kim", "1 of uid 2002 (lee) (loot)"),
    ("nobody's file in a home", a_file(0o600, "/data/users/kim/old", NOBODYS),
     "foreign-files:/data/users/kim", "1 of uid 1977 (old)"),
]


@pytest.mark.parametrize("make, resource, words", [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])
@pytest.mark.parametrize("verb", [("check",), ("check", "--deep")], ids=["check", "deep"])
def test_it_is_named_and_nothing_is_changed(whole, verb, make, resource, words):
    assert whole.cli(*verb).code == 0
    make(whole)
    before = whole.tree(times=True, leave_out=())
    answer = whole.cli(*verb)
    assert answer.code in (3, 4), answer
    assert resource in answer.ids("planned", "blocked"), answer
    line, = [line for line in answer.out.splitlines() if " {} ".format(resource) in line]
    assert words in line, line
    assert whole.tree(times=True, leave_out=()) == before


def test_a_colleagues_file_comes_with_a_question_and_nobodys_with_a_command(whole):
    whole.write("/data/users/kim/loot", "x", 0o600, LEE, LEE)
    whole.write("/data/users/park/old", "x", 0o600, NOBODYS, NOBODYS)
    out = whole.cli("check").out
    assert "ask lee how they came there" in out
    assert "aica user fix-permissions park --from 1977" in out


def test_files_of_roots_in_a_home_are_a_remark(whole):
    whole.write("/data/users/kim/made-by-sudo", "x")
    answer = whole.cli("check")
    assert answer.code == 0
    assert "1 of uid 0 (made-by-sudo)" in answer.out


def test_what_lies_deep_in_a_home_is_for_the_deep_check(whole):
    whole.folder("/data/users/kim/a", 0o755, KIM, KIM)
    whole.write("/data/users/kim/a/loot", "x", 0o600, LEE, LEE)
    assert whole.cli("check").code == 0
    answer = whole.cli("check", "--deep")
    assert answer.ids("blocked") == ["foreign-files:/data/users/kim"]
    assert "a/loot" in answer.out


def test_a_sticky_folder_in_data_is_as_good_as_tmp(whole):
    whole.folder("/data/tmp", 0o1777)
    whole.link("/data/link", "/nowhere")
    assert whole.cli("check").code == 0


def test_a_link_in_place_of_a_home_is_not_looked_behind(whole):
    whole.write("/elsewhere/file", "x", 0o600, LEE, LEE)
    whole.remove("/data/users/kim")
    whole.link("/data/users/kim", "/elsewhere")
    before = whole.tree(times=True)
    answer = whole.cli("check", "--deep")
    assert "elsewhere" not in answer.out.replace("-> /elsewhere", "") or answer.code == 4
    assert "foreign-files:/data/users/kim" in answer.ids("skipped")
    assert snapshot.differences(before, whole.tree(times=True)) == []
