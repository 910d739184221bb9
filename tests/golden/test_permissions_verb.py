"""aica permissions, and the deep runs: what members make stays usable for the whole group."""

import json
import os
import re

import pytest
import snapshot
from wiped import throw_away_folder

TORCH = "/data/models/torch"
KIM = 2001


@pytest.fixture
def used(whole):
    """A whole server whose members have worked with umask 022 and VS Code."""
    whole.folder(TORCH + "/hub", 0o755, KIM, KIM)
    whole.write(TORCH + "/hub/model.pt", "x", 0o600, KIM, KIM)
    whole.write(TORCH + "/hub/run", "x", 0o755, KIM, KIM)
    whole.write(TORCH + "/hub/x.lock", "", 0o644, KIM, KIM)
    return whole


def gid(server):
    return int(re.search("^gpu-users:[^:]*:([0-9]+):", server.read("/etc/group"), re.M).group(1))


def test_apply_repairs_and_a_second_run_finds_nothing(used):
    assert used.cli("permissions", "check").code == 3
    answer = used.cli("permissions", "apply", "-v")
    assert (answer.code, answer.ids("changed")) == (0, ["shared-tree:" + TORCH]), answer
    assert "4 of another group" in answer.out and "1 folders without g+rwxs" in answer.out
    group = gid(used)
    assert [used.stat(TORCH + name) for name in ("/hub", "/hub/model.pt", "/hub/run")] == [
        (0o2775, KIM, group), (0o660, KIM, group), (0o775, KIM, group)]
    before = used.tree(times=True)
    for verb in (("permissions", "apply"), ("recover", "--deep"), ("check", "--deep")):
        again = used.cli(*verb)
        assert (again.code, again.ids("changed", "planned")) == (0, []), again
    assert {path for path in snapshot.differences(before, used.tree(times=True))
            if path.startswith("/data/")} == set()


@pytest.mark.parametrize("verb", [("permissions", "check"), ("permissions", "apply", "--dry-run"),
                                  ("check", "--deep"), ("check",)])
def test_looking_changes_nothing(used, verb):
    before = used.tree(times=True, leave_out=())
    assert used.cli(*verb).ids("planned") == ["shared-tree:" + TORCH]
    assert used.tree(times=True, leave_out=()) == before


def test_the_boot_never_looks_into_the_trees(used):
    before = used.tree(times=True)
    answer = used.cli("recover", "--boot")
    assert answer.code == 0 and not [name for _, name in answer.rows if "tree:" in name]
    assert used.tree(times=True) == before


def test_deep_tells_what_it_did(used):
    assert used.cli("recover", "--deep").code == 0
    status = json.loads(used.read("/run/aica/maintenance.json"))
    assert (status["state"], status["summary"]["changed"]) == ("ok", 1)
    assert "hub/model.pt" in used.read("/var/log/aica-recovery.log")


def test_json_counts_by_kind(used):
    *rows, last = used.cli("permissions", "check", "--json").objects
    row, = [row for row in rows if row["status"] == "planned"]
    assert [(change["field"], change["before"]["count"], change["after"]["count"])
            for change in row["changes"]] == [
        ("group", 4, 0), ("file-mode", 1, 0), ("folder-mode", 1, 0), ("lock-mode", 1, 0),
        ("private-file", 1, 0)]
    assert last["exit"] == 3


def test_a_path_narrows_it_and_is_repaired_itself(used):
    used.write(TORCH + "/other", "", 0o600)
    answer = used.cli("permissions", "apply", TORCH + "/hub")
    assert answer.rows == [("changed", "shared-tree:" + TORCH + "/hub")]
    assert used.stat(TORCH + "/hub")[0] == 0o2775 and used.stat(TORCH + "/other")[0] == 0o600


@pytest.mark.parametrize("path", ["/", "/data", "/data/users/kim", "/data/models/torchx",
                                  TORCH + "/../../users/kim", "/etc"])
def test_a_path_outside_the_trees_is_refused(used, path):
    before = used.tree(times=True)
    answer = used.cli("permissions", "apply", path)
    assert answer.code == 2 and "not in a shared tree" in answer.err
    assert used.tree(times=True) == before


def test_a_link_in_a_path_is_not_followed(used):
    used.link(TORCH + "/out", "/data/users/kim")
    before = used.tree(times=True)
    for path in (TORCH + "/out", TORCH + "/out/code", TORCH + "/hub/model.pt", TORCH + "/none"):
        assert used.cli("permissions", "apply", path).code == 4
    assert used.tree(times=True) == before


def test_a_top_that_is_a_link_to_etc_is_refused(used):
    used.remove("/data/models/flux")
    used.link("/data/models/flux", "/etc")
    before = used.tree(times=True)
    answer = used.cli("permissions", "apply")
    assert answer.code == 4
    after = used.tree(times=True)
    assert not [path for path in snapshot.differences(before, after) if path.startswith("/etc")]


def test_a_login_token_is_a_matter_for_a_human(used):
    used.write("/data/models/huggingface/token", "hf_x", 0o664, KIM, KIM)
    answer = used.cli("check")
    assert answer.code == 4
    assert answer.ids("blocked") == ["stray:/data/models/huggingface/token",
                                     "secret:/data/models/huggingface"]
    assert used.cli("recover").code == 0, "no member makes the boot fail"


def test_maintenance_runs_beside_a_recovery_and_never_twice(used):
    import fcntl
    os.makedirs(used.path("/run/aica"), exist_ok=True)
    with open(used.path("/run/aica/maintenance.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert used.cli("recover").code == 0
        assert used.cli("permissions", "apply").code == 5


# -- save and restore ------------------------------------------------------------------------


@pytest.fixture
def place(root_rights, needs):
    """A folder that is root's alone from / down."""
    needs(os.stat("/").st_mode & 0o022 == 0, "/ is not root's alone")
    with throw_away_folder("/root") as folder:
        yield folder


@pytest.fixture
def saved(used, place):
    """The same server, its modes saved and then repaired."""
    path = place + "/modes"
    answer = used.cli("permissions", "save", path)
    assert answer.code == 0, answer
    used.before = used.tree()
    assert used.cli("permissions", "apply").code == 0
    assert used.tree() != used.before
    return used, path


def test_restore_brings_everything_back(saved):
    used, path = saved
    plan = used.cli("permissions", "restore", "--dry-run", path)
    assert plan.ids("planned") == ["saved-modes:" + TORCH]
    answer = used.cli("permissions", "restore", path)
    assert (answer.code, answer.ids("changed")) == (0, ["saved-modes:" + TORCH]), answer
    assert used.tree() == used.before
    assert used.cli("permissions", "restore", path).ids("changed") == []


def test_what_was_put_in_place_of_a_saved_entry_is_left_alone(saved):
    used, path = saved
    used.remove(TORCH + "/hub/run")
    used.write(TORCH + "/hub/run", "a colleague's", 0o600, 2002, gid(used))
    answer = used.cli("permissions", "restore", path)
    assert "1 replaced or removed since (hub/run)" in answer.out
    assert used.stat(TORCH + "/hub/run") == (0o600, 2002, gid(used))


def test_restore_gives_no_file_a_setuid_bit(saved):
    used, path = saved
    with open(path) as text:
        lines = text.read().replace("run type=file mode=0755", "run type=file mode=6755")
    with open(path, "w") as text:
        text.write(lines)
    assert used.cli("permissions", "restore", path).code == 0
    assert used.stat(TORCH + "/hub/run")[0] == 0o755


@pytest.mark.parametrize("before, after", [
    ("#end\n", ""), ("#mtree", "#tree"), ("./models/torch/hub/", "./models/torch/../"),
    ("mode=0755", "mode=9"), (" gid=", " gid=-"), ("hub/run", "hub/run\\000")])
def test_a_damaged_file_changes_nothing(saved, before, after):
    used, path = saved
    tree = used.tree(times=True)
    with open(path) as text:
        lines = text.read()
    assert before in lines
    with open(path, "w") as text:
        text.write(lines.replace(before, after, 1))
    answer = used.cli("permissions", "restore", path)
    assert answer.code == 2 and path in answer.err, answer
    assert used.tree(times=True) == tree


@pytest.mark.parametrize("mode, uid", [(0o666, 0), (0o600, KIM)])
def test_a_file_that_others_may_write_is_not_believed(saved, mode, uid):
    used, path = saved
    os.chown(path, uid, uid)
    os.chmod(path, mode)
    not_believed(used, path, "uid {} with mode {:04o}".format(uid, mode), "not root's alone")


def not_believed(server, path, *words):
    """Assert that restoring from a file is refused with these words, and changes nothing."""
    before = server.tree(times=True)
    answer = server.cli("permissions", "restore", path)
    assert answer.code == 2 and [word for word in words if word not in answer.err] == [], answer
    assert server.tree(times=True) == before


@pytest.mark.parametrize("mode, uid", [(0o775, 0), (0o1777, 0), (0o755, KIM)])
def test_a_file_in_a_folder_that_others_may_write_is_not_believed(saved, mode, uid):
    used, path = saved
    folder = os.path.dirname(path)
    os.chown(folder, uid, uid)
    os.chmod(folder, mode)
    not_believed(used, path, path, "mode {:04o}".format(mode), "such as /root")


def test_a_file_behind_a_link_or_with_a_second_name_is_not_believed(saved, place):
    used, path = saved
    os.symlink(place, place + "/link")
    not_believed(used, place + "/link/modes", place + "/link is not a real folder")
    os.symlink("modes", place + "/other")
    not_believed(used, place + "/other", place + "/other")
    os.link(path, place + "/second")
    not_believed(used, path, "2 name(s)")


@pytest.mark.parametrize("name", ["none", "none/modes", "", "/x" * 5000])
def test_a_file_that_is_not_there_is_wrong_usage(used, place, name):
    not_believed(used, place + "/" + name, place)


def test_root_writes_into_no_folder_of_a_members(used, place):
    """Neither there, nor through a link of hers to where root alone may write."""
    os.makedirs(place + "/hers")
    os.symlink(place, place + "/hers/link")
    os.chown(place + "/hers", KIM, KIM)
    os.mkdir(place + "/open")
    os.chmod(place + "/open", 0o1777)
    os.symlink(place + "/target", place + "/dangling")
    before = snapshot.tree(place, ())
    for name in ("hers/modes", "hers/link/modes", "open/modes", "dangling", "none/modes", "hers",
                 "dangling/modes"):
        answer = used.cli("permissions", "save", place + "/" + name)
        assert answer.code == 2 and place + "/" + name in answer.err, answer
        assert answer.ids("changed") == []
    assert snapshot.tree(place, ()) == before


def test_what_cannot_be_saved_to_the_end_leaves_no_file_and_no_word_of_success(
        used, place, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    answer = used.cli("permissions", "save", place + "/modes")
    assert answer.code == 1 and place + "/modes" in answer.err and "No space left" in answer.err
    assert answer.ids("changed") == [] and os.listdir(place) == []


def test_save_overwrites_nothing(saved):
    used, path = saved
    with open(path) as text:
        before = text.read()
    assert used.cli("permissions", "save", path).code == 2
    with open(path) as text:
        assert text.read() == before


def test_hostile_names_come_back(whole, place):
    for name in (b"line\nfeed", b"\x1b[31m", b"\xff\xfe", b"a b", b"#end", b"back\\slash"):
        with open(os.fsencode(whole.path(TORCH)) + b"/" + name, "wb"):
            pass
    before = whole.tree()
    path = place + "/modes"
    assert whole.cli("permissions", "save", path).code == 0
    assert whole.cli("permissions", "apply").code == 0
    assert whole.cli("permissions", "restore", path).code == 0
    assert whole.tree() == before
