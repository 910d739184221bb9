"""The desired state: what stands in it, in which order, and how it is rendered."""

import subprocess

import pytest

from aica import command, demo, site
from aica.accounts import AccountSet, Group
from aica.registry import Entry, Registry
from aica.resources.file import render
from aica.settings import Settings
from aica.site import Site

MEMBERS = Registry(tuple(Entry(name, "gpu-users") for name in demo.NAMES))


def sample(registry=MEMBERS, vault=None, **more):
    return Site(registry=registry, vault=demo.records() if vault is None else vault, **more)


def ids(resources):
    return [resource.id for resource in resources]


LISTS = [
    site.recovery(sample()), site.setup(sample()), site.users(sample(), MEMBERS.entries),
    site.recovery(sample(vault=AccountSet({}, {}, {}))), site.recovery(sample(Registry())),
    site.recovery(sample(settings=Settings(allowed_groups=("guests",), home_group="shared"))),
    site.recovery(sample(vault=AccountSet({}, {}, {}), directory_users={"kim": (5001, 5000)})),
    site.setup(sample(), skip=("group",)), site.setup(sample(), skip=site.STEPS),
]


@pytest.mark.parametrize("resources", LISTS, ids=[str(n) for n in range(len(LISTS))])
def test_every_need_stands_earlier_and_every_id_once(resources):
    seen = set()
    for resource in resources:
        assert set(resource.needs) <= seen, resource.id
        assert resource.id not in seen
        seen.add(resource.id)


def test_groups_come_before_accounts_and_accounts_before_homes():
    found = ids(site.recovery(sample()))
    order = ["group:gpu-users", "group:kim", "account:kim", "membership:kim",
             "home:/data/users/kim", "symlink:/home/kim"]
    assert [name for name in found if name in order] == order


def test_a_user_without_a_record_gets_no_account_and_no_home():
    found = site.people.user(sample(vault=AccountSet({}, {}, {})), Entry("kim", "gpu-users"))
    assert ids(found) == ["account:kim"]


def test_a_user_of_a_directory_service_is_used_and_not_created():
    from aica.resources.account import Account
    found = site.people.user(sample(vault=AccountSet({}, {}, {}), directory_users={"kim": (5001, 5000)}),
                      Entry("kim", "gpu-users"))
    assert not [resource for resource in found if isinstance(resource, Account)]
    assert "symlink:/home/kim" in ids(found) and "membership:kim" in ids(found)


def test_homes_are_private_unless_the_site_shares_them():
    def gid(**more):
        found = site.people.user(sample(settings=Settings(**more)), Entry("kim", "gpu-users"))
        return [resource.gid for resource in found if resource.kind == "home"]

    assert gid() == [2001]
    assert gid(home_group="shared") == [2000]


def test_only_kept_groups_are_restored_and_the_others_named():
    known = demo.records()
    known = known._replace(group=dict(
        known.group, docker=Group("docker", 999, ("kim",)), sudo=Group("sudo", 27, ("kim",))))
    member = site.people.membership(sample(vault=known), Entry("kim", "gpu-users"))
    assert (member.required, member.kept) == (("gpu-users",), ("video",))
    assert member.dropped == ("docker", "sudo")


def test_a_bad_registry_never_becomes_the_good_copy():
    assert "file:/data/config/state/users.txt" in ids(site.recovery(sample()))
    bad = MEMBERS._replace(problems=("line 3: bad",))
    assert "file:/data/config/state/users.txt" not in ids(site.recovery(sample(bad)))


@pytest.mark.parametrize("step, gone", [
    ("group", "group:gpu-users"), ("folders", "directory:/data/models/torch"),
    ("environment", "file:/etc/profile.d/global_envs.sh"), ("pam", "pam:aica-datakeeper"),
    ("sudoers", "sudoers:/etc/sudoers.d/aica-datakeeper"), ("units", "unit:aica-recovery.service"),
    ("storage", "file:/data/config/users.txt"),
])
def test_each_step_of_setup_can_be_left_out(step, gone):
    assert gone in ids(site.setup(sample()))
    left = ids(site.setup(sample(), skip=(step,)))
    assert gone not in left and left


def test_recovery_creates_no_site_file_and_no_registry():
    found = ids(site.recovery(sample()))
    assert "file:/data/config/aica.conf" not in found
    assert "file:/data/config/users.txt" not in found


def test_nothing_above_the_shared_folders_can_be_renamed_by_members():
    modes = {resource.name: resource.mode for resource in site.recovery(sample())
             if resource.kind == "directory"}
    for path in ("/data/cache", "/data/cache/conda", "/data/models", "/data/apps"):
        assert modes[path] == 0o755
    assert modes["/data/models/torch"] == 0o2775
    assert modes["/data/cache/conda/pkgs"] == 0o2775


MOUNTS = ["/data", "/srv/data", "/data-1", "/a b", "/a.b", "/.hidden", "/a\\b", "/data/_x:y",
          "/한글", "/a@b", "/a-b/c-d", "/data/.x"]


@pytest.mark.parametrize("path", MOUNTS)
def test_mount_units_are_named_as_systemd_names_them(path, needs):
    needs(command.find("systemd-escape"), "needs systemd-escape")
    expected = subprocess.check_output(
        ["systemd-escape", "-p", "--suffix=mount", path]).decode("ascii").strip()
    assert site.units.mount_unit(path) == expected


def test_a_data_folder_elsewhere_gets_a_drop_in():
    moved = site.units.units(sample(settings=Settings(data="/srv/data-1")))
    assert moved[0].name == site.units.DROP_IN
    assert "After=srv-data\\x2d1.mount" in moved[0].text
    assert site.units.DROP_IN not in [resource.name for resource in site.units.units(sample())]


SITES = [Settings(), Settings(group="lab_2-x"), Settings(data="/srv/data-1", backup="/b")]


@pytest.mark.parametrize("settings", SITES, ids=["default", "group", "paths"])
def test_visudo_accepts_the_sudo_rules(settings, tmp_path, needs):
    needs(command.find("visudo"), "needs visudo, of the package sudo")
    rules = tmp_path / "rules"
    rules.write_text(render(site.sudoers.render(settings), "elsewhere"))
    rules.chmod(0o440)
    checked = subprocess.Popen(["visudo", "-cf", str(rules)], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    assert checked.communicate()[0] and checked.returncode == 0


def test_sudo_rules_pin_every_argument():
    text = site.sudoers.render(Settings()).replace("\\\n", "")
    rules = [rule.strip() for line in text.split("\n")[:2]
             for rule in line.split("=", 1)[1].split(",")]
    clean = [rule for rule in rules if rule.startswith("/usr/sbin/aica-clean-cache")]
    assert len(clean) == 2 + 3 * 5 and len(rules) == len(clean) + 2
    for rule in clean:
        words = rule.split()[1:]
        assert words in (['""'], ["--help"]) or (
            words[0] in ("--all", "--conda", "--pip", "--torch", "--hf")
            and words[1:] in ([], ["--dry-run"], ["--yes"]))
    assert "ALL ALL" not in text and text.count("NOPASSWD") == 1 and "*" not in text


def test_setup_without_the_group_relies_on_no_group():
    known = demo.records()
    shared = known._replace(passwd={
        name: user._replace(gid=demo.GROUP.gid) for name, user in known.passwd.items()})
    found = site.setup(sample(vault=shared), skip=("group",))
    assert not [resource for resource in found if set(resource.needs) - set(ids(found))]
