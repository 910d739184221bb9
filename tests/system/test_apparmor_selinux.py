"""AppArmor's parser, and SELinux's own programs with Debian's policy, under our units.

The kernel here has neither. What stands in for SELinux's file system is a folder: enough for the
program to see SELinux, and for matchpathcon and semanage to work on the policy as they do
anywhere. That a policy allows what it should is not tested by it.
"""

import pytest

import team as people
from server import Server
from team import RECOVERY

PACKAGES = "apparmor,policycoreutils-python-utils,selinux-utils,selinux-policy-default"
TUNABLE = "/etc/apparmor.d/tunables/home.d/aica-datakeeper"
MAINTENANCE = "aica-maintenance.service"
LABEL = """\
import os, sys
for path in sys.argv[1:]:
    try:
        print(os.getxattr(path, "security.selinux", follow_symlinks=False).rstrip(b"\\0").decode())
    except OSError:
        print("none")
"""
SSH = "/data/users/kim/.ssh"


@pytest.fixture(scope="module")
def server(image, team):
    """The team's server with both, back from a wipe; SELinux is not on."""
    with Server(image.with_more(PACKAGES), "guards", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        yield one


def types(server, *paths):
    """Return the types of the labels of these paths."""
    said = server.run(["python3", "-c", LABEL] + list(paths)).out.split("\n")
    return [line.split(":")[2] if ":" in line else line for line in said if line]


def expected(server, *paths):
    """Return the types that the policy has for these paths."""
    said = server.run(["matchpathcon", "-n", "-m", "dir"] + list(paths)).out.split()
    return [line.split(":")[2] for line in said]


def test_apparmors_profiles_know_the_homes_after_the_boot(server):
    server.run("printf 'include <tunables/global>\nprofile t { owner @{HOME}/.x r, }\n' >/tmp/t")
    said = server.run("apparmor_parser --skip-kernel-load --dump variables /tmp/t 2>&1").out
    homes = [line for line in said.split("\n") if line.startswith("@HOMEDIRS")]
    assert len(homes) == 1 and '"/data/users/"' in homes[0] and '"/home/"' in homes[0]
    server.run("apparmor_parser --skip-kernel-load --skip-cache --quiet /tmp/t")


def test_where_selinux_is_not_on_nothing_is_said_of_it(server):
    assert server.failed_units() == []
    outcomes, _, code = people.outcomes(server, "check")
    assert code == 0 and not [name for name in outcomes if name.startswith(("label:", "selinux:"))]
    assert types(server, "/data/users", "/data/users/kim", SSH) == ["none"] * 3


@pytest.fixture(scope="module")
def confined(server):
    """The same with SELinux on, and a home whose keys are somewhere else."""
    server.run("mount -t tmpfs tmpfs /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce")
    server.run("mv /data/users/lee/.ssh /data/users/lee/keys; ln -s keys /data/users/lee/.ssh")
    return server


def test_the_recovery_labels_homes_and_keys(confined):
    confined.run(["systemctl", "restart", RECOVERY])
    assert types(confined, "/data/users", "/data/users/kim", SSH, SSH + "/authorized_keys",
                 "/data/users/kim/thesis.tex") == [
        "home_root_t", "user_home_dir_t", "ssh_home_t", "ssh_home_t", "none"]
    assert types(confined, "/data/users/lee", "/data/users/lee/keys") == ["user_home_dir_t", "none"]
    assert expected(confined, "/data/users/kim") == ["default_t"], "the rule takes too long here"


def test_a_check_names_the_rule_that_is_missing(confined):
    outcomes, _, code = people.outcomes(confined, "check")
    assert code == 3 and outcomes["selinux:/data/users"]["status"] == "planned"
    assert [name for name, one in outcomes.items() if one["status"] == "planned"] == [
        "selinux:/data/users"]


def test_the_nightly_run_makes_the_rule_that_restorecon_goes_by(confined):
    confined.run(["systemctl", "start", MAINTENANCE])
    assert confined.show(MAINTENANCE, "Result", "ExecMainStatus") == {
        "Result": "success", "ExecMainStatus": "0"}
    assert expected(confined, "/data/users", "/data/users/kim", SSH, SSH + "/authorized_keys") == [
        "home_root_t", "user_home_dir_t", "ssh_home_t", "ssh_home_t"]
    assert people.outcomes(confined, "check")[2] == 0
    assert "/data/users = /home" in confined.run(["semanage", "fcontext", "-l", "-C"]).out


def test_a_second_run_of_both_changes_nothing(confined):
    outcomes = people.outcomes(confined, "recover", "--deep")[0]
    assert [name for name, one in outcomes.items() if one["status"] != "ok"
            and name.startswith(("label:", "selinux:", "file:" + TUNABLE))] == []


def test_no_wipe_is_to_be_feared_for_what_semanage_wrote(confined):
    assert "/etc/selinux" not in confined.run(["aica", "volatile"], check=False).out
    confined.run("semanage fcontext -N -a -e /home /srv/others")
    assert "file_contexts.subs" in confined.run(["aica", "volatile"], check=False).out
    confined.run("semanage fcontext -N -d -e /home /srv/others")


def test_a_new_member_can_be_let_in(confined):
    confined.run(["aica", "user", "add", "choi", "--ssh-key", "-"],
                 stdin=confined.image.public_key())
    home = "/data/users/choi"
    assert types(confined, home, home + "/.ssh", home + "/.ssh/authorized_keys") == [
        "user_home_dir_t", "ssh_home_t", "ssh_home_t"]


def test_a_file_that_is_replaced_keeps_its_label(confined):
    path = "/etc/profile.d/global_envs.sh"
    confined.run(["python3", "-c", "import os; os.setxattr({!r}, 'security.selinux', "
                                   "b'system_u:object_r:bin_t:s0')".format(path)])
    confined.run("echo 'export A=1' >>/data/config/global_env.local.sh")
    outcomes = people.outcomes(confined, "recover")[0]
    assert outcomes["file:" + path]["status"] == "changed" and types(confined, path) == ["bin_t"]


def test_a_purge_takes_the_file_of_apparmor_too(confined):
    assert confined.exists(TUNABLE)
    confined.run(["dpkg", "--purge", "aica-datakeeper"])
    assert not confined.exists(TUNABLE)
    confined.run("apparmor_parser --skip-kernel-load --skip-cache --quiet /tmp/t")
