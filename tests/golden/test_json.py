"""--json: every verb ends with one line that says how it ended; a program is asked nothing."""

import time

import pytest


def lines(answer):
    """Return (rows, last line) of an answer, whose last line must say its exit status."""
    *rows, last = answer.objects
    assert set(last) == {"summary", "exit"} and last["exit"] == answer.code, (last, answer)
    assert [row for row in rows if "summary" in row] == [], answer
    return rows, last["summary"]


@pytest.mark.parametrize("words", [
    "recover", "recover --dry-run", "recover --early", "recover --deep", "check", "check --deep",
    "check --only account:kim", "check -q", "setup --dry-run", "setup --yes", "permissions check",
    "permissions apply", "clean --all --dry-run", "clean --all --yes -q", "user list",
    "user list --sizes", "user show kim", "user setup kim gpu-users",
    "user register kim gpu-users", "user home kim", "user conda kim", "user fix-permissions kim",
    "user unregister kim", "alert --dry-run", "alert --test", "alert --recovered", "disk",
    "disk --scan", "disk --by-user", "disk --path /data/users", "backup --list", "env", "volatile",
    "install missing --dry-run", "render", "render --package"])
def test_the_last_line_says_the_exit_status(whole, words):
    whole.folder("/backup")
    lines(whole.cli(*words.split() + ["--json"]))


def test_a_list_has_a_line_for_each_row_and_counts_them(whole):
    rows, summary = lines(whole.cli("user", "list", "--json"))
    assert [row["name"] for row in rows] == ["kim", "lee", "park"] and summary == {"rows": 3}
    whole.append("/data/config/users.txt", "no line\n")
    answer = whole.cli("user", "list", "--json")
    assert lines(answer) == (rows, {"rows": 3}) and answer.code == 1


def test_what_is_not_there_has_no_summary_that_all_is_well(whole):
    for words in ("check --only account:nobody", "check --only account:nobody --json"):
        answer = whole.cli(*words.split())
        assert answer.code == 2 and "no such thing here" in answer.err
        assert '"exit"' not in answer.out and "[INFO]" not in answer.out, answer


def test_a_channel_that_failed_is_a_line_too(whole):
    whole.write("/etc/aica/alert.d/chat", "#!/bin/sh\nexit 3\n", 0o755)
    rows, summary = lines(whole.cli("alert", "--test", "--json"))
    assert [row["channel"] for row in rows if row["problem"]] == ["/etc/aica/alert.d/chat"]
    assert summary == {"sent": 2, "failed": 1}


def test_a_program_is_asked_nothing(whole):
    whole.write("/data/users/kim/old", "x", 0o644, 4000, 4000)
    before = whole.tree()
    for words in ("user remove kim", "user adopt kim", "user fix-permissions kim --from 4000",
                  "setup", "clean --all"):
        answer = whole.cli(*words.split() + ["--json"])
        assert answer.code == 2 and "--json asks nothing" in answer.err, (words, answer)
        assert "--yes" in answer.err and answer.out == "", (words, answer)
    assert whole.tree() == before


def test_what_could_be_taken_is_listed_for_programs_too(whole):
    whole.write("/data/users/kim/old", "x", 0o644, 4000, 4000)
    time.sleep(0.1)  # what is as young as the listing is not taken
    rows, _ = lines(whole.cli("user", "fix-permissions", "kim", "--from", "4000", "--dry-run",
                              "--json"))
    assert [row["status"] for row in rows] == ["planned"] and "old" in str(rows[0]["changes"])
