"""Moving over from the bash version: what it leaves on a server, and what `aica setup` makes of it."""

import os

import golden
import old_server
import pytest

from aica.app import App
from aica.bash_version import taking_over
from aica.errors import ConfigError
from aica.provision import Setup

SETUP = ("setup", "--allow-unmounted", "--group", "gpu-users")
GROUP = 2000


@pytest.fixture
def old(whole):
    """A server as the bash version leaves it: no records, everything open to the group."""
    whole.remove("/data/config")
    for path, (text, mode) in list(old_server.FILES.items()) + list(old_server.ON_DATA.items()):
        whole.write(path, text, mode)
    for path in old_server.OPEN:
        os.chown(whole.path(path), 0, GROUP)
        os.chmod(whole.path(path), 0o2775)
    os.chown(whole.path("/data/config/users.txt"), 0, GROUP)
    whole.write("/lib/systemd/system/aica-recovery.service", "[Service]\nExecStart=/bin/true\n")
    os.makedirs(whole.path("/etc/systemd/system/multi-user.target.wants"), exist_ok=True)
    whole.link("/etc/systemd/system/multi-user.target.wants/aica-recovery.service",
               old_server.UNIT_PATH)
    return whole


def users_data(server):
    return {path: entry for path, entry in server.tree(times=True).items()
            if path.startswith(("/data/users/", "/data/models/", "/data/scripts",
                                "/data/AICADataKeeper"))}


def test_a_server_that_was_never_set_up_is_not_ready_whatever_its_modes(old):
    for verb in ("check", "recover"):
        answer = old.cli(verb)
        assert answer.code == 5 and "aica setup" in answer.err, answer


def test_the_plan_is_whole_before_the_folders_are_repaired(old):
    before = old.tree(times=True)
    plan = old.cli(*SETUP, "--dry-run")
    assert plan.code == 0, plan
    planned = plan.ids("planned")
    for wanted in ("directory:/data", "directory:/data/config", "file:/data/config/users.txt",
                   "file:/data/config/aica.conf", "vault:/data/config/accounts",
                   "directory:/data/apps", "file:/etc/profile.d/global_envs.sh"):
        assert wanted in planned, wanted
    assert "read it before you agree: kim:gpu-users, lee:gpu-users" in plan.out
    assert old.tree(times=True) == before


def test_what_is_planned_is_what_is_done(old):
    planned = old.cli(*SETUP, "--dry-run").ids("planned")
    done = old.cli(*SETUP, "--yes")
    assert done.code == 0, done
    assert sorted(set(done.ids("changed"))) == sorted(set(planned))
    again = old.cli(*SETUP, "--yes")
    assert again.code == 0 and golden.drift(again) == [], again
    assert golden.drift(old.cli("check")) == []


def test_what_was_a_way_to_root_is_moved_aside_and_kept(old):
    assert old.cli(*SETUP, "--yes").code == 0
    for path, (text, _) in old_server.FILES.items():
        assert old.read(old_server.aside(path)) == text
        assert not old.exists(path) or old.read(path) != text
    assert "/data" not in old.read("/etc/sudoers.d/aica-datakeeper").replace("df -h /data", "")
    link = "/etc/systemd/system/multi-user.target.wants/aica-recovery.service"
    assert os.readlink(old.path(link)) == "/lib/systemd/system/aica-recovery.service"
    assert old.read(old_server.aside("/data/config/global_env.sh")) == old_server.GLOBAL_ENV


def test_the_plan_says_what_is_taken_over_and_what_stays(old):
    plan = old.cli(*SETUP, "--dry-run")
    text = plan.out + plan.err
    for words in (
            "file:/etc/profile.d/global_envs.sh  of the bash version: moved aside, new file",
            "sudoers:/etc/sudoers.d/aica-datakeeper  of the bash version: moved aside, new file",
            "unit:aica-recovery.service  of the bash version: moved aside; ours enabled for",
            "old-jobs:/etc/cron.hourly  of the bash version, moved aside: aica-disk-alert",
            "old-jobs:/etc/cron.d  of the bash version, moved aside: aica-disk",
            "left as it is: /data/scripts, /data/AICADataKeeper",
            "global_env.sh also sets TEAM_BUCKET: what the site needs of it goes into"):
        assert words in text, words
    assert "root-hole:/data" in plan.ids("ok")


def test_nothing_of_the_users_is_touched(old):
    old.write("/data/users/kim/thesis.tex", "years", 0o640, 2001, GROUP)
    old.write("/data/models/torch/weights", "w", 0o664, 2002, GROUP)
    before = users_data(old)
    assert old.cli(*SETUP, "--yes").code == 0
    after = users_data(old)
    assert {path for path in before if before[path] != after.get(path)} <= {"/data/models/torch"}


def test_ids_of_all_accounts_are_recorded_and_come_back(old):
    assert old.cli(*SETUP, "--yes").code == 0
    old.wipe()
    assert old.cli("recover").code == 0
    present = old.host().accounts()
    assert (present.passwd["kim"].uid, present.passwd["lee"].uid) == (2001, 2002)
    assert "park" not in present.passwd  # never registered, and said so


def test_who_is_not_registered_is_named_and_its_ids_are_kept(old):
    answer = old.cli(*SETUP, "--yes")
    assert "park has an account and a home and is not registered" in answer.err
    assert "aica user register park gpu-users" in answer.err
    assert ":2003:" in old.read("/data/config/accounts/passwd")
    assert old.cli("user", "register", "park", "gpu-users").code == 0


@pytest.mark.parametrize("path, text, kind", [
    ("/etc/profile.d/global_envs.sh", "export EDITOR=vi\n", "file"),
    ("/etc/sudoers.d/aica-datakeeper", "kim ALL=(ALL) ALL\n", "sudoers")])
def test_a_file_of_somebody_else_in_its_place_is_never_moved(old, path, text, kind):
    old.write(path, text, 0o440)
    answer = old.cli(*SETUP, "--yes")
    assert answer.code == 4 and kind + ":" + path in answer.ids("blocked")
    assert old.read(path) == text and not old.exists(old_server.aside(path))


@pytest.mark.parametrize("path, text, command", [
    ("/var/spool/cron/crontabs/root", old_server.ROOTS_CRONTAB, "/data/scripts/ops-disk-alert.sh"),
    ("/etc/sudoers.d/mine", "kim ALL=(root) NOPASSWD: /data/scripts/own\n", "/data/scripts/own"),
    ("/etc/cron.d/mine", "5 4 * * * root bash /data/scripts/own\n", "/data/scripts/own"),
    ("/etc/systemd/system/mine.service", "[Service]\nExecStart=-/bin/bash /data/code/run.sh\n",
     "/data/code/run.sh"),
    ("/etc/systemd/system/x.service.d/y.conf", "[Service]\nExecStartPre=/data/code/pre\n",
     "/data/code/pre"),
    ("/etc/profile.d/mine.sh", "[ -f x ] && . /data/code/env.sh\n", "/data/code/env.sh"),
    ("/etc/profile.d/mine.sh", ". '/data/code/env.sh'\n", "/data/code/env.sh"),
    ("/etc/cron.daily/mine", "#!/bin/sh\n/data/code/nightly\nrsync /data/users /backup\n",
     "/data/code/nightly")])
def test_what_else_leads_root_to_data_is_named_and_left(old, path, text, command):
    old.write(path, text)
    answer = old.cli(*SETUP, "--yes")
    assert answer.code == 4 and answer.ids("blocked") == ["root-hole:/data"], answer
    assert "{} runs {}: ".format(path, command) in answer.out
    assert old.read(path) == text
    assert "root-hole:/data" in old.cli("check").ids("blocked")


@pytest.mark.parametrize("path, text", [
    ("/etc/systemd/system/kims.service", "[Service]\nUser=kim\nExecStart=/data/code/run.sh\n"),
    ("/etc/cron.d/kims", "5 4 * * * kim /data/code/run.sh\n"),
    ("/etc/sudoers.d/mine", "kim ALL=(root) /usr/bin/du -sh /data/users, /usr/bin/ls /data/code\n"),
    ("/etc/cron.daily/mine", "#!/bin/sh\n# /data/code/old\nrsync -a /data/users/ /backup\n"),
    ("/etc/sudoers.d/mine.old", "kim ALL=(root) NOPASSWD: /data/scripts/own\n")])
def test_what_is_no_way_to_root_is_not_called_one(whole, path, text):
    whole.write(path, text)
    assert "root-hole:/data" in whole.cli("check").ids("ok")


def test_a_program_that_only_root_can_change_is_no_hole(whole):
    whole.folder("/data/admin", 0o755)
    whole.write("/data/admin/tool", "#!/bin/sh\n", 0o755)
    whole.write("/etc/cron.d/mine", "5 4 * * * root /data/admin/tool\n")
    assert "root-hole:/data" in whole.cli("check").ids("ok")
    os.chmod(whole.path("/data/admin"), 0o775)
    assert "root-hole:/data" in whole.cli("check").ids("blocked")


def test_recover_never_takes_over_and_says_who_does(old):
    assert old.cli(*SETUP, "--yes").code == 0
    for path in (old_server.PROFILE_PATH, old_server.SUDOERS_PATH, old_server.UNIT_PATH):
        old.write(path, *old_server.FILES[path])
    answer = old.cli("recover")
    assert answer.code == 4 and len(answer.ids("blocked")) == 3, answer
    assert answer.out.count("hint: aica setup") == 3
    assert old.cli(*SETUP, "--yes").code == 0
    assert old.read(old_server.aside(old_server.PROFILE_PATH, 2)) == old_server.PROFILE


@pytest.mark.parametrize("place", taking_over.REGISTRIES)
def test_a_registry_in_another_place_is_taken_over_and_shown(old, place):
    text = old.read("/data/config/users.txt")
    old.remove("/data/config/users.txt")
    old.write("/data/" + place, text, 0o664, 0, GROUP)
    plan = old.cli(*SETUP, "--dry-run")
    assert "is made from /data/" + place in plan.err and "kim:gpu-users, lee" in plan.err
    assert old.cli(*SETUP, "--yes").code == 0
    assert old.read("/data/config/users.txt") == text
    assert old.stat("/data/config/users.txt") == (0o644, 0, 0)
    assert old.read("/data/" + place) == text


def test_a_registry_behind_a_link_is_not_taken_over(old):
    old.remove("/data/config/users.txt")
    old.write("/etc/list", "lee:gpu-users\n")
    old.folder("/data/system")
    old.folder("/data/system/config")
    old.link("/data/system/config/users.txt", "/etc/list")
    assert old.cli(*SETUP, "--yes").code == 0
    assert "lee" not in old.read("/data/config/users.txt")


def test_a_kill_between_moving_aside_and_writing_is_completed(old):
    path = old_server.SUDOERS_PATH
    os.rename(old.path(path), old.path(old_server.aside(path)))
    assert old.cli(*SETUP, "--yes").code == 0
    assert golden.drift(old.cli("check")) == []


def test_a_wrong_group_is_said_before_anything_is_changed(whole):
    os.chmod(whole.path("/data"), 0o2775)
    before = whole.tree(times=True)
    answer = whole.cli("setup", "--allow-unmounted", "--group", "other", "--yes")
    assert answer.code == 2 and "--group other: this site's group is gpu-users" in answer.err
    assert whole.tree(times=True) == before


def test_a_registry_of_a_server_that_is_set_up_is_not_taken_over(whole):
    os.chown(whole.path("/data/config/users.txt"), 2001, 2001)
    answer = whole.cli(*SETUP, "--yes")
    assert answer.code == 2 and "the registry cannot be trusted" in answer.err
    assert whole.stat("/data/config/users.txt")[1] == 2001


def test_a_registry_with_a_second_name_is_for_a_human(old):
    os.link(old.path("/data/config/users.txt"), old.path("/data/config/second"))
    answer = old.cli(*SETUP, "--yes")
    assert answer.code == 4 and answer.ids("blocked") == ["file:/data/config/users.txt"]
    assert old.stat("/data") == (0o2775, 0, GROUP)


def test_settings_that_a_member_planted_are_never_believed(old):
    old.write("/data/config/aica.conf", "[site]\ngroup = lab\n", 0o644, 2001, 2001)
    before = old.tree(times=True)
    answer = old.cli(*SETUP, "--yes")
    assert answer.code == 2 and "not root's alone" in answer.err
    assert old.tree(times=True) == before


def test_who_has_the_registry_open_cannot_write_to_it_afterwards(old):
    with open(old.path("/data/config/users.txt"), "ab") as members:
        assert old.cli(*SETUP, "--yes").code == 0
        members.write(b"mallory:gpu-users\n")
    assert old.read("/data/config/users.txt") == old_server.USERS


def test_names_that_come_after_the_plan_are_not_agreed_to(old):
    setup = Setup(App(old.root), "gpu-users", allow_unmounted=True)
    list(setup.run(dry_run=True))
    old.append("/data/config/users.txt", "park:gpu-users\n")
    with pytest.raises(ConfigError, match="was changed while its plan was shown"):
        list(setup.run())
    assert old.stat("/data") == (0o2775, 0, GROUP)
