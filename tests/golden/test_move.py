"""`aica user setup` for somebody whose home is a real folder with content: nothing is ever lost."""

import os
import socket
import stat
import subprocess
import sys

import pytest
from test_kill import CALLS, killed, known_calls
from test_users import add_user

from aica import copying
from aica.errors import AicaError
from aica.host import child

SETUP = ("user", "setup", "choi", "gpu-users")
OLD, NEW, ASIDE = "/home/choi", "/data/users/choi", "/home/.choi.moved.1"
UID = 2010
ODD = b"odd \xff\n name"


@pytest.fixture
def filled(whole, needs):
    """choi works in a real home with all that homes hold."""
    needs(os.path.exists("/usr/bin/rsync"), "needs rsync")
    add_user(whole)
    fill(whole)
    return whole


def fill(server):
    server.write(OLD + "/thesis.tex", "years of work\n", 0o640, UID, UID)
    server.folder(OLD + "/code", 0o775, UID, UID)
    server.write(OLD + "/code/run", "#!/bin/sh\n", 0o755, UID, UID)
    os.link(server.path(OLD + "/code/run"), server.path(OLD + "/second name"))
    server.link(OLD + "/away", "/etc/shadow")
    server.link(OLD + "/dangling", "nowhere")
    server.folder(OLD + "/read-only", 0o700, UID, UID)
    server.write(OLD + "/read-only/file", "kept", 0o400, UID, UID)
    os.chmod(server.path(OLD + "/read-only"), 0o555)
    server.folder(OLD + "/empty", 0o700, UID, UID)
    with open(os.fsencode(server.path(OLD)) + b"/" + ODD, "wb") as odd:
        odd.write(b"odd")
    with open(server.path(OLD + "/sparse"), "wb") as sparse:
        sparse.truncate(64 << 20)
        sparse.write(b"begin")
    for name in ("away", "dangling"):
        os.lchown(server.path("{}/{}".format(OLD, name)), UID, UID)
    for name in (os.fsencode("sparse"), ODD):
        os.chown(os.fsencode(server.path(OLD)) + b"/" + name, UID, UID)


def content(server, folder):
    """Return all that counts of a folder's content: kind, rights, owner, bytes, link target."""
    top, found = os.fsencode(server.path(folder)), {}
    for parent, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(parent, name)
            info = os.lstat(path)
            what = os.readlink(path) if stat.S_ISLNK(info.st_mode) else b""
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as text:
                    what = text.read()
            found[os.path.relpath(path, top)] = (info.st_mode, info.st_uid, what)
    return found


def test_everything_is_on_the_data_disk_and_the_old_folder_stays(filled):
    before = content(filled, OLD)
    answer = filled.cli(*SETUP)
    assert answer.code == 0, answer
    assert "home-move:/home/choi" in answer.ids("changed")
    assert content(filled, NEW) == before == content(filled, ASIDE)
    assert os.readlink(filled.path(OLD)) == NEW
    assert filled.stat(NEW) == (0o750, UID, UID)
    one, two = (os.lstat(filled.path(NEW + "/" + name)) for name in ("code/run", "second name"))
    assert one.st_ino == two.st_ino
    assert os.lstat(filled.path(NEW + "/sparse")).st_blocks < 1000
    assert os.lstat(filled.path(NEW + "/thesis.tex")).st_mtime == pytest.approx(
        os.lstat(filled.path(ASIDE + "/thesis.tex")).st_mtime)
    assert filled.cli(*SETUP).ids("changed") == []
    assert not filled.exists("/data/users/.aica-move.choi")


def test_a_narrow_home_stays_narrow(filled):
    os.chmod(filled.path(OLD), 0o700)
    assert filled.cli(*SETUP).code == 0
    assert filled.stat(NEW) == (0o700, UID, UID)


def test_a_skeleton_on_the_data_disk_makes_room(filled):
    filled.folder(NEW, 0o750, UID, UID)
    filled.write(NEW + "/.profile", "# per-user settings\n", 0o644, UID, UID)
    before = content(filled, OLD)
    assert filled.cli(*SETUP).code == 0
    assert content(filled, NEW) == before
    assert filled.exists("/data/users/.choi.skeleton.1/.profile")


@pytest.mark.parametrize("path, text, word", [
    ("notes", "other", "only in the new one: notes"),
    ("thesis.tex", "year of work\n\n", "different: thesis.tex"),
    ("code", "a file here", "different: code")])
def test_two_homes_with_content_are_for_a_human(filled, path, text, word):
    filled.folder(NEW, 0o750, UID, UID)
    filled.write("{}/{}".format(NEW, path), text, 0o644, UID, UID)
    before = filled.tree(times=True)
    answer = filled.cli(*SETUP)
    assert answer.code == 4 and answer.ids("blocked") == ["home-move:/home/choi"]
    assert word in answer.out and "only in the old one: " in answer.out
    assert ": ;" not in answer.out, "nothing is named where there is nothing"
    moved = {path for path in before if path.startswith(("/home/", "/data/users/"))}
    after = filled.tree(times=True)
    assert {path for path in moved if before[path] != after.get(path)} == set()


def test_a_data_folder_that_has_all_of_it_needs_no_copy(filled):
    """As a run leaves it that was killed after the copy got its name."""
    before = content(filled, OLD)
    subprocess.check_call(["cp", "-a", filled.path(OLD), filled.path(NEW)])
    filled.write(NEW + "/more", "made since", 0o600, UID, UID)
    assert filled.cli(*SETUP).code == 0
    assert content(filled, ASIDE) == before
    assert filled.read(NEW + "/more") == "made since"


def test_what_the_user_cannot_read_is_named_before_anything_is_done(filled):
    filled.write(OLD + "/code/root.key", "secret", 0o600)
    answer = filled.cli(*SETUP)
    assert answer.code == 4
    assert "choi cannot read everything in /home/choi: code/root.key" in answer.out
    assert not filled.exists(NEW) and not filled.exists("/data/users/.aica-move.choi")


def test_what_was_open_to_another_group_is_closed_in_the_copy_and_said(filled):
    """rsync as the user cannot give files to the other group: its rights are not the own group's."""
    filled.write(OLD + "/project", "for a few", 0o660, UID, 4500)
    answer = filled.cli(*SETUP)
    assert answer.code == 0
    assert "open to another group, closed in the copy: project" in answer.out
    assert filled.stat(NEW + "/project") == (0o600, UID, UID)
    assert filled.stat(NEW + "/thesis.tex")[0] == 0o640
    assert filled.stat(ASIDE + "/project") == (0o660, UID, 4500)


def test_files_of_others_are_copied_and_said(filled):
    filled.write(OLD + "/of-root", "readable", 0o644)
    answer = filled.cli(*SETUP)
    assert answer.code == 0
    assert "of other owners, the copy is the user's: of-root" in answer.out
    assert filled.stat(NEW + "/of-root") == (0o604, UID, UID)  # root's group is not the user's
    assert filled.stat(ASIDE + "/of-root") == (0o644, 0, 0)


def test_sockets_and_fifos_stay_behind_and_are_said(filled):
    os.mkfifo(filled.path(OLD + "/fifo"))
    os.chown(filled.path(OLD + "/fifo"), UID, UID)
    folder = os.open(filled.path(OLD), os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("/proc/self/fd/{}/socket".format(folder))  # a socket's path may be 107 bytes
    os.close(folder)
    os.chown(filled.path(OLD + "/socket"), UID, UID)
    answer = filled.cli(*SETUP)
    assert answer.code == 0, answer
    assert "stay in the old folder only: fifo, socket" in answer.out
    assert filled.exists(ASIDE + "/fifo") and not filled.exists(NEW + "/fifo")


def test_without_room_nothing_is_begun(filled, monkeypatch):
    from aica.host import Host
    monkeypatch.setattr(Host, "free", lambda self, path: (1000, 10 ** 9))
    answer = filled.cli(*SETUP)
    assert answer.code == 4 and "are free" in answer.out
    monkeypatch.setattr(Host, "free", lambda self, path: (1 << 40, 3))
    assert "entries on the data disk" in filled.cli(*SETUP).out
    assert not filled.exists("/data/users/.aica-move.choi")
    monkeypatch.setattr(Host, "free", lambda self, path: (1 << 40, None))
    assert filled.cli(*SETUP).code == 0


def test_running_processes_are_named_and_only_ignored_when_told(filled, monkeypatch):
    from aica.host import Host
    from aica.host.processes import Process
    monkeypatch.setattr(Host, "processes", lambda self, uid, spans: [Process(7, 1, "python3")])
    answer = filled.cli(*SETUP)
    assert answer.code == 4 and "1 process(es) of choi are running" in answer.out
    assert "7 python3" in answer.out and "--while-running" in answer.out
    assert filled.cli(*SETUP, "--while-running").code == 0


def test_without_rsync_it_is_said_and_nothing_is_begun(filled, monkeypatch):
    from aica.host import Host
    monkeypatch.setattr(Host, "has_program", lambda self, name: name != "rsync")
    answer = filled.cli(*SETUP)
    assert answer.code == 1 and "apt install rsync" in answer.out
    assert not filled.exists(NEW)


def test_a_copy_that_is_not_equal_is_never_used(filled, monkeypatch):
    from aica.resources import home_move
    monkeypatch.setattr(home_move, "RSYNC", home_move.RSYNC + ("--exclude=thesis.tex",))
    before = content(filled, OLD)
    answer = filled.cli(*SETUP)
    assert answer.code == 1 and "only in the old one: thesis.tex" in answer.out
    assert content(filled, OLD) == before and not filled.exists(NEW)
    monkeypatch.undo()
    assert filled.cli(*SETUP).code == 0
    assert content(filled, NEW) == before


def test_a_change_during_the_copy_is_seen(filled, monkeypatch):
    from aica.host import Host
    execute = Host.execute

    def slow(self, argv, **more):
        result = execute(self, argv, **more)
        if argv[0] == "rsync":
            filled.write(OLD + "/empty/late", "written meanwhile", 0o600, UID, UID)
            filled.write("/data/users/.aica-move.choi/empty/late", "written meanwhile", 0o600, UID)
        return result

    monkeypatch.setattr(Host, "execute", slow)
    answer = filled.cli(*SETUP)
    assert answer.code == 1 and "was written to while it was copied" in answer.out
    monkeypatch.undo()
    assert filled.cli(*SETUP).code == 0
    assert filled.read(NEW + "/empty/late") == "written meanwhile"


def test_a_home_of_somebody_else_is_not_moved(filled):
    os.chown(filled.path(OLD), 2001, 2001)
    answer = filled.cli(*SETUP)
    assert answer.code == 4 and "belongs to uid 2001, but choi has uid 2010" in answer.out


def test_what_is_in_the_way_of_the_copy_stays(filled):
    filled.folder("/data/users/.aica-move.choi", 0o700, 2001, 2001)
    answer = filled.cli(*SETUP)
    assert answer.code == 4 and "is in the way" in answer.out
    assert filled.stat("/data/users/.aica-move.choi") == (0o700, 2001, 2001)


@pytest.mark.parametrize("calls", CALLS, ids=[calls.split(",")[0] for calls in CALLS])
def test_killed_at_any_call_everything_is_in_one_of_two_places_and_the_next_run_finishes(
        filled, needs, calls):
    needs(os.path.exists("/usr/bin/strace"), "needs strace")
    calls, number = known_calls(calls), 0
    while number < 60:
        number += 1
        before = content(filled, OLD)
        argv = [sys.executable, "-m", "aica"] + list(SETUP) + ["--root", filled.root]
        was_killed = killed(argv, calls, number)
        places = [place for place in (OLD, ASIDE, NEW)
                  if filled.exists(place) and not os.path.islink(filled.path(place))]
        assert any(content(filled, place) == before for place in places), number
        again = filled.program(*SETUP)
        assert again.code == 0, again
        assert content(filled, NEW) == content(filled, ASIDE) == before
        assert os.readlink(filled.path(OLD)) == NEW
        if not was_killed:
            break
        start_again(filled)
    assert 1 < number < 60 or calls.startswith("ftruncate")


def start_again(server):
    """Make it as it was before the first run."""
    server.remove(OLD)
    os.rename(server.path(ASIDE), server.path(OLD))
    server.remove(NEW)


@pytest.mark.parametrize("size", [0, 5, 13])
def test_a_copy_that_was_cut_off_is_completed(filled, size):
    before = content(filled, OLD)
    filled.folder("/data/users/.aica-move.choi", 0o700, UID, UID)
    filled.folder("/data/users/.aica-move.choi/code", 0o700, UID, UID)
    filled.write("/data/users/.aica-move.choi/thesis.tex", "years of work"[:size], 0o600, UID, UID)
    filled.write("/data/users/.aica-move.choi/sparse", "x" * 100, 0o600, UID, UID)
    assert filled.cli(*SETUP).code == 0
    assert content(filled, NEW) == before


# -- the child that looks with the user's rights ------------------------


def _who():
    return [os.getuid(), os.getgid(), os.getgroups()]


def _raises():
    raise OSError(2, "no such thing")


def _dies():
    raise RuntimeError("a bug")


def test_a_child_has_the_users_rights_and_no_other(root_rights):
    assert child.call((UID, UID), _who) == [UID, UID, []]


@pytest.mark.parametrize("function, words", [(_raises, "no such thing"), (_dies, "without an answer")])
def test_an_error_of_a_child_is_ours(root_rights, function, words, capfd):
    with pytest.raises(AicaError, match=words):
        child.call((UID, UID), function)


def test_a_survey_counts_and_names(filled):
    found = child.call((UID, UID), copying.survey, filled.path(OLD))
    assert found["files"] == 7 and found["entries"] == 12, found
    assert found["bytes"] < 1 << 20
    assert found["unreadable"] == found["foreign"] == found["special"] == [0, []]
    os.chmod(filled.path(OLD + "/code"), 0o600)
    closed = child.call((UID, UID), copying.survey, filled.path(OLD))
    assert closed["unreadable"] == [1, ["code/run"]]
    assert closed["print"] != found["print"]
