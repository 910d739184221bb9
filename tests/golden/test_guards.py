"""SELinux and AppArmor on the demo's server: what `aica recover` and `aica check` make of them.

No policy is loaded here. A stand-in says what one has for a path, as matchpathcon does, and takes
the rule that semanage is told; labels are real attributes, under a name that needs no policy.
"""

import os
import re

import golden
import pytest

from aica import guards, labels, storage
from aica.command import Result
from aica.host import Host
from aica.resources import apparmor
from aica.resources.selinux import HomeRule
from aica.storage import Mount

TYPES = ((r"/home/[^/]+/\.ssh(/.*)?", "unconfined_u", "ssh_home_t"),
         (r"/home/[^/]+/.+", "unconfined_u", "user_home_t"),
         (r"/home/[^/]+", "unconfined_u", "user_home_dir_t"), (r"/home", "system_u", "home_root_t"),
         (r"/.*", "system_u", "default_t"))
HOMES = ["label:/data/users/" + name for name in ("kim", "lee", "park")]
TOPS = ["label:/data", "label:/data/users"]
RULE = "selinux:/data/users"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0hU7Cq5cJX9m0q3Q3m8m4b0lZ4Kq9m9m9m9m9m9m choi@x\n"


class Policy:
    """What SELinux's programs would say on a server. asked and told are their argument lists."""

    def __init__(self):
        self.rules, self.own, self.asked, self.told = {}, {}, [], []
        self.programs = {"matchpathcon", "semanage"}

    def label(self, path):
        if path in self.own:
            return "system_u:object_r:{}:s0".format(self.own[path])
        for alias, other in self.rules.items():
            if path == alias or path.startswith(alias + "/"):
                path = other + path[len(alias):]
        return next("{}:object_r:{}:s0".format(user, kind) for pattern, user, kind in TYPES
                    if re.match(pattern + r"\Z", path))

    def run(self, argv):
        """Answer matchpathcon and semanage as they do; None for any other program."""
        if argv[0] == "matchpathcon":
            assert argv[1:4] == ["-n", "-m", "dir"]
            self.asked.append(argv[4:])
            return Result(0, "".join(self.label(path) + "\n" for path in argv[4:]), "")
        if argv[0] == "semanage":
            assert argv[1:5] == ["fcontext", "-N", "-a", "-e"]
            self.told.append(argv)
            self.rules[argv[6]] = argv[5]
            return Result(0, "", "libsemanage.add_user: user sddm not in password file\n")
        return None


@pytest.fixture
def policy(monkeypatch, own_labels):
    """A server with SELinux."""
    one = Policy()
    monkeypatch.setattr(guards, "is_selinux", lambda host: True)
    for name in ("query", "execute"):
        monkeypatch.setattr(Host, name, _answered(one, getattr(Host, name)))
    has_program = Host.has_program
    monkeypatch.setattr(Host, "has_program", lambda self, name: name in one.programs
                        if name in ("matchpathcon", "semanage") else has_program(self, name))
    return one


def _answered(policy, method):
    def run(self, argv, *args, **kwargs):
        # That of libselinux 3.1 answers for what a link leads to.
        there = [os.readlink(self.real(word)) if os.path.islink(self.real(word)) else word
                 for word in argv] if argv[0] == "matchpathcon" else list(argv)
        found = policy.run(there)
        return method(self, argv, *args, **kwargs) if found is None else found
    return run


def label(server, path):
    try:
        return os.fsdecode(os.getxattr(server.path(path), labels.ATTRIBUTE)).rstrip("\0")
    except OSError:
        return ""


def kind_of(server, path):
    return labels.type_of(label(server, path))


def keys(server, name, uid):
    """Give a user of the demo a key to log in with."""
    server.folder("/data/users/{}/.ssh".format(name), 0o700, uid, uid)
    server.write("/data/users/{}/.ssh/authorized_keys".format(name), KEY, 0o600, uid, uid)


# -- labels ---------------------------------------------------------------


def test_a_recovery_labels_what_sshd_needs_and_nothing_else(server, policy):
    keys(server, "kim", 2001)
    answer = server.cli("recover")
    assert answer.code == 0 and set(TOPS + HOMES) <= set(answer.ids("changed"))
    assert kind_of(server, "/data/users") == "home_root_t"
    assert label(server, "/data/users/lee") == "unconfined_u:object_r:user_home_dir_t:s0"
    for path in ("/.ssh", "/.ssh/authorized_keys"):
        assert kind_of(server, "/data/users/kim" + path) == "ssh_home_t"
    assert label(server, "/data/users/kim/notes.txt") == label(server, "/data/models") == ""
    again = server.cli("recover")
    assert again.code == 0 and golden.drift(again) == []
    assert all(len(asked) == len(set(asked)) for asked in policy.asked) and len(policy.asked) == 2
    assert policy.told == [], "the rule takes seconds: never at boot"


def test_a_check_names_what_a_recovery_would_label_and_the_rule(whole, policy):
    answer = whole.cli("check")
    assert answer.code == 3 and answer.ids("planned") == TOPS + HOMES + [RULE]
    assert "type none -> user_home_dir_t" in answer.out and "labels as below /home" in answer.out


def test_only_the_type_is_changed(server, policy, own_labels):
    own_labels(server.path("/data/users/kim"), "staff_u:object_r:default_t:s0-s0:c3")
    server.cli("recover")
    assert label(server, "/data/users/kim") == "staff_u:object_r:user_home_dir_t:s0-s0:c3"


def test_what_the_admin_told_the_policy_of_a_home_is_right(server, policy):
    policy.own["/data/users/kim"] = "samba_share_t"
    server.cli("recover")
    assert kind_of(server, "/data/users/kim") == "samba_share_t"
    assert kind_of(server, "/data/users/lee") == "user_home_dir_t"


@pytest.mark.parametrize("before, after", [
    ("", "default_t"), ("unlabeled_t", "default_t"), ("usr_t", "usr_t")])
def test_the_top_of_the_disk_gets_a_type_only_if_it_has_none(server, policy, own_labels, before,
                                                             after):
    if before:
        own_labels(server.path("/data"), "system_u:object_r:{}:s0".format(before))
    server.cli("recover")
    assert kind_of(server, "/data") == after


def test_links_of_a_member_lead_to_no_label(server, policy, own_labels):
    own_labels(server.path("/data/users/lee"), "a:b:lees_t:s0")
    server.link("/data/users/kim/.ssh", "/data/users/lee")
    os.lchown(server.path("/data/users/kim/.ssh"), 2001, 2001)
    keys(server, "lee", 2002)
    server.remove("/data/users/lee/.ssh/authorized_keys")
    server.link("/data/users/lee/.ssh/authorized_keys", "/etc/shadow")
    answer = server.cli("recover")
    assert answer.code == 0 and label(server, "/etc/shadow") == ""
    assert kind_of(server, "/data/users/lee/.ssh") == "ssh_home_t"


def test_a_home_of_somebody_else_gets_no_label(server, policy):
    os.chown(server.path("/data/users/kim"), 2002, 2002)
    answer = server.cli("recover")
    assert "label:/data/users/kim" in answer.ids("skipped") and label(server, "/data/users/kim") == ""


def test_a_new_user_has_the_labels(whole, policy, tmp_path):
    (tmp_path / "key.pub").write_text(KEY)
    answer = whole.cli("user", "add", "choi", "--ssh-key", str(tmp_path / "key.pub"))
    assert answer.code == 0 and "label:/data/users/choi" in answer.ids("changed")
    assert kind_of(whole, "/data/users/choi") == "user_home_dir_t"
    assert kind_of(whole, "/data/users/choi/.ssh/authorized_keys") == "ssh_home_t"


def test_a_home_that_is_made_or_repaired_has_the_label(whole, policy):
    whole.remove("/data/users/kim")
    assert whole.cli("user", "home", "kim", "--create").code == 0
    assert kind_of(whole, "/data/users/kim") == "user_home_dir_t"
    os.removexattr(whole.path("/data/users/kim"), labels.ATTRIBUTE)
    answer = whole.cli("user", "setup", "kim", "gpu-users")
    assert answer.code == 0 and "label:/data/users/kim" in answer.ids("changed")


@pytest.mark.parametrize("verb", ["record", "render"])
def test_who_sets_no_label_does_not_ask_which_are_right(whole, policy, verb):
    assert whole.cli(verb).code == 0
    assert policy.asked == []


def test_files_that_are_replaced_keep_their_labels(whole, policy, own_labels):
    path = "/etc/profile.d/global_envs.sh"
    own_labels(whole.path(path), "system_u:object_r:bin_t:s0")
    whole.write("/data/config/global_env.local.sh", "export A=1\n")
    assert "file:" + path in whole.cli("recover").ids("changed")
    assert kind_of(whole, path) == "bin_t"


@pytest.mark.parametrize("answer, status, words", [
    (None, "skipped", "dnf install libselinux-utils"),
    (Result(1, "", "cannot read the policy"), "failed", "cannot read the policy"),
    (Result(0, "one line\n", ""), "failed", "exit status 0"),
])
def test_where_nobody_says_which_labels_are_right_none_is_set(server, policy, monkeypatch, answer,
                                                              status, words):
    if answer is None:
        policy.programs.discard("matchpathcon")
    monkeypatch.setattr(policy, "run", lambda argv: answer if argv[0] == "matchpathcon" else None)
    said = server.cli("recover")
    assert [name for name in said.ids(status) if name.startswith("label:")] == ["label:/data/users"]
    assert words in said.out and label(server, "/data/users/kim") == ""
    assert said.code == (0 if answer is None else 1)
    assert "account:kim" in said.ids("changed")


# -- the rule, and the switch -----------------------------------------------


def test_the_slow_run_tells_the_policy_once(whole, policy):
    whole.cli("recover")
    answer = whole.cli("recover", "--deep")
    assert answer.code == 0 and RULE in answer.ids("changed")
    assert policy.rules == {"/data/users": "/home"}
    assert golden.drift(whole.cli("recover", "--deep")) == golden.drift(whole.cli("check")) == []
    assert len(policy.told) == 1


def test_a_setup_tells_it_too(whole, policy):
    answer = whole.cli("setup", "--yes")
    assert answer.code == 0 and set(TOPS + [RULE]) <= set(answer.ids("changed"))
    assert RULE not in whole.cli("setup", "--yes", "--skip", "folders").ids("ok", "changed")


def test_without_semanage_it_is_said_and_nothing_else_is_done(whole, policy):
    policy.programs.discard("semanage")
    whole.cli("recover")
    answer = whole.cli("check")
    assert answer.code == 0 and answer.ids("skipped")[-1:] != [] and RULE in answer.ids("skipped")
    assert "dnf install policycoreutils-python-utils" in answer.out


def test_another_rule_of_the_admins_is_never_replaced(whole, policy):
    policy.rules["/data/users"] = "/srv"
    whole.write("/etc/selinux/config", "# of the image\nSELINUX=enforcing\nSELINUXTYPE=strict\n")
    whole.write("/etc/selinux/strict/contexts/files/file_contexts.subs", "/data/users /srv\n")
    whole.cli("recover")
    answer = whole.cli("check")
    assert answer.code == 4 and RULE in answer.ids("blocked")
    assert "semanage fcontext -d -e /srv /data/users" in answer.out and policy.told == []


@pytest.mark.parametrize("text, ours", [
    ("/data/users /home\n", True), ("/data/users /home\n/srv/homes /home\n", False),
    ("/data/users /srv\n", False), ("", False), (None, False)])
def test_a_file_with_nothing_but_the_rule_is_made_again_after_a_wipe(whole, text, ours):
    path = "/etc/selinux/targeted/contexts/files/file_contexts.subs"
    whole.write("/etc/selinux/config", "SELINUXTYPE=targeted\n")
    if text is not None:
        whole.write(path, text)
    assert HomeRule("/data/users").files(whole.host()) == ((path,) if ours else ())


NFS = Mount("/data", "nfs4", "rw,relatime,rw,vers=4.2", "nas:/export")


@pytest.mark.parametrize("state, code", [("0 0", 4), ("1 1", 0), (None, 0)])
def test_on_nfs_the_switch_is_looked_at_and_there_are_no_labels(whole, policy, monkeypatch, state,
                                                                code):
    monkeypatch.setattr(storage, "mount_of", lambda path, present: NFS)
    monkeypatch.setattr(storage, "is_network", lambda path: False)
    if state is not None:
        whole.write("/sys/fs/selinux/booleans/use_nfs_home_dirs", state)
    assert golden.drift(whole.cli("recover")) == []
    answer = whole.cli("check", "--only", "label", "--only", "selinux")
    assert (answer.code, policy.asked) == (code, [])
    assert [name for _, name in answer.rows] == ["selinux:use_nfs_home_dirs"]
    assert ("hint: setsebool -P use_nfs_home_dirs on" in answer.out) == (code == 4)


@pytest.mark.parametrize("mount, labelled", [
    (Mount("/data", "ext4", "rw,relatime,rw,seclabel"), True),
    (Mount("/data", "ext4", "rw,relatime,rw"), True),
    (Mount("/data", "nfs4", "rw,rw,seclabel,vers=4.2"), True), (NFS, False),
    (Mount("/data", "xfs", "rw,rw,context=system_u:object_r:nfs_t:s0"), False),
    (Mount("/data", "ceph", "rw,rw"), False)])
def test_a_disk_has_labels_of_its_own_or_one_for_all(mount, labelled):
    assert guards.has_labels(mount) == labelled


@pytest.mark.parametrize("there, options, expected", [
    (False, None, False), (True, None, True), (True, "rw,nosuid,rw", True),
    (True, "ro,nosuid,rw", False)])
def test_selinux_is_there_where_its_file_system_can_be_written(whole, monkeypatch, there, options,
                                                               expected):
    monkeypatch.setattr(Host, "live", property(lambda self: True))
    monkeypatch.setattr(storage, "mounts", lambda: [] if options is None else [
        Mount("/sys/fs/selinux", "selinuxfs", options)])
    if there:
        whole.write("/sys/fs/selinux/enforce", "1")
    assert guards.is_selinux(whole.host()) == expected


def test_of_another_root_selinux_is_not_asked(whole):
    whole.write("/sys/fs/selinux/enforce", "1")
    assert not guards.is_selinux(whole.host())
    assert "label" not in whole.cli("check").out


# -- AppArmor -------------------------------------------------------------

TUNABLE = apparmor.FOLDER + "/aica-datakeeper"


@pytest.fixture
def armored(whole):
    """A whole server with AppArmor's folders."""
    whole.write(apparmor.FOLDER + "/ubuntu", "# of Ubuntu's\n")
    return whole


def test_profiles_are_told_where_the_homes_are(armored):
    assert "file:" + TUNABLE in armored.cli("check").ids("planned")
    answer = armored.cli("recover")
    assert answer.code == 0 and answer.ids("changed") == ["file:" + TUNABLE]
    assert armored.read(TUNABLE).split("\n")[-2:] == ["@{HOMEDIRS}+=/data/users/", ""]
    assert armored.stat(TUNABLE) == (0o644, 0, 0)
    assert golden.drift(armored.cli("recover")) == golden.drift(armored.cli("check")) == []


def test_a_file_that_an_admin_edited_stays(armored):
    armored.write(TUNABLE, "@{HOMEDIRS}+=/srv/\n")
    answer = armored.cli("recover")
    assert answer.code == 4 and armored.read(TUNABLE) == "@{HOMEDIRS}+=/srv/\n"


def test_without_apparmor_nothing_is_made(whole):
    whole.cli("recover")
    assert not whole.exists("/etc/apparmor.d")


class Running:
    """A running system, as far as the file is concerned; `active` is what systemd says."""

    live = True

    def __init__(self, active):
        self.active, self.calls = active, []

    def has_program(self, name):
        return self.active is not None

    def query(self, argv):
        self.calls.append(argv)
        return Result(self.active, "", "")

    def execute(self, argv):
        self.calls.append(argv)

    def make_parents(self, path):
        pass

    def write_file(self, *args, **more):
        self.calls.append(["the file"])


ASKED = ["systemctl", "is-active", "--quiet", "apparmor.service"]
TOLD = ["systemctl", "--no-block", "reload", "apparmor.service"]


@pytest.mark.parametrize("active, calls", [(0, [ASKED, TOLD]), (3, [ASKED]), (None, [])])
def test_profiles_that_are_in_use_are_read_again_and_nobody_waits(active, calls):
    host = Running(active)
    apparmor.HomeFolders("/data/users", "elsewhere").apply(host, ())
    assert host.calls == [["the file"]] + calls
