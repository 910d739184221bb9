"""Which snapshots stay, what is said to rsync, what it answers, when a copy is one: by table."""

import datetime
import errno
import os
import stat

import pytest

from aica import command, tree
from aica.backup import records, rsync, snapshots, verify
from aica.settings import Settings
from aica.tree import bring as bringing

DAY = 86400
START = 1790000000


def names(days, part=()):
    """Return a snapshot for each of these days (numbers); those in `part` miss something."""
    return [snapshots.name_at(START + day * DAY) + (snapshots.PART if day in part else "")
            for day in days]


def left(all_names, now=None, keep=None):
    """Return what stays of these snapshots."""
    gone = snapshots.choose_removed(all_names, now or max(all_names), keep or snapshots.Keep())
    return [name for name in all_names if name not in gone]


# -- names ------------------------------------------------------------------------------------


def test_a_name_is_its_time_in_utc():
    assert snapshots.name_at(0) == "1970-01-01T000000Z"
    assert snapshots.when("2026-11-26T021500Z.part") == datetime.datetime(2026, 11, 26, 2, 15)


@pytest.mark.parametrize("name", [
    "", "kim", "2026-11-26", "2026-11-26T021500Z.", "2026-11-26T021500Z\n", ".unfinished-x",
    "2026-02-31T021500Z", "2026-11-26T250000Z", "2026-11-26T021500Z.part.part", "../x"])
def test_what_is_no_snapshot_is_not_taken_for_one(name):
    assert snapshots.when(name) is None and snapshots.finished([name]) == ()
    assert snapshots.unfinished([".unfinished-" + name]) == ()


def test_finished_unfinished_and_half_removed_are_told_apart():
    found = ["2026-11-26T021500Z", "2026-11-25T021500Z.part", ".unfinished-2026-11-24T021500Z",
             ".removing-2026-11-23T021500Z", ".removing-.unfinished-2026-11-22T021500Z", "lost+found"]
    assert snapshots.finished(found) == ("2026-11-25T021500Z.part", "2026-11-26T021500Z")
    assert snapshots.unfinished(found) == (".unfinished-2026-11-24T021500Z",)
    assert len(snapshots.being_removed(found)) == 2


# -- which ones stay --------------------------------------------------------------------------


def test_a_year_of_nights_leaves_days_weeks_and_months():
    kept, gone = [], []
    for day in range(365):
        kept.append(names([day])[0])
        removed = snapshots.choose_removed(kept, kept[-1])
        gone += removed
        kept = [name for name in kept if name not in removed]
    dates = [snapshots.when(name).date() for name in kept]
    assert len(dates) <= 7 + 4 + 6 and len(set(gone) & set(kept)) == 0
    assert [str(date) for date in dates[-7:]] == [
        str((snapshots.when(names([364])[0]) - datetime.timedelta(days=back)).date())
        for back in range(6, -1, -1)]
    assert len({(date.year, date.month) for date in dates}) == 6
    assert len({tuple(date.isocalendar())[:2] for date in dates}) >= 4


def test_of_the_two_newest_days_all_stay():
    first, second, third = ([snapshots.name_at(START + day * DAY + hour * 3600)
                             for hour in range(3)] for day in range(3))
    assert left(first + second + third) == first[-1:] + second + third


def test_a_server_that_was_off_for_years_loses_nothing():
    old = names(range(7))
    assert left(old + names([3000])) == old + names([3000]) or len(left(old + names([3000]))) >= 7


@pytest.mark.parametrize("now", [-20000, -1])
def test_what_lies_in_the_future_of_a_clock_that_jumped_back_stays(now):
    found = names([now] + list(range(30)))
    assert snapshots.choose_removed(found, found[0]) == ()


def test_one_snapshot_far_ahead_costs_one_day_at_most():
    found = names(list(range(7)) + [40000])
    assert set(left(found)) >= set(found[1:])


def test_a_part_never_takes_the_place_of_a_whole_one():
    found = names(range(40), part=range(8, 40))
    assert set(names(range(1, 8))) <= set(left(found, keep=snapshots.Keep(7, 0, 0)))


@pytest.mark.parametrize("part", [(), (5,), range(6)])
def test_the_newest_is_never_removed(part):
    found = names(range(6), part)
    assert left(found, keep=snapshots.Keep(1, 0, 0))[-1] == found[-1]


def test_removing_twice_removes_nothing_more():
    found = left(names(range(100)))
    assert left(found) == found


# -- what is said to rsync --------------------------------------------------------------------


def test_rsync_is_told_to_lose_nothing_and_to_cross_nothing():
    argv = rsync.copy_argv("/tmp/x", "./new/users/kim/", ["/.cache/"], ["/backup/users/a/users/kim"])
    assert argv[1:3] == ["-aHAXSWx", "--munge-links"] and "--numeric-ids" in argv
    assert "--exclude=/.cache/" in argv and "--link-dest=/backup/users/a/users/kim" in argv
    assert argv[-2:] == ["localhost::home/", "./new/users/kim/"]
    assert not {"--delete", "-L", "--copy-links", "--inplace", "-n", "--dry-run"} & set(argv)


@pytest.mark.parametrize("path", ["/data/users/a\nuid = 1", "/data/users/%USER%", "/data/users/#a",
                                  "/data/users/a ", "/data/users/a;b", "/data/users/\udcff", ""])
def test_no_name_becomes_a_line_of_the_configuration(path):
    with pytest.raises(ValueError):
        rsync.config_text(path)


def test_the_reading_side_locks_itself_in():
    text = rsync.config_text("/data/users/kim.lee x")
    assert "use chroot = yes" in text and "read only = yes" in text
    assert "path = /data/users/kim.lee x\n" in text


@pytest.mark.parametrize("path, pattern", [
    ("mnt", "/mnt"), ("a b/c", "/a b/c"), ("a*b", "/a\\*b"), ("a\\[b", "/a\\\\\\[b"),
    ("a\\b", "/a\\b")])
def test_a_mount_point_is_excluded_by_exactly_its_name(path, pattern):
    assert rsync.exclude_argument(path) == pattern


STATS = """
Number of files: 9 (reg: 3, dir: 3, link: 2, special: 1)
Number of created files: 9 (reg: 3, dir: 3, link: 2, special: 1)
Number of regular files transferred: 2
Total file size: 25 bytes
Total transferred file size: 7 bytes
"""


def test_statistics_are_read():
    stats = rsync.parse_stats(STATS)
    assert stats == rsync.Stats({"reg": 3, "dir": 3, "link": 2, "special": 1}, 25, 2, 7)
    assert stats.total == 9
    assert rsync.need(stats, linked=True) == (7 + 4096 * 5, 5)
    assert rsync.need(stats, linked=False).inodes == 8


@pytest.mark.parametrize("text", ["", "Number of files: 1,234 (reg: 1)\n", "Number of files: 5\n"])
def test_what_is_no_statistics_is_not_guessed(text):
    with pytest.raises(ValueError):
        rsync.parse_stats(text)


def test_what_vanished_is_no_complaint():
    found = rsync.answer(24, "file has vanished: \"a\" (in home)\n"
                             "rsync warning: some files vanished before they could be transferred "
                             "(code 24) at main.c(1)\n")
    assert found == rsync.Answer(24, (), 1)
    found = rsync.answer(23, "rsync: [sender] open \"x\": Input/output error (5)\n"
                             "rsync error: some files/attrs were not transferred (code 23)\n")
    assert rsync.shown(found) == "rsync: [sender] open \"x\": Input/output error (5)"


def test_only_a_few_complaints_are_shown():
    found = rsync.answer(23, "\n".join("rsync: {}".format(n) for n in range(1000)))
    assert rsync.shown(found).endswith("; and 995 more")


# -- the side that reads cannot leave the home ------------------------------------------------


def test_even_an_rsync_that_follows_links_finds_nothing_outside(tmp_path, root_rights, needs):
    """The jail is proved by telling it to do what a race could make it do."""
    needs(command.find("rsync"), "needs rsync")
    home, outside = tmp_path / "home", tmp_path / "outside"
    for folder in (home, outside, tmp_path / "copy"):
        folder.mkdir()
    (outside / "token").write_text("secret")
    (home / "file").write_text("mine")
    (home / "link").symlink_to(outside / "token")
    (home / "folder").symlink_to(outside)
    (home / "up").symlink_to("../../../../.." + str(outside))
    (tmp_path / "config").write_text(rsync.config_text(str(home)))
    os.chmod(str(tmp_path / "config"), 0o600)
    argv = rsync.copy_argv(str(tmp_path / "config"), str(tmp_path / "copy") + "/")
    argv.insert(1, "--copy-links")
    result = command.run(argv)
    assert (tmp_path / "copy" / "file").read_text() == "mine", result
    assert sorted(os.listdir(str(tmp_path / "copy"))) == ["file"], result


# -- is it one? -------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    """Two equal folders, open."""
    for top in ("source", "copy"):
        (tmp_path / top / "a").mkdir(parents=True)
        for name in ("a/file", "other"):
            (tmp_path / top / name).write_text("text")
            os.utime(str(tmp_path / top / name), (1, 1))
        (tmp_path / top / "link").symlink_to(
            "other" if top == "source" else "/rsyncd-munged/other")
        for folder in (tmp_path / top / "a", tmp_path / top):
            os.utime(str(folder), (1, 1))
    return tmp_path


def compare(place, since_ns=1 << 62):
    for top in ("copy", "source"):  # a test that takes something away changes the folder's time
        os.utime(str(place / top), (1, 1))
    handles = [os.open(str(place / top), os.O_RDONLY) for top in ("copy", "source")]
    try:
        return verify.compare(handles[0], handles[1], since_ns)
    finally:
        for handle in handles:
            os.close(handle)


ENTRIES = {"reg": 2, "dir": 2, "link": 1}


def test_equal_ones_have_no_faults(pair):
    found = compare(pair)
    assert found.entries == ENTRIES and verify.faults(found, ENTRIES, 0) == ()


@pytest.mark.parametrize("change", ["size", "mode", "time", "kind", "target", "live link"])
def test_a_difference_is_a_fault_unless_the_source_was_changed_since(pair, change):
    path = pair / "copy" / "other"
    if change == "size":
        path.write_text("longer than it was")
        os.utime(str(path), (1, 1))
    elif change == "mode":
        os.chmod(str(path), 0o600)
    elif change == "time":
        os.utime(str(path), (2, 2))
    elif change == "kind":
        path.unlink()
        path.symlink_to("a")
    elif change == "target":
        (pair / "copy" / "link").unlink()
        (pair / "copy" / "link").symlink_to("/rsyncd-munged/elsewhere")
    else:  # a link in a copy that leads somewhere
        (pair / "copy" / "link").unlink()
        (pair / "copy" / "link").symlink_to("other")
    assert compare(pair).tally.counts == {verify.WRONG: 1}
    assert compare(pair, since_ns=0).tally.counts == {verify.CHANGED: 1}


def test_what_is_missing_is_a_fault_and_what_vanished_is_not(pair):
    (pair / "copy" / "other").unlink()
    found = compare(pair)
    assert "rsync counted 5" in verify.faults(found, ENTRIES, 0)[0]
    assert verify.faults(found, ENTRIES, 1) == ()


def test_the_top_folder_itself_is_compared(pair):
    os.chmod(str(pair / "copy"), 0o700)
    found = compare(pair)
    assert verify.faults(found, ENTRIES, 0) == ("1 {} (.)".format(verify.WRONG),)


def test_what_nobody_sent_is_a_fault(pair):
    (pair / "copy" / "stray").write_text("")
    (pair / "source" / "stray").write_text("")
    assert verify.faults(compare(pair, 0), ENTRIES, 0) != ()


def test_a_source_that_is_swapped_for_a_link_is_not_followed(pair):
    (pair / "source" / "a" / "file").unlink()
    (pair / "source" / "a").rmdir()
    (pair / "source" / "a").symlink_to(pair / "copy" / "a")
    assert compare(pair).tally.counts[verify.CHANGED] == 1, "a/file was not found through it"


# -- bringing back, as it is done by the child ------------------------------------------------


def bring(source, home, path, suffix=b".back"):
    handles = [os.open(str(top), os.O_RDONLY) for top in (source, home)]
    try:
        return tree.bring_back(handles[0], handles[1], path, suffix)
    finally:
        for handle in handles:
            os.close(handle)


def test_what_is_brought_back_has_content_mode_time_and_holes(tmp_path):
    for top in ("source", "home"):
        (tmp_path / top).mkdir()
    path = tmp_path / "source" / "sparse"
    with open(str(path), "wb") as file:
        file.write(b"a" * 100)
        file.seek(32 << 20)
        file.write(b"b")
        file.truncate(48 << 20)
    os.chmod(str(path), 0o4640)
    os.utime(str(path), (7, 7))
    assert bring(tmp_path / "source", tmp_path / "home", (b"sparse",)) == {
        "where": "sparse.back", "entries": 1, "left": {}, "error": ""}
    back = tmp_path / "home" / "sparse.back"
    info = back.stat()
    assert back.read_bytes() == path.read_bytes()
    assert (stat.S_IMODE(info.st_mode), info.st_mtime) == (0o640, 7)
    assert info.st_blocks < 20000


def test_a_restore_of_thousands_of_levels(tmp_path):
    for top in ("source", "home"):
        (tmp_path / top).mkdir()
    here = os.open(str(tmp_path / "source"), os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert bring(tmp_path / "source", tmp_path / "home", (b"d",))["entries"] == 300


def test_nothing_is_written_through_a_link_that_stands_in_the_way(tmp_path):
    for top in ("source", "home", "victim"):
        (tmp_path / top).mkdir()
    (tmp_path / "source" / "a").write_text("text")
    (tmp_path / "home" / "a.back").symlink_to(tmp_path / "victim" / "new")
    assert bring(tmp_path / "source", tmp_path / "home", (b"a",))["where"] == "a.back.2"
    assert os.listdir(str(tmp_path / "victim")) == []


def test_a_name_of_255_bytes_comes_back_shortened(tmp_path):
    for top in ("source", "home"):
        (tmp_path / top).mkdir()
    name = "\uac00" * 85
    (tmp_path / "source" / name).write_text("text")
    found = bring(tmp_path / "source", tmp_path / "home", (name.encode("utf-8"),), b".restored-x")
    assert found["where"] == "\uac00" * 66 + ".restored-x" and found["error"] == ""


def test_a_copy_that_breaks_off_leaves_no_half_file(tmp_path, monkeypatch):
    for top in ("source", "home"):
        (tmp_path / top).mkdir()
    (tmp_path / "source" / "a").write_text("text")

    def full(old, new):
        os.write(new, b"te")
        raise OSError(errno.ENOSPC, "")
    monkeypatch.setattr(bringing, "_pour", full)
    found = bring(tmp_path / "source", tmp_path / "home", (b"a",))
    assert found["error"] == "No space left on device"
    assert os.listdir(str(tmp_path / "home")) == []


# -- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("age_s, text", [
    (60, "1 min old"), (3 * 3600, "3 hours old"), (5 * DAY + 1, "5 days old")])
def test_ages_as_people_read_them(age_s, text):
    assert records.age_text(age_s) == text


class Remembering:
    """A host that has one file."""

    live = False

    def __init__(self, text):
        self.text = text

    def read_trusted(self, path):
        return self.text.encode("ascii")


@pytest.mark.parametrize("hours, timer, warned", [
    (1, True, False), (30, True, False), (60, True, True), (60, False, False), (-30, True, True)])
def test_an_old_backup_is_a_warning_when_the_timer_is_on(hours, timer, warned):
    name = snapshots.name_at(START - hours * 3600)
    host = Remembering('{{"last_good": "{}"}}'.format(name))
    found = records.warnings(host, Settings(backup_timer=timer), now=START)
    assert bool(found) is warned


@pytest.mark.parametrize("text", ["", "{", "[]", '{"last_good": 5}', '{"last_good": "../../x"}'])
def test_a_damaged_memory_is_none(text):
    assert records.load(Remembering(text), Settings())["last_good"] == ""
