"""Conda in its final place: installed by nobody in particular, root's in the end, never half."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from installers import script, serving, sha256

from aica import command
from aica.change import BLOCKED, CHANGED, FAILED, OK, SKIPPED
from aica.install import download, miniconda, pins, worker
from aica.resources import conda

PREFIX = "/data/apps/miniconda3"
NOTE = "/data/apps/.aica-install/miniconda3.json"
WORK = "/data/apps/.aica-install"
IDS = (1000, 60000)
DATA = script()
URL = "/Miniconda3-py313_26.1.1-1-Linux-x86_64.sh"


@pytest.fixture
def web(monkeypatch):
    """A web server with an installer."""
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    for name in command.PROXIES:
        monkeypatch.delenv(name, raising=False)
    with serving({URL: DATA}) as server:
        yield server


def resource(web, data=DATA, url=URL, update=False):
    web.files[url] = data
    return miniconda.CondaInstall(
        PREFIX, NOTE, pins.given("miniforge", web.url + url, "", sha256(data)), IDS, update)


def install(whole, web, **more):
    return whole.converge([resource(web, **more)])[0]


def recovered(whole):
    """What a recovery says of the prefix."""
    return whole.converge([conda.CondaPrefix(PREFIX, NOTE)])[0]


def owners(whole):
    """Return {(uid, gid)} and the widest mode below the prefix, links left out."""
    found, widest = set(), 0
    for path in whole.tree(leave_out=()):
        if path == PREFIX or path.startswith(PREFIX + "/"):
            mode, uid, gid = whole.stat(path)
            found.add((uid, gid))
            widest |= 0 if os.path.islink(whole.path(path)) else mode
    return found, widest


def assert_whole(whole, version="26.1.1"):
    assert owners(whole) == ({(0, 0)}, 0o755)
    assert json.loads(whole.read(PREFIX + "/aica-install.json"))["version"] == version
    assert whole.host().names(WORK) == ()
    assert not whole.exists(PREFIX + "/.aica-home")
    assert recovered(whole)[1:2] == (OK,) and recovered(whole).message == "conda " + version


def test_it_is_installed_by_nobody_and_then_is_roots(whole, web):
    outcome = install(whole, web)
    assert outcome.status == CHANGED, outcome
    assert outcome.lines == ("new, from " + URL[1:],)
    assert_whole(whole)
    assert 60600 <= int(whole.read(PREFIX + "/conda-meta/made-by")) < 60700
    assert whole.read(PREFIX + "/conda-meta/umask") == "0022\n"
    # Its own path is baked in, and packages are still one file with two names.
    assert whole.path(PREFIX) in whole.read(PREFIX + "/bin/conda")
    assert os.stat(whole.path(PREFIX + "/bin/tool")).st_nlink == 2


def test_while_the_installer_runs_nobody_else_can_be_in_there(whole, web):
    more = ('stat -c "%a %u" "$prefix" >"$prefix/conda-meta/closed"; '
            'ls -ld "$(dirname "$prefix")" >>"$prefix/conda-meta/closed"; '
            'ls -l /proc/self/fd/ >"$prefix/conda-meta/open" 2>/dev/null || :; '
            'env >"$prefix/conda-meta/environment"')
    assert install(whole, web, data=script(more=more)).status == CHANGED
    mode, parent = whole.read(PREFIX + "/conda-meta/closed").split("\n")[:2]
    made_by = whole.read(PREFIX + "/conda-meta/made-by").strip()
    assert mode == "700 " + made_by and parent.startswith("drwxr-xr-x") and " root root " in parent
    found = dict(line.split("=", 1) for line in whole.read(
        PREFIX + "/conda-meta/environment").splitlines() if "=" in line)
    assert found["HOME"] == whole.path(PREFIX + "/.aica-home") == found["TMPDIR"]
    assert found["CONDA_RESTRICT_RC_SEARCH_PATH"] == "1"
    assert not {"SUDO_USER", "SSH_AUTH_SOCK", "LD_PRELOAD", "USER"} & set(found)
    assert "lock" not in whole.read(PREFIX + "/conda-meta/open")


def test_an_update_that_leaves_something_running_is_ended_before_it_changes_hands(
        whole, web, monkeypatch):
    monkeypatch.setattr(miniconda, "END_S", 0.3)
    install(whole, web)
    more = "setsid sleep 30 </dev/null >/dev/null 2>&1 &"
    outcome = install(whole, web, data=script("26.3.0", more=more), url=NEW_URL, update=True)
    # An offline root ends no processes: so it stays closed, and is not taken over.
    assert outcome.status == BLOCKED and "still runs" in outcome.message
    uid = json.loads(whole.read(NOTE))["uid"]
    assert whole.stat(PREFIX)[:2] == (0o700, uid)
    for process in worker.processes_of(uid):
        os.kill(process, signal.SIGKILL)
    while worker.processes_of(uid):
        time.sleep(0.01)
    assert install(whole, web, data=NEWER, url=NEW_URL).status == CHANGED
    assert_whole(whole, "26.3.0")


def test_a_second_time_nothing_is_done_and_nothing_is_fetched(whole, web):
    install(whole, web)
    before, asked = whole.tree(times=True), len(web.asked)
    outcome = install(whole, web)
    assert (outcome.status, outcome.message) == (OK, "conda 26.1.1")
    assert whole.tree(times=True) == before and len(web.asked) == asked


def test_what_is_installed_runs_for_everybody(whole, web):
    install(whole, web)
    said = command.watch(["sh", "-c", 'exec "$0" hello', whole.path(PREFIX + "/bin/conda")],
                         (2001, 2001)).out
    assert said == "conda of {} hello\n".format(whole.path(PREFIX))


@pytest.mark.parametrize("wrong", [b"echo evil\n", DATA + b"#"])
def test_nothing_of_an_installer_with_the_wrong_checksum_is_run(whole, web, wrong):
    one = resource(web)
    web.files[URL] = wrong
    outcome = whole.converge([one])[0]
    assert outcome.status == FAILED and "sha256 is " + sha256(wrong) in outcome.message
    assert not whole.exists(PREFIX)
    assert recovered(whole).status == SKIPPED


def test_a_cut_connection_is_taken_up_again_by_the_next_run(whole, web, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 1)
    web.moods.append("cut 1000")
    assert install(whole, web).status == FAILED
    assert not whole.exists(PREFIX)
    assert install(whole, web).status == CHANGED
    assert web.asked[-1][1] == "bytes=1000-"
    assert_whole(whole)


@pytest.mark.parametrize("more, words", [
    ("echo 'No space left on device' >&2; exit 1", "exit status 1: No space left on device"),
    ("rm -r \"$prefix/etc\"; exit 0", "but /bin/conda, /conda-meta/history is missing"),
    ("mkfifo \"$prefix/fifo\"", "neither a folder nor a file nor a link"),
])
def test_an_installer_that_fails_leaves_nothing_that_counts(whole, web, more, words):
    outcome = install(whole, web, data=script(more=more))
    assert outcome.status in (FAILED, BLOCKED) and words in outcome.message
    assert whole.stat(PREFIX)[0] == 0o700
    seen = recovered(whole)
    assert seen.status == SKIPPED and "cut off" in seen.message
    assert install(whole, web).status == CHANGED
    assert_whole(whole)


def test_what_the_installer_leaves_running_is_not_believed(whole, web, monkeypatch):
    monkeypatch.setattr(miniconda, "END_S", 0.3)
    more = "setsid sleep 3 </dev/null >/dev/null 2>&1 &"
    outcome = install(whole, web, data=script(more=more))
    assert outcome.status == BLOCKED and "still runs as uid" in outcome.message
    uid = json.loads(whole.read(NOTE))["uid"]
    assert whole.stat(PREFIX) == (0o700, uid, uid)
    for process in worker.processes_of(uid):
        os.kill(process, signal.SIGKILL)


CHILD = """
import sys
sys.path[:0] = [{tests!r}, {repository!r}]
from aica.engine import converge
from aica.host import Host
from aica.install import miniconda, pins
installer = pins.given("miniforge", {url!r}, "", {sha256!r})
list(converge([miniconda.CondaInstall({prefix!r}, {note!r}, installer, (1000, 60000))],
              Host({root!r})))
"""


def kill_when(whole, web, data, ready):
    """Start an installation in a process of its own, kill it with 9 once ready() says so."""
    web.files[URL] = data
    here = os.path.dirname(os.path.abspath(__file__))
    text = CHILD.format(
        tests=os.path.dirname(here), repository=os.path.dirname(os.path.dirname(here)),
        url=web.url + URL, sha256=sha256(data), prefix=PREFIX, note=NOTE, root=whole.root)
    process = subprocess.Popen([sys.executable, "-B", "-c", text], start_new_session=True)
    deadline = time.monotonic() + 30
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ready()
    process.kill()
    process.wait()
    with contextlib.suppress(ValueError):
        uid = json.loads(whole.read(NOTE))["uid"]
        for orphan in worker.processes_of(uid):
            os.kill(orphan, signal.SIGKILL)
        while worker.processes_of(uid):
            time.sleep(0.01)


def test_what_was_fetched_once_is_not_fetched_again(whole, web):
    half = script(more='[ ! -e "$prefix/../stop" ]')
    whole.write("/data/apps/stop", "")
    assert install(whole, web, data=half).status == FAILED
    whole.remove("/data/apps/stop")
    asked = len(web.asked)
    assert install(whole, web, data=half).status == CHANGED
    assert len(web.asked) == asked
    assert_whole(whole)


def test_killed_half_way_the_next_run_begins_anew(whole, web):
    slow = script(more='echo half >"$prefix/bin/half"; sleep 20')
    kill_when(whole, web, slow, lambda: whole.exists(PREFIX + "/bin/half"))
    assert recovered(whole).status == SKIPPED
    assert install(whole, web).status == CHANGED
    assert not whole.exists(PREFIX + "/bin/half")
    assert_whole(whole)


@pytest.mark.parametrize("step", ["take_over", "write_file", "set_attributes", "remove_file"])
def test_stopped_while_it_changes_hands_the_next_run_completes_it(whole, web, monkeypatch, step):
    from aica.host import Host
    real = getattr(Host, step)

    def stop(self, path, *more, **words):
        if whole.exists(PREFIX + "/conda-meta/umask") and path.startswith(PREFIX):
            raise KeyboardInterrupt
        return real(self, path, *more, **words)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Host, step, stop)
        if step == "remove_file":
            patch.setattr(Host, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        install(whole, web)
    runs = whole.read(PREFIX + "/conda-meta/history")
    outcome = install(whole, web)
    assert outcome.status == (OK if step == "remove_file" else CHANGED)
    assert whole.read(PREFIX + "/conda-meta/history") == runs, "it was not installed again"
    assert recovered(whole).status == OK and owners(whole) == ({(0, 0)}, 0o755)


@pytest.mark.parametrize("make, words", [
    (lambda s: s.folder(PREFIX, 0o755, 2001, 2001), "no installation of conda"),
    (lambda s: s.write(PREFIX, "a file"), "no installation of conda"),
    (lambda s: s.link(PREFIX, "/data/users/kim"), "no installation of conda"),
    (lambda s: s.write(PREFIX + "/thesis", "x"), "no installation of conda"),
])
def test_what_is_not_ours_is_left_alone(whole, web, make, words):
    make(whole)
    before = whole.tree()
    for outcome in (install(whole, web), recovered(whole)):
        assert outcome.status == BLOCKED and words in outcome.message
        assert "mv {0} {0}.old".format(PREFIX) in outcome.hint
    assert whole.tree() == before and web.asked == []


def test_a_note_that_a_member_wrote_is_not_believed(whole, web):
    whole.folder(PREFIX, 0o700, 2001, 2001)
    whole.write(PREFIX + "/thesis", "x", 0o600, 2001, 2001)
    whole.write(NOTE, json.dumps({"state": "installing", "uid": 2001}), 0o644, 2001, 2001)
    assert install(whole, web).status == BLOCKED
    assert whole.read(PREFIX + "/thesis") == "x"


def other_conda(whole, version="24.1.2"):
    for name in ("conda-meta", "bin"):
        os.makedirs(whole.path(PREFIX + "/" + name), 0o755)
    whole.write(PREFIX + "/conda-meta/conda-{}-py311_0.json".format(version), "{}")
    whole.write(PREFIX + "/bin/conda", "#!/bin/sh\n", 0o755)


@pytest.mark.parametrize("update", [False, True])
def test_somebody_elses_base_is_used_and_never_touched(whole, web, update):
    other_conda(whole)
    before = whole.tree(times=True)
    outcome = install(whole, web, update=update)
    assert outcome.status == (BLOCKED if update else OK)
    assert recovered(whole).message == "conda 24.1.2"
    assert whole.tree(times=True) == before


@pytest.mark.parametrize("path", ["", "/bin", "/bin/conda", "/conda-meta"])
def test_a_base_that_members_can_write_is_blocked_at_every_recovery(whole, path):
    other_conda(whole)
    os.chmod(whole.path(PREFIX + path), 0o775)
    assert recovered(whole).status == BLOCKED
    os.chmod(whole.path(PREFIX + path), 0o755)
    assert recovered(whole).status == OK
    os.chown(whole.path(PREFIX + path), 2001, 0)
    assert recovered(whole).status == BLOCKED


# -- update -------------------------------------------------------------

NEWER = script("26.3.0")
NEW_URL = "/Miniconda3-py313_26.3.0-1-Linux-x86_64.sh"


def test_an_update_renews_in_place(whole, web):
    install(whole, web)
    whole.write(PREFIX + "/kept", "by root")
    outcome = install(whole, web, data=NEWER, url=NEW_URL, update=True)
    assert outcome.status == CHANGED, outcome
    assert outcome.lines == ("conda 26.1.1 -> 26.3.0",)
    assert whole.read(PREFIX + "/kept") == "by root"
    assert whole.read(PREFIX + "/conda-meta/history") == "new 26.1.1\nupdate 26.3.0\n"
    assert_whole(whole, "26.3.0")


@pytest.mark.parametrize("version", ["26.1.1", "25.11.0", "4.12.0"])
def test_a_base_is_never_downgraded(whole, web, version):
    install(whole, web)
    before = whole.tree(times=True)
    outcome = install(whole, web, data=script(version), update=True,
                      url="/Miniconda3-{}-1-Linux-x86_64.sh".format(version))
    assert outcome.status == OK and "left as it is" in outcome.message
    assert whole.tree(times=True) == before


def test_a_newer_installer_alone_updates_nothing(whole, web):
    install(whole, web)
    assert install(whole, web, data=NEWER, url=NEW_URL).status == OK


def test_an_update_that_fails_gives_the_base_back(whole, web):
    install(whole, web)
    broken = script("26.3.0", more="exit 7")
    outcome = install(whole, web, data=broken, url=NEW_URL, update=True)
    assert outcome.status == FAILED and "exit status 7" in outcome.message
    assert_whole(whole)


def test_an_update_that_was_killed_is_completed_and_never_emptied(whole, web):
    install(whole, web)
    whole.write(PREFIX + "/kept", "by root")
    host, uid = whole.host(), 60655
    host.write_file(NOTE, json.dumps({
        "state": miniconda.UPDATING, "uid": uid, "installer": NEW_URL[1:]}).encode(), 0o644) \
        if whole.exists(WORK) else whole.write(NOTE, json.dumps({
            "state": miniconda.UPDATING, "uid": uid, "installer": NEW_URL[1:]}))
    os.chmod(whole.path(PREFIX), 0o700)
    host.lend(PREFIX, uid)
    assert recovered(whole).status == SKIPPED
    assert install(whole, web, data=NEWER, url=NEW_URL).status == CHANGED
    assert whole.read(PREFIX + "/kept") == "by root"
    assert_whole(whole, "26.3.0")


@pytest.mark.parametrize("spoil, words", [
    (lambda s: os.chown(s.path(PREFIX + "/bin/tool-link"), 2001, 2001, follow_symlinks=False),
     "belongs to uid 2001"),
    (lambda s: os.link(s.path(PREFIX + "/bin/conda"), s.path("/data/code/conda")),
     "has a name outside")])
def test_an_update_that_cannot_be_leaves_the_base_open(whole, web, spoil, words):
    install(whole, web)
    spoil(whole)
    before = whole.tree()
    outcome = install(whole, web, data=NEWER, url=NEW_URL, update=True)
    assert outcome.status == BLOCKED and words in outcome.message
    after = whole.tree()
    fetched = [path for path in after if path.startswith(WORK + "/")]
    assert {path: entry for path, entry in after.items() if path not in fetched} == before
    assert recovered(whole).status == OK


def test_an_update_that_was_cut_off_is_not_completed_by_an_older_installer(whole, web):
    install(whole, web, data=NEWER, url=NEW_URL)
    os.chmod(whole.path(PREFIX), 0o700)
    whole.write(NOTE, json.dumps({"state": "updating", "uid": 60655, "installer": "x"}))
    whole.host().lend(PREFIX, 60655)
    assert install(whole, web).status == CHANGED  # 26.1.1, as a site's pin may be
    assert whole.read(PREFIX + "/conda-meta/history") == "new 26.3.0\n"
    assert recovered(whole).message == "conda 26.3.0" and owners(whole) == ({(0, 0)}, 0o755)


@pytest.mark.parametrize("state", ["installing", "taking over", "updating"])
def test_a_note_that_was_left_behind_empties_nothing(whole, web, state):
    """An admin has installed something else there meanwhile, and closed it."""
    other_conda(whole, "26.3.0")
    os.chmod(whole.path(PREFIX), 0o700)
    whole.write(NOTE, json.dumps({"state": state, "uid": 60655, "installer": "x"}))
    install(whole, web)
    assert whole.read(PREFIX + "/bin/conda") == "#!/bin/sh\n"
    assert whole.exists(PREFIX + "/conda-meta/conda-26.3.0-py311_0.json")
    assert owners(whole)[0] == {(0, 0)}
