"""`aica user remove`: the account is gone for good, the ids are not given again, no file is lost."""

import json
import os
import time

import golden
import pytest
from fakes import Kill
from test_add_user import KEY, Nth, on_a_terminal, raising
from wiped import Server, throw_away_folder

from aica.host import Host, processes
from aica.resources.leaving import NoJobs

DAY = time.strftime("%Y-%m-%d")


def moved(server):
    """Return the names in the folder of the homes of those who left."""
    return sorted(os.listdir(server.path("/data/users/.removed")))


def test_who_is_removed_is_gone_for_good_and_nothing_is_lost(whole, tmp_path):
    before = whole.tree()
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code == 0, answer
    assert "more than" not in answer.out and " K;" in answer.out and "last login" in answer.out
    found = whole.host().accounts()
    for part in (found.passwd, found.shadow, found.group, found.gshadow, found.subuid):
        assert "kim" not in part
    assert found.groups_of("kim") == ()
    assert not whole.exists("/home/kim") and not whole.exists("/data/users/kim")
    kept, = moved(whole)
    assert kept.startswith("kim-2")
    assert whole.stat("/data/users/.removed") == (0o700, 0, 0)
    home = "/data/users/.removed/" + kept
    assert whole.stat(home) == (0o750, 2001, 2001)
    assert whole.read(home + "/notes.txt") == "the only copy\n"
    assert "kim" not in whole.read("/data/config/users.txt")
    assert whole.read("/data/config/state/users.txt") == whole.read("/data/config/users.txt")
    assert "kim:x:2001:" in whole.read("/data/config/accounts/passwd")
    others = [path for path in before if path.startswith("/data/users/lee")]
    assert {path: whole.tree()[path] for path in others} == {path: before[path] for path in others}
    assert golden.drift(whole.cli("check")) == []
    whole.wipe()
    whole.remove("/home/kim")
    assert whole.cli("recover").code == 0
    assert "kim" not in whole.host().accounts().passwd and not whole.exists("/home/kim")
    key = tmp_path / "key.pub"
    key.write_text(KEY)
    assert whole.cli("user", "add", "new", "--ssh-key", str(key)).code == 0
    assert whole.host().accounts().passwd["new"].uid == 2004


def test_a_second_removal_says_where_the_home_is(whole):
    assert whole.cli("user", "remove", "kim", "--yes").code == 0
    before = whole.tree(times=True)
    again = whole.cli("user", "remove", "kim", "--yes")
    assert again.code == 2 and "/data/users/.removed/kim-" in again.err, again
    assert whole.tree(times=True) == before


def test_a_home_is_kept_where_it_is_if_wanted(whole):
    assert whole.cli("user", "remove", "kim", "--yes", "--keep-home").code == 0
    assert whole.read("/data/users/kim/notes.txt") == "the only copy\n"
    assert not whole.exists("/home/kim") and not whole.exists("/data/users/.removed")


def test_a_name_that_was_removed_before_gets_another_folder(whole):
    whole.folder("/data/users/.removed", 0o700)
    whole.folder("/data/users/.removed/kim-" + DAY)
    assert whole.cli("user", "remove", "kim", "--yes").code == 0
    assert moved(whole) == ["kim-" + DAY, "kim-{}.2".format(DAY)]


@pytest.mark.parametrize("typed", ["kim", "kin", "yes", ""])
def test_the_name_must_be_typed(whole, typed):
    before = whole.tree()
    code, seen = on_a_terminal(whole, "{aica} user remove kim", typed + "\n")
    assert code == 0, seen
    if typed != "kim":
        assert "nothing was changed" in seen and whole.tree() == before
    else:
        assert "kim" not in whole.host().accounts().passwd


def test_without_a_terminal_nothing_is_removed(whole):
    before = whole.tree(times=True, leave_out=())
    answer = whole.cli("user", "remove", "kim")
    assert answer.code == 2 and "would ask" in answer.err
    assert whole.tree(times=True, leave_out=()) == before


@pytest.mark.parametrize("name", ["root", "daemon", "nobody-here", "../kim", ".removed", "video"])
def test_who_is_nobody_of_ours_is_not_removed(whole, name):
    before = whole.tree(times=True)
    answer = whole.cli("user", "remove", name, "--yes")
    assert answer.code == 2, answer
    assert whole.tree(times=True) == before


def test_an_account_that_nobody_recorded_leaves_its_ids_reserved(whole):
    whole.append("/etc/passwd", "choi:x:2010:2010::/home/choi:/bin/bash\n")
    whole.append("/etc/shadow", "choi:!:20500:0:99999:7:::\n")
    whole.append("/etc/group", "choi:x:2010:\n")
    whole.append("/etc/gshadow", "choi:!::\n")
    answer = whole.cli("user", "remove", "choi", "--yes")
    assert answer.code == 0, answer
    assert "choi:x:2010:" in whole.read("/data/config/accounts/passwd")
    assert "choi" not in whole.read("/etc/passwd") + whole.read("/etc/group")


@pytest.mark.parametrize("what", ["owner", "link", "file"])
def test_a_home_that_is_not_theirs_stays(whole, what):
    home = whole.path("/data/users/kim")
    if what == "owner":
        os.chown(home, 2002, 2002)
    else:
        os.rename(home, home + ".old")
        whole.link("/data/users/kim", "/etc") if what == "link" else whole.write(
            "/data/users/kim", "x", 0o600, 2001, 2001)
    before = whole.tree(times=True)
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code == 4 and "--keep-home" in answer.err, answer
    assert whole.tree(times=True) == before
    assert whole.cli("user", "remove", "kim", "--yes", "--keep-home").code == 0
    assert os.path.lexists(home)


def test_a_real_folder_in_place_of_the_link_stays(whole):
    whole.remove("/home/kim")
    whole.folder("/home/kim")
    whole.write("/home/kim/thesis.tex", "years")
    assert whole.cli("user", "remove", "kim", "--yes").code == 0
    assert whole.read("/home/kim/thesis.tex") == "years"


def test_json_is_json_and_holds_no_hash(whole):
    answer = whole.cli("user", "remove", "kim", "--yes", "--json")
    assert answer.code == 0 and answer.objects[-1]["exit"] == 0
    assert "$6$" not in answer.out


# -- while something runs -------------------------------------------------


@pytest.fixture
def busy(whole, monkeypatch):
    """Pretend that kim has a process; return the list of uids that were ended."""
    running, ended = [processes.Process(4242, 1, "python")], []

    def end(host, uid, spans=(), sole=False):
        ended.append(uid)
        del running[:]
    monkeypatch.setattr(Host, "processes", lambda host, uid, spans=(): list(running) if uid == 2001 else [])
    monkeypatch.setattr(Host, "end_processes", end)
    return ended


def test_who_still_runs_something_is_not_removed(whole, busy):
    before = whole.tree(times=True)
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code == 4 and "python (4242)" in answer.err
    assert "aica user remove kim --end-processes" in answer.err
    assert whole.tree(times=True) == before and busy == []


def test_processes_are_ended_only_where_that_was_said(whole, busy):
    answer = whole.cli("user", "remove", "kim", "--yes", "--end-processes")
    assert answer.code == 0 and busy == [2001], answer
    assert "python (4242); will be ended" in answer.out


def test_nobody_removes_the_account_that_the_command_was_started_from(whole, busy, monkeypatch):
    monkeypatch.setattr(Host, "ancestors", lambda host: (99, 4242, 1))
    answer = whole.cli("user", "remove", "kim", "--yes", "--end-processes")
    assert answer.code == 4 and "you are logged in as kim yourself" in answer.err
    assert busy == []


# -- cut off, and the jobs ------------------------------------------------


def test_killed_at_any_step_a_second_run_finishes(whole):
    with throw_away_folder() as folder:
        model = Server(folder)
        model.become(whole)
        for number in range(1, 99):
            whole.become(model)
            with pytest.MonkeyPatch.context() as patch:
                Nth(patch, number, raising(Kill()), dead=True)
                try:
                    answer = whole.cli("user", "remove", "kim", "--yes")
                except Kill:
                    answer = None
            again = whole.cli("user", "remove", "kim", "--yes")
            gone = again.code == 2 and "removed already" in again.err
            assert again.code == 0 or gone, (number, again)
            assert "kim" not in whole.host().accounts().passwd
            kept, = moved(whole)
            assert whole.read("/data/users/.removed/{}/notes.txt".format(kept)) == "the only copy\n"
            assert "kim" not in whole.read("/data/config/users.txt")
            assert set(golden.drift(whole.cli("check"))) <= {
                "planned file:/data/config/state/users.txt"}, number
            if answer is not None:
                break
        else:
            raise AssertionError("never clean")
        assert number > 8


def test_the_jobs_of_who_leaves_are_kept_and_come_back_with_them(whole):
    whole.write("/var/lib/systemd/linger/kim", "")
    assert whole.cli("recover").code == 0
    assert whole.exists("/data/config/jobs/kim.linger")
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code == 0 and "lingering" in answer.out, answer
    assert not whole.exists("/var/lib/systemd/linger/kim")
    assert whole.exists("/data/config/jobs/kim.linger")
    assert "linger:kim" not in json.loads(whole.read("/run/aica/kept.json"))["kept"]
    assert whole.cli("recover").code == 0
    assert whole.exists("/data/config/jobs/kim.linger")


# -- what comes back ------------------------------------------------------

APPLY = NoJobs.apply


@pytest.fixture
def live(whole, monkeypatch):
    """kim's processes, crontab and jobs as the live system would have them; `order` is what was done."""
    state = {"running": True, "order": [], "at the end": lambda: None}
    crontab = "/var/spool/cron/crontabs/kim"

    def end(host, uid, spans=(), sole=False):
        state["order"].append("ended")
        state["running"] = False
        last_breath, state["at the end"] = state["at the end"], lambda: None
        last_breath()

    def no_jobs(resource, host, changes):
        for change in changes:
            state["order"].append(change.field)
            if change.field == "crontab":
                host.remove_file(crontab)
        again, state["cron"] = state.get("cron"), None
        if again:
            again()
    monkeypatch.setattr(Host, "processes", lambda host, uid, spans=(): [
        processes.Process(4242, 1, "sh")] if state["running"] and uid == 2001 else [])
    monkeypatch.setattr(Host, "end_processes", end)
    monkeypatch.setattr(Host, "has_program", lambda host, name: True)
    monkeypatch.setattr(NoJobs, "applies", lambda resource, host, programs: True)
    monkeypatch.setattr(NoJobs, "apply", no_jobs)
    state["put back"] = lambda: whole.write(crontab, "* * * * * true\n", 0o600, 2001, 2001)
    return state


def test_what_an_ended_process_put_back_is_taken_away_too(whole, live):
    live["at the end"] = live["put back"]
    answer = whole.cli("user", "remove", "kim", "--yes", "--end-processes")
    assert answer.code == 0, answer
    assert live["order"] == ["ended", "crontab"]
    assert not whole.exists("/var/spool/cron/crontabs/kim")


@pytest.mark.parametrize("before", [None, "1 1 * * * old\n"])
def test_a_crontab_that_an_ended_process_put_back_is_kept(whole, live, monkeypatch, before):
    """It wrote the file anew with its last breath: nobody else has these lines."""
    crontab = "/var/spool/cron/crontabs/kim"
    if before:
        whole.write(crontab, before, 0o600, 2001, 2001)

    def execute(host, argv, **more):
        if argv[0] != "crontab":
            return run(host, argv, **more)
        assert argv == ["crontab", "-u", "kim", "-r"]
        return host.remove_file(crontab)
    run, live["at the end"] = Host.execute, live["put back"]
    monkeypatch.setattr(Host, "execute", execute)
    monkeypatch.setattr(NoJobs, "apply", APPLY)
    assert whole.cli("user", "remove", "kim", "--yes", "--end-processes").code == 0
    assert not whole.exists(crontab)
    copy = "/data/config/jobs/kim.crontab"
    assert whole.read(copy) == "* * * * * true\n" and whole.stat(copy) == (0o600, 0, 0)
    assert whole.stat("/data/config/jobs") == (0o700, 0, 0)
    assert not before or whole.read(copy + "-") == before


def test_what_cron_started_meanwhile_is_ended_before_the_account_goes(whole, live):
    def started():
        live["running"] = True
        live["at the end"] = live["put back"]
    live["put back"]()
    live["cron"] = started
    answer = whole.cli("user", "remove", "kim", "--yes", "--end-processes")
    assert answer.code == 0 and "came back meanwhile" in answer.out, answer
    assert live["order"] == ["ended", "crontab", "ended", "crontab"]
    assert not whole.exists("/var/spool/cron/crontabs/kim")
    assert "kim" not in whole.host().accounts().passwd


def test_what_comes_back_again_and_again_keeps_the_account(whole, live):
    def end(host, uid, spans=(), sole=False):
        live["order"].append("ended")
    live["running"] = False
    live["put back"]()
    live["cron"] = lambda: live.update(running=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Host, "end_processes", end)
        answer = whole.cli("user", "remove", "kim", "--yes", "--end-processes")
    assert answer.code == 1 and "still wrong after apply: running" in answer.out, answer
    assert "kim" in whole.host().accounts().passwd
    live["running"] = False
    assert whole.cli("user", "remove", "kim", "--yes", "--end-processes").code == 0


def test_a_job_of_somebody_else_under_the_number_of_a_kept_one_stays(whole):
    job = "/var/spool/cron/atjobs/a0000101d2a3b4"
    whole.write(job, "true\n", 0o700, 2002, 2002)
    whole.folder("/data/config/jobs", 0o700)
    whole.write("/data/config/jobs/kim.at.a0000101d2a3b4", "# aica: group of the user\ntrue\n", 0o600)
    answer = whole.cli("user", "remove", "kim", "--yes")
    assert answer.code in (0, 4) and "jobs of at can only" not in answer.out, answer
    assert whole.exists(job)


def test_ids_that_only_the_system_knew_stay_reserved(whole):
    whole.append("/etc/subuid", "kim:900000:65536\n")
    assert whole.cli("user", "remove", "kim", "--yes").code == 0
    assert "kim:900000:65536" in whole.read("/data/config/accounts/subuid")
