"""Umask 002 and the environment in every way in; and everybody else is as before."""

import re

import pytest

import team as people
from sandbox import CHECKOUT
from server import Server
from team import GROUP

OTHERS = ("guest", "root")
SHELLS = {"bash": "kim", "dash": "lee", "zsh": "park"}
# What sets these differs from login to login, with and without us.
OF_THE_SESSION = {"XDG_SESSION_ID", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "INVOCATION_ID"}


@pytest.fixture(scope="module")
def server(image, team):
    """The team's server after the wipe, with a login shell of each kind."""
    with Server(image, "ways", data=team.data) as one:
        people.add_locals(one)
        people.plant_look(one)
        one.plant("/etc/cron.d/probe", people.cron_probe("kim", *OTHERS))
        one.boot()
        one.run("chsh -s /bin/dash lee")
        yield one


@pytest.fixture(scope="module")
def outsiders(distribution):
    """What root and guest see on a server that never heard of us, by way and user."""
    with Server(distribution, "outsiders") as one:
        people.add_locals(one)
        people.plant_look(one)
        one.plant("/etc/cron.d/probe", people.cron_probe(*OTHERS))
        one.boot()
        seen = {
            (way, user): people.come_in(one, way, user)
            for way in {**people.WAYS, **people.WITHOUT_PAM}
            for user in OTHERS
        }
        seen["a system service"] = _system_service(one)
        return seen


def _system_service(server):
    return people._parse(server.run(["systemd-run", "-q", "--wait", "--pipe", people.LOOK]).out)


def has_environment(seen, user):
    """True if all variables of the site are there, "no" ones of the own home in others'."""
    wanted = {name: value.format(user=user) for name, value in people.ENVIRONMENT.items()}
    own = all(
        seen.env.get(name, "").startswith("/home/{}/".format(user))
        for name in people.IN_THE_OWN_HOME
    )
    return own and {name: seen.env.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("way", people.WAYS)
def test_a_member_has_umask_and_environment_in_every_way_in(server, way):
    seen = people.come_in(server, way, "kim")
    assert seen.umask == "0002"
    assert has_environment(seen, "kim"), seen
    assert seen.env["NEW_FILE"] == "664 kim:" + GROUP
    assert not {"PIP_CACHE_DIR", "UV_CACHE_DIR", "TRANSFORMERS_CACHE"} & set(seen.env)


@pytest.mark.parametrize("way", ["an interactive ssh login", "an ssh command", "su - -c",
                                 "su - with a shell", "su -c", "sudo -iu"])
@pytest.mark.parametrize("shell", SHELLS)
def test_every_login_shell_has_them(server, shell, way):
    user = SHELLS[shell]
    assert server.run(["getent", "passwd", user]).out.strip().endswith("/" + shell)
    seen = people.come_in(server, way, user)
    assert seen.umask == "0002" and has_environment(seen, user), seen
    assert seen.env["NEW_FILE"] == "664 {}:{}".format(user, GROUP)


@pytest.mark.parametrize("user", OTHERS)
@pytest.mark.parametrize("way", {**people.WAYS, **people.WITHOUT_PAM})
def test_nothing_changes_for_others(server, outsiders, way, user):
    assert_unchanged(people.come_in(server, way, user), outsiders[way, user])


def test_nothing_changes_for_system_services(server, outsiders):
    assert_unchanged(_system_service(server), outsiders["a system service"])


def assert_unchanged(seen, before):
    """Root may make files in shared folders, so only umask and environment are compared."""
    assert seen.umask == before.umask
    assert set(seen.env) - set(before.env) - OF_THE_SESSION - {"NEW_FILE"} == set()
    assert seen.env["PATH"] == before.env["PATH"]


def measured(server, outsiders):
    """Return the rows of README's table, as they are on this server."""
    table = []
    for way in {**people.WAYS, **people.WITHOUT_PAM}:
        seen = people.come_in(server, way, "kim")
        same = all(
            people.come_in(server, way, user).umask == outsiders[way, user].umask
            for user in OTHERS
        )
        table.append((
            way, seen.umask, "yes" if has_environment(seen, "kim") else "no",
            seen.env["NEW_FILE"].replace("kim:", ""), "as before" if same else "CHANGED"))
    return table


def test_the_readme_shows_what_was_measured(server, outsiders):
    table = measured(server, outsiders)
    for row in table:
        print("| " + " | ".join(row) + " |")
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    shown = [tuple(cell.strip() for cell in line.strip("|").split("|"))
             for line in re.search(r"\| way in \|.*?\n\n", text, re.S).group(0).splitlines()[2:]
             if line]
    assert shown == table
