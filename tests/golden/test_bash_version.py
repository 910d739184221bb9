"""Moving over from the bash version: what it leaves on a server, and what `aica setup` makes of it."""

import os

import golden
import pytest

SETUP = ("setup", "--allow-unmounted", "--group", "gpu-users")
GROUP = 2000


@pytest.fixture
def old(whole):
    """A server as the bash version leaves it: no records, everything open to the group."""
    whole.remove("/data/config")
    whole.folder("/data/config", 0o2775, 0, GROUP)
    whole.write("/data/config/users.txt", "# users\nkim:gpu-users\nlee:gpu-users\n", 0o664, 0,
                GROUP)
    for path in ("/data", "/data/users", "/data/apps", "/data/models", "/data/cache"):
        os.chown(whole.path(path), 0, GROUP)
        os.chmod(whole.path(path), 0o2775)
    for name in ("/etc/profile.d/global_envs.sh", "/etc/sudoers.d/aica-datakeeper"):
        whole.remove(name)
    return whole


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
