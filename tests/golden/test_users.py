"""`aica setup` and `aica user`: from the first account to the last, through the command line."""

import os

import golden
import pytest

from aica import demo

CHOI = "$6$choi$" + "c" * 86


@pytest.fixture
def bare(server):
    """A fresh image with an empty data disk and no aica on it yet."""
    server.remove("/data")
    server.folder("/data")
    os.unlink(server.path("/home/kim"))
    return server


def add_user(server, name="choi", uid=2010, password=CHOI):
    """Do what adduser does."""
    server.append("/etc/passwd", "{0}:x:{1}:{1}:최,,,:/home/{0}:/bin/bash\n".format(name, uid))
    server.append("/etc/shadow", "{}:{}:20500:0:99999:7:::\n".format(name, password))
    server.append("/etc/group", "{}:x:{}:\n".format(name, uid))
    server.append("/etc/gshadow", "{}:!::\n".format(name))
    server.folder("/home/" + name, 0o755, uid, uid)
    server.write("/home/{}/.profile".format(name), "# per-user settings\n", 0o644, uid, uid)


def only_ok(server, *words):
    answer = server.cli(*words)
    assert answer.code == 0 and golden.drift(answer) == [], answer


SETUP = ("setup", "--allow-unmounted", "--yes", "--group", "lab")


# -- setup --------------------------------------------------------------


def test_setup_prepares_an_empty_data_disk_once(bare):
    answer = bare.cli(*SETUP)
    assert answer.code == 0, answer
    for path, expected in {
            "/data": (0o755, 0, 0), "/data/config": (0o755, 0, 0), "/data/users": (0o755, 0, 0),
            "/data/config/accounts": (0o700, 0, 0), "/data/config/state": (0o700, 0, 0),
            "/data/config/aica.conf": (0o644, 0, 0), "/data/config/users.txt": (0o644, 0, 0),
            "/data/config/accounts/group": (0o600, 0, 0), "/data/models/torch": (0o2775, 0, 2000),
            "/data/cache/pip": (0o2775, 0, 2000), "/data/apps": (0o755, 0, 0),
            "/data/config/global_env.sh": (0o644, 0, 0), "/etc/aica/member-groups": (0o644, 0, 0),
    }.items():
        assert bare.stat(path) == expected, path
    assert "lab:x:2000:" in bare.read("/etc/group")
    assert "lab:x:2000:" in bare.read("/data/config/accounts/group")
    before = bare.tree(times=True)
    only_ok(bare, *SETUP)
    assert bare.tree(times=True) == before
    only_ok(bare, "recover")
    only_ok(bare, "check")


def test_setup_shows_its_plan_and_does_nothing_until_asked(bare):
    before = bare.tree(times=True, leave_out=())
    plan = bare.cli("setup", "--allow-unmounted", "--dry-run")
    assert plan.code == 0 and "directory:/data/config" in plan.ids("planned")
    asked = bare.cli("setup", "--allow-unmounted")
    assert asked.code == 2 and "would ask" in asked.err and "--yes" in asked.err
    assert bare.tree(times=True, leave_out=()) == before


def test_setup_ends_with_how_somebody_gets_an_account(bare):
    answer = bare.cli(*SETUP)
    assert answer.code == 0 and "next, for somebody new: aica user add NAME\n" in answer.out
    assert "aica user setup NAME lab; aica user register NAME lab\n" in answer.out
    assert "adduser" not in answer.out


def test_setup_before_anything_else_is_what_recover_asks_for(bare):
    answer = bare.cli("recover")
    assert answer.code == 5 and "aica setup" in answer.err
    assert os.listdir(bare.path("/data")) == []


def test_setup_keeps_what_an_admin_wrote(whole):
    whole.append("/data/config/aica.conf", "# mine\n")
    whole.append("/data/config/users.txt", "# mine\n")
    assert whole.cli("setup", "--allow-unmounted", "--yes").code == 0
    assert whole.read("/data/config/aica.conf").endswith("# mine\n")
    assert whole.read("/data/config/users.txt").endswith("# mine\n")


def test_setup_records_those_who_still_have_an_account(whole):
    for name in ("passwd", "shadow", "group", "subuid", "subgid"):
        whole.remove("/data/config/accounts/" + name)
    assert whole.cli("recover").code == 2
    assert whole.cli("setup", "--allow-unmounted", "--yes").code == 0
    only_ok(whole, "recover")
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert whole.host().accounts().shadow["kim"].hash == demo.PASSWORD
    assert whole.host().accounts().passwd["lee"].uid == 2002


def test_setup_on_a_wiped_server_unlearns_nothing(server):
    assert server.cli("setup", "--allow-unmounted", "--yes").code == 0
    assert server.cli("recover").code == 0
    assert "kim" in server.host().accounts().group["video"].members
    assert "video:x:44:kim" in server.read("/data/config/accounts/group")


@pytest.mark.parametrize("step", ["group", "storage", "folders", "environment", "sudoers", "pam",
                                  "conda", "uv", "units"])
def test_every_step_of_setup_can_be_left_out(server, step):
    answer = server.cli("setup", "--allow-unmounted", "--yes", "--skip", step)
    assert answer.code == 0, answer


def test_setup_repairs_the_chain_of_trust_first(whole):
    os.chmod(whole.path("/data"), 0o2775)
    os.chmod(whole.path("/data/users"), 0o2775)
    os.chown(whole.path("/data/users"), 0, 2000)
    assert whole.cli("recover").code == 2
    answer = whole.cli("setup", "--allow-unmounted", "--yes")
    assert answer.code == 0
    assert {"directory:/data", "directory:/data/users"} <= set(answer.ids("changed"))
    only_ok(whole, "recover")


def test_setup_does_not_move_what_stands_in_the_way(bare):
    bare.write("/data/config", "a file")
    answer = bare.cli(*SETUP)
    assert answer.code == 4 and answer.ids("blocked")[0] == "directory:/data/config"
    assert bare.read("/data/config") == "a file"
    assert not bare.exists("/data/models")


def test_a_new_group_gets_an_id_that_nobody_has(bare):
    bare.append("/etc/group", "docker:x:2000:\nother:x:2001:\n")
    assert bare.cli(*SETUP).code == 0
    assert "lab:x:2002:" in bare.read("/etc/group")


def test_a_group_that_exists_keeps_its_id(bare):
    bare.append("/etc/group", "lab:x:1234:\n")
    assert bare.cli(*SETUP).code == 0
    assert "lab:x:1234:" in bare.read("/data/config/accounts/group")


# -- the life of a user -------------------------------------------------


def test_the_whole_life_of_a_user(whole):
    add_user(whole)
    first = whole.cli("user", "setup", "choi", "gpu-users")
    assert first.code == 0 and "next: aica user register choi gpu-users" in first.out, first
    assert first.ids("changed") == ["membership:choi", "home:/data/users/choi", "symlink:/home/choi"]
    assert whole.exists("/home/.choi.skeleton.1/.profile")
    assert whole.stat("/data/users/choi") == (0o750, 2010, 2010)
    assert whole.stat("/data/users/choi/.profile") == (0o644, 2010, 2010)
    only_ok(whole, "user", "setup", "choi", "gpu-users")

    registered = whole.cli("user", "register", "choi", "gpu-users")
    assert registered.code == 0 and "registry:choi" in registered.ids("changed"), registered
    assert whole.read("/data/config/users.txt").endswith("park:gpu-users\nchoi:gpu-users\n")
    assert whole.read("/data/config/state/users.txt") == whole.read("/data/config/users.txt")
    only_ok(whole, "user", "register", "choi", "gpu-users")
    assert "next:" not in whole.cli("user", "setup", "choi", "gpu-users").out
    only_ok(whole, "recover")

    whole.write("/data/users/choi/thesis.tex", "years", 0o600, 2010, 2010)
    whole.wipe()
    assert whole.cli("recover").code == 0
    found = whole.host().accounts()
    assert found.passwd["choi"].uid == 2010 and found.passwd["choi"].gecos == "최,,,"
    assert found.shadow["choi"].hash == CHOI and found.shadow["choi"].last_change == "20500"
    assert whole.read("/data/users/choi/thesis.tex") == "years"

    assert whole.cli("user", "unregister", "choi").code == 0
    assert "choi" not in whole.read("/data/config/users.txt")
    assert whole.cli("user", "show", "choi").code == 2
    whole.wipe()
    only_changed = whole.cli("recover")
    assert only_changed.code == 0 and "choi" not in repr(only_changed)
    assert whole.read("/data/users/choi/thesis.tex") == "years"
    assert "choi:x:2010:" in whole.read("/data/config/accounts/passwd"), "the id stays reserved"


def test_the_id_of_a_user_who_left_stays_reserved(whole):
    whole.cli("user", "unregister", "kim")
    whole.wipe()
    add_user(whole, "choi", 2001)
    answer = whole.cli("user", "register", "choi", "gpu-users")
    assert answer.code == 4 and "reserved for kim" in answer.err
    assert whole.cli("user", "setup", "choi", "gpu-users").code == 4


def test_comments_and_order_of_the_registry_survive(whole):
    text = "# the lab\r\npark:gpu-users\n\n# left in May: kim:gpu-users\nlee:gpu-users\nkim:gpu-users\n"
    whole.write("/data/config/users.txt", text)
    assert whole.cli("user", "unregister", "lee").code == 0
    assert whole.read("/data/config/users.txt") == text.replace("lee:gpu-users\n", "")
    assert whole.cli("user", "register", "lee", "gpu-users").code == 0
    assert whole.read("/data/config/users.txt") == \
        text.replace("lee:gpu-users\n", "") + "lee:gpu-users\n"


@pytest.mark.parametrize("words, code, said", [
    (("register", "choi", "gpu-users"), 2, "no account"),
    (("register", "choi", "gpu-users"), 2, "aica user add choi"),
    (("setup", "choi", "gpu-users"), 2, "aica user add choi"),
    (("unregister", "choi"), 2, "not registered"),
    (("adopt", "choi", "--yes"), 2, "aica user add choi"),
    (("adopt", "root", "--yes"), 2, "the name of a system account"),
    (("adopt", "Choi", "--yes"), 2, "not a valid user name"),
    (("adopt", "j.choi", "--yes"), 2, "allow_dots"),
    (("adopt", "choi", "--group", "gpu-users", "--yes"), 4, "neither an account"),
    (("register", "kim", "video"), 2, "not allowed"),
])
def test_what_does_not_exist_is_not_invented(whole, words, code, said):
    before = whole.tree(times=True)
    answer = whole.cli("user", *words)
    assert answer.code == code and said in answer.err, answer
    assert whole.tree(times=True) == before


@pytest.mark.parametrize("uid", [0, 999, 60001, 65534])
def test_an_account_outside_the_range_for_people_is_not_registered(whole, uid):
    add_user(whole, "choi", uid)
    answer = whole.cli("user", "register", "choi", "gpu-users")
    assert answer.code == 2, answer
    assert "choi" not in whole.read("/data/config/users.txt")


def test_registering_with_another_group_is_a_humans_decision(whole):
    whole.append("/data/config/aica.conf", "\n")
    whole.replace("/data/config/aica.conf", "#allowed_groups =", "allowed_groups = guests")
    whole.append("/etc/group", "guests:x:2500:\n")
    answer = whole.cli("user", "register", "kim", "guests")
    assert answer.code == 4 and "registered with group gpu-users" in answer.out


def test_a_home_elsewhere_is_not_registered(whole):
    add_user(whole)
    whole.replace("/etc/passwd", "/home/choi:", "/srv/choi:")
    answer = whole.cli("user", "register", "choi", "gpu-users")
    assert answer.code == 4 and "usermod -d /home/choi choi" in answer.err


def test_a_filled_home_is_copied_before_it_is_moved_aside_and_never_by_recover(whole):
    add_user(whole)
    assert whole.cli("user", "register", "choi", "gpu-users").code == 0
    whole.write("/home/choi/thesis.tex", "years", uid=2010)
    assert whole.cli("recover").code == 4
    assert whole.read("/home/choi/thesis.tex") == "years"
    assert whole.cli("user", "setup", "choi", "gpu-users").code == 0
    for place in ("/home/.choi.moved.1", "/data/users/choi"):
        assert whole.read(place + "/thesis.tex") == "years"


@pytest.mark.parametrize("verb", ["setup", "register"])
def test_a_torn_registry_is_not_grown(whole, verb):
    add_user(whole)
    whole.append("/data/config/users.txt", "cho")
    answer = whole.cli("user", verb, "choi", "gpu-users")
    if verb == "register":
        assert answer.code in (1, 2), answer
        assert whole.read("/data/config/users.txt").endswith("park:gpu-users\ncho")
    else:
        assert answer.code == 0, answer


# -- adopting -----------------------------------------------------------


def forget(server, name):
    """Take a user out of the records, as if it had been registered by hand."""
    for file in ("passwd", "shadow", "group"):
        path = "/data/config/accounts/" + file
        lines = server.read(path).split("\n")
        server.write(path, "\n".join(line for line in lines if not line.startswith(name + ":")),
                     0o600)


def test_a_user_without_a_record_is_adopted_from_the_owner_of_the_home(server):
    forget(server, "kim")
    assert server.cli("recover").ids("blocked") == ["account:kim"]
    asked = server.cli("user", "adopt", "kim")
    assert asked.code == 2 and "uid 2001" in asked.out + asked.err
    adopted = server.cli("user", "adopt", "kim", "--yes")
    assert adopted.code == 0, adopted
    assert server.cli("recover").code == 0
    found = server.host().accounts()
    assert found.passwd["kim"].uid == 2001 and found.shadow["kim"].hash == "!"
    only_ok(server, "recover")


@pytest.mark.parametrize("uid", [0, 999, 65534, 2002])
def test_a_home_whose_owner_cannot_be_the_user_is_not_adopted(server, uid):
    forget(server, "kim")
    os.chown(server.path("/data/users/kim"), uid, uid)
    before = {name: server.read("/data/config/accounts/" + name) for name in ("passwd", "group")}
    answer = server.cli("user", "adopt", "kim", "--yes")
    assert answer.code in (2, 4), answer
    assert before == {name: server.read("/data/config/accounts/" + name) for name in before}


def test_an_account_that_differs_is_adopted_when_an_admin_says_so(whole):
    whole.remove("/run/aica/accounts.json")
    whole.replace("/etc/passwd", "/home/kim:/bin/bash", "/home/kim:/bin/dash")
    answer = whole.cli("recover")
    assert answer.ids("blocked") == ["account:kim"] and "aica user adopt kim" in answer.out
    assert whole.cli("user", "adopt", "kim", "--yes").code == 0
    only_ok(whole, "recover")
    assert "/bin/dash" in whole.read("/data/config/accounts/passwd")


def test_all_records_lost_are_adopted_one_by_one(whole):
    for name in ("passwd", "shadow", "group", "subuid", "subgid"):
        whole.remove("/data/config/accounts/" + name)
    for name in demo.NAMES:
        assert whole.cli("user", "adopt", name, "--yes").code == 0
    answer = whole.cli("recover")
    assert answer.code == 0, answer
    assert not answer.ids("blocked", "failed")
