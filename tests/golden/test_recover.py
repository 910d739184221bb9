"""`aica recover` and `aica check` on servers with something wrong, through the command line."""

import json
import os
import subprocess
import sys

import golden
import pytest
import snapshot
from wiped import REPOSITORY

from aica import demo
from aica.command import find

ACCOUNT_FILES = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")


def accounts(server):
    return {name: server.read("/etc/" + name) for name in ACCOUNT_FILES}


def only_ok(server):
    """Assert that a second run has nothing to do, and that check agrees."""
    again = server.cli("recover")
    assert again.code == 0 and golden.drift(again) == [], again
    check = server.cli("check")
    assert check.code == 0 and golden.drift(check) == [], check


# -- the main job -------------------------------------------------------


def test_a_wiped_server_is_whole_again(server, needs):
    needs(find("visudo"), "needs visudo, of the package sudo")
    answer = server.cli("recover")
    assert answer.code == 0 and answer.err == ""
    golden.check("wiped-recover.txt", answer.out)
    golden.check("wiped-tree.txt", golden.listing(server))
    only_ok(server)


def test_a_wiped_server_says_what_a_recovery_would_do_and_does_nothing(server):
    before = server.tree(times=True, leave_out=())
    plan = server.cli("recover", "--dry-run")
    check = server.cli("check")
    assert server.tree(times=True, leave_out=()) == before
    assert (plan.code, check.code) == (0, 3)
    assert plan.ids("planned") == check.ids("planned") and plan.ids("changed") == []
    done = server.cli("recover")
    assert done.ids("changed") == plan.ids("planned")


def test_a_second_run_writes_nothing_but_lock_status_and_log(whole):
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert answer.code == 0 and answer.ids("changed") == []
    assert whole.tree(times=True) == before


def test_the_program_does_what_the_other_tests_see(server):
    answer = server.program("recover")
    assert (answer.code, answer.err) == (0, "")
    golden.check("wiped-recover.txt", answer.out)
    again = server.program("check")
    assert again.code == 0 and golden.drift(again) == []


def test_a_check_of_a_whole_server_changes_nothing_at_all(whole):
    before = whole.tree(times=True, leave_out=())
    assert whole.cli("check").code == 0
    assert whole.cli("recover", "--dry-run", "-v").code == 0
    assert whole.cli("user", "list").code == 0
    assert whole.tree(times=True, leave_out=()) == before


def test_nothing_is_lost_from_a_home(server):
    before = {path: entry for path, entry in server.tree(times=True).items()
              if path.startswith("/data/users/") and path.count("/") > 3}
    assert before
    server.cli("recover")
    after = server.tree(times=True)
    assert {path: after[path] for path in before} == before


def test_json_says_what_text_says(server):
    text = server.cli("check")
    objects = server.cli("check", "--json").objects
    assert [(o["status"], o["resource"]) for o in objects[:-1]] == text.rows
    assert set(objects[0]) == {"resource", "status", "changes", "message", "hint"}
    assert objects[-1]["exit"] == text.code == 3
    counts = {status: len(text.ids(status)) for status in objects[-1]["summary"]}
    assert objects[-1]["summary"] == counts


def test_no_hash_is_ever_shown_or_logged(server):
    shown = server.cli("recover", "-v")
    server.replace("/etc/shadow", "$6$demo$", "$6$other$")
    answers = [shown, server.cli("recover", "-v"), server.cli("check", "--json")]
    places = [repr(answer) for answer in answers]
    places += [server.read("/var/log/aica-recovery.log"), server.read("/run/aica/status.json"),
               server.read("/run/aica/accounts.json")]
    assert not [text for text in places if "$6$" in text or demo.PASSWORD[-20:] in text]


def test_one_user_alone_can_be_recovered(server):
    answer = server.cli("recover", "--user", "lee")
    assert answer.code == 0
    assert "account:lee" in answer.ids("changed") and "account:kim" not in repr(answer)
    found = server.host().accounts().passwd
    assert "lee" in found and "kim" not in found
    assert not server.exists("/run/aica/status.json"), "says nothing about the server as a whole"
    server.cli("recover")
    only_ok(server)


def test_an_unknown_user_cannot_be_recovered(server):
    answer = server.cli("recover", "--user", "mallory")
    assert answer.code == 2 and "'mallory' is not registered" in answer.err


@pytest.mark.parametrize("options", [
    {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
     "PYTHONIOENCODING": ""},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
])
def test_the_c_locale_restores_korean_names_too(server, options):
    answer = server.program("recover", "-v", **options)
    assert answer.code == 0, answer
    assert server.host().accounts().passwd["kim"].gecos == "김 (demo)"
    server.replace("/etc/passwd", "kim:x:2001:2001:김", "kim:x:2001:2001:김\u2028박")
    server.remove("/run/aica/accounts.json")
    blocked = server.program("recover", **options)
    assert blocked.code == 4 and blocked.ids("blocked") == ["account:kim"], blocked


def test_closed_standard_streams_are_no_reason_to_leave_a_server_broken(server):
    closed = 'exec "$0" -m aica recover --root "$1" <&- >&- 2>&-'
    assert subprocess.call(["sh", "-c", closed, sys.executable, server.root],
                           cwd=REPOSITORY) == 0
    only_ok(server)


# -- what stands in the way ---------------------------------------------


def taken_uid(server):
    server.append("/etc/passwd", "ubuntu:x:2001:1000:Ubuntu:/home/ubuntu:/bin/bash\n")
    server.append("/etc/group", "ubuntu:x:1000:\n")
    server.append("/etc/shadow", "ubuntu:!:20000:0:99999:7:::\n")


def taken_gid(server):
    server.append("/etc/group", "ubuntu:x:2001:\n")


def taken_name(server):
    server.append("/etc/passwd", "kim:x:1000:1000:another:/home/kim:/bin/bash\n")
    server.append("/etc/shadow", "kim:!:20000:0:99999:7:::\n")


def taken_site_gid(server):
    server.append("/etc/group", "docker:x:2000:\n")


def home_with_data(server):
    server.folder("/home/lee", uid=2002, gid=2002)
    server.write("/home/lee/thesis.tex", "years of work", uid=2002)


def home_skeleton(server):
    server.folder("/home/lee", uid=2002, gid=2002)
    server.write("/home/lee/.profile", "# per-user settings\n", uid=2002)


def home_file(server):
    server.write("/home/lee", "x")


def foreign_link(server):
    server.link("/home/lee", "/data/users/kim")
    os.lchown(server.path("/home/lee"), 2002, 2002)


def missing_home(server):
    server.remove("/data/users/kim")


def home_of_another(server):
    os.chown(server.path("/data/users/kim"), 2002, 2002)


def swapped_homes(server):
    users = server.path("/data/users/")
    os.rename(users + "kim", users + "x")
    os.rename(users + "lee", users + "kim")
    os.rename(users + "x", users + "lee")


def home_of_root(server):
    os.chown(server.path("/data/users/kim"), 0, 0)


def home_is_a_link(server):
    server.remove("/data/users/kim")
    server.link("/data/users/kim", "/etc")


def uid_out_of_range(server):
    server.replace("/data/config/accounts/passwd", "kim:x:2001:", "kim:x:0:")


def uid_of_nobody(server):
    server.replace("/data/config/accounts/passwd", "kim:x:2001:", "kim:x:65534:")


def no_record(server):
    lines = server.read("/data/config/accounts/passwd").split("\n")
    server.write("/data/config/accounts/passwd", "\n".join(lines[1:]), 0o600)


KIM_BELOW = ["skipped membership:kim", "skipped subids:kim", "skipped home:/data/users/kim",
             "skipped symlink:/home/kim"]
IN_THE_WAY = [
    (taken_uid, ["blocked account:kim"] + KIM_BELOW, "uid 2001", "ubuntu"),
    (taken_gid, ["blocked group:kim", "skipped account:kim"] + KIM_BELOW, "gid 2001", "ubuntu"),
    (taken_name, ["blocked account:kim"] + KIM_BELOW, "1000", "2001"),
    (taken_site_gid, ["blocked group:gpu-users", "skipped membership:kim", "skipped membership:lee",
                      "skipped membership:park", "skipped sudoers:/etc/sudoers.d/aica-datakeeper"],
     "gid 2000", "docker"),
    (home_with_data, ["blocked symlink:/home/lee"], "is a folder", "aica user setup lee gpu-users"),
    (home_skeleton, ["blocked symlink:/home/lee"], "is a folder", "aica user setup lee gpu-users"),
    (home_file, ["blocked symlink:/home/lee"], "is a file", "/home/lee"),
    (foreign_link, ["blocked symlink:/home/lee"], "2002", "/data/users/kim"),
    (missing_home, ["blocked home:/data/users/kim", "skipped symlink:/home/kim"], "is missing",
     "never creates a home"),
    (home_of_another, ["blocked home:/data/users/kim", "skipped symlink:/home/kim"], "2002", "2001"),
    (swapped_homes, ["blocked home:/data/users/kim", "skipped symlink:/home/kim",
                     "blocked home:/data/users/lee", "skipped symlink:/home/lee"], "2002", "2001"),
    (home_of_root, ["blocked home:/data/users/kim", "skipped symlink:/home/kim"], "uid 0", "2001"),
    (home_is_a_link, ["blocked home:/data/users/kim", "skipped symlink:/home/kim"], "symlink",
     "folder"),
    (uid_out_of_range, ["blocked account:kim"] + KIM_BELOW, "uid 0", "1000..60000"),
    (uid_of_nobody, ["blocked account:kim"] + KIM_BELOW, "65534", "1000..60000"),
    (no_record, ["blocked account:kim"], "no record", "aica user adopt kim"),
]


@pytest.mark.parametrize("damage, expected, word, hint", IN_THE_WAY,
                         ids=[row[0].__name__ for row in IN_THE_WAY])
def test_is_blocked_untouched_and_the_others_go_on(server, damage, expected, word, hint):
    damage(server)
    before = server.tree(times=True)
    answer = server.cli("recover")
    assert answer.code == 4, answer
    wrong = [line for line in golden.drift(answer) if not line.startswith("changed")]
    assert wrong == expected
    assert word in answer.out and hint in answer.out
    after = server.tree(times=True)
    for line in wrong:
        path = line.split(":", 1)[1]
        if line.startswith("blocked") and path.startswith("/"):
            assert at_or_below(after, path) == at_or_below(before, path)
    assert "account:park" in answer.ids("changed")
    again = server.cli("recover")
    assert (again.code, golden.drift(again)) == (4, expected)
    assert server.read("/run/aica/notice").count("\n") == 1
    assert server.cli("check").code == 4


def at_or_below(tree, path):
    return {name: entry for name, entry in tree.items() if (name + "/").startswith(path + "/")}


@pytest.mark.parametrize("target", ["/mnt/old/lee", "/data/users/kim", "lee", "/nowhere"])
def test_a_wrong_or_dangling_link_of_roots_is_replaced(server, target):
    server.link("/home/lee", target)
    answer = server.cli("recover")
    assert answer.code == 0 and "symlink:/home/lee" in answer.ids("changed")
    assert os.readlink(server.path("/home/lee")) == "/data/users/lee"
    only_ok(server)


def test_an_edited_profile_is_blocked_with_the_difference(whole):
    whole.append("/etc/profile.d/global_envs.sh", "export MINE=1\n")
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert (answer.code, golden.drift(answer)) == (4, ["blocked file:/etc/profile.d/global_envs.sh"])
    assert "-export MINE=1" in answer.out
    assert whole.tree(times=True) == before


def test_a_difference_can_be_read(whole):
    whole.append("/etc/profile.d/global_envs.sh", "export MINE=1\n")
    shown = whole.cli("recover").out.split("\n")
    assert any(line.strip() == "-export MINE=1" for line in shown)


@pytest.mark.parametrize("path, make", [
    ("/data/models/torch", "link"), ("/data/models/torch", "file"), ("/data/models", "link"),
    ("/data/cache/conda/pkgs", "link"), ("/data/models/huggingface/hub", "link"),
    ("/data/dataset", "fifo"),
])
def test_a_shared_folder_that_became_something_else_is_blocked(whole, path, make):
    whole.remove(path)
    whole.folder("/etc/victim", 0o700)
    if make == "link":
        whole.link(path, whole.path("/etc/victim"))
    elif make == "file":
        whole.write(path, "x")
    else:
        os.mkfifo(whole.path(path))
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert answer.code == 4, answer
    assert "blocked directory:" + path in golden.drift(answer)
    assert not answer.ids("failed", "changed")
    assert whole.tree(times=True) == before


@pytest.mark.parametrize("uid, gid, mode", [(2001, 2000, 0o700), (2001, 2001, 0o750),
                                            (2001, 2000, 0o2700)])
def test_a_private_folder_moved_to_a_shared_name_is_not_published(whole, uid, gid, mode):
    whole.remove("/data/models/huggingface/hub")
    whole.folder("/data/models/huggingface/hub", mode, uid, gid)
    whole.write("/data/models/huggingface/hub/token", "secret", 0o644, uid, gid)
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert golden.drift(answer) == ["blocked directory:/data/models/huggingface/hub"]
    assert (answer.code, whole.tree(times=True)) == (4, before)


def test_what_members_did_inside_shared_folders_is_left_alone(whole):
    whole.write("/data/models/torch/weights", "x", 0o600, 2001, 2001)
    whole.link("/data/models/torch/etc", "/etc")
    before = whole.tree(times=True)
    assert whole.cli("recover").code == 0
    assert whole.tree(times=True) == before


# -- the registry -------------------------------------------------------


def test_bad_lines_are_named_and_the_others_proceed(server):
    server.append("/data/config/users.txt", "root:gpu-users\n$(id):gpu-users\nkim:sudo\nchoi")
    answer = server.cli("recover")
    assert answer.code == 1
    assert answer.ids("failed") == ["registry:/data/config/users.txt"]
    for word in ("line 5: 'root'", "line 6: '$(id)'", "line 7: ", "line 8: 'choi'"):
        assert word in answer.out
    assert set(server.host().accounts().passwd) >= {"kim", "lee", "park"}
    again = server.cli("recover")
    assert (again.code, golden.drift(again)) == (1, ["failed registry:/data/config/users.txt"])


@pytest.mark.parametrize("text", ["", "# nobody\n", "broken\n", "\n"])
def test_a_registry_that_names_nobody_is_not_believed(whole, text):
    whole.write("/data/config/users.txt", text)
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert answer.code == 2 and "last good copy" in answer.err and "install -m 644 " in answer.err
    assert whole.tree(times=True) == before
    assert whole.cli("check").code == 2


@pytest.mark.parametrize("data", [b"kim:gpu-users\n\0", b"#" * (1 << 20) + b"\n"],
                         ids=["NUL", "over 1 MiB"])
def test_a_file_that_is_no_registry_stops_everything(whole, data):
    whole.write("/data/config/users.txt", data)
    before = whole.tree(times=True)
    assert whole.cli("recover").code == 2
    assert whole.tree(times=True) == before


def test_a_missing_registry_stops_everything(whole):
    whole.remove("/data/config/users.txt")
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert answer.code == 2 and "users.txt is missing" in answer.err
    assert whole.tree(times=True) == before


def test_a_registry_of_another_editor_is_read(server):
    server.write("/data/config/users.txt", b"\xef\xbb\xbfkim:gpu-users\r\nlee:gpu-users\r\n")
    assert server.cli("recover").code == 0
    assert "kim" in server.host().accounts().passwd


@pytest.mark.parametrize("files, word", [
    (["passwd"], "backup"), (["shadow"], "backup"),
    (["passwd", "shadow", "group", "subuid", "subgid"], "adopt"),
])
def test_without_the_records_no_id_is_guessed(server, files, word):
    for name in files:
        server.remove("/data/config/accounts/" + name)
    before = server.tree(times=True, leave_out=("/run", "/var"))
    answer = server.cli("recover")
    assert answer.code == 2 and word in answer.err
    assert server.tree(times=True, leave_out=("/run", "/var")) == before


UNTRUSTED = [
    ("/", "0775"), ("/data", "0775"), ("/data", "0757"), ("/data", "2001"), ("/data", "link"),
    ("/data/config", "0775"), ("/data/config", "2775"), ("/data/config", "2001"),
    ("/data/config", "link"), ("/data/config/users.txt", "0664"),
    ("/data/config/users.txt", "0646"), ("/data/config/users.txt", "2001"),
    ("/data/config/users.txt", "link"), ("/data/config/users.txt", "hard link"),
    ("/data/config/users.txt", "folder"), ("/data/config/users.txt", "fifo"),
    ("/data/config/aica.conf", "0664"), ("/data/config/aica.conf", "2001"),
    ("/data/config/aica.conf", "link"), ("/data/config/aica.conf", "hard link"),
    ("/data/config/accounts", "0770"), ("/data/config/accounts", "2001"),
    ("/data/config/accounts", "link"), ("/data/config/accounts/passwd", "0664"),
    ("/data/config/accounts/shadow", "0660"), ("/data/config/accounts/group", "2001"),
    ("/data/config/accounts/passwd", "link"), ("/data/config/accounts/shadow", "hard link"),
]


@pytest.mark.parametrize("path, spoil", UNTRUSTED, ids=["{} {}".format(*row) for row in UNTRUSTED])
def test_what_is_not_roots_alone_is_not_obeyed(whole, path, spoil):
    spoil_it(whole, path, spoil)
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    expected = (2, 5) if (path, spoil) in (("/data", "link"), ("/", "0775")) else (2,)
    assert answer.code in expected, answer
    assert answer.out == "" and path.split("/")[-1] in answer.err
    assert whole.tree(times=True) == before
    assert whole.cli("check").code in expected
    assert whole.tree(times=True) == before


def spoil_it(server, path, spoil):
    real = server.path(path)
    if spoil.isdigit():
        mode = int(spoil, 8)
        if spoil in ("2001",):
            os.chown(real, 2001, 2001)
        else:
            os.chmod(real, mode)
    elif spoil == "hard link":
        os.link(real, real + "2")
    else:
        os.rename(real, real + ".real")
        {"link": lambda: os.symlink(os.path.basename(real) + ".real", real),
         "folder": lambda: os.mkdir(real), "fifo": lambda: os.mkfifo(real)}[spoil]()


def test_a_site_file_with_an_unknown_key_warns_and_works(server):
    server.append("/data/config/aica.conf", "[future]\nfeature = yes\n")
    answer = server.cli("recover")
    assert answer.code == 0 and "[WARNING]" in answer.err and "feature" in answer.err


def test_a_site_file_with_a_wrong_value_stops_everything(server):
    server.replace("/data/config/aica.conf", "group = gpu-users", "group = Not A Group")
    before = server.tree(times=True, leave_out=("/run", "/var"))
    answer = server.cli("recover")
    assert answer.code == 2
    for word in ("aica.conf", "[site] group", "Not A Group"):
        assert word in answer.err
    assert server.tree(times=True, leave_out=("/run", "/var")) == before


# -- /data --------------------------------------------------------------


@pytest.mark.parametrize("gone", ["/data", "/data/config", "/data/config/aica.conf"])
def test_without_data_nothing_is_made_in_its_place(server, gone):
    server.remove(gone)
    before = server.tree(times=True, leave_out=("/run", "/var"))
    for verb in ("recover", "check"):
        answer = server.cli(verb)
        assert answer.code == 5, answer
        assert server.tree(times=True, leave_out=("/run", "/var")) == before
    assert server.read("/run/aica/notice").count("\n") == 1
    assert json.loads(server.read("/run/aica/status.json"))["state"] == "not-ready"


def test_data_and_home_may_lie_elsewhere(server):
    os.mkdir(server.path("/srv"))
    os.rename(server.path("/data"), server.path("/srv/d-1"))
    os.rename(server.path("/home"), server.path("/people"))
    server.write("/etc/aica/aica.conf", "[paths]\ndata = /srv/d-1\nhome = /people\n")
    for name in demo.NAMES:
        server.replace("/srv/d-1/config/accounts/passwd", "/home/" + name, "/people/" + name)
    assert server.cli("recover").code == 0
    assert os.readlink(server.path("/people/lee")) == "/srv/d-1/users/lee"
    assert not server.exists("/data") and not server.exists("/home")
    only_ok(server)


# -- traces of an interrupted recovery ----------------------------------


def drop_line(path, name):
    def damage(server):
        lines = server.read(path).split("\n")
        kept = [line for line in lines if not line.startswith(name + ":")]
        assert kept != lines
        mode, uid, gid = server.stat(path)
        server.write(path, "\n".join(kept), mode, uid, gid)
    damage.__name__ = "no {} in {}".format(name, path)
    return damage


def shadow_line(rest):
    def damage(server):
        lines = server.read("/etc/shadow").split("\n")
        changed = ["kim:" + rest if line.startswith("kim:") else line for line in lines]
        assert changed != lines
        server.write("/etc/shadow", "\n".join(changed), 0o640)
    damage.__name__ = "kim:" + rest[:20]
    return damage


def no_memberships(server):
    for path in ("/etc/group", "/etc/gshadow"):
        server.replace(path, "kim", "kim")
        text = server.read(path).replace(":kim,lee,park", ":").replace(":kim\n", ":\n")
        mode, uid, gid = server.stat(path)
        server.write(path, text, mode, uid, gid)


def no_membership_in_gshadow(server):
    server.replace("/etc/gshadow", "gpu-users:!::kim,lee,park", "gpu-users:!::lee,park")


def half_folder(server):
    server.remove("/data/code")
    server.folder("/data/code", 0o700)


def candidate(server):
    server.write("/etc/sudoers.d/.aica-tmp.aica-datakeeper.1.ab", "half", 0o600)
    server.write("/etc/.aica-tmp.x.1.ab", "half", 0o600)


HALF = [
    drop_line("/etc/shadow", "kim"), drop_line("/etc/gshadow", "kim"),
    drop_line("/etc/gshadow", "gpu-users"), drop_line("/etc/subuid", "kim"),
    drop_line("/etc/subgid", "kim"), shadow_line("!:20781:0:99999:7:::"),
    shadow_line("!:20400:0:99999:7:::"), shadow_line("!:::::::"), shadow_line("*:20781:0:99999:7:::"),
    shadow_line(demo.PASSWORD + ":20781:0:99999:7:::"), no_memberships, half_folder,
    candidate, no_membership_in_gshadow,
]


@pytest.mark.parametrize("damage", HALF, ids=[damage.__name__ for damage in HALF])
def test_what_a_killed_run_left_is_completed(whole, damage):
    leave_out = snapshot.VOLATILE + snapshot.BACKUPS
    before, files = whole.tree(leave_out=leave_out), sorted_lines(whole)
    whole.remove("/run/aica")  # a run that was killed has told nobody anything
    damage(whole)
    answer = whole.cli("recover")
    assert answer.code == 0, answer
    assert sorted_lines(whole) == files
    after = whole.tree(leave_out=leave_out)
    assert [path for path in snapshot.differences(before, after)
            if path[len("/etc/"):] not in ACCOUNT_FILES] == []
    only_ok(whole)


def sorted_lines(server):
    """Return the lines of the account files; grpconv writes the x where groupadd writes a !."""
    return {name: sorted(sorted_members(line) for line in
                         server.read("/etc/" + name).replace(":x::", ":!::").split("\n"))
            for name in ACCOUNT_FILES}


def sorted_members(line):
    return ":".join(",".join(sorted(field.split(","))) for field in line.split(":"))


# -- the vault follows --------------------------------------------------


def test_a_password_and_a_shell_changed_on_the_server_outlive_the_wipe(whole):
    new = "$6$changed$" + "c" * 86
    whole.replace("/etc/shadow", "kim:" + demo.PASSWORD + ":20400:", "kim:" + new + ":20777:")
    whole.replace("/etc/passwd", "/home/lee:/bin/bash", "/home/lee:/bin/dash")
    learned = whole.cli("recover")
    assert learned.code == 0 and learned.ids("changed") == ["vault:/data/config/accounts"]
    assert "c" * 20 not in learned.out
    only_ok(whole)
    whole.wipe()
    assert whole.cli("recover").code == 0
    found = whole.host().accounts()
    assert found.shadow["kim"].hash == new and found.shadow["kim"].last_change == "20777"
    assert found.passwd["lee"].shell == "/bin/dash"
    assert found.shadow["park"].hash == demo.PASSWORD


def test_record_learns_and_then_finds_nothing_new(whole, monkeypatch):
    monkeypatch.setattr("aica.app.SETTLE_S", 0)
    whole.replace("/etc/passwd", "/home/lee:/bin/bash", "/home/lee:/bin/dash")
    outcomes = list(whole.app.record())
    assert [o.resource for o in outcomes if o.status == "changed"] == \
        ["vault:/data/config/accounts"]
    assert outcomes[-1].status == "ok"
    assert "/bin/dash" in whole.read("/data/config/accounts/passwd")


def test_a_locked_account_stays_locked_across_a_wipe(whole):
    whole.replace("/etc/shadow", "kim:$6$", "kim:!$6$")
    whole.cli("recover")
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert whole.host().accounts().shadow["kim"].hash == "!" + demo.PASSWORD


def test_a_fresh_image_teaches_nothing(server):
    server.append("/etc/passwd", "kim:x:2001:2001:image:/home/kim:/bin/sh\n")
    server.append("/etc/shadow", "kim:$6$image$x:20000:0:99999:7:::\n")
    before = {name: server.read("/data/config/accounts/" + name)
              for name in ("passwd", "shadow", "group")}
    answer = server.cli("recover")
    assert answer.code == 4 and answer.ids("blocked") == ["account:kim"]
    assert before == {name: server.read("/data/config/accounts/" + name) for name in before}
    assert "$6$image" in server.read("/etc/shadow"), "and is not overwritten either"
    server.cli("recover")
    assert before == {name: server.read("/data/config/accounts/" + name) for name in before}


def test_groups_are_restored_if_they_are_kept_and_named_if_not(whole):
    for name, gid in (("docker", 990), ("render", 105)):
        whole.append("/etc/group", "{}:x:{}:lee\n".format(name, gid))
        whole.append("/etc/gshadow", "{}:!::lee\n".format(name))
    whole.cli("recover")
    whole.wipe()
    whole.append("/etc/group", "docker:x:990:\nrender:x:105:\n")
    whole.append("/etc/gshadow", "docker:!::\nrender:!::\n")
    answer = whole.cli("recover")
    assert answer.code == 0 and "not restored: docker" in answer.out
    assert whole.host().accounts().groups_of("lee") == ("gpu-users", "render")


def test_without_kept_passwords_accounts_come_back_locked(whole):
    whole.replace("/data/config/aica.conf", "#keep_passwords = auto", "keep_passwords = no")
    assert whole.cli("recover").code == 0
    assert "$6$" not in whole.read("/data/config/accounts/shadow")
    assert not whole.exists("/data/config/accounts/shadow-")
    assert "$6$" in whole.read("/etc/shadow"), "the running server keeps what it has"
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert whole.host().accounts().shadow["kim"].hash == "!"
    only_ok(whole)


# -- who may, and how it is asked ---------------------------------------


@pytest.mark.parametrize("words", [
    ("recover",), ("recover", "--dry-run"), ("check",), ("setup", "--yes"), ("record",),
    ("user", "register", "kim", "gpu-users"), ("user", "unregister", "kim"),
    ("user", "setup", "kim", "gpu-users"), ("user", "adopt", "kim", "--yes"), ("render",),
], ids=" ".join)
def test_without_root_nothing_is_tried(whole, words):
    before = whole.tree(times=True, leave_out=())
    answer = whole.cli_as(65534, *words)
    assert answer.code == 5 and "root" in answer.err, answer
    assert answer.out == ""
    assert whole.tree(times=True, leave_out=()) == before


def test_everybody_may_list_the_users(whole):
    answer = whole.cli_as(65534, "user", "list")
    assert answer.code == 0, answer
    assert [line.split()[:3] for line in answer.out.splitlines()[1:]] == [
        ["kim", "gpu-users", "2001"], ["lee", "gpu-users", "2002"], ["park", "gpu-users", "2003"]]
    assert whole.cli_as(65534, "user", "show", "kim").code == 0


@pytest.mark.parametrize("words", [
    (), ("no-such-verb",), ("recover", "--no-such-option"), ("recover", "more"), ("user",),
    ("user", "no-such-action"), ("user", "register", "kim"), ("check", "--only", "nonsense"),
    ("setup", "--skip", "nonsense", "--yes"), ("setup",),
    ("setup", "--group", "sudo", "--yes"), ("setup", "--group", "other-group", "--yes"),
    ("recover", "--config", "/no/such/file"), ("recover", "--color", "blue"),
    ("user", "register", "root", "gpu-users"), ("user", "register", "kim", "sudo"),
    ("user", "register", "../etc", "gpu-users"), ("user", "setup", "daemon", "gpu-users"),
    ("user", "register", "kim\n", "gpu-users"), ("user", "unregister", "nobody"),
    ("user", "show", "mallory"), ("user", "adopt", "mallory", "--yes"), ("recover", "--user", ""),
    ("recover", "--early", "--boot"), ("recover", "--early", "--deep"),
    ("recover", "--early", "--user", "kim"),
], ids=lambda words: " ".join(words) or "nothing")
def test_wrong_words_are_said_and_nothing_is_tried(server, words):
    before = server.tree(times=True, leave_out=("/run", "/var"))
    answer = server.cli(*words)
    assert answer.code == 2 and answer.err.startswith("[ERROR] "), answer
    assert server.tree(times=True, leave_out=("/run", "/var")) == before


def test_a_root_that_is_no_folder_is_a_wrong_word(server):
    for root in ("/no/such/folder", server.path("/etc/passwd")):
        server.root, before = root, server.root
        assert server.cli("check").code == 2
        server.root = before


@pytest.mark.parametrize("only, shown", [
    (["account"], ["account:kim", "account:lee", "account:park"]),
    (["account:lee"], ["account:lee"]),
    (["symlink:/home/kim", "home"], ["home:/data/users/kim", "symlink:/home/kim",
                                     "home:/data/users/lee", "home:/data/users/park"]),
])
def test_check_shows_only_what_was_asked_for(whole, only, shown):
    answer = whole.cli("check", *[word for name in only for word in ("--only", name)])
    assert [name for _, name in answer.rows] == shown and answer.code == 0


def test_quiet_says_only_what_needs_attention(whole):
    assert whole.cli("recover", "-q").out == ""
    os.chmod(whole.path("/data/models/torch"), 0o700)
    assert whole.cli("-q", "recover").rows == [("changed", "directory:/data/models/torch")]


def test_links_in_the_image_lead_nowhere_outside(server):
    server.folder("/outside", 0o777)
    server.remove("/etc/profile.d")
    server.link("/etc/profile.d", server.path("/outside"))
    answer = server.cli("recover")
    assert answer.code == 4
    assert "file:/etc/profile.d/global_envs.sh" in answer.ids("blocked")
    assert os.listdir(server.path("/outside")) == []


def test_the_log_has_a_line_for_each_event_and_only_printable_ascii(server):
    server.append("/data/config/users.txt", "\x1b[31m\u2028evil:gpu-users\n")
    server.cli("recover")
    text = server.read("/var/log/aica-recovery.log")
    assert text.isascii() if hasattr(text, "isascii") else text.encode("ascii")
    assert "\x1b" not in text
    assert all(line[:2] == "20" for line in text.splitlines())
    assert server.stat("/var/log/aica-recovery.log")[0] == 0o640


@pytest.mark.parametrize("spoil", ["missing", "empty"])
def test_setup_does_not_forget_everybody(whole, spoil):
    """An empty registry beside a good copy is a loss, not a wish; the copy is the last there is."""
    copy = whole.read("/data/config/state/users.txt")
    whole.remove("/data/config/users.txt")
    if spoil == "empty":
        whole.write("/data/config/users.txt", "")
    answer = whole.cli("setup", "--yes")
    assert answer.code == 2 and "install -m 644" in answer.err
    assert whole.read("/data/config/state/users.txt") == copy


@pytest.mark.parametrize("spoil, code", [("missing", 2), ("open", 2)])
def test_a_registry_that_cannot_be_trusted_is_told_alike_by_every_verb(whole, spoil, code):
    if spoil == "missing":
        whole.remove("/data/config/users.txt")
    else:
        os.chmod(whole.path("/data/config/users.txt"), 0o666)
    assert [whole.cli(*words).code for words in (("check",), ("user", "list"), ("recover",))] \
        == [code] * 3


def test_a_name_that_does_not_exist_is_no_good_news(whole):
    answer = whole.cli("check", "--only", "account:kmi")
    assert answer.code == 2 and "account:kmi" in answer.err
    assert whole.cli("check", "--only", "account:kim").code == 0
