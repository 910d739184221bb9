"""aica clean: what goes, what stays, and what the programs whose caches they are say of the rest."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import clients
import pytest
import snapshot

from aica.caches import cache as caching
from aica.caches import cleaning, rules
from aica.caches.cleaning import Cleaning, Request
from aica.host import Host
from aica.host.programs import Programs
from aica.settings import Settings
from aica.storage import Mount

REMOVE = sys.modules["aica.tree.remove"]
HUB = "/data/models/huggingface/hub"
TORCH = "/data/models/torch/hub"
PKGS = "/data/cache/conda/pkgs"
PIP = "/data/cache/pip"
KIM, LEE = 2001, 2002
OLD_S = 40 * 86400
DAY = "--older-than=14"


class Used:
    """A whole server whose caches were used; paths are the server's."""

    def __init__(self, server):
        self.server = server
        self.cli, self.path, self.exists = server.cli, server.path, server.exists

    def write(self, path, text="x" * 3000, age_s=0, uid=KIM):
        self.server.write(path, text, 0o664, uid, uid)
        if age_s:
            self.age(path, age_s)
        return self.path(path)

    def age(self, path, age_s=OLD_S, folders=True):
        """Make everything at and below a path look unused for so long."""
        when = time.time() - age_s
        top = self.path(path)
        for folder, _, names in os.walk(top):
            for name in names:
                os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
            if folders:
                os.utime(folder, (when, when))
        os.utime(top, (when, when), follow_symlinks=False)

    def clean(self, *words):
        """Clean for good; return the Answer."""
        return self.cli("clean", "--yes", *words)

    def going(self, *words):
        """Return the ids that a dry run lists."""
        return sorted(self.cli("clean", "--dry-run", *words).ids("planned"))

    def gone(self, *words):
        """Clean, and return the ids that were removed."""
        answer = self.clean(*words)
        assert answer.code == 0, answer
        return sorted(answer.ids("changed"))

    def state(self):
        """Return all that a write would change; nothing is read, which would be a use."""
        found = {}
        for folder, folders, names in os.walk(self.server.root):
            for name in folders + names:
                info = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = info.st_ino, info.st_mtime_ns, info.st_ctime_ns
        return found

    def names(self, path):
        return sorted(os.listdir(self.path(path)))


@pytest.fixture
def used(whole):
    return Used(whole)


@contextlib.contextmanager
def held_open(path, *code):
    """Another process has a file open, has it mapped, or works in a folder."""
    program = "; ".join(code or ("keep = open(sys.argv[1])",))
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys, mmap, os, time; " + program
         + "; print('ready', flush=True); time.sleep(60)", path], stdout=subprocess.PIPE)
    child.stdout.readline()
    try:
        yield
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


# -- the command ----------------------------------------------------------------------------


def test_without_a_target_it_explains_itself(used):
    before = used.server.tree(times=True)
    answer = used.cli("clean")
    assert answer.code == 0 and "--torch" in answer.out and "sudo aica-clean-cache" in answer.out
    assert used.server.tree(times=True) == before


@pytest.mark.parametrize("words", [("--yes",), ("--dry-run",), (DAY,), ("--all", "--older-than=-1"),
                                   ("--all", "--older-than=x"), ("--all", "--older-than=999999"),
                                   ("--all", "/etc"), ("--hf", "--json")])
def test_a_wrong_command_line_does_nothing(used, words):
    used.write(TORCH + "/checkpoints/a.pth", age_s=OLD_S)
    before = used.server.tree(times=True)
    assert used.cli("clean", *words).code == 2
    assert used.server.tree(times=True) == before


def test_it_asks_and_without_a_terminal_does_nothing(used):
    used.write(TORCH + "/checkpoints/a.pth", age_s=OLD_S)
    answer = used.cli("clean", "--all")
    assert answer.code == 2 and "Remove these 1?" in answer.err
    assert answer.ids("planned") == ["torch:checkpoints/a.pth"]
    assert used.exists(TORCH + "/checkpoints/a.pth")


def test_a_dry_run_lists_what_a_real_run_removes(used):
    fill(used)
    for words in ((DAY,), ()):
        before = used.state()
        listed = used.going("--all", *words)
        assert used.state() == before
        assert listed and used.gone("--all", *words) == listed
        assert used.going("--all", *words) == []


def fill(used):
    """Something old and something new in every cache."""
    for name, age in (("old", OLD_S), ("new", 0)):
        used.write("{}/checkpoints/{}.pth".format(TORCH, name), age_s=age)
        package(used, "{}-1.0-0".format(name), age)
        used.write("{}/http-v2/a/{}".format(PIP, name), age_s=age)
        repository(used, "models--org--" + name, age)


def test_json_says_the_same_and_ends_with_the_summary(used):
    fill(used)
    *rows, last = used.clean("--all", DAY, "--json").objects
    changed = {row["resource"]: row["changes"] for row in rows if row["status"] == "changed"}
    assert sorted(changed) == ["conda:old-1.0-0", "hf:models--org--old", "pip:http-v2",
                               "torch:checkpoints/old.pth"]
    assert {change["field"]: (change["before"], change["after"])
            for change in changed["torch:checkpoints/old.pth"]} == {
        "allocated_bytes": (4096, 0), "size_bytes": (3000, 0)}
    assert last["exit"] == 0 and last["summary"]["changed"] == 4


def test_it_says_what_it_freed_and_what_it_kept_and_why(used):
    used.write(TORCH + "/checkpoints/old.pth", "x" * 8000, OLD_S)
    used.write(TORCH + "/checkpoints/new.pth", "x" * 8000)
    answer = used.clean("--torch", DAY)
    assert "7.8 KiB, last used 40 days ago" in answer.out
    assert "8.0 KiB freed; kept 1 used in the last 14 days (new.pth; 8.0 KiB)" in answer.out
    assert answer.out.endswith("[INFO] 8.0 KiB freed\n")


def test_freed_counts_hard_links_once(used):
    one = used.write(TORCH + "/org_repo_main/hubconf.py", "x" * 4096, OLD_S)
    os.link(one, os.path.dirname(one) + "/again.py")
    answer = used.clean("--torch")
    assert "4.0 KiB freed" in answer.out


def test_a_missing_cache_is_no_error(used):
    used.server.remove(HUB)
    answer = used.clean("--hf")
    assert answer.code == 0 and answer.ids("skipped") == ["cache:" + HUB]


@pytest.mark.parametrize("target, top", [("--torch", TORCH), ("--torch", "/data/models/torch"),
                                         ("--hf", HUB), ("--conda", PKGS), ("--pip", PIP)])
@pytest.mark.parametrize("aim", ["/etc", "/data/users/kim", "/"])
def test_a_cache_that_is_a_link_is_refused(used, target, top, aim):
    """S5: through `hub -> /etc` the shell version emptied /etc."""
    if used.exists(top):
        used.server.remove(top)
    used.server.link(top, aim)
    before = used.server.tree(times=True)
    assert used.cli("clean", target).code == 4
    answer = used.clean(target)
    assert answer.code == 4 and answer.ids("blocked"), answer
    differ = snapshot.differences(before, used.server.tree(times=True))
    assert not [path for path in differ if not path.startswith(("/run", "/var/log"))]


def test_names_are_shown_on_one_line(used):
    used.write(TORCH + "/checkpoints/a\n[INFO] b\x1b[31m", age_s=OLD_S)
    answer = used.clean("--torch")
    assert "\x1b" not in answer.out and "torch:checkpoints/a\\x0a[INFO] b\\x1b[31m" in answer.out
    assert used.names(TORCH + "/checkpoints") == []


def test_names_that_are_no_text(used):
    used.write(TORCH + "/checkpoints/x", age_s=OLD_S)
    folder = os.fsencode(used.path(TORCH + "/checkpoints"))
    os.rename(folder + b"/x", folder + b"/\xff\xfe")
    assert used.going("--torch") == ["torch:checkpoints/\\xff\\xfe"]
    assert json.loads(used.cli("clean", "--torch", "--dry-run", "--json").out.splitlines()[0])
    used.gone("--torch")
    assert os.listdir(folder) == []


def test_a_million_names_end_no_list(used, monkeypatch):
    monkeypatch.setattr(caching, "MOST", 3)
    for number in range(10):
        used.write("{}/checkpoints/{}".format(TORCH, number), "x" * 4096 * (number + 1), OLD_S)
    answer = used.clean("--torch")
    assert sorted(answer.ids("changed")) == ["torch:checkpoints/7", "torch:checkpoints/8",
                                             "torch:checkpoints/9"]
    assert re.search(r"kept 7 more, for the next run \((checkpoints/\d, ){3}\.\.\.; 112 KiB\)", answer.out)


def test_one_at_a_time_and_the_others_are_told_at_once(used):
    import fcntl
    used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    with open(used.path("/run/aica/clean.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start = time.monotonic()
        busy = used.clean("--torch")
        assert busy.code == 5 and "freed" not in busy.out
        assert time.monotonic() - start < 5
        assert used.cli("recover").code == 0, "a member who cleans keeps nobody from recovering"
        assert used.going("--torch") == ["torch:checkpoints/a"]


# -- what is in use, and time -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["keep = open(sys.argv[1])",
                                 "keep = mmap.mmap(os.open(sys.argv[1], 0), 0, prot=1); "
                                 "os.closerange(3, 99)",
                                 "os.chdir(os.path.dirname(sys.argv[1])); "
                                 "os.closerange(3, 99)"])
def test_what_a_program_has_open_is_kept_and_said(used, how):
    path = used.write(TORCH + "/org_repo_main/hubconf.py", age_s=OLD_S)
    used.age(TORCH + "/org_repo_main")
    with held_open(path, how):
        answer = used.clean("--torch")
        assert answer.ids("changed") == [] and "kept 1 open in a program" in answer.out, answer
    assert used.gone("--torch") == ["torch:org_repo_main"]


def test_a_blob_open_through_its_link_keeps_the_repository(used):
    repository(used, "models--a--b", OLD_S)
    with held_open(used.path(HUB + "/models--a--b/snapshots/1/file")):
        assert used.gone("--hf") == []
    assert used.gone("--hf") == ["hf:models--a--b"]


@pytest.mark.parametrize("text", ["", "\0" * 7, "\0" * 16, None])
def test_nothing_is_removed_when_nobody_can_tell_what_is_open(used, monkeypatch, text):
    used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    monkeypatch.setattr("aica.caches.opened._read_all", lambda *_: text and text.encode()[:-1])
    answer = used.clean("--torch")
    assert answer.code == 1 and "cannot see which files are in use" in answer.out
    assert used.exists(TORCH + "/checkpoints/a")


def test_read_lately_is_used_lately(used):
    path = used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    os.utime(path, (time.time() - 3600, time.time() - OLD_S))
    assert used.gone("--torch", DAY) == []
    assert used.gone("--torch") == ["torch:checkpoints/a"]


def test_a_time_in_the_future_is_no_age(used):
    used.write(TORCH + "/checkpoints/a", age_s=-OLD_S)
    for words in ((DAY,), ()):
        answer = used.clean("--torch", *words)
        assert answer.ids("changed") == [] and "with a time in the future" in answer.out


class Clock:
    """A clock that somebody sets."""

    def __init__(self, *offsets_s):
        self.offsets_s = list(offsets_s)

    def time(self):
        later = self.offsets_s.pop(0) if len(self.offsets_s) > 1 else self.offsets_s[0]
        return time.time() + later

    def __getattr__(self, name):
        return getattr(time, name)


def test_a_clock_before_this_program_was_made_removes_nothing(used, monkeypatch):
    used.write(TORCH + "/checkpoints/a", age_s=30 * 365 * 86400)
    monkeypatch.setattr(rules, "time", Clock(-20 * 365 * 86400))
    answer = used.clean("--torch", DAY)
    assert answer.code == 5 and "before this program was made" in answer.err
    assert used.exists(TORCH + "/checkpoints/a")


@pytest.mark.parametrize("jump_s", [-86400, 400 * 86400])
def test_a_clock_that_is_set_during_the_run_ends_it(used, monkeypatch, jump_s):
    used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    monkeypatch.setattr(rules, "time", Clock(0, jump_s))
    answer = used.clean("--torch", DAY)
    assert answer.code == 1 and "the clock was set during this run" in answer.out
    assert used.exists(TORCH + "/checkpoints/a")


def test_what_is_used_between_the_list_and_the_answer_is_kept(used):
    path = used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    cleaning_ = Cleaning(used.server.app, Request(("torch",), 14))
    listed = [o.resource for o in cleaning_.plan() if o.status == "planned"]
    assert listed == ["torch:checkpoints/a"]
    os.utime(path)
    found = {o.resource: o for o in cleaning_.run()}
    assert found["torch:checkpoints/a"].status == "skipped"
    assert "used in the last 14 days" in found["torch:checkpoints/a"].message
    assert os.path.exists(path)


def test_what_was_not_listed_is_not_removed(used):
    used.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    cleaning_ = Cleaning(used.server.app, Request(("torch",), 14))
    assert len(list(cleaning_.plan())) == 2
    used.write(TORCH + "/checkpoints/later", age_s=OLD_S)
    list(cleaning_.run())
    assert used.names(TORCH + "/checkpoints") == ["later"]


def test_a_swap_after_the_list_hits_nothing(used):
    used.write(TORCH + "/org_a_main/hubconf.py", age_s=OLD_S)
    used.write(TORCH + "/org_b_main/thesis.tex", age_s=OLD_S)
    cleaning_ = Cleaning(used.server.app, Request(("torch",), 0))
    assert [o.resource for o in cleaning_.plan() if o.status == "planned"] == ["torch:org_a_main"]
    os.rename(used.path(TORCH + "/org_a_main"), used.path(TORCH + "/aside"))
    os.rename(used.path(TORCH + "/org_b_main"), used.path(TORCH + "/org_a_main"))
    list(cleaning_.run())
    assert used.exists(TORCH + "/org_a_main/thesis.tex")


def test_what_is_put_into_a_thing_while_it_goes_is_told(used, monkeypatch):
    used.write(TORCH + "/org_a_main/hubconf.py", age_s=OLD_S)
    host = type(used.server.host())
    remove = host.remove_cached

    def disturbed(self, *words):
        rmdir = os.rmdir
        with monkeypatch.context() as patch:
            patch.setattr(REMOVE.os, "rmdir", lambda name, dir_fd: (
                used.write(TORCH + "/org_a_main/late"), rmdir(name, dir_fd=dir_fd)))
            return remove(self, *words)
    monkeypatch.setattr(host, "remove_cached", disturbed)
    answer = used.clean("--torch")
    assert answer.code == 1 and "something was put into it while it was removed" in answer.out
    assert used.names(TORCH + "/org_a_main") == ["late"]


# -- members ----------------------------------------------------------------------------------


def test_a_member_removes_only_what_nobody_used_for_the_days_of_the_settings(used):
    for name, days in (("a", 13), ("b", 15), ("c", 40)):
        used.write(TORCH + "/checkpoints/" + name, age_s=days * 86400 + 60)
    conf = used.server.read("/data/config/aica.conf")

    def listed(**more):
        request = Request(("torch",), member=True, **more)
        return sorted(o.name for o in Cleaning(used.server.app, request).plan()
                      if o.status == "planned")
    assert listed() == listed(days=0) == ["checkpoints/b", "checkpoints/c"]
    line = "member_min_age_days = "
    used.server.write("/data/config/aica.conf", conf.replace("#" + line + "14", line + "30"))
    assert listed() == listed(days=1) == ["checkpoints/c"]
    used.server.write("/data/config/aica.conf", conf.replace("#" + line + "14", line + "0"))
    assert used.cli("clean", "--torch", "--dry-run").code == 2


@pytest.mark.parametrize("options, member, refused", [
    ("rw,noatime", True, True), ("rw,relatime", True, False), ("rw,noatime", False, False)])
def test_where_reading_leaves_no_trace_members_do_not_clean_by_age(
        used, monkeypatch, options, member, refused):
    monkeypatch.setattr(cleaning.storage, "mounts", lambda: [Mount("/", "ext4", options)])
    monkeypatch.setattr("aica.host.Host.live", property(lambda _self: True))
    one = Cleaning(used.server.app, Request(("torch", "conda"), 14, member))
    host = used.server.host()
    monkeypatch.setattr(one._app, "settings", lambda _host: Settings())
    torch, conda = one._choose(host)
    assert (torch._problem is not None) is refused and conda._problem is None
    warned = any("noatime" in text for text in one._app.warnings)
    assert warned is (not member)


def test_the_audit_line_is_one_line(used, monkeypatch):
    lines = []
    monkeypatch.setattr(cleaning.syslog, "syslog", lambda _level, text: lines.append(text))
    monkeypatch.setattr("aica.host.Host.live", property(lambda _self: True))
    one = Cleaning(used.server.app, Request(("torch",), who="kim\n(uid 0)\x1b"))
    one.removed = ["torch:checkpoints/a\nb\udcff"] * 60
    one._audit_end(used.server.host())
    assert len(lines) == 51 and lines[0] == \
        "kim\\x0a(uid 0)\\x1b removed torch:checkpoints/a\\x0ab\\xff"
    assert lines[-1].endswith("freed 0 bytes, 60 removed (10 of them not named here)")
    assert not re.search(r"[^ -~]", "".join(lines))


# -- torch --------------------------------------------------------------------------------------


def test_torch_keeps_what_is_no_cache_of_its(used):
    for name in ("trusted_list", "checkpoints/sub/model.bin", "my-thesis/hubconf.py",
                 "no_hubconf_here/data", ".hidden_a_b/hubconf.py"):
        used.write(TORCH + "/" + name, age_s=OLD_S)
    used.write("/data/models/torch/kim.bin", age_s=OLD_S)
    os.symlink("/etc", used.path(TORCH + "/org_link_main"))
    os.symlink("/etc/passwd", used.path(TORCH + "/checkpoints/link.pth"))
    before = used.server.tree()
    assert used.gone("--torch") == []
    assert [p for p in snapshot.differences(before, used.server.tree()) if p.startswith("/data")] == []


# -- conda --------------------------------------------------------------------------------------


def package(used, name, age_s=OLD_S, uid=KIM):
    """A package as conda unpacks it."""
    for path in ("info/index.json", "info/repodata_record.json", "lib/a.py"):
        used.write("{}/{}/{}".format(PKGS, name, path), age_s=age_s, uid=uid)
    os.chown(used.path(PKGS + "/" + name), uid, uid)


def environment(used, name, *packages):
    """An environment into which packages are hard-linked, as conda does it."""
    prefix = "/data/users/kim/conda/envs/" + name
    for one in packages:
        used.write("{}/conda-meta/{}.json".format(prefix, one), "{}")
        target = used.path("{}/lib/{}.py".format(prefix, one))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(used.path("{}/{}/lib/a.py".format(PKGS, one)), target)
    return prefix


def test_a_package_that_an_environment_links_is_kept(used):
    package(used, "used-1.0-py311_0")
    package(used, "unused-1.0-py311_0")
    prefix = environment(used, "work", "used-1.0-py311_0")
    answer = used.clean("--conda")
    assert answer.ids("changed") == ["conda:unused-1.0-py311_0"]
    assert "kept 1 hard-linked into an environment (used-1.0-py311_0" in answer.out
    assert used.names(PKGS) == ["used-1.0-py311_0"]
    used.server.remove(prefix)
    assert used.gone("--conda") == ["conda:used-1.0-py311_0"]


def test_the_base_and_what_it_is_made_of_are_kept(used):
    for name in ("python-3.11.5-h1_0", "other-1.0-0"):
        package(used, name)
        used.write("{}/{}.conda".format(PKGS, name), age_s=OLD_S)
    base = "/data/apps/miniconda3"
    used.server.write(base + "/conda-meta/python-3.11.5-h1_0.json", "{}")
    used.server.write(base + "/pkgs/python-3.11.5-h1_0/info/index.json", "{}")
    assert used.gone("--conda") == ["conda:other-1.0-0", "conda:other-1.0-0.conda"]
    assert used.names(PKGS) == ["python-3.11.5-h1_0", "python-3.11.5-h1_0.conda"]
    assert used.exists(base + "/pkgs/python-3.11.5-h1_0/info/index.json")


def test_conda_keeps_what_is_no_package(used):
    for name in ("urls", "urls.txt", "notes.tar.bz2", "data/thesis.tex", "a-1-0/no-info-here",
                 "thesis-final-version/chapter.tex"):
        used.write(PKGS + "/" + name, age_s=OLD_S)
    assert used.gone("--conda") == []


def test_archives_half_downloads_and_the_index(used):
    for name in ("a-1-0.conda", "b-1-0.tar.bz2", "c-1-0.conda.partial", "cache/1234.json",
                 "cache/1234.info.json"):
        used.write(PKGS + "/" + name, age_s=OLD_S)
    used.write(PKGS + "/cache/new.json")
    assert used.gone("--conda", DAY) == ["conda:a-1-0.conda", "conda:b-1-0.tar.bz2",
                                         "conda:c-1-0.conda.partial", "conda:cache"]
    assert used.names(PKGS + "/cache") == ["new.json"]


def test_a_package_that_is_linked_in_the_last_moment_stays_whole_in_the_environment(used):
    package(used, "late-1.0-0")
    cleaning_ = Cleaning(used.server.app, Request(("conda",), 0))
    things = [o.resource for o in cleaning_.plan() if o.status == "planned"]
    assert things == ["conda:late-1.0-0"]
    environment(used, "work", "late-1.0-0")
    found = {o.resource: o.status for o in cleaning_.run()}
    assert found["conda:late-1.0-0"] == "skipped"
    assert used.exists(PKGS + "/late-1.0-0/lib/a.py")


def test_the_info_of_a_package_goes_first(used, monkeypatch):
    package(used, "a-1.0-0")
    order, unlink = [], os.unlink

    def noted(name, dir_fd=None):
        order.append(os.fsdecode(name))
        return unlink(name, dir_fd=dir_fd)
    monkeypatch.setattr(REMOVE.os, "unlink", noted)
    assert used.gone("--conda") == ["conda:a-1.0-0"]
    assert order == ["repodata_record.json", "index.json", "a.py"]


# -- hugging face ---------------------------------------------------------------------------------


def repository(used, name, age_s=0, blob="b" * 40):
    """A repository as huggingface_hub makes it, by hand: one snapshot with one file."""
    top = HUB + "/" + name
    used.write(top + "/refs/main", "1")
    used.write("{}/blobs/{}".format(top, blob), "x" * 5000)
    os.makedirs(used.path(top + "/snapshots/1"))
    os.symlink("../../blobs/" + blob, used.path(top + "/snapshots/1/file"))
    if age_s:
        used.age(top, age_s)
    return top


@pytest.fixture
def real(used, needs):
    """A hub with repositories that the real huggingface_hub downloaded."""
    problem = clients.make()
    needs(not problem, problem)
    clients.download(used.path(HUB), "org/old:w30.bin", "org/old:w4.bin", "org/new:w7.bin",
                     "solo:w2.bin")
    used.age(HUB + "/models--org--old")
    used.age(HUB + "/.locks/models--org--old")
    return used


def sizes(answer):
    return {row["resource"][len("hf:"):]: change["before"] for row in answer.objects
            if row.get("status") in ("planned", "changed")
            for change in row["changes"] if change["field"] == "size_bytes"}


def test_our_sizes_are_those_of_the_real_client(real):
    judged = clients.scan(real.path(HUB))
    assert judged["warnings"] == [] and len(judged["repos"]) == 3
    listed = sizes(real.cli("clean", "--hf", "--dry-run", "--json"))
    assert listed.pop(".locks") == 0 and listed == judged["repos"]


def test_the_real_client_reads_what_remains_without_a_warning(real):
    before = clients.scan(real.path(HUB))
    assert real.gone("--hf", DAY) == ["hf:.locks", "hf:models--org--old"]
    after = clients.scan(real.path(HUB))
    assert after["warnings"] == []
    del before["repos"]["models--org--old"]
    assert after["repos"] == before["repos"] and after["size"] == sum(after["repos"].values())
    clients.download(real.path(HUB), "org/old:w4.bin", "org/new:w7.bin")  # and again, for real
    assert clients.scan(real.path(HUB))["repos"]["models--org--old"] == \
        len(clients.content("w4.bin"))


def test_loose_ends_of_a_repository_that_stays(real):
    top = HUB + "/models--org--new/blobs/"
    real.write(top + "c" * 40, age_s=2 * 86400)
    real.write(top + "d" * 40 + ".incomplete", age_s=2 * 86400)
    real.write(top + "e" * 40 + ".12345678.incomplete")
    real.write(HUB + "/.locks/models--org--new/old.lock", "", age_s=2 * 86400)
    assert real.gone("--hf", "--older-than=1") == [
        "hf:.locks", "hf:models--org--new/blobs/" + "c" * 40,
        "hf:models--org--new/blobs/" + "d" * 40 + ".incomplete", "hf:models--org--old"]
    judged = clients.scan(real.path(HUB))
    assert judged["warnings"] == [] and judged["repos"]["models--org--new"] == \
        len(clients.content("w7.bin"))
    assert real.exists(top + "e" * 40 + ".12345678.incomplete")


def test_a_repository_of_a_million_links_is_left_alone(used, monkeypatch):
    monkeypatch.setattr(sys.modules["aica.caches.hf"], "MANY", 50)
    top = repository(used, "models--a--b")
    for number in range(60):
        os.symlink("../../blobs/{}".format(number), used.path("{}/snapshots/1/{}".format(top, number)))
    answer = used.clean("--hf")
    assert answer.ids("changed") == [] and "kept 1 that could not be looked through" in answer.out


def test_a_folder_that_only_has_the_name_of_a_repository_is_somebodys_own(used):
    used.write(HUB + "/models--kim--thesis/model.bin", age_s=OLD_S)
    used.write(HUB + "/models--kim--other/weights/model.bin", age_s=OLD_S)
    repository(used, "models--a--b", OLD_S)
    used.write(HUB + "/models--a--b/notes.txt", age_s=OLD_S)
    answer = used.clean("--hf")
    assert answer.ids("changed") == []
    assert "kept 3 with files that are none of the cache's" in answer.out


def test_a_fresh_loose_end_stays_even_when_root_names_no_age(used):
    top = repository(used, "models--a--b")
    half = used.write(top + "/blobs/half.incomplete")
    with held_open(used.path(top + "/refs/main")):
        assert used.gone("--hf") == []
    assert os.path.exists(half)


def test_a_killed_removal_leaves_what_the_real_client_can_read(real, monkeypatch):
    """Row 38: at each step of the removal of a repository, the hub is read without a warning."""
    hub, unlink, seen = real.path(HUB), os.unlink, []

    def judged(name, dir_fd=None):
        unlink(name, dir_fd=dir_fd)
        if len(seen) < 8:
            seen.append(clients.scan(hub)["warnings"])
    monkeypatch.setattr(REMOVE.os, "unlink", judged)
    assert "hf:models--org--old" in real.gone("--hf", DAY)
    assert len(seen) > 4 and not any(seen), seen


def shared_blob(used, repo, digest="ab" + "0" * 62):
    """A repository whose blob lies in the store that newer versions of the client share."""
    store = HUB + "/blobs/"
    used.write(store + ".huggingface-shared-blobs", "1\n")
    used.write(store + "ab/" + digest, "y" * 9000)
    used.write(store + "ab/" + digest + ".refs", "x")
    top = repository(used, repo)
    blob = used.path("{}/blobs/{}".format(top, "b" * 40))
    os.unlink(blob)
    os.symlink("../../blobs/ab/" + digest, blob)
    used.age(top)
    used.age(store)
    return store + "ab/" + digest


def test_a_shared_blob_goes_with_the_last_repository_that_points_to_it(real):
    payload = shared_blob(real, "models--s--one")
    shared_blob(real, "models--s--two")
    os.utime(real.path(HUB + "/models--s--two/refs/main"))
    judged = clients.scan(real.path(HUB))
    assert judged["warnings"] == [] and judged["repos"]["models--s--one"] == 9000
    listed = sizes(real.cli("clean", "--hf", "--dry-run", "--json"))
    assert listed["models--s--one"] == 9000
    assert "hf:models--s--one" in real.gone("--hf", DAY)
    assert real.exists(payload) and clients.scan(real.path(HUB))["warnings"] == []
    real.age(HUB + "/models--s--two")
    assert real.gone("--hf", DAY) == ["hf:blobs/ab/" + "ab" + "0" * 62, "hf:models--s--two"]
    assert not real.exists(payload) and not real.exists(payload + ".refs")
    judged = clients.scan(real.path(HUB))
    assert judged["warnings"] == [] and judged["size"] == sum(judged["repos"].values())


def test_a_shared_blob_that_was_read_keeps_its_repository(used):
    payload = shared_blob(used, "models--s--one")
    os.utime(used.path(payload))
    assert used.gone("--hf", DAY) == []


def test_without_the_mark_of_the_client_blobs_is_somebodys_folder(used):
    used.write(HUB + "/blobs/ab/ab" + "0" * 62, age_s=OLD_S)
    used.write(HUB + "/thesis/chapter.tex", age_s=OLD_S)
    used.write(HUB + "/version.txt", age_s=OLD_S)
    used.write("/data/models/huggingface/token", age_s=OLD_S)
    assert used.gone("--hf") == []


# -- pip, and a user without root -------------------------------------------------------------------


def test_the_real_pip_goes_on_with_what_remains(used, needs, tmp_path):
    problem = clients.make()
    needs(not problem, problem)
    cache = used.path(PIP)
    clients.install(cache, str(tmp_path / "one"), "demo", "other")
    folder = next(name for name in used.names(PIP) if name.startswith("http"))
    found = files_below(cache + "/" + folder)
    assert len(found) > 1
    used.age(PIP)
    os.utime(found[0])
    assert used.gone("--pip", DAY)[:1] == ["pip:" + folder]
    assert files_below(cache + "/" + folder) == found[:1]
    assert re.search("HTTP files: 1$", clients.pip("--cache-dir", cache, "cache", "info"), re.M)
    clients.install(cache, str(tmp_path / "two"), "demo", "other")
    assert sorted(os.listdir(str(tmp_path / "two"))) == sorted(os.listdir(str(tmp_path / "one")))
    used.gone("--pip")
    assert os.listdir(cache + "/" + folder) == []


def files_below(top):
    """Return the paths of all files below a folder of this machine."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)


def test_pip_keeps_what_is_no_cache_of_pips(used):
    used.write(PIP + "/thesis/a", age_s=OLD_S)
    used.write(PIP + "/file", age_s=OLD_S)
    assert used.gone("--pip") == []


@pytest.fixture
def home(used, needs, monkeypatch, tmp_path):
    """The home and the environment of kim, who has pip and uv."""
    problem = clients.make()
    needs(not problem, problem)
    folder = used.path("/data/users/kim")
    monkeypatch.setenv("HOME", folder)
    monkeypatch.setenv("PATH", clients.FOLDER + "/venv/bin:/usr/bin:/bin")
    for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "XDG_CACHE_HOME", "PIP_NO_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    os.chmod(used.server.root, 0o755)
    # The tools run with kim's rights alone, and look for their caches below HOME.
    monkeypatch.setattr(Host, "execute_own", Programs.execute_own)
    return used


def own(home, *words):
    """Run `aica clean` as kim on the running system, where kim's own tools and caches are."""
    return home.server.cli_as(KIM, "clean", *words, root="/")


def test_without_root_pip_and_uv_clean_their_own_caches(home):
    home.write("/data/users/kim/.cache/pip/http/a/b", "x" * 9000)
    home.write("/data/users/kim/.cache/uv/simple-v0/x", "x" * 9000)
    for folder, _, _ in os.walk(home.path("/data/users/kim/.cache")):
        os.chown(folder, KIM, KIM)
    plan = own(home, "--pip", "--dry-run")
    assert plan.code == 0 and "pip cache purge" in plan.out, plan
    assert "own-cache:pip" in plan.ids("planned")
    answer = own(home, "--pip", "--yes")
    assert answer.code == 0 and "own-cache:pip" in answer.ids("changed"), answer
    assert re.search(r"\[INFO\] [1-9][\d.]* [KM]iB freed", answer.out)
    assert not home.exists("/data/users/kim/.cache/pip/http/a/b")
    assert "own-cache:uv" in answer.ids("changed"), answer


def test_a_tool_that_is_missing_or_has_no_cache_is_passed_by(home, monkeypatch):
    monkeypatch.setenv("PATH", home.path("/usr/tools"))
    for name, words in (("pip", "echo 'the cache is disabled' >&2; exit 1"), ("npm", "echo undefined")):
        home.server.write("/usr/tools/" + name, "#!/bin/sh\n" + words + "\n", 0o755)
    answer = own(home, "--pip", "--yes")
    assert answer.code == 0 and answer.rows == [
        ("skipped", "own-cache:pip"), ("skipped", "own-cache:uv"), ("ok", "own-cache:npm")], answer


@pytest.mark.parametrize("words", [("--pip", "--yes"), ("--pip", "--dry-run"), ("--all", "--yes")])
def test_another_root_is_never_answered_with_the_caches_of_this_system(home, words):
    home.write("/data/users/kim/.cache/pip/http/a/b", "x" * 9000)
    for folder, _, _ in os.walk(home.path("/data/users/kim/.cache")):
        os.chown(folder, KIM, KIM)
    before = home.server.tree(times=True)
    answer = home.server.cli_as(KIM, "clean", *words)
    assert answer.code == 2 and "--root" in answer.err and "--pip" in answer.err, answer
    assert home.server.tree(times=True) == before


def test_npm_is_asked_without_a_log_of_it(home, monkeypatch):
    """A dry run changes nothing: each call of npm would leave a file in ~/.npm/_logs."""
    monkeypatch.setenv("PATH", home.path("/usr/tools"))
    home.server.write("/usr/tools/npm", "#!/bin/sh\necho \"$@\" >&2; exit 1\n", 0o755)
    answer = own(home, "--pip", "--dry-run")
    assert "--logs-max=0 --no-update-notifier config get cache" in answer.out, answer


def test_without_root_conda_removes_what_is_ones_own(home):
    for name, uid in (("mine-1.0-0", KIM), ("yours-1.0-0", LEE)):
        package(home, name, uid=uid)
    for folder, _, _ in os.walk(home.path(PKGS + "/mine-1.0-0")):
        os.chown(folder, KIM, KIM)
    os.chmod(home.path(PKGS), 0o2777)
    answer = home.server.cli_as(KIM, "clean", "--conda", "--yes")
    assert answer.ids("changed") == ["conda:mine-1.0-0"], answer
    assert home.names(PKGS) == ["yours-1.0-0"]


def test_without_root_the_shared_models_are_not_touched(home):
    home.write(TORCH + "/checkpoints/a", age_s=OLD_S)
    answer = home.server.cli_as(KIM, "clean", "--torch", "--hf", "--yes")
    assert answer.code == 0 and "sudo aica-clean-cache --torch" in answer.out
    assert home.exists(TORCH + "/checkpoints/a")


# -- interrupted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_what_it_freed_and_the_next_run_ends_it(used, number):
    for one in range(400):
        used.write("{}/checkpoints/{:03}".format(TORCH, one), age_s=OLD_S)
    child = subprocess.Popen(
        [sys.executable, "-c", "import aica.caches.thing as t, time, sys\n"
         "apply = t.Thing.apply\n"
         "def slow(*a):\n    apply(*a)\n    time.sleep(0.02)\n"
         "t.Thing.apply = slow\n"
         "from aica.cli import main\nsys.exit(main(sys.argv[1:]))",
         "clean", "--torch", "--yes", "--root", used.server.root],
        stdout=subprocess.PIPE, cwd=clients.REPOSITORY, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    for _ in range(10):
        child.stdout.readline()
    child.send_signal(number)
    out = child.stdout.read().decode()
    child.stdout.close()
    assert child.wait() in (130, 128 + number)
    left = len(used.names(TORCH + "/checkpoints"))
    assert 0 < left < 400 and re.search(r"\[INFO\] [\d.]+ (KiB|MiB) freed\n\Z", out), out[-300:]
    assert len(used.gone("--torch")) == left
