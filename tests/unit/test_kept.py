"""Which side is right: the system disk or the copy on /data."""

import os
import time

import pytest

from aica import site
from aica.errors import ConfigError
from aica.resources.host_key import HostKey, SshServer, fingerprint
from aica.resources.kept import FORGET, NOTHING, RECORD, RESTORE, decide, digest_of
from aica.settings import Settings, with_site

DECISIONS = [
    # live, kept, seen -> what, and what if it is a thing that people may remove
    (None, None, None, NOTHING, NOTHING),
    ("a", "a", None, NOTHING, NOTHING),
    ("a", "a", "b", NOTHING, NOTHING),
    ("image", "a", None, RESTORE, RESTORE),    # a fresh image teaches nothing
    (None, "a", None, RESTORE, RESTORE),
    ("new", None, None, RECORD, RECORD),       # the first time
    ("new", "a", "a", RECORD, RECORD),         # changed on the running server
    ("a", "other", "a", RESTORE, RESTORE),     # an admin put another copy there
    (None, "a", "a", RESTORE, FORGET),         # removed on the running server
    (None, None, "a", NOTHING, NOTHING),
    ("a", None, "a", RECORD, RECORD),          # the copy was lost
]


@pytest.mark.parametrize("live, kept, seen, what, removable", DECISIONS)
def test_what_this_boot_has_seen_decides(live, kept, seen, what, removable):
    assert decide(live, kept, seen) == what
    assert decide(live, kept, seen, removable=True) == removable


def test_a_digest_tells_where_one_part_ends():
    assert digest_of((b"ab", b"c")) != digest_of((b"a", b"bc")) and digest_of(None) is None


def test_a_fingerprint_is_that_of_ssh_keygen():
    line = (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKUcnYbVd4E1SJ3N7/iBAbFrSTp0NIFSMgAcRTMBbY x\n")
    assert fingerprint(line).startswith("SHA256:") and len(fingerprint(line)) == 50
    assert fingerprint(b"") == fingerprint(b"no key") == ""


BAD_FILES = ["/etc/*.conf", "etc/hosts", "/opt/x", "/etc/../opt/x", "/etc/a/./b", "/etc", "/etc/",
             "/data/x", "/etc/shadow", "/etc/passwd", "/etc/group-", "/etc/sudoers",
             "/etc/ssh/ssh_host_rsa_key", site.environment.PROFILE, site.sudoers.SUDOERS,
             site.environment.MEMBER_GROUPS, site.environment.PAM_ENV, site.units.DROP_IN,
             "/etc/apparmor.d/tunables/home.d/aica-datakeeper",
             "/etc/aica/aica.conf"]


@pytest.mark.parametrize("path", BAD_FILES)
def test_only_whole_files_that_nothing_else_keeps_can_be_listed(path):
    with pytest.raises(ConfigError) as caught:
        with_site("[keep]\nfiles = /etc/hosts {}\n".format(path), Settings())
    assert "[keep] files" in str(caught.value) and path in str(caught.value)


def test_files_are_listed_on_one_line_or_on_many():
    found = with_site("[keep]\nfiles = /etc/hosts, /etc/x@1.conf\n  /usr/local/bin/tool\n",
                      Settings())
    assert found.keep_files == ("/etc/hosts", "/etc/x@1.conf", "/usr/local/bin/tool")


# -- on a tree ------------------------------------------------------------

KEY = "/etc/ssh/ssh_host_ed25519_key"
HOSTS = "/etc/hosts"
LISTED = "[site]\ngroup = gpu-users\n[storage]\nrequire_mount = no\n[keep]\nfiles = /etc/hosts\n"


def new_key(server, text, path=KEY):
    server.write(path, "private " + text, 0o600)
    server.write(path + ".pub", "ssh-ed25519 {} x\n".format(text))


def reboot(server, wiped=True):
    """A new boot: /run is empty."""
    if wiped:
        server.wipe()
    elif server.exists("/run/aica"):
        server.remove("/run/aica")


def recover(server, code=0):
    answer = server.cli("recover")
    assert answer.code == code, answer
    return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("aica.app.SETTLE_S", 0)


def record(server):
    answer = server.cli("record")
    assert answer.code == 0, answer
    return answer


def test_host_keys_survive_a_wipe_and_those_of_the_image_do_not(server):
    new_key(server, "AAAA")
    recover(server)
    reboot(server)
    new_key(server, "BBBB")
    new_key(server, "CCCC", "/etc/ssh/ssh_host_rsa_key")
    answer = recover(server)
    assert "host-key:" + KEY in answer.ids("changed")
    assert server.read(KEY) == "private AAAA" and server.stat(KEY) == (0o600, 0, 0)
    assert server.read(KEY + ".pub") == "ssh-ed25519 AAAA x\n"
    assert server.read("/data/config/ssh/ssh_host_rsa_key") == "private CCCC"
    assert server.stat("/data/config/ssh") == (0o700, 0, 0)
    assert not [path for path in server.tree() if "BBBB" in path]
    assert recover(server).ids("changed") == []


def test_a_key_that_was_replaced_in_this_boot_is_taken_over(server):
    new_key(server, "AAAA")
    recover(server)
    reboot(server)
    recover(server)
    new_key(server, "NEW")
    assert "host-key:" + KEY in record(server).ids("changed")
    assert server.read(KEY) == "private NEW"
    reboot(server)
    recover(server)
    assert server.read(KEY) == "private NEW"


def test_record_restores_nothing_and_learns_nothing_from_a_fresh_image(server):
    new_key(server, "AAAA")
    recover(server)
    reboot(server)
    new_key(server, "BBBB")
    record(server)
    assert server.read(KEY) == "private BBBB"
    assert server.read("/data/config/ssh/ssh_host_ed25519_key") == "private AAAA"


def test_the_early_part_restores_keys_and_files_and_nothing_else(server):
    server.write("/data/config/aica.conf", LISTED)
    server.write(HOSTS, "127.0.0.1 team\n")
    new_key(server, "AAAA")
    recover(server)
    reboot(server)
    answer = server.cli("recover", "--early")
    assert answer.code == 0, answer
    assert server.read(HOSTS) == "127.0.0.1 team\n" and server.read(KEY) == "private AAAA"
    assert "kim" not in server.read("/etc/passwd")
    assert server.cli("recover", "--early").ids("changed") == []


def test_host_keys_are_left_alone_where_the_site_says_so(server):
    server.write("/data/config/aica.conf", LISTED + "[ssh]\nkeep_host_keys = no\n")
    new_key(server, "AAAA")
    recover(server)
    assert not server.exists("/data/config/ssh")


def test_no_key_is_ever_shown(server):
    new_key(server, "AAAA")
    shown = repr(server.cli("recover", "--json")) + repr(server.cli("check", "-v"))
    reboot(server)
    new_key(server, "BBBB")
    shown += repr(server.cli("check", "-v", "--json")) + repr(recover(server))
    assert "private" not in shown + server.read("/var/log/aica-recovery.log")


def test_sshd_is_told_once_and_only_if_it_runs(fake_run):
    keys = [HostKey("/etc/ssh/" + name, "/data/config/ssh/" + name) for name in "ab"]
    sshd = SshServer(keys)

    class Live:
        live = True
        run = fake_run(systemctl=lambda argv: 0 if "ssh.service" in argv else 3)

        def query(self, argv, **more):
            return self.run(argv)
        execute = query
    host = Live()
    assert sshd.plan(sshd.inspect(host)) == ()
    for key in keys:
        key.restored = True
    changes = sshd.plan(sshd.inspect(host))
    sshd.apply(host, changes)
    assert sshd.plan(sshd.inspect(host)) == ()
    reloads = [call for call in host.run.calls if "reload" in call]
    assert reloads == [("systemctl", "--no-block", "reload", "ssh.service")]


class TestKeptFiles:
    """[keep] files: three versions, and which one counts."""

    @pytest.fixture
    def server(self, server):
        server.write("/data/config/aica.conf", LISTED)
        server.write(HOSTS, "ours\n", 0o640)
        recover(server)
        return server

    def wiped(self, server, image):
        reboot(server)
        if image is not None:
            server.write(HOSTS, image)
        return server

    def test_come_back_with_their_mode_over_what_the_image_always_had(self, server):
        for image in ("old\n", "old\n", "ours\n", "old\n"):
            recover(self.wiped(server, image))
            assert server.read(HOSTS) == "ours\n"
        assert server.stat(HOSTS) == (0o640, 0, 0)
        assert server.read("/data/config/keep/image/etc/hosts") == "old\n"

    def test_come_back_where_the_image_has_none(self, server):
        for _ in range(2):
            recover(self.wiped(server, None))
            assert server.read(HOSTS) == "ours\n"

    @pytest.mark.parametrize("before", ["old\n", None])
    def test_a_newer_version_of_the_images_own_blocks(self, server, before):
        recover(self.wiped(server, before))
        answer = recover(self.wiped(server, "newer\n"), code=4)
        assert answer.ids("blocked") == ["kept-file:" + HOSTS]
        assert server.read(HOSTS) == "newer\n"
        assert server.read("/data/config/keep/kept/etc/hosts") == "ours\n"
        record(server)
        assert server.read("/data/config/keep/kept/etc/hosts") == "ours\n"

    def test_another_copy_that_an_admin_puts_there_is_no_newer_image(self, server):
        recover(self.wiped(server, "old\n"))
        server.write("/data/config/keep/kept/etc/hosts", "theirs\n")
        recover(server)
        assert server.read(HOSTS) == "theirs\n"

    def test_the_difference_is_shown_only_of_what_everybody_may_read(self, server):
        recover(self.wiped(server, "old\n"))
        assert "+ours" not in repr(recover(self.wiped(server, "newer\n"), code=4))
        server.write("/data/config/keep/kept/etc/hosts", "ours\n", 0o644)
        answer = recover(server, code=4)
        assert "+ours" in answer.out.replace("\\x0a", "\n")
        assert "ours" not in server.read("/run/aica/status.json")

    def test_a_human_may_take_ours(self, server):
        recover(self.wiped(server, "old\n"))
        recover(self.wiped(server, "newer\n"), code=4)
        server.write("/data/config/keep/image/etc/hosts", "newer\n")
        for _ in range(2):
            recover(server)
            assert server.read(HOSTS) == "ours\n"
            self.wiped(server, "newer\n")

    def test_a_human_may_take_the_images(self, server):
        recover(self.wiped(server, "old\n"))
        recover(self.wiped(server, "newer\n"), code=4)
        server.write("/data/config/keep/kept/etc/hosts", "newer\n")
        recover(server)
        recover(self.wiped(server, "newer\n"))
        assert server.read(HOSTS) == "newer\n"

    def test_the_image_is_followed_where_we_never_changed_anything(self, server):
        recover(self.wiped(server, "old\n"))
        server.write(HOSTS, "old\n")   # the admin goes back to the image's own
        record(server)
        recover(self.wiped(server, "newer\n"))
        assert server.read(HOSTS) == "newer\n"
        recover(self.wiped(server, "newest\n"))
        assert server.read(HOSTS) == "newest\n"

    def test_a_change_on_the_running_server_is_recorded_and_the_old_one_stays_beside(self, server):
        recover(self.wiped(server, "old\n"))
        server.write(HOSTS, "ours, better\n", 0o644)
        record(server)
        assert server.read("/data/config/keep/kept/etc/hosts-") == "ours\n"
        recover(self.wiped(server, "old\n"))
        assert server.read(HOSTS) == "ours, better\n" and server.stat(HOSTS) == (0o644, 0, 0)

    def test_a_file_that_is_removed_comes_back(self, server):
        server.remove(HOSTS)
        assert server.cli("check").code == 3
        recover(server)
        assert server.read(HOSTS) == "ours\n"

    @pytest.mark.parametrize("uid, mode", [(2001, 0o644), (0, 0o664), (0, 0o4755)])
    def test_what_is_not_roots_alone_is_not_kept(self, server, uid, mode):
        server.write(HOSTS, "theirs\n", mode, uid, uid)
        assert recover(server, code=4).ids("blocked") == ["kept-file:" + HOSTS]
        assert server.read("/data/config/keep/kept/etc/hosts") == "ours\n"

    def test_no_link_is_followed(self, server):
        server.remove(HOSTS)
        server.link(HOSTS, "/etc/shadow")
        assert recover(server, code=4).ids("blocked") == ["kept-file:" + HOSTS]

    def test_copies_are_for_root_alone(self, server):
        assert server.stat("/data/config/keep") == (0o700, 0, 0)

    def test_a_kill_between_image_and_file_is_completed(self, server, monkeypatch):
        self.wiped(server, "old\n")
        from aica.host import Host
        real = Host.write_file

        def fail(self, path, *rest, **more):
            if path == HOSTS:
                raise OSError(28, "No space left on device")
            return real(self, path, *rest, **more)
        with monkeypatch.context() as patch:
            patch.setattr(Host, "write_file", fail)
            recover(server, code=1)
        recover(server)
        assert server.read(HOSTS) == "ours\n"


class TestJobs:
    """Crontabs and lingering of registered users."""

    SPOOL = "/var/spool/cron/crontabs"
    HEAD = ("# DO NOT EDIT THIS FILE - edit the master and reinstall.\n"
            "# (- installed on Tue Nov 24 20:00:00 2026)\n"
            "# (Cron version -- $Id: crontab.c,v 2.13 1994/01/17 03:20:37 vixie Exp $)\n")

    @pytest.fixture
    def server(self, server):
        recover(server)
        server.write(self.SPOOL + "/kim", self.HEAD + "@daily work\n", 0o600, 2001, 105)
        server.write("/var/lib/systemd/linger/kim", "")
        return server

    def test_are_recorded_without_crontabs_own_header(self, server):
        assert set(record(server).ids("changed")) >= {"crontab:kim", "linger:kim"}
        assert server.read("/data/config/jobs/kim.crontab") == "@daily work\n"
        assert server.stat("/data/config/jobs/kim.crontab") == (0o600, 0, 0)
        assert server.stat("/data/config/jobs") == (0o700, 0, 0)

    def test_a_crontab_that_is_not_the_users_own_is_not_recorded(self, server):
        server.write(self.SPOOL + "/kim", "@daily evil\n", 0o600, 2002, 105)
        assert set(server.cli("record").ids("blocked")) == {"crontab:kim"}
        assert not server.exists("/data/config/jobs/kim.crontab")

    def test_nothing_of_people_who_are_not_registered_is_recorded(self, server):
        server.write(self.SPOOL + "/guest", "@daily x\n", 0o600, 1900, 105)
        record(server)
        assert not server.exists("/data/config/jobs/guest.crontab")

    def test_lingering_survives_a_wipe(self, server):
        record(server)
        reboot(server)
        assert "linger:kim" in recover(server).ids("changed")
        assert server.stat("/var/lib/systemd/linger/kim") == (0o644, 0, 0)

    def test_what_the_user_removes_is_forgotten(self, server):
        record(server)
        server.remove(self.SPOOL + "/kim")
        server.remove("/var/lib/systemd/linger/kim")
        record(server)
        assert not server.exists("/data/config/jobs/kim.crontab")
        assert server.read("/data/config/jobs/kim.crontab-") == "@daily work\n"
        reboot(server)
        recover(server)
        assert not server.exists("/var/lib/systemd/linger/kim")

    def test_a_fresh_image_without_crontabs_forgets_nothing(self, server):
        record(server)
        reboot(server)
        assert "crontab:kim" in recover(server).ids("skipped")
        record(server)
        assert server.read("/data/config/jobs/kim.crontab") == "@daily work\n"

    def test_a_spool_behind_a_link_blocks_its_jobs_and_nothing_else(self, server):
        record(server)
        reboot(server)
        server.link("/var/spool", "/srv/spool")
        answer = recover(server, code=4)
        assert answer.ids("blocked") == ["crontab:kim"]


class TestAtJobs:
    """Jobs of at(1): like crontabs, but each has its time."""

    SPOOL = "/var/spool/cron/atjobs"
    NUMBER, SCRIPT = "a0000c", "#!/bin/sh\n# atrun uid=2001 gid=2001\n# mail kim 0\ntrue\n"

    def job(self, seconds, number=NUMBER):
        return "{}{:08x}".format(number, int(time.time() + seconds) // 60)

    @pytest.fixture
    def server(self, server):
        recover(server)
        server.write(self.SPOOL + "/.SEQ", "0000c\n", 0o600, 1, 1)
        os.chown(server.path(self.SPOOL), 1, 1)
        os.chmod(server.path(self.SPOOL), 0o1770)
        return server

    def submit(self, server, seconds=3600, uid=2001, gid=2001):
        job = self.job(seconds)
        server.write("{}/{}".format(self.SPOOL, job), self.SCRIPT, 0o700, uid, gid)
        return job

    def fresh_spool(self, server):
        reboot(server)
        server.write(self.SPOOL + "/.SEQ", "00000\n", 0o600, 1, 1)
        os.chown(server.path(self.SPOOL), 1, 1)
        os.chmod(server.path(self.SPOOL), 0o1770)

    @pytest.mark.parametrize("gid", [1, 2001])
    def test_survive_a_wipe_with_owner_mode_and_a_number_of_their_own(self, server, gid):
        job = self.submit(server, gid=gid)
        assert "at-job:kim." + job in record(server).ids("changed")
        assert server.stat("/data/config/jobs/kim.at." + job) == (0o600, 0, 0)
        self.fresh_spool(server)
        assert "at-job:kim." + job in recover(server).ids("changed")
        assert server.read("{}/{}".format(self.SPOOL, job)) == self.SCRIPT
        assert server.stat("{}/{}".format(self.SPOOL, job)) == (0o700, 2001, gid)
        assert server.read(self.SPOOL + "/.SEQ") == "0000c\n"
        assert server.stat(self.SPOOL + "/.SEQ") == (0o600, 1, 1)
        assert server.stat(self.SPOOL) == (0o1770, 1, 1)
        assert recover(server).ids("changed") == []

    def test_whose_time_has_passed_do_not_all_start_at_once(self, server, monkeypatch):
        job = self.submit(server)
        record(server)
        self.fresh_spool(server)
        late = time.time() + 7200
        with monkeypatch.context() as patch:
            patch.setattr("aica.resources.jobs.time.time", lambda: late)
            answer = recover(server)
            assert "at-job:kim." + job in answer.ids("skipped")
            assert "not run" in answer.out and "su - kim -c sh < /data/config/jobs/kim" in answer.out
            record(server)
        assert not server.exists("{}/{}".format(self.SPOOL, job))
        assert server.exists("/data/config/jobs/kim.at." + job)

    def test_which_have_run_or_were_removed_are_forgotten(self, server):
        job = self.submit(server)
        record(server)
        server.remove("{}/{}".format(self.SPOOL, job))
        assert "at-job:kim." + job in record(server).ids("changed")
        assert not [name for name in server.host().names("/data/config/jobs") if ".at." in name]
        self.fresh_spool(server)
        recover(server)
        assert not server.exists("{}/{}".format(self.SPOOL, job))

    def test_another_job_under_the_same_name_is_not_written_over(self, server):
        job = self.submit(server)
        record(server)
        self.fresh_spool(server)
        path = "{}/{}".format(self.SPOOL, job)
        server.write(path, self.SCRIPT + "new\n", 0o700, 2001, 2001)
        assert recover(server, code=4).ids("blocked") == ["at-job:kim." + job]
        assert server.read(path) == self.SCRIPT + "new\n"

    def test_of_others_are_not_recorded(self, server):
        self.submit(server, uid=1900)
        assert not [name for name in record(server).ids("changed") if name.startswith("at-job")]

    def test_with_a_group_that_is_not_the_users_own_are_not_recorded(self, server):
        job = self.submit(server, gid=0)
        answer = server.cli("record")
        assert set(answer.ids("blocked")) == {"at-job:kim." + job}

    def test_a_copy_that_is_not_roots_alone_is_not_restored(self, server):
        job = self.submit(server)
        record(server)
        self.fresh_spool(server)
        os.chmod(server.path("/data/config/jobs/kim.at." + job), 0o666)
        assert recover(server, code=4).ids("blocked") == ["at-job:kim." + job]
        assert not server.exists("{}/{}".format(self.SPOOL, job))

    def test_a_copy_that_is_none_is_not_restored(self, server):
        job = self.submit(server)
        record(server)
        self.fresh_spool(server)
        server.write("/data/config/jobs/kim.at." + job, self.SCRIPT, 0o600)
        assert recover(server, code=4).ids("blocked") == ["at-job:kim." + job]

    def test_a_link_in_the_spool_is_not_followed(self, server):
        server.write("/victim", "safe", 0o600)
        job = self.job(3600)
        os.symlink(server.path("/victim"), server.path("{}/{}".format(self.SPOOL, job)))
        os.chown(server.path("{}/{}".format(self.SPOOL, job)), 2001, 2001, follow_symlinks=False)
        assert set(server.cli("record").ids("blocked")) == {"at-job:kim." + job}
        assert server.read("/victim") == "safe"

    def test_without_at_are_skipped(self, server):
        job = self.submit(server)
        record(server)
        reboot(server)
        assert "at-job:kim." + job in recover(server).ids("skipped")
