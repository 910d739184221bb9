"""aica alert and aica disk on a server in a folder: what they say, remember, and never do."""

import json
import os
import re
import time

import pytest

from aica.app import App
from aica.disk import alert, channels, history, probe, recovered, scan
from aica.disk.df import Figures, Space

LOG = alert.LOG
STATE = "/data/config/state/disks.json"
NOW = 1769670000  # 2026-01-29
SAVE = "#!/bin/sh\ncat >>{0}; echo >>{0}\n"


@pytest.fixture
def disks(monkeypatch):
    """Set how full the disks of the server are; None: it never answers."""
    percents = {"/data": 50, "/": 20}

    def look(host, paths, locks=True, timeout_s=0):
        return {path: seen(path) for path in paths}

    def seen(path):
        percent = percents.get(path, "is not there: No such file or directory")
        if percent is None:
            return probe.Seen(probe.HANGING, reason="does not answer (waited 10 s)")
        if isinstance(percent, str):
            return probe.Seen(probe.MISSING, reason=percent)
        gib = 1 << 30
        blocks = Space(1000 * gib, int(percent * 10 * gib), int(1000 - percent * 10) * gib)
        device = os.stat(roots[0] + "/data").st_dev if roots else 0
        return probe.Seen(probe.OK, Figures(blocks, Space(100, 1, 99)), device)

    roots = []
    percents["root of"] = roots
    monkeypatch.setattr(probe, "look", look)
    return percents


@pytest.fixture
def here(whole, disks):
    """A whole server whose disks say what the test wants."""
    disks.pop("root of").append(whole.root)
    return whole


def add_channel(server, path, name="save"):
    server.write("{}/{}".format(channels.FOLDER, name), SAVE.format(path), 0o755)


def settle(server, text):
    """Add keys to the section of the alarm."""
    server.replace("/data/config/aica.conf", "[alert]\n", "[alert]\n" + text)


def told(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line] \
        if path.exists() else []


# -- what it says ---------------------------------------------------------


def test_the_line_is_the_one_that_it_always_was(here, disks, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: 1769680800.0)
    disks["/data"] = 85
    answer = here.cli("alert", "--threshold", "80", "--dry-run")
    assert answer.out == ("[ALERT] 2026-01-29 10:00:00 - /data disk usage: 85% "
                          "(threshold: 80%)\n")
    assert (answer.code, answer.err) == (0, "")


def test_the_threshold_that_was_named_is_the_one_that_is_told(here, disks):
    disks["/data"] = 97
    assert "97% (threshold: 80%)" in here.cli("alert", "--threshold", "80", "--dry-run").out
    assert "97% (threshold: 90%)" in here.cli("alert", "--dry-run").out


def test_below_the_threshold_it_says_how_it_is(here, disks):
    answer = here.cli("alert", "--dry-run")
    assert answer.out == "[INFO] /data 50% used, 500 G free; / 20% used, 800 G free\n"
    assert here.cli("alert", "--dry-run", "--quiet").out == ""


def test_a_dry_run_is_for_everybody_and_changes_nothing(here, disks):
    disks["/data"] = 85
    before = here.tree(times=True, leave_out=())
    answer = here.cli_as(2001, "alert", "--dry-run")
    assert answer.code == 0 and "/data disk usage: 85%" in answer.out
    assert "/data disk usage: 85%" in here.cli("alert", "--dry-run").out
    assert here.tree(times=True, leave_out=()) == before


def test_without_root_nobody_is_told(here, disks):
    assert here.cli_as(2001, "alert").code == 5


@pytest.mark.parametrize("wrong", ["0", "101", "x", "-5", "8e1"])
def test_a_threshold_is_a_percentage(here, wrong):
    answer = here.cli("alert", "--threshold", wrong)
    assert answer.code == 2


@pytest.mark.parametrize("way", ["80", "80%"])
def test_a_percentage_may_say_so(here, disks, way):
    disks["/data"] = 80
    assert "(threshold: 80%)" in here.cli("alert", "--threshold", way, "--dry-run").out


def test_json_has_a_row_for_each_disk(here, disks):
    disks["/data"] = 85
    rows = here.cli("alert", "--dry-run", "--json").objects
    assert [(row["disk"], row["level"], row["percent"]) for row in rows[:-1]] == [
        ("/data", "warning", 85), ("/", "ok", 20)]
    assert rows[-1]["exit"] == 0


# -- what it leaves -------------------------------------------------------


def test_every_run_adds_to_the_log(here, disks):
    disks["/data"] = 85
    for _ in range(2):
        assert here.cli("alert").code == 0
    lines = here.read(LOG).splitlines()
    assert len(lines) == 2
    assert all(re.match(r"\[ALERT\] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d - /data disk usage: 85% "
                        r"\(threshold: 80%\)\Z", line) for line in lines)
    assert here.stat(LOG)[0] == 0o640


def test_cron_has_something_to_mail_only_when_something_is_new(here, disks):
    """The old line in root's crontab: without --quiet."""
    said = []
    for disks["/data"] in (50, 85, 85, 60, 60):
        said.append(here.cli("alert", "--threshold", "80").out)
    assert said[0] == said[2] == said[4] == ""
    assert said[1].startswith("[ALERT] ") and said[3].startswith("[OK] ")


def test_channels_are_told_once_and_when_it_is_over(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    for disks["/data"] in (50, 85, 85, 95, 85, 60, 60):
        assert here.cli("alert", "--quiet").out == ""
    events = [(one["event"], one["level"], one["percent"]) for one in told(tmp_path / "got")]
    assert events == [("raised", "warning", 85), ("raised", "critical", 95),
                      ("eased", "warning", 85), ("over", "ok", 60)]
    assert "no longer an alarm" in told(tmp_path / "got")[-1]["message"]


def test_what_was_said_survives_the_wipe(here, disks, tmp_path):
    disks["/data"] = 85
    here.cli("alert")
    here.wipe()
    assert here.cli("recover").code == 0
    add_channel(here, tmp_path / "got")
    here.cli("alert")
    assert told(tmp_path / "got") == []
    disks["/data"] = 60
    here.cli("alert")
    assert [one["event"] for one in told(tmp_path / "got")] == ["over"]


def test_a_broken_memory_is_no_reason_for_silence(here, disks, tmp_path):
    disks["/data"] = 85
    for text in ("", "{", "[]", '{"version": 1}', '{"version": 1, "number": "x"}', "\xff\xfe"):
        here.write(STATE, text, 0o600)
        here.write(history.RUN, text)
        assert here.cli("alert").code == 0
    assert here.read(LOG).count("/data disk usage: 85%") == 6


def test_admins_see_a_line_at_login_and_nobody_else(here, disks):
    here.append("/etc/group", "sudo:x:27:\n")
    disks["/data"], disks["/"] = 85, 95
    here.cli("alert")
    assert here.stat(alert.NOTICE) == (0o640, 0, 27)
    assert here.read(alert.NOTICE) == ("AICA DataKeeper: / disk usage: 95% (threshold: 90%) "
                                       "(and 1 more). Look at: aica disk\n")
    disks["/data"] = disks["/"] = 10
    here.cli("alert")
    assert not here.exists(alert.NOTICE)


def test_a_channel_that_failed_is_tried_again_and_the_others_are_not(here, disks, tmp_path):
    add_channel(here, tmp_path / "good")
    here.write(channels.FOLDER + "/bad", "#!/bin/sh\ntest -e {0}/up && cat >{0}/bad\n".format(
        tmp_path), 0o755)
    disks["/data"] = 85
    answer = here.cli("alert")
    assert answer.code == 1 and "alert.d/bad: exit status 1" in answer.err
    assert here.cli("alert").code == 1
    (tmp_path / "up").touch()
    assert here.cli("alert").code == 0
    assert [one["event"] for one in told(tmp_path / "bad")] == ["raised"]
    assert here.cli("alert").code == 0 and len(told(tmp_path / "good")) == 1


def test_the_log_that_cannot_be_written_stops_nothing(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    here.folder(LOG)
    disks["/data"] = 85
    answer = here.cli("alert")
    assert answer.code == 1 and LOG in answer.err
    assert len(told(tmp_path / "got")) == 1


def test_a_second_run_beside_the_first_is_refused(here, disks):
    from aica import lock
    with lock.hold(here.host(), 0, alert.LOCK):
        answer = here.cli("alert")
    assert answer.code == 5 and "holds the lock" in answer.err


def test_a_hanging_channel_costs_its_time_once(here, disks, tmp_path, monkeypatch):
    monkeypatch.setattr(channels, "TIMEOUT_S", 1)
    add_channel(here, tmp_path / "got")
    here.write(channels.FOLDER + "/hangs", "#!/bin/sh\necho . >>{}/tried; sleep 99\n".format(
        tmp_path), 0o755)
    disks["/data"], disks["/"] = 85, 95
    for _ in range(2):
        assert here.cli("alert").code == 1
    assert (tmp_path / "tried").read_text().count(".") == 2, "once in each run"
    assert len(told(tmp_path / "got")) == 2
    assert len(history.load(here.host()).owed) == 2


def test_a_run_with_another_threshold_undoes_nothing(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    disks["/data"] = 65
    for _ in range(3):
        here.cli("alert")
        here.cli("alert", "--threshold", "60")
        here.cli("alert", "--threshold", "80")
    assert [one["event"] for one in told(tmp_path / "got")] == ["raised"]


def test_a_run_that_gets_stuck_ends_by_itself(here, monkeypatch):
    """And frees the lock, so that the next one can tell that the disk is dead."""
    from aica.commands import alert as command
    monkeypatch.setattr(command, "LONGEST_S", 1)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(alert, "Disks", lambda *_: time.sleep(60))
        here.cli("alert")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 14, "SIGALRM"
    assert here.cli("alert").code == 0


def test_what_to_do_is_said_to_whoever_wants_to_know(here, disks):
    disks["/data"] = 85
    here.write("/data/cache/pip/http-v2/0/1/2/3/4/01234", "x" * 100000, uid=2001, gid=2000)
    listed = here.cli("clean", "--all", "--dry-run", "--json").objects
    size = sum(change["before"] for row in listed for change in row.get("changes", ())
               if change["field"] == "allocated_bytes")
    here.cli("disk", "--scan")
    assert scan.parse(here.read("/data/config/usage.json")).freeable_bytes == size > 100000
    out = here.cli("alert", "--dry-run", "-v").out
    assert "hint: aica clean --all --dry-run: 100 K in the caches that nobody uses" in out


# -- disks that are not there ---------------------------------------------


@pytest.mark.parametrize("state, words", [
    (None, "/data does not answer (waited 10 s)"),
    ("is not there: No such file or directory", "/data is not there: No such file or directory")])
def test_a_lost_disk_is_the_loudest_alarm(here, disks, tmp_path, state, words):
    add_channel(here, tmp_path / "got")
    disks["/data"], disks["/"] = state, 95
    answer = here.cli("alert")
    assert [line.split(" - ")[1] for line in answer.out.splitlines()] == [
        words, "/ disk usage: 95% (threshold: 90%)"]
    assert [one["level"] for one in told(tmp_path / "got")] == ["missing", "critical"]
    assert told(tmp_path / "got")[0]["percent"] is None


def test_of_a_lost_disk_nothing_is_read_and_nothing_is_written_in_its_place(here, disks):
    disks["/data"] = None
    os.rename(here.path("/data"), here.path("/gone"))
    here.folder("/data")
    here.cli("alert")
    assert os.listdir(here.path("/data")) == []
    assert history.load(here.host()).states["/data"].levels == {"mount": 3}


def test_a_disk_that_hangs_is_neither_read_nor_written(here, disks):
    here.cli("alert")
    disks["/data"] = None
    before = here.read(STATE)
    answer = here.cli("alert")
    assert answer.code == 0 and here.read(STATE) == before
    assert history.load(here.host()).number == 2


def test_what_was_said_while_the_disk_was_lost_counts_when_it_is_back(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    for disks["/data"] in (10, None, None, 10, 10):
        here.cli("alert")
    assert [one["event"] for one in told(tmp_path / "got")] == ["raised", "over"]


def test_the_disk_for_copies_is_missed_once_it_was_there(here, disks):
    assert "/backup" not in here.cli("alert", "--dry-run").out
    here.append("/etc/fstab", "UUID=x /backup ext4 nofail 0 2\n")
    assert "/backup is not there" in here.cli("alert", "--dry-run").out
    here.remove("/etc/fstab")
    settle(here, "disks = /data /backup /srv/more\n")
    out = here.cli("alert", "--dry-run").out
    assert "/backup is not there" in out and "/srv/more is not there" in out


def test_a_mistake_in_the_settings_is_said_and_silences_nothing(here, disks):
    settle(here, "warning = lots\n")
    disks["/data"] = 85
    answer = here.cli("alert")
    assert answer.code == 0
    assert "/data disk usage: 85%" in answer.out and "[alert] warning = 'lots'" in answer.err


def test_the_levels_are_the_sites(here, disks):
    settle(here, "warning = 60\ncritical = 95%\n")
    disks["/data"] = 70
    assert "70% (threshold: 60%)" in here.cli("alert", "--dry-run").out


# -- forecast, hints ------------------------------------------------------


def test_a_disk_that_fills_fast_is_told_before_it_is_full(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    app = App(here.root)
    for hour in range(12):
        disks["/data"] = 10 + 1.5 * hour
        seen = alert.watch(app, now_s=NOW + hour * 3600)
    assert seen.found[0].texts == (
        "/data full in about 2 days (growing by 360 G a day over the last 24 hours)",)
    assert [one["event"] for one in told(tmp_path / "got")] == ["raised"]
    assert told(tmp_path / "got")[0]["level"] == "warning"


def test_an_alarm_says_who_grew(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    gib = 1 << 30
    part = ("home", "kim")
    found = scan.Scan(NOW, 1, scan.Size(300 * gib, 9), {part: scan.Size(200 * gib, 5)}, {}, {},
                      (scan.Past(NOW - 7 * 86400, {part: 80 * gib}),))
    here.write("/data/config/usage.json", scan.render(found))
    disks["/data"] = 85
    here.cli("alert")
    assert told(tmp_path / "got")[0]["hints"][0] == "home kim +120 G grew most within 7 days"


# -- test and recovery messages -------------------------------------------


def test_a_test_goes_everywhere_and_is_marked(here, disks, tmp_path):
    add_channel(here, tmp_path / "got")
    here.write(channels.FOLDER + "/broken", "#!/bin/sh\nexit 3\n", 0o755)
    answer = here.cli("alert", "--test")
    assert answer.code == 1 and "broken: exit status 3" in answer.err
    assert "told: /etc/aica/alert.d/save" in answer.out
    assert told(tmp_path / "got")[0]["message"].startswith("[TEST]")
    assert here.read(LOG).startswith("[TEST] ") and "[TEST]" in here.read(alert.NOTICE)
    assert not here.exists(STATE)


def test_a_wiped_server_tells_once_that_it_is_whole_again(server, tmp_path):
    add_channel(server, tmp_path / "got")
    assert server.cli("recover", "--boot").code == 0
    for _ in range(2):
        assert server.cli("alert", "--recovered").code == 0
    message, = told(tmp_path / "got")
    assert message["restored"] == ["kim", "lee", "park"] and message["blocked"] == []
    assert re.search(r" was wiped and is whole again \(at \d\d:\d\d:\d\d, within [\d.]+ s\): "
                     r"restored: kim, lee, park; nobody is blocked\Z", message["message"])


def test_it_tells_who_is_blocked(server, tmp_path):
    add_channel(server, tmp_path / "got")
    server.remove("/data/users/lee")
    assert server.cli("recover", "--boot").code == 4
    server.cli("alert", "--recovered")
    message, = told(tmp_path / "got")
    assert message["blocked"] == ["lee"] and message["level"] == "warning"
    assert message["message"].endswith("; blocked: lee")


def test_an_ordinary_boot_is_no_news(whole, tmp_path):
    add_channel(whole, tmp_path / "got")
    assert whole.cli("recover", "--boot").code == 0
    assert whole.cli("alert", "--recovered").code == 0
    assert told(tmp_path / "got") == []


def test_a_boot_without_its_disk_is_news_once_a_minute_or_not(server, tmp_path):
    """The retry ends the same way each minute: told once. When the disk comes: told again."""
    add_channel(server, tmp_path / "got")
    os.rename(server.path("/data"), server.path("/later"))
    for _ in range(3):
        assert server.cli("recover", "--boot").code == 5
        server.cli("alert", "--recovered")
    os.rename(server.path("/later"), server.path("/data"))
    assert server.cli("recover", "--boot").code == 0
    server.cli("alert", "--recovered")
    assert [(one["event"], one["level"]) for one in told(tmp_path / "got")] == [
        ("failed", "critical"), ("recovered", "ok")]


def test_a_channel_without_network_yet_is_told_later_the_others_once(server, tmp_path):
    add_channel(server, tmp_path / "good")
    server.write(channels.FOLDER + "/late", "#!/bin/sh\ntest -e {0}/up && cat >{0}/late\n".format(
        tmp_path), 0o755)
    server.cli("recover", "--boot")
    assert server.cli("alert", "--recovered").code == 1
    (tmp_path / "up").touch()
    assert server.cli("alert", "--recovered").code == 0
    assert len(told(tmp_path / "good")) == len(told(tmp_path / "late")) == 1


def test_a_name_cannot_forge_a_line_of_the_message():
    found = {"exit": 4, "state": "blocked", "problems": ["home:/data/users/\x1b[2J\nx"],
             "finished": "2026-01-29T10:00:00+0000", "restored": ["kim"], "blocked_users": []}
    assert "\x1b" not in recovered.message(found, "gpu") and "\n" not in recovered.message(
        found, "gpu")


# -- channels that are kept -----------------------------------------------


def keep_channel(server, text="#!/bin/sh\nexit 0\n", mode=0o755):
    server.write("/data/config/alert.d/chat", text, mode)
    if "restore = chat" not in server.read("/data/config/aica.conf"):
        settle(server, "restore = chat\n")


CHANNEL = "channel:/etc/aica/alert.d/chat"


def test_a_kept_channel_comes_back_after_a_wipe(whole):
    keep_channel(whole, mode=0o700)
    assert CHANNEL in whole.cli("recover").ids("changed")
    whole.wipe()
    assert CHANNEL in whole.cli("recover").ids("changed")
    assert whole.stat(channels.FOLDER + "/chat") == (0o700, 0, 0)
    assert CHANNEL in whole.cli("recover").ids("ok")


def test_nobody_but_root_may_write_a_restored_channel(whole):
    keep_channel(whole, mode=0o644)
    whole.cli("recover")
    assert whole.stat(channels.FOLDER + "/chat")[0] == 0o744


def test_a_restored_channel_has_no_rights_of_its_own(whole):
    keep_channel(whole, mode=0o755)
    os.chmod(whole.path("/data/config/alert.d/chat"), 0o6755)
    whole.cli("recover")
    assert whole.stat(channels.FOLDER + "/chat")[0] == 0o755


@pytest.mark.parametrize("mode, uid", [(0o775, 0), (0o755, 2001)])
def test_a_channel_that_others_could_have_written_is_blocked(whole, mode, uid):
    keep_channel(whole)
    os.chown(whole.path("/data/config/alert.d/chat"), uid, 0)
    os.chmod(whole.path("/data/config/alert.d/chat"), mode)
    assert CHANNEL in whole.cli("recover").ids("blocked")
    assert not whole.exists(channels.FOLDER + "/chat")


def test_a_new_version_on_data_replaces_ours(whole):
    keep_channel(whole)
    whole.cli("recover")
    keep_channel(whole, "#!/bin/sh\nexit 1\n")
    assert CHANNEL in whole.cli("recover").ids("changed")


def test_somebody_elses_channel_of_that_name_stays(whole):
    keep_channel(whole)
    whole.write(channels.FOLDER + "/chat", "#!/bin/sh\nof the image\n", 0o755)
    answer = whole.cli("recover")
    assert CHANNEL in answer.ids("blocked") and answer.code == 4
    assert "of the image" in whole.read(channels.FOLDER + "/chat")


def test_a_listed_channel_that_is_missing_is_said(whole):
    settle(whole, "restore = chat\n")
    assert CHANNEL in whole.cli("check").ids("blocked")


@pytest.mark.parametrize("name", ["../evil", "a/b", "-rf", ".hidden", "a b;c"])
def test_a_channel_is_a_plain_name(whole, name):
    settle(whole, "restore = {}\n".format(name))
    assert whole.cli("recover").code == 2


# -- aica disk ------------------------------------------------------------


def test_disk_shows_bars_and_says_that_there_was_no_scan(here, disks, monkeypatch):
    disks["/data"] = 85
    answer = here.cli("disk")
    assert answer.code == 0
    assert re.search(r"^/data +1.0 T +850 G +150 G +85% +\[#{17}---\] +1%$", answer.out, re.M)
    assert "known after the nightly scan, or now: aica disk --scan" in answer.out
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert here.cli("disk").out.endswith("known after the nightly scan\n")


def test_a_scan_is_kept_for_everybody_and_holds_no_name_from_inside_a_home(here, disks):
    here.write("/data/users/kim/secret-project/plan.txt", "x" * 9000, uid=2001, gid=2001)
    here.write("/data/models/huggingface/hub/models--org--name/blob", "y" * 9000, uid=2002)
    here.write("/data/dataset/faces/a", "z" * 9000)
    assert here.cli("disk", "--scan").code == 0
    assert here.stat("/data/config/usage.json") == (0o644, 0, 0)
    assert "secret" not in here.read("/data/config/usage.json")
    assert "plan" not in here.read("/data/config/usage.json")
    out = here.cli_as(2002, "disk").out
    for words in ("HOMES", "  kim ", "CACHES", "  hf org/name ", "  faces "):
        assert words in out, words
    assert re.search(r"lee +\S+ K +12 K +\S+ K", here.cli("disk", "--by-user").out)


def test_a_scan_needs_root(here, disks):
    assert here.cli_as(2001, "disk", "--scan").code == 5


def test_growth_is_measured_from_about_a_week_ago(here, disks):
    here.cli("disk", "--scan")
    old = scan.parse(here.read("/data/config/usage.json"))
    here.write("/data/config/usage.json", scan.render(old._replace(when_s=old.when_s - 7 * 86400)))
    here.write("/data/users/kim/new", "x" * 40960, uid=2001)
    here.cli("disk", "--scan")
    out = here.cli("disk").out
    assert re.search(r"^HOMES +SIZE +IN 7 DAYS$", out, re.M)
    assert re.search(r"^  kim +\S+ K +\+\d+ K$", out, re.M)
    assert re.search(r"^  lee +\S+ K +=$", out, re.M)


def test_scan_json_is_for_programs(here, disks):
    here.cli("disk", "--scan")
    rows = here.cli("disk", "--json").objects
    assert rows[0]["disk"] == "/data" and rows[-1]["exit"] == 0
    assert {"kind": "home", "name": "kim"}.items() <= next(
        row for row in rows if row.get("name") == "kim").items()


def test_without_data_disk_still_answers(here, disks):
    here.cli("disk", "--scan")
    disks["/data"] = None
    answer = here.cli("disk")
    assert answer.code == 5 and "does not answer (waited 10 s)" in answer.out
    assert "/data does not answer" in answer.err and "/ " in answer.out
    assert "HOMES" not in answer.out and "--scan" not in answer.out
    assert here.cli("disk", "--json").objects[0]["level"] == "missing"


def test_a_path_is_measured_by_its_entries(here, tmp_path):
    answer = here.cli("disk", "--path", "/data/users", "--top", "2")
    assert answer.code == 0
    assert "... and 1 more (--top)" in answer.out and "/data/users" in answer.out


def test_a_path_that_is_not_there_is_said(here):
    for path in ("/nowhere", "/etc/passwd", "/data/none"):
        answer = here.cli("disk", "--path", path)
        assert answer.code == 2 and "there is no such folder" in answer.err, answer


def test_a_path_on_a_disk_that_is_not_there_is_not_the_ssds(here, monkeypatch):
    """An empty folder stands where the disk should be mounted: 4 KiB would be no answer."""
    from aica.disk import alert
    monkeypatch.setattr(alert.Disks, "lost", lambda _self, path: "is not mounted" * (path == "/data"))
    answer = here.cli("disk", "--path", "/data/users")
    assert answer.code == 5 and "/data is not mounted" in answer.err and answer.out == "", answer
    assert here.cli("disk", "--path", "/etc").code == 0


@pytest.mark.parametrize("words", [("--top", "0"), ("--top", "x"), ("--scan", "--by-user")])
def test_wrong_words_are_refused(here, words):
    assert here.cli("disk", *words).code == 2
