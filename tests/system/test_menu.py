"""aica-tui on a booted server, as root and as a member over ssh: a server's first day, by keys alone."""

import pytest

pytest.importorskip("pyte")
from terminal import Menu  # noqa: E402

from server import SSH_OPTIONS, Server  # noqa: E402

ADMIN = ("Set-up test", "Users", "Recovery", "What a wipe would lose", "Permissions", "Disks",
         "Clean caches", "Backups", "Software", "Logs", "Settings", "Set up this server")
MEMBER = ("My environment", "My disk usage", "conda in short", "Users", "Last recovery", "Disks",
          "Clean caches", "Help and contact")


@pytest.fixture(scope="module")
def server(image):
    """A server with the package and an empty data disk; the tests of this module are one story."""
    with Server(image, "menu") as one:
        one.boot()
        yield one


def menu_of(server, user=None, *words):
    """Return the menu of root, or of somebody who logs in over ssh."""
    argv = ["nsenter", "--target", str(server.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
    if user is None:
        argv += ["aica-tui"] + list(words)
    else:
        argv += ["ssh", "-tt", "-i", "/srv/keys/client"]
        argv += [word for option in SSH_OPTIONS for word in ("-o", option)]
        command = " ".join(("aica-tui",) + words)
        argv += ["{}@127.0.0.1".format(user), "bash -lc '{}'".format(command)]
    return Menu("", size=(100, 30), argv=argv)


def opened(menu, title):
    """Open an entry of the menu by its name, see that it is there, and go back."""
    menu.press("/", *title)
    menu.see("/ " + title)
    menu.press("ENTER", "ENTER")
    menu.see_title(title)
    menu.press("ESC", "ESC")


def seen_below(menu, titles, there):
    for title in titles:
        menu.see(there)
        opened(menu, title)
    menu.see(there)


def test_the_wizard_sets_the_server_up(server):
    with menu_of(server, None, "--lang", "en") as menu:
        menu.see("Set up this server", "not set up")
        menu.press("G", "ENTER")
        menu.see("conda (Miniforge)")
        menu.press(*["DOWN"] * 7)  # to conda, then to uv
        menu.press(" ", "DOWN", " ")
        menu.see("--skip conda,uv")
        menu.press("DOWN", "DOWN", "ENTER")
        menu.see("looked: ", "planned")
        menu.press("ENTER")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("Next: Users, Add a user.")
        menu.press("q", "q", "q", "q")
    assert server.exists("/data/config/aica.conf")
    assert server.run(["aica", "check"], check=False).code == 0


def test_a_user_is_added_with_a_key_and_logs_in(server):
    with menu_of(server, None, "--lang", "ko") as menu:
        menu.see("1 설정 점검")
        menu.press("2")
        menu.see("사용자 추가")
        menu.press("2")
        menu.see("첫 로그인 방법")
        menu.press(*"choi")
        menu.press("ENTER", *"최민서")
        menu.press("ENTER", "ENTER", *server.image.public_key().strip())
        menu.see("aica user add choi")
        menu.press("ENTER")
        menu.see("끝: ", "choi에게 보낼 내용")
        menu.press("q", "q", "q")
    assert "(gpu-users)" in server.ssh("choi", "id").out
    assert server.run("getent passwd choi | cut -d: -f5").out.startswith("최민서")


def test_every_screen_of_an_admin_opens(server):
    with menu_of(server, None, "--lang", "en") as menu:
        seen_below(menu, ADMIN, "1 Set-up test")
        menu.press("3")
        seen_below(menu, ("Last recovery", "Status of the unit", "Journal"), "Recover now")
        menu.press("2")
        menu.see("done: ")
        menu.press("q")
        menu.see("Recover now")
        menu.press("5")
        menu.see("aica-recovery.service", "Loaded:")
        menu.press("q", "q")
        menu.see("1 Set-up test")
        menu.press("q")
        assert menu.end() == 0


def test_a_recovery_runs_and_is_turned_off_and_on_at_boot(server):
    server.run(["rm", "/home/choi"])
    with menu_of(server, None, "--lang", "en") as menu:
        menu.see("1 Set-up test")
        menu.press("3")
        menu.see("Recover now")
        menu.press("3")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("done: ", "1 changed")
        menu.press("q", "8")
        menu.see("Type off")
        menu.press(*"off")
        menu.press("ENTER")
        menu.see("done: 1 changed")
        state = server.run("systemctl is-enabled aica-recovery.service", check=False).out
        assert state == "disabled\n"
        menu.press("q", "7")
        menu.see("Type y")
        menu.press("y", "ENTER")
        menu.see("done: 1 changed")
        assert server.run("systemctl is-enabled aica-recovery.service").out == "enabled\n"
    assert server.run(["readlink", "/home/choi"]).out == "/data/users/choi\n"


def test_every_screen_of_a_member_opens_over_ssh(server):
    with menu_of(server, "choi", "--lang", "en") as menu:
        menu.see("member", "1 My environment")
        seen_below(menu, MEMBER[:1] + MEMBER[2:], "1 My environment")
        menu.press("1")
        menu.see("HF_HOME", "umask", "002")
        menu.press("q", "2")
        menu.see("/data/users/choi", "SIZE")
        menu.press("q", "q")
        assert menu.end() == 0
    assert server.run(["aica", "check"], check=False).code == 0
