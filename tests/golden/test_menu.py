"""aica-tui as people see it: the real program in a pty, painted by a terminal emulator."""

import os
import re
import signal
import subprocess
import sys

import pytest

pytest.importorskip("pyte")
from terminal import Menu  # noqa: E402
from wiped import REPOSITORY  # noqa: E402

from aica import command  # noqa: E402

ENTRIES = ("Set-up test", "Users", "Recovery", "What a wipe would lose", "Permissions", "Disks",
           "Clean caches", "Backups", "Software")


def test_every_entry_opens_and_the_menu_is_left_clean(whole):
    before = whole.tree()
    with Menu(whole.root) as menu:
        for number, title in enumerate(ENTRIES, 1):
            menu.see("1 Set-up test", "Enter open")
            menu.press(str(number))
            menu.see(title + "  ", "Esc back" if title == "Clean caches" else "Esc q back")
            menu.see(" " + title + "   ")
            menu.press("ESC")
        menu.see("1 Set-up test")
        menu.press("q")
        assert menu.end() == 0
    assert whole.tree() == before


def test_a_wiped_server_is_recovered_in_the_menu(server):
    with Menu(server.root) as menu:
        menu.see("none in this boot")
        menu.press("3")
        menu.see("Recover now")
        menu.press("3")
        menu.see("Type y and press Enter")
        menu.press("y", "ENTER")
        menu.see("done: ")
        menu.press("q")
        menu.see("Dry run")
        menu.press("q", "r")
        menu.see("last recovery: ok")
    assert server.cli("check").code == 0


def test_a_user_is_added_and_removed_in_the_menu(whole):
    with Menu(whole.root, size=(100, 30)) as menu:
        menu.see("1 Set-up test")
        menu.press("2")
        menu.see("Add a user")
        menu.press("2")
        menu.see("First login by")
        menu.press(*"choi")
        menu.press("ENTER", *"Choi Minseo")
        menu.press("ENTER", "RIGHT")
        menu.see("aica user add choi --full-name 'Choi Minseo'")
        menu.press("ENTER", "ENTER")
        lines = menu.see("done: ", "The one-time password", "To send to choi")
        assert re.search(r"shown only now: (\w{4}-){3}\w{4}", "\n".join(lines))
        menu.press("q", "1")
        menu.see("choi  gpu-users")
        menu.press("/", *"choi")
        menu.press("ENTER", "ENTER")
        menu.see("Repair permissions")
        menu.press("7")
        menu.see("Nothing is deleted")
        menu.press("ENTER")
        menu.see("Type choi")
        menu.press(*"choi")
        menu.press("ENTER")
        menu.see("done: ")
    assert "choi:" not in whole.read("/etc/passwd")
    assert "choi:" in whole.read("/data/config/accounts/passwd")
    assert os.listdir(whole.path("/data/users/.removed"))


def test_a_drift_is_repaired_from_the_set_up_test(whole):
    whole.remove("/home/kim")
    with Menu(whole.root) as menu:
        menu.see("1 Set-up test")
        menu.press("1")
        menu.see("planned  symlink:/home/kim")
        menu.press("ENTER")
        menu.see("Enter repairs it.")
        menu.press("ENTER")
        menu.see("Runs: aica recover --user kim", "Type y")
        menu.press("y", "ENTER")
        menu.see("1 changed")
        menu.press("q")
        menu.see("Everything is as it should be.")
    assert os.path.islink(whole.path("/home/kim"))


def test_a_file_comes_back_from_a_snapshot_that_is_looked_into(whole, needs):
    needs(command.find("rsync"), "needs rsync")
    whole.folder("/backup")
    whole.write("/data/users/kim/thesis.tex", "once\n", 0o600, 2001, 2001)
    assert whole.cli("backup").code == 0
    whole.write("/data/users/kim/thesis.tex", "twice\n", 0o600, 2001, 2001)
    with Menu(whole.root, size=(100, 30)) as menu:
        menu.see("Backups")
        menu.press("/", *"Backups")
        menu.press("ENTER", "ENTER")
        menu.see("Back up now")
        menu.press("1")
        menu.see("SNAPSHOT", "  whole  ")
        menu.press("ENTER")
        menu.see("kim/", "lee/")
        menu.press("/", *"kim")
        menu.press("ENTER", "ENTER")
        menu.see("thesis.tex", "same as: aica backup --restore kim")
        menu.press("/", *"thesis")
        menu.press("ENTER")
        menu.see("same as: aica backup --restore kim thesis.tex --from 20")
        menu.press("ENTER")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("done: 1 changed")
    found = sorted(os.listdir(whole.path("/data/users/kim")))
    back = [name for name in found if name.startswith("thesis.tex.restored-")]
    assert whole.read("/data/users/kim/" + back[0]) == "once\n"
    assert whole.read("/data/users/kim/thesis.tex") == "twice\n"


def test_the_wizard_sets_a_server_up(server):
    server.remove("/data/config/aica.conf")
    with Menu(server.root) as menu:
        menu.see("Set up this server")
        menu.press("G", "ENTER")
        menu.see("The data folder need not be")
        menu.press(*["DOWN"] * 10)
        menu.press(" ", "ENTER")
        menu.see("looked: ", "planned", "--allow-unmounted")
        menu.press("ENTER")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("Next: Users, Add a user.")
    assert server.exists("/data/config/aica.conf")


def test_it_lives_through_every_size(whole):
    with Menu(whole.root) as menu:
        menu.see("1 Set-up test")
        for size in ((60, 18), (59, 18), (1, 1), (200, 50), (80, 24)):
            menu.resize(*size)
        menu.see("1 Set-up test")
        menu.resize(59, 17)
        menu.see("too small")
        menu.press("q")
        assert menu.end() == 0


@pytest.mark.parametrize("term, language", [("vt100", "C.UTF-8"), ("linux", "C.UTF-8"),
                                            ("screen", "C")])
def test_poor_terminals_are_enough(whole, term, language):
    with Menu(whole.root, "--lang", "en", term=term, language=language) as menu:
        lines = menu.see("1 Set-up test", "/data")
        if language == "C":
            assert all(ord(char) < 128 for line in lines for char in line)
        menu.press("q")
        assert menu.end() == 0


def test_plain_characters_only(whole):
    with Menu(whole.root, "--ascii") as menu:
        lines = menu.see("1 Set-up test", "free")
        assert all(ord(char) < 128 for line in lines for char in line)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_terminal_ends_it_after_the_step_in_hand(server, number):
    with Menu(server.root) as menu:
        menu.see("1 Set-up test")
        menu.press("3")
        menu.see("Recover now")
        menu.press("3")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("changed")
        menu.signal(number)
        assert menu.end() == 0
    assert server.cli("recover").code == 0
    assert server.cli("check").code == 0


def test_without_a_terminal_it_says_so(whole):
    done = subprocess.run([sys.executable, "-m", "aica", "tui", "--root", whole.root],
                          cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"needs a terminal" in done.stderr and done.stdout == b""


def test_it_speaks_korean(whole, needs):
    made = subprocess.run(["make", "-s", "locale"], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    needs(made.returncode == 0, "needs msgfmt, of the package gettext")
    with Menu(whole.root, "--lang", "ko") as menu:
        menu.see("1 설정 점검", "남음", "같은 명령: aica check")
        menu.press("1")
        menu.see("모두 정상입니다.")


def test_a_terminal_that_is_gone_without_a_signal_ends_it(whole):
    with Menu(whole.root) as menu:
        menu.see("1 Set-up test")
        os.kill(menu._process, signal.SIGSTOP)
        os.close(menu._terminal)  # the other end; its SIGHUP is what nohup would hide
        menu._terminal = os.open(os.devnull, os.O_RDWR)
        os.kill(menu._process, signal.SIGCONT)
        menu.code = os.waitpid(menu._process, 0)[1]
        assert menu.code == 0
