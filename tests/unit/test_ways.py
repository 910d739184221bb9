"""What `aica check` says of the ways in: PAM services, umasks of people's own, sshd's StrictModes."""

import os

import pytest

from aica.accounts import Passwd
from aica.change import BLOCKED, OK, PLANNED, SKIPPED
from aica.command import Result
from aica.resources import pam, pam_stack, pam_update
from aica.resources.own_umask import OwnUmask, SystemUmask
from aica.resources.pam import PamProfile, WayIn
from aica.resources.ssh_login import SshLogin, SshServer

OURS = """\
session\t[success=ignore default=2]\tpam_listfile.so quiet item=group file=/etc/aica/member-groups
session\toptional\tpam_umask.so umask=002
session\toptional\tpam_env.so conffile=/etc/aica/pam_env.conf readenv=0
"""
PLAIN = "session required pam_unix.so\n"


def outcome_of(server, resource):
    return server.converge([resource], dry_run=True)[0]


def bring(server, resource):
    outcome = outcome_of(server, resource)
    return outcome.status, outcome.message


class TestPamStack:
    """Which lines a session of a service has, and from which file."""

    def lines(self, server, service="x"):
        return [line.module + " " + " ".join(line.arguments)
                for line in pam_stack.session_lines(server.host(), service)]

    def test_includes_are_followed_in_order(self, server):
        server.write("/etc/pam.d/x", "auth required a.so\nsession required b.so one\n@include y\n"
                                     "-session optional /lib/security/c.so # why\n")
        server.write("/etc/pam.d/y", "session include z\nsession substack z\n")
        server.write("/etc/pam.d/z", "session [a=1 b=2] d.so \\\n two\npassword required e.so\n")
        assert self.lines(server) == ["b.so one", "d.so two", "d.so two", "c.so "]

    def test_a_file_of_etc_hides_that_of_the_system(self, server):
        server.write("/usr/lib/pam.d/x", "session required system.so\n")
        assert self.lines(server) == ["system.so "]
        server.write("/etc/pam.d/x", "session required etc.so\n")
        assert self.lines(server) == ["etc.so "]

    def test_a_circle_and_a_missing_file_end(self, server):
        server.write("/etc/pam.d/x", "@include x\n@include nothing\n@include ../x\nsession\n")
        assert self.lines(server) == []

    def test_a_service_that_is_not_there_is_none(self, server):
        assert pam_stack.session_lines(server.host(), "x") is None


class TestWayIn:
    """A way in serves members if its session has our lines, and no umask behind them."""

    def put(self, server, service="@include common-session\n", common=PLAIN + OURS):
        server.write("/etc/pam.d/common-session", common)
        server.write("/etc/pam.d/cron", service)

    def test_one_that_includes_our_lines_is_right(self, server):
        self.put(server)
        assert bring(server, WayIn("cron", "cron")) == (OK, "")

    def test_one_that_does_not_include_them_is_named(self, server):
        self.put(server, PLAIN)
        status, message = bring(server, WayIn("cron", "cron"))
        assert status == BLOCKED
        assert "by cron lack umask 002 and the environment" in message and "/etc/pam.d/cron" in message

    def test_another_umask_behind_ours_is_named_with_its_file(self, server):
        self.put(server, "@include common-session\nsession optional pam_umask.so umask=077\n")
        assert bring(server, WayIn("cron", "cron")) == (
            BLOCKED, "members who come by cron lack umask 002: /etc/pam.d/cron has another "
                     "pam_umask behind ours")

    def test_another_umask_before_ours_does_no_harm(self, server):
        self.put(server, "session optional pam_umask.so\n@include common-session\n")
        assert bring(server, WayIn("cron", "cron"))[0] == OK

    def test_half_of_our_lines_is_not_enough(self, server):
        self.put(server, common=PLAIN + OURS.rsplit("session", 1)[0])
        assert "lack the environment" in bring(server, WayIn("cron", "cron"))[1]

    def test_lines_that_are_commented_out_do_not_count(self, server):
        self.put(server, common=PLAIN + "#" + OURS.replace("\nsession", "\n#session"))
        assert bring(server, WayIn("cron", "cron"))[0] == BLOCKED

    def test_a_way_that_is_not_installed_is_skipped(self, server):
        assert bring(server, WayIn("atd", "at")) == (SKIPPED, "PAM has no file for at here")

    def test_sshd_without_pam_is_named(self, server):
        self.put(server)
        way = WayIn("cron", "ssh", SaidBySshd(usepam="no"))
        assert "sshd does not use PAM" in bring(server, way)[1]


class TestPamProfile:
    """Why our lines are missing decides who must act: pam-auth-update's own rule."""

    BEFORE = """\
# here are the per-package modules (the "Primary" block)
{0}\t[success=1 default=ignore]\tpam_unix.so nullok
# here's the fallback if no module succeeds
{0}\trequisite\tpam_deny.so
# and here are more per-package modules (the "Additional" block)
"""
    SAVED = "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n"
    AFTER = "# end of pam-auth-update config\n"

    @pytest.fixture(autouse=True)
    def installed(self, server):
        server.write(pam.PROFILE, "Name: ours\n")
        for name in pam_update.TYPES:
            server.write("/var/lib/pam/" + name, self.SAVED)
            server.write("/etc/pam.d/common-" + name,
                         self.BEFORE.format(name.split("-")[0]) + self.AFTER)

    def add(self, server, *names):
        for name in names:
            server.replace("/etc/pam.d/common-" + name, self.AFTER, OURS + self.AFTER)
            server.append("/var/lib/pam/" + name, "Module: aica-datakeeper\n"
                          + OURS.replace("session\t", ""))
        server.write(pam.KNOWN, "aica-datakeeper\nunix\n")

    def judge(self, server):
        return outcome_of(server, PamProfile("aica-datakeeper"))

    def test_one_that_is_everywhere_is_right(self, server):
        self.add(server, "session", "session-noninteractive")
        assert self.judge(server).status == OK

    def test_one_that_was_never_added_is_planned(self, server):
        assert self.judge(server).status == PLANNED

    def test_one_that_is_gone_from_one_file_only_is_planned(self, server):
        self.add(server, "session", "session-noninteractive")
        server.replace("/etc/pam.d/common-session", OURS, "")
        assert self.judge(server).status == PLANNED

    def test_a_disabled_profile_is_for_a_human(self, server):
        server.write(pam.KNOWN, "aica-datakeeper\nunix\n")
        outcome = self.judge(server)
        assert outcome.status == BLOCKED and "disabled" in outcome.message
        assert outcome.hint == "pam-auth-update --enable aica-datakeeper"

    @pytest.mark.parametrize("name", pam_update.TYPES)
    @pytest.mark.parametrize("before, after", [
        (AFTER, "session required pam_mine.so\n" + AFTER), ("(the", "(The"),
        ("# here's the fallback", "# my fallback"), (AFTER, AFTER[1:])])
    def test_a_file_that_was_edited_is_for_a_human(self, server, name, before, after):
        server.replace("/etc/pam.d/common-" + name, before, after)
        edited = "# end" not in before or "mine" in after
        outcome = self.judge(server)
        assert outcome.status == (BLOCKED if edited else PLANNED)
        if edited:
            assert "/etc/pam.d/common-{} was edited by hand".format(name) in outcome.message
            assert "--force" in outcome.hint

    def test_an_option_that_was_added_or_a_line_outside_is_no_edit(self, server):
        server.replace("/etc/pam.d/common-auth", "nullok", "nullok remember=5")
        server.append("/etc/pam.d/common-auth", "auth required pam_mine.so\n")
        assert self.judge(server).status == PLANNED


class TestOwnUmask:
    """Lines of people's own are judged where they can be read, and never run."""

    def judge(self, server, gecos=""):
        return bring(server, OwnUmask("kim", "/data/users/kim", 2001, gecos))

    @pytest.mark.parametrize("line, umask", [
        ("umask 022", "022"), ("  umask 077  # private", "077"), ("umask 0027; ls", "0027"),
        ("if true; then umask 022; fi", "022"), ("true && umask 22", "22"),
        ("umask u=rwx,g=,o=", "u=rwx,g=,o="),
        ("umask 002\numask 022", "022"), ("umask 022\r", "022")])
    def test_another_umask_is_named_with_its_line(self, server, line, umask):
        server.write("/data/users/kim/.bashrc", "# mine\n" + line + "\n", uid=2001)
        status, message = self.judge(server)
        assert status == BLOCKED and "says umask {}:".format(umask) in message
        assert "/data/users/kim/.bashrc:" in message

    @pytest.mark.parametrize("line", [
        "umask 002", "umask 2", "umask 0002", "#umask 022", "umask", "umask -S", "echo umask 022",
        "umask $mask", "umask 022\numask 002", "myumask 022", "umask 0222222",
        "umask u=rwx,g=rwx,o=rx"])
    def test_what_changes_nothing_is_right(self, server, line):
        server.write("/data/users/kim/.bashrc", line + "\n", uid=2001)
        assert self.judge(server)[0] == OK

    def test_the_comment_of_the_account_counts(self, server):
        assert self.judge(server, "Kim,,,,umask=022")[0] == BLOCKED
        assert self.judge(server, "Kim,,,,umask=002")[0] == OK

    def test_a_file_that_is_not_theirs_or_no_file_is_not_read(self, server):
        path = "/data/users/kim/.profile"
        server.write(path, "umask 022\n", uid=2002)
        assert self.judge(server)[0] == OK
        server.remove(path)
        server.write("/etc/secret", "umask 022\n", 0o600)
        server.link(path, "/etc/secret")
        assert self.judge(server)[0] == OK
        server.remove(path)
        os.mkfifo(server.path(path))
        assert self.judge(server)[0] == OK

    def test_files_of_the_system_that_come_after_ours_are_read(self, server):
        mine = SystemUmask("global_envs.sh")
        server.write("/etc/profile.d/a.sh", "umask 027\n")
        assert bring(server, mine)[0] == OK
        server.write("/etc/profile.d/z.sh", "umask 027\n")
        assert "/etc/profile.d/z.sh:1 says umask 027" in bring(server, mine)[1]


class SaidBySshd(SshServer):
    """An sshd whose -T says this."""

    def __init__(self, **said):
        super().__init__()
        self.said = said

    def _ask(self, host, user):
        return self.said


KIM = Passwd("kim", 2001, 2001, "", "/home/kim", "/bin/bash")


class TestSshLogin:
    """sshd's rule; the real sshd is the judge of it in tests/system/test_ways_in.py."""

    KEYS = "/data/users/kim/.ssh/authorized_keys"

    @pytest.fixture(autouse=True)
    def keys(self, whole):
        whole.folder("/data/users/kim/.ssh", 0o700, 2001, 2001)
        whole.write(self.KEYS, "ssh-ed25519 AAAA\n", 0o600, 2001, 2001)
        return whole

    def judge(self, whole, **said):
        return outcome_of(whole, SshLogin(KIM, "/data/users/kim", SaidBySshd(**said)))

    def test_tight_modes_are_taken(self, whole):
        assert self.judge(whole)[:2] == ("ssh-login:kim", OK)

    def test_no_key_file_is_nothing_to_refuse(self, whole):
        whole.remove(self.KEYS)
        assert self.judge(whole).status == OK

    @pytest.mark.parametrize("path, mode, hint", [
        (KEYS, 0o660, "chmod go-w " + KEYS), (KEYS, 0o602, "chmod go-w " + KEYS),
        ("/data/users/kim/.ssh", 0o777, "chmod go-w /data/users/kim/.ssh")])
    def test_what_others_may_write_is_refused(self, whole, path, mode, hint):
        os.chmod(whole.path(path), mode)
        outcome = self.judge(whole)
        assert (outcome.status, outcome.hint) == (BLOCKED, hint)
        assert "sshd refuses the keys of kim: " + path in outcome.message

    def test_a_home_that_recover_will_tighten_is_drift(self, whole):
        os.chmod(whole.path("/data/users/kim"), 0o770)
        assert self.judge(whole).status == PLANNED

    def test_a_group_may_write_on_debian_if_the_user_is_alone_in_it(self, whole):
        os.chmod(whole.path(self.KEYS), 0o660)
        whole.write("/etc/debian_version", "12\n")
        assert self.judge(whole).status == OK
        whole.replace("/etc/group", "kim:x:2001:", "kim:x:2001:lee")
        assert self.judge(whole).status == BLOCKED

    def test_keys_of_roots_that_are_closed_to_the_user_are_refused(self, whole):
        os.chown(whole.path(self.KEYS), 0, 0)
        outcome = self.judge(whole)
        assert outcome.status == BLOCKED and "closed to kim" in outcome.message
        os.chmod(whole.path(self.KEYS), 0o644)
        assert self.judge(whole).status == OK

    def test_a_strangers_key_file_is_refused(self, whole):
        os.chown(whole.path(self.KEYS), 2002, 2002)
        os.chmod(whole.path(self.KEYS), 0o644)
        assert "look whose it is" in self.judge(whole).hint

    def test_a_link_leads_where_sshd_would_go(self, whole):
        whole.remove(self.KEYS)
        whole.folder("/srv", 0o755)
        whole.folder("/srv/keys", 0o777)
        whole.write("/srv/keys/kim", "ssh-ed25519 AAAA\n", 0o644, 2001)
        whole.link(self.KEYS, "/srv/keys/kim")
        assert "/srv/keys belongs to uid 0 with mode 0777" in self.judge(whole).message
        os.chmod(whole.path("/srv/keys"), 0o755)
        assert self.judge(whole).status == OK

    def test_links_in_a_circle_end(self, whole):
        whole.remove(self.KEYS)
        whole.link(self.KEYS, self.KEYS)
        assert self.judge(whole).status in (OK, BLOCKED)

    def test_what_lies_above_the_home_does_not_count(self, whole):
        os.chmod(whole.path("/data/users"), 0o777)
        assert self.judge(whole).status == OK

    def test_the_key_file_is_the_one_that_sshd_names(self, whole):
        os.chmod(whole.path(self.KEYS), 0o666)
        assert self.judge(whole, authorizedkeysfile="/etc/keys/%u").status == OK
        assert self.judge(whole, authorizedkeysfile="%h/.ssh/authorized_keys").status == BLOCKED

    def test_a_file_called_none_is_no_key_file_if_sshd_says_none(self, whole):
        whole.write("/data/users/kim/none", "", 0o666, 2001, 2001)
        assert self.judge(whole, authorizedkeysfile="none").status == OK
        assert self.judge(whole, authorizedkeysfile="none none2").status == OK

    def test_without_strict_modes_there_is_nothing_to_say(self, whole):
        os.chmod(whole.path(self.KEYS), 0o666)
        assert self.judge(whole, strictmodes="no").status == SKIPPED

    def test_what_sshd_says_is_read_from_its_own_words(self, whole, fake_run):
        run = fake_run(sshd=Result(0, "usepam no\nstrictmodes yes\nauthorizedkeysfile a b\n", ""))
        host = whole.host(run)
        type(host).live, before = True, type(host).live
        try:
            server = SshServer()
            assert server.settings(host, "kim")["authorizedkeysfile"] == "a b"
            assert not server.uses_pam(host)
            server.settings(host, "kim")
            assert len(run.calls) == 2
        finally:
            type(host).live = before
