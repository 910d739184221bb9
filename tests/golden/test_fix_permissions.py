"""`aica user fix-permissions`: sshd lets its owner in again, and nobody gets anybody's files."""

import os
import time

import pytest

from aica import files, storage
from aica.tree import own_files

HOME = "/data/users/kim"
GONE = 2050  # an uid that somebody had once


@pytest.fixture
def home(whole):
    """The server; in kim's home lies what older tools and people leave."""
    add = {
        "/.ssh": 0o2775, "/.ssh/sub": 0o755,
        "/.ssh/authorized_keys": 0o664, "/.ssh/id_ed25519": 0o644, "/.ssh/id_ed25519.pub": 0o666,
        "/.ssh/config": 0o664, "/.ssh/known_hosts": 0o644,
        "/bin": 0o755, "/bin/tool": 0o4755, "/bin/other": 0o2755, "/bin/plain": 0o775,
        "/project": 0o2775, "/.ssh-old": 0o755, "/.ssh-old/id_rsa": 0o644,
    }
    for path, mode in add.items():
        if path in ("/.ssh", "/.ssh/sub", "/bin", "/project", "/.ssh-old"):
            whole.folder(HOME + path, mode, 2001, 2000)
        else:
            whole.write(HOME + path, path, mode, 2001, 2000)
    return whole


def foreign(server, path, uid=GONE, gid=GONE, mode=0o640):
    server.write(HOME + path, "of {}\n".format(uid), mode, uid, gid)


def settle():
    """Let the listing see that what was made is older than itself."""
    time.sleep(0.1)


def mode(server, path):
    return server.stat(HOME + path)[0]


def test_ssh_and_set_id_are_put_right_and_nothing_else(home):
    os.chmod(home.path(HOME), 0o2770)
    before = home.tree()
    planned = home.cli("user", "fix-permissions", "kim", "--dry-run")
    assert planned.code == 0 and home.tree() == before
    answer = home.cli("user", "fix-permissions", "kim")
    assert answer.code == 0, answer
    assert answer.ids("changed") == ["home:" + HOME, "own-files:" + HOME]
    assert {path: oct(mode(home, path)) for path in (
        "", "/.ssh", "/.ssh/sub", "/.ssh/authorized_keys", "/.ssh/id_ed25519",
        "/.ssh/id_ed25519.pub", "/.ssh/config", "/.ssh/known_hosts", "/bin/tool", "/bin/other",
        "/bin/plain", "/project", "/.ssh-old/id_rsa", "/notes.txt")} == {
            "": "0o750", "/.ssh": "0o700", "/.ssh/sub": "0o700",
            "/.ssh/authorized_keys": "0o644", "/.ssh/id_ed25519": "0o600",
            "/.ssh/id_ed25519.pub": "0o644", "/.ssh/config": "0o644", "/.ssh/known_hosts": "0o644",
            "/bin/tool": "0o755", "/bin/other": "0o755", "/bin/plain": "0o775",
            "/project": "0o775", "/.ssh-old/id_rsa": "0o644", "/notes.txt": "0o644"}
    after = home.tree()
    assert {path for path in before if before[path][2:] != after[path][2:]} == set(), \
        "no owner, no group, no content"
    again = home.cli("user", "fix-permissions", "kim")
    assert again.code == 0 and again.ids("changed") == []


def test_a_home_that_its_owner_could_not_enter_is_opened_for_the_owner_alone(home):
    os.chmod(home.path(HOME), 0o000)
    assert home.cli("user", "fix-permissions", "kim").code == 0
    assert mode(home, "") == 0o700


def test_files_of_others_are_named_by_owner_and_left_alone(home):
    foreign(home, "/a")
    foreign(home, "/.ssh/theirs", 2002, 2002, 0o4777)
    foreign(home, "/of-root", 0, 0, 0o4755)
    home.cli("user", "fix-permissions", "kim")
    before = home.tree(times=True)
    answer = home.cli("user", "fix-permissions", "kim", "-v")
    assert answer.code == 0 and answer.ids("changed") == []
    assert home.tree(times=True) == before
    for words in ("1 of uid 2002 (lee) (.ssh/theirs)", "1 of uid 0 (root) (of-root)",
                  "1 of uid 2050 (a)"):
        assert words in answer.out, answer


def test_a_file_with_a_second_name_and_what_a_link_leads_to_stay(home):
    home.write("/victim", "x", 0o4777, 2001, 2001)
    home.folder("/elsewhere", 0o2777, 2001, 2000)
    os.link(home.path("/victim"), home.path(HOME + "/.ssh/linked"))
    home.link(HOME + "/.ssh/out", "/elsewhere")
    home.link(HOME + "/out", "/victim")
    assert home.cli("user", "fix-permissions", "kim").code == 0
    assert home.stat("/victim") == (0o4777, 2001, 2001)
    assert home.stat("/elsewhere") == (0o2777, 2001, 2000)


def test_a_home_of_somebody_else_is_not_touched(home):
    os.chown(home.path(HOME), 2002, 2002)
    before = home.tree(times=True)
    answer = home.cli("user", "fix-permissions", "kim")
    assert answer.code == 4 and answer.ids("skipped") == ["own-files:" + HOME]
    assert home.tree(times=True) == before


# -- --from: one old owner's files ----------------------------------------


def take(server, *more):
    return server.cli("user", "fix-permissions", "kim", "--from", str(GONE), *more)


def test_one_old_owners_files_are_taken_after_they_were_shown(home):
    foreign(home, "/a", mode=0o4755)
    foreign(home, "/project/b", gid=2000)
    foreign(home, "/c", 2051, 2051)
    home.folder(HOME + "/d", 0o700, GONE, GONE)
    foreign(home, "/d/e")
    home.write("/victim", "x", 0o600, 0, 0)
    home.link(HOME + "/f", home.path("/victim"))
    os.lchown(home.path(HOME + "/f"), GONE, GONE)
    settle()
    before = home.tree(times=True)
    asked = take(home)
    assert asked.code == 2 and "would ask: Give these 5 of uid 2050 to kim?" in asked.err, asked
    assert "d/e" in asked.out
    assert take(home, "--dry-run").code == 0
    assert home.tree(times=True) == before
    answer = take(home, "--yes")
    assert answer.code == 0 and answer.ids("changed") == ["taken-files:" + HOME], answer
    assert home.stat(HOME + "/a") == (0o755, 2001, 2001)
    assert home.stat(HOME + "/project/b") == (0o640, 2001, 2000), "a group that exists stays"
    assert home.stat(HOME + "/c") == (0o640, 2051, 2051)
    assert home.stat(HOME + "/d") == (0o700, 2001, 2001)
    assert home.stat(HOME + "/d/e") == (0o640, 2001, 2001)
    assert home.stat(HOME + "/f")[1:] == (2001, 2001)
    assert home.stat("/victim") == (0o600, 0, 0)
    again = take(home, "--yes")
    assert again.code == 0 and "nothing of uid 2050 lies in the home of kim" in again.out, again


@pytest.mark.parametrize("uid, code", [(2002, 4), (0, 4), (999, 4), (65534, 4), (2001, 2)])
def test_nobodys_files_are_taken_who_could_want_them(home, uid, code):
    foreign(home, "/a", uid, uid)
    settle()
    before = home.tree(times=True)
    answer = home.cli("user", "fix-permissions", "kim", "--from", str(uid), "--yes")
    assert answer.code == code, answer
    assert home.tree(times=True) == before


def test_a_registered_user_whose_account_is_not_there_keeps_what_is_theirs(home):
    foreign(home, "/a", 2002, 2002)
    home.replace("/etc/passwd", "lee:", "gone:")
    home.replace("/etc/passwd", ":2002:2002:", ":3002:3002:")
    answer = home.cli("user", "fix-permissions", "kim", "--from", "2002", "--yes")
    assert answer.code == 4 and "belongs to lee" in answer.err, answer


def test_the_files_of_who_left_may_be_taken(home):
    assert home.cli("user", "remove", "lee", "--yes").code == 0
    foreign(home, "/a", 2002, 2002)
    settle()
    answer = home.cli("user", "fix-permissions", "kim", "--from", "2002", "--yes")
    assert answer.code == 0 and home.stat(HOME + "/a") == (0o640, 2001, 2001), answer


def test_hard_links_devices_and_what_is_outside_stay(home):
    home.write("/private", "x", 0o600, GONE, GONE)
    os.link(home.path("/private"), home.path(HOME + "/linked"))
    os.mkfifo(home.path(HOME + "/fifo"))
    os.chown(home.path(HOME + "/fifo"), GONE, GONE)
    foreign(home, "/a")
    home.folder("/outside", 0o755, GONE, GONE)
    home.link(HOME + "/out", "/outside")
    settle()
    answer = take(home, "--yes")
    assert answer.code == 0, answer
    assert "1 files with a second name (linked)" in answer.out
    assert home.stat("/private") == (0o600, GONE, GONE)
    assert home.stat(HOME + "/fifo")[1:] == (GONE, GONE)
    assert home.stat("/outside")[1:] == (GONE, GONE)
    assert home.stat(HOME + "/a")[1:] == (2001, 2001)


def test_what_was_moved_here_after_the_listing_is_not_taken(home, monkeypatch):
    """Rename theft in the moment between the question and the answer."""
    foreign(home, "/listed")
    home.folder("/data/code/lab", 0o755, GONE, GONE)
    home.write("/data/code/lab/secret", "x", 0o600, GONE, GONE)
    home.write("/data/code/single", "x", 0o600, GONE, GONE)
    settle()
    repair = own_files.repair

    def theft(top, order):
        os.rename(home.path("/data/code/lab"), home.path(HOME + "/lab"))
        os.rename(home.path("/data/code/single"), home.path(HOME + "/single"))
        return repair(top, order)
    monkeypatch.setattr(own_files, "repair", theft)
    answer = take(home, "--yes")
    assert home.stat(HOME + "/listed")[1:] == (2001, 2001)
    assert home.stat(HOME + "/lab/secret") == (0o600, GONE, GONE)
    assert home.stat(HOME + "/single") == (0o600, GONE, GONE)
    assert answer.code == 1, "and it is said that not all was taken"


def test_on_a_network_disk_with_a_slow_clock_nothing_is_taken_that_may_have_come_meanwhile(
        home, monkeypatch):
    """The times of files are the file server's: its clock may be minutes behind ours."""
    foreign(home, "/old")
    settle()
    monkeypatch.setattr(storage, "is_network", lambda path: True)
    answer = home.cli("user", "fix-permissions", "kim", "--from", str(GONE), "--yes")
    assert answer.code == 2 and "changed since they were listed" in answer.err, answer
    assert home.stat(HOME + "/old")[1] == GONE


def test_a_swap_between_looking_and_giving_gives_nothing(home, monkeypatch):
    foreign(home, "/a")
    home.write("/victim", "x", 0o600, 0, 0)
    settle()
    give = files.give

    def swapped(folder, name, decide):
        os.unlink(name, dir_fd=folder)
        os.link(home.path("/victim"), name, dst_dir_fd=folder)
        return give(folder, name, decide)
    monkeypatch.setattr(files, "give", swapped)
    take(home, "--yes")
    assert home.stat("/victim") == (0o600, 0, 0)


def test_what_was_for_the_old_owners_group_is_not_for_a_group_of_several():
    from aica.accounts import AccountSet, Group, Passwd
    from aica.people.permissions import _is_private
    kim, lee = Passwd("kim", 1, 10, "", "/", "/"), Passwd("lee", 2, 20, "", "/", "/")
    present = AccountSet({"kim": kim, "lee": lee}, {}, {"kim": Group("kim", 10)})
    assert _is_private(present, kim)
    assert not _is_private(present._replace(group={"kim": Group("kim", 10, ("lee",))}), kim)
    assert not _is_private(present._replace(passwd={"kim": kim, "lee": lee._replace(gid=10)}), kim)
