"""Umask 002 and the environment in every way in; and everybody else is as before."""

import re

import pytest

import team as people
from image import KIND
from sandbox import CHECKOUT
from server import Server
from team import GROUP

OTHERS = ("guest", "root")
SHELLS = {"bash": "kim", "dash": "lee", "zsh": "park"}
if KIND == "rpm":
    del SHELLS["zsh"]  # reads /etc/profile on EL, and not here
needs_the_pam_profile = pytest.mark.skipif(KIND == "rpm", reason="the .rpm has no PAM profile")
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
    return people.parse_look(server.run(["systemd-run", "-q", "--wait", "--pipe", people.LOOK]).out)


def has_environment(seen, user):
    """True if all variables of the site are there, and those of the own home point into it."""
    wanted = {name: value.format(user=user) for name, value in people.ENVIRONMENT.items()}
    own = all(
        seen.env.get(name, "").startswith("/home/{}/".format(user))
        for name in people.IN_THE_OWN_HOME
    )
    return own and {name: seen.env.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("way", people.COVERED)
def test_a_member_has_umask_and_environment_in_every_way_in(server, way):
    seen = people.come_in(server, way, "kim")
    assert seen.umask == "0002"
    assert has_environment(seen, "kim"), seen
    assert seen.env["NEW_FILE"] == "664 kim:" + GROUP
    assert not {"PIP_CACHE_DIR", "UV_CACHE_DIR", "TRANSFORMERS_CACHE"} & set(seen.env)


@pytest.mark.parametrize("way", [way for way in people.COVERED
                                 if way in people.LOGIN_SHELLS + ("an ssh command", "su -c")])
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
    """Return the rows of the admin guide's table, as they are on this server."""
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


@needs_the_pam_profile
def test_the_admin_guide_shows_what_was_measured(server, outsiders):
    table = measured(server, outsiders)
    for row in table:
        print("| " + " | ".join(row) + " |")
    text = (CHECKOUT / "docs" / "admin-guide.md").read_text(encoding="utf-8")
    found = re.search(r"^\| way in \|.*?\n\n", text, re.S | re.M).group(0)
    shown = [tuple(cell.strip() for cell in line.strip("|").split("|"))
             for line in found.splitlines()[2:] if line]
    assert shown == table


# --- what check says, and whether it is true


def verdict(server, name):
    """Return the outcome that check shows for one thing."""
    return people.outcomes(server, "check", "--only", name)[0][name]


def statuses_of(server, kind):
    """Return {name: status} of what applies; Debian 11 has no PAM service of its own for sudo -i."""
    by_name = people.outcomes(server, "check", "--only", kind)[0]
    return {name: row["status"] for name, row in by_name.items() if row["status"] != "skipped"}


def is_covered(server, way):
    """True if kim has umask and environment; without us Debian 13 gives the umask alone."""
    seen = people.come_in(server, way, "kim")
    return seen.umask == "0002" and has_environment(seen, "kim")


@needs_the_pam_profile
def test_check_finds_every_way_covered(server):
    found = statuses_of(server, "way-in")
    assert set(found.values()) == {"ok"} and len(found) >= 8
    assert set(statuses_of(server, "umask").values()) == {"ok"}


@needs_the_pam_profile
def test_check_names_a_common_session_that_was_edited(server):
    files = "/etc/pam.d/common-session /etc/pam.d/common-session-noninteractive"
    mine = "# end of pam-auth-update config"
    server.run("tar cf /root/kept.tar {0}; sed -i /member-groups/,+2d {0}; "
               "sed -i 's/^{1}/session optional pam_echo.so\\n&/' {0}".format(files, mine))
    assert not is_covered(server, "su -c")
    assert not is_covered(server, "sudo -u")
    assert set(statuses_of(server, "way-in").values()) == {"blocked"}
    for _ in range(2):
        row = verdict(server, "pam:aica-datakeeper")
        assert row["status"] == "blocked" and "edited by hand" in row["message"]
        assert "pam-auth-update --force" in row["hint"]
        server.run("pam-auth-update --package")  # exits 0, and leaves it alone
    server.run("tar xf /root/kept.tar -C /")
    assert set(statuses_of(server, "way-in").values()) == {"ok"}


@needs_the_pam_profile
def test_check_names_the_ways_that_lack_our_lines_and_recover_adds_them(server):
    server.run("sed -i /member-groups/,+2d /etc/pam.d/common-session")
    assert not is_covered(server, "su -c")
    assert is_covered(server, "sudo -u")
    found = statuses_of(server, "way-in")
    assert (found["way-in:su"], found["way-in:sshd"]) == ("blocked", "blocked")
    assert (found["way-in:cron"], found["way-in:systemd-user"]) == ("ok", "ok")
    assert verdict(server, "pam:aica-datakeeper")["status"] == "planned"
    server.run(["aica", "recover"])
    assert set(statuses_of(server, "way-in").values()) == {"ok"}
    assert is_covered(server, "su -c")


@needs_the_pam_profile
def test_check_names_a_profile_that_was_disabled(server):
    # As `pam-auth-update` leaves it when somebody takes the mark off in its dialogue.
    server.run("pam-auth-update --package --remove aica-datakeeper; "
               "echo aica-datakeeper >> /var/lib/pam/seen")
    row = verdict(server, "pam:aica-datakeeper")
    assert (row["status"], row["hint"]) == ("blocked", "pam-auth-update --enable aica-datakeeper")
    assert set(statuses_of(server, "way-in").values()) == {"blocked"}
    server.run(row["hint"])
    assert set(statuses_of(server, "way-in").values()) == {"ok"}
    assert is_covered(server, "su -c")


def _reload_sshd(server):
    server.run("systemctl reload ssh; sleep 1")
    server.wait_until("ssh-keyscan 127.0.0.1 2>/dev/null | grep -q .", 20, "sshd")


@needs_the_pam_profile
def test_check_names_an_sshd_that_leaves_pam_out(server):
    server.run("echo UsePAM no > /etc/ssh/sshd_config.d/test.conf")
    _reload_sshd(server)
    assert not is_covered(server, "an ssh command")
    row = verdict(server, "way-in:sshd")
    assert row["status"] == "blocked" and "sshd does not use PAM" in row["message"]
    server.run("rm /etc/ssh/sshd_config.d/test.conf")
    _reload_sshd(server)
    assert verdict(server, "way-in:sshd")["status"] == "ok"


@needs_the_pam_profile
def test_check_names_an_umask_in_the_comment_of_an_account(server):
    server.run("chfn -o umask=027 kim")
    assert people.come_in(server, "su -c", "kim").umask == "0027"
    server.wait_until("grep -q umask=027 /data/config/accounts/passwd", 30, "the record")
    assert verdict(server, "umask:kim")["status"] == "blocked"
    server.run("chfn -o '' kim")
    server.wait_until("! grep -q umask=027 /data/config/accounts/passwd", 30, "the record")
    assert verdict(server, "umask:kim")["status"] == "ok"


def test_check_names_a_line_in_a_start_up_file(server):
    server.run("su - kim -c 'echo umask 077 >> .bashrc'")
    seen = people.come_in(server, "an interactive ssh login", "kim")
    assert (seen.umask, seen.env["NEW_FILE"]) == ("0077", "600 kim:" + GROUP)
    row = verdict(server, "umask:kim")
    assert row["status"] == "blocked" and "/data/users/kim/.bashrc:" in row["message"]
    server.run("sed -i '$d' /data/users/kim/.bashrc && chown kim:kim /data/users/kim/.bashrc")
    assert verdict(server, "umask:kim")["status"] == "ok"


# Safety rule: the verdict of check is that of the real sshd. H is the home, S its .ssh, K the keys.
STRICT = {
    "as it should be": "true",
    "home 0770, a group of one": "chmod 770 $H",
    "home 0770, the team's group": "chmod 770 $H; chgrp gpu-users $H",
    "home 0757": "chmod 757 $H",
    "home 0700": "chmod 700 $H",
    "home of somebody else": "chown guest $H; chmod 755 $H",
    "home of root's": "chown root $H; chmod 755 $H",
    "home closed to its user": "chown root $H; chmod 700 $H",
    "ssh folder 0777": "chmod 777 $S",
    "ssh folder 0770": "chmod 770 $S",
    "ssh folder of root's, open": "chown root $S; chmod 755 $S",
    "ssh folder of root's, closed": "chown root $S; chmod 700 $S",
    "keys 0660": "chmod 660 $K",
    "keys 0660, the team's group": "chmod 660 $K; chgrp gpu-users $K",
    "keys 0606": "chmod 606 $K",
    "keys of root's, open": "chown root $K; chmod 644 $K",
    "keys of root's, closed": "chown root $K; chmod 600 $K",
    "keys of somebody else": "chown guest $K; chmod 644 $K",
    "a second member of the private group": "chmod 660 $K; gpasswd -a guest lee",
    "keys are a link into /var/tmp": "mv $K /var/tmp/keys; ln -s /var/tmp/keys $K",
    "keys are a link within the home": "mkdir $H/k; chown lee $H/k; mv $K $H/k/k; ln -s ../k/k $K",
    "the same, and others may write there":
        "mkdir $H/k; chown lee $H/k; chmod 777 $H/k; mv $K $H/k/k; ln -s ../k/k $K",
    "ssh folder is a link": "mv $S $H/real; ln -s real $S",
    "keys are a folder": "rm $K; mkdir $K",
    "the folder of the homes 0777": "chmod 777 /data/users",
}
RESET = """
gpasswd -d guest lee 2>/dev/null; chmod 755 /data/users; rm -rf $H/k $H/real $S /var/tmp/keys
chown lee:lee $H; chmod 750 $H; cp -a /root/ssh-of-lee $S
"""
PLACES = "H=/data/users/lee; S=$H/.ssh; K=$S/authorized_keys; "


@pytest.fixture(scope="module")
def keys_of_lee(server):
    server.run("cp -a /data/users/lee/.ssh /root/ssh-of-lee")
    # OpenSSH 9.8 shuts out for a while whoever is refused too often.
    if "persourcepenalties" in server.run(["sshd", "-T"]).out:
        server.run("echo PerSourcePenalties no > /etc/ssh/sshd_config.d/penalties.conf")
        _reload_sshd(server)


@pytest.mark.parametrize("case", STRICT)
def test_check_says_what_sshd_says(server, keys_of_lee, case):
    server.run(PLACES + STRICT[case])
    try:
        came_in = server.ssh("lee", "true", check=False).code == 0
        row = verdict(server, "ssh-login:lee")
        assert (row["status"] == "ok") == came_in, row
        seen[case] = came_in
    finally:
        server.run(PLACES + RESET)
    assert server.ssh("lee", "true").code == 0


seen = {}


def test_the_cases_above_were_of_both_kinds():
    assert 5 < len(seen) - sum(seen.values()) and 5 < sum(seen.values())
