"""Attacks of safety.md at the command line: links wherever root goes, theft, hostile names, limits."""

import os
import resource
import stat

import pytest
import snapshot
from attacks import FULL, in_child, limited, set_immutable
from wiped import throw_away_folder

from aica import site
from aica.permissions import Order
from aica.site import folders
from aica.tree import saved, sharing

pytestmark = pytest.mark.usefixtures("root_rights")

KIM, LEE = 2001, 2002
TORCH = "/data/models/torch"
C_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


# -- a link at every place -------------------------------------------------------------------


def places(server):
    """Return every path below /data that a run looks at, deep or not, the lowest first."""
    host = server.host()
    desired = server.app.site(host, server.app.settings(host))
    names = {resource.name for resource in site.recovery(desired) + folders.sharing(desired)}
    names |= {"/data/config/aica.conf", "/data/config/accounts/passwd",
              "/data/config/accounts/shadow"}
    found = {name for name in names if name.startswith("/data/") and server.exists(name)}
    return sorted(found, reverse=True)


TARGETS = ("/etc", "/data/users/lee", "/")


def test_a_link_at_every_place_that_root_visits_leads_nowhere(whole, roots_folder):
    """S5, S6, S10, S21, row 33: refused or blocked, and nothing behind it is touched."""
    looked_at = places(whole)
    assert len(looked_at) > 25
    for number, path in enumerate(looked_at):
        for target in TARGETS if FULL else TARGETS[number % 3:][:1]:
            real = whole.path(path)
            is_folder = os.path.isdir(real)
            os.rename(real, real + ".mine")
            whole.link(path, target if is_folder else "/etc/shadow")
            _try_every_verb(whole, path, roots_folder)
            os.unlink(real)
            os.rename(real + ".mine", real)
    assert whole.cli("check", "--deep").code == 0


@pytest.fixture
def roots_folder():
    """A folder that is root's alone: `permissions save` writes to no other."""
    with throw_away_folder("/root") as folder:
        yield folder


def _try_every_verb(server, path, folder):
    before = server.tree()
    for verb in (("recover", "--deep"), ("check", "--deep"), ("permissions", "apply"),
                 ("permissions", "save", folder + "/modes"), ("setup", "--yes")):
        answer = server.cli(*verb)
        assert answer.code not in (3, 70), (path, verb, answer)
        assert answer.code or verb[0] != "recover", "a link there is no success: " + path
        _forget(folder)
    changed = snapshot.differences(before, server.tree())
    assert changed == [], (path, changed)


def _forget(folder):
    """`permissions save` writes to a new file only."""
    for name in os.listdir(folder):
        os.unlink("{}/{}".format(folder, name))


# -- theft -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [("recover", "--boot"), ("recover", "--deep"),
                                  ("permissions", "apply"), ("recover", "--user", "kim")])
def test_nothing_that_was_moved_or_linked_into_a_home_changes_hands(whole, verb):
    """S7, S11, S12, row 32: one link, a colleague's 0600, in the thief's home; and a second name."""
    whole.write("/data/users/kim/loot", "lee's", 0o600, LEE, LEE)
    whole.write("/data/users/lee/linked", "lee's", 0o660, LEE, LEE)
    os.link(whole.path("/data/users/lee/linked"), whole.path("/data/users/kim/linked"))
    whole.link("/data/users/kim/dotfiles", "/etc")
    whole.link("/data/users/kim/shadow", "/etc/shadow")
    before = whole.tree(times=True)
    assert whole.cli(*verb).code == 0
    changed = snapshot.differences(before, whole.tree(times=True))
    assert [path for path in changed if path.startswith(("/data/users/", "/etc"))] == []


def test_what_a_member_makes_look_like_ours_is_not_believed(whole):
    """S4, S21: candidates, markers and records of a member's making are no business of ours."""
    for name in (".aica-tmp.users.txt.1.ab", "users.txt", "aica.conf", "token.lock"):
        whole.write(TORCH + "/" + name, "mallory:sudo\n", 0o666, KIM, KIM)
        whole.write("/data/users/kim/" + name, "mallory:sudo\n", 0o666, KIM, KIM)
    before = whole.tree()
    assert whole.cli("recover").code == 0
    assert snapshot.differences(before, whole.tree()) == []


def test_a_home_full_of_traps_is_never_entered(whole):
    """Row 30: FIFOs, devices, sockets, links, deep chains, immutable files; boot and deep."""
    home = whole.path("/data/users/kim")
    os.mkfifo(home + "/fifo", 0o600)
    os.mknod(home + "/device", 0o666 | stat.S_IFBLK, os.makedev(7, 0))
    os.mkdir(os.fsencode(home) + b"/\xff\n\x1b[31m")
    os.mknod(home + "/setuid", 0o4755 | stat.S_IFREG)
    whole.write("/data/users/kim/fixed", "", 0o600, KIM, KIM)
    immutable = set_immutable(whole.path("/data/users/kim/fixed"), True)
    os.mknod(home + "/socket", 0o600 | stat.S_IFSOCK)
    try:
        before = [_state(home, name) for name in sorted(os.listdir(os.fsencode(home)))]
        for verb in (("recover", "--boot"), ("recover", "--deep"), ("check", "--deep")):
            assert whole.cli(*verb).code == 0
        assert [_state(home, name) for name in sorted(os.listdir(os.fsencode(home)))] == before
    finally:
        if immutable:
            set_immutable(whole.path("/data/users/kim/fixed"), False)


def _state(home, name):
    status = os.lstat(os.path.join(os.fsencode(home), name))
    return name, status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns


# -- names -----------------------------------------------------------------------------------


@pytest.fixture
def shouting(whole):
    """A server where a member made thousands of names that forge lines and drive terminals."""
    folder = os.open(whole.path(TORCH), os.O_RDONLY)
    for number in range(2000):
        name = b"\n[ERROR] all is lost %d\x1b]0;pwned\x07\r\xff" % number + b"x" * 180
        os.mknod(name, 0o600 | stat.S_IFREG, dir_fd=folder)
    os.close(folder)
    return whole


@pytest.mark.parametrize("verb", [("permissions", "check", "-v"), ("permissions", "apply", "-v"),
                                  ("recover", "--deep", "-v"), ("check", "--deep", "-v"),
                                  ("check", "--deep", "--json"), ("check",)])
def test_names_forge_no_line_and_fill_no_log(shouting, verb):
    """Row 36: escaped, one line an event, "and so many more"."""
    answer = shouting.cli(*verb)
    text = answer.out + answer.err
    log = shouting.read("/var/log/aica-recovery.log")
    for said in (text, log):
        assert not [char for char in said if char < " " and char != "\n" or "\x7f" <= char <= "\x9f"]
        assert not any(line.startswith("[ERROR] all") for line in said.split("\n"))
    assert len(text) < 50000 and len(log) < 50000
    if verb[0] == "permissions":
        assert "2,000 files that a program closed" in text and "and 1,990 more" in text


def test_the_c_locale_and_an_old_terminal_are_no_reason_to_fail(shouting, roots_folder):
    """Row 46, for the trees: bytes go in, bytes come back, nothing raises."""
    before = shouting.tree()
    modes = roots_folder + "/modes"
    for words in (("permissions", "save", modes), ("permissions", "apply", "-v"),
                  ("check", "--deep", "-v"), ("permissions", "restore", modes)):
        answer = shouting.program(*words, **C_LOCALE)
        assert answer.code == 0, answer
        assert "Unicode" not in answer.err
        assert all(ord(char) < 128 for char in answer.out + answer.err)
    assert shouting.tree() == before


# -- limits ----------------------------------------------------------------------------------


LEVELS = 5000


@pytest.fixture
def chain(bottomless):
    """A chain of 5,000 private folders, each with a file, longer than any path may be."""
    here = os.open(str(bottomless), os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d" * 50, 0o700, dir_fd=here)
        os.mknod("file", 0o600 | stat.S_IFREG, dir_fd=here)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    return bottomless


def test_5000_levels_with_64_descriptors_and_256_mib(chain):
    """Row 30: repaired to the last one, and the report is short."""

    def attempt():
        with limited(64, 256 << 20):
            top = os.open(str(chain), os.O_RDONLY | os.O_DIRECTORY)
            tally = sharing.repair(top, Order(0))
            assert tally.counts["changed"] == 2 * LEVELS
            assert all(len(path) < 400 for path in tally.examples["changed"])
            assert set(sharing.survey(top, Order(0)).counts) == {"entries"}
            lines = []
            tally = saved.save(top, "models", lines.append)
            assert tally.counts[saved.TOO_DEEP] == 1
            assert max(map(len, lines)) < 1 << 16 and sum(map(len, lines)) < 200 << 20

    assert in_child(attempt) == 0


@pytest.mark.parametrize("limits", [
    {resource.RLIMIT_NOFILE: 20}, {resource.RLIMIT_NOFILE: 64, resource.RLIMIT_AS: 256 << 20}])
def test_the_limits_of_the_caller_end_in_no_bug(shouting, limits):
    """Row 8: with 20 descriptors it may refuse, never half do it and never call it a success."""

    def attempt():
        for what, limit in limits.items():
            resource.setrlimit(what, (limit, limit))
        answer = shouting.cli("permissions", "apply")
        os._exit(0 if answer.code in (0, 1) else 1)

    before = {path for path in shouting.tree() if path.startswith("/data")}
    assert in_child(attempt) == 0
    assert {path for path in shouting.tree() if path.startswith("/data")} == before
    assert shouting.cli("permissions", "apply").code == 0
    assert shouting.cli("permissions", "check").code == 0
