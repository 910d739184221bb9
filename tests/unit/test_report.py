"""Outcomes as text, JSON and exit status; nothing shown can drive a terminal."""

import json

import pytest

from aica import report
from aica.change import STATUSES, Change, Outcome

ESCAPES = [
    ("plain 한글 é", "plain 한글 é"), ("a\nb", "a\\x0ab"), ("\x1b[31mred", "\\x1b[31mred"),
    ("\r", "\\x0d"), ("\t", "\\x09"), ("\x7f", "\\x7f"), ("\x9b31m", "\\x9b31m"),
    ("\u2028", "\\u2028"), ("\u202e", "\\u202e"), ("\u200b", "\\u200b"), ("\udcff", "\\xff"),
    ("\ud800", "\\ud800"), ("\0", "\\x00"), ("\u00a0", "\\xa0"),
]


@pytest.mark.parametrize("text, shown", ESCAPES, ids=[repr(row[0]) for row in ESCAPES])
def test_escapes(text, shown):
    assert report.escape(text) == shown


def test_whatever_is_shown_stays_on_its_line_and_is_utf8():
    hostile = "".join(chr(code) for code in range(0x300)) + "\u2028\u2029\udc80\U000e0001"
    outcome = Outcome("home:/data/users/" + hostile, "blocked", message=hostile, hint=hostile)
    for line in report.text_lines(outcome, verbose=True):
        line.encode("utf-8")
        assert line.isprintable()


def test_text_of_an_outcome():
    outcome = Outcome("symlink:/home/kim", "changed", lines=("-> /data/users/kim",))
    assert report.text_lines(outcome) == ["changed  symlink:/home/kim  -> /data/users/kim"]
    assert report.text_lines(Outcome("group:kim", "ok")) == ["ok       group:kim"]


def test_a_hint_stands_on_a_line_of_its_own():
    lines = report.text_lines(Outcome("a:b", "blocked", message="in the way", hint="mv b c"))
    assert lines == ["blocked  a:b  in the way", "         hint: mv b c"]


def test_details_only_when_asked_for():
    outcome = Outcome("file:/x", "changed", lines=("content\n-old\n+new", "mode 0600 -> 0644"))
    assert report.text_lines(outcome) == ["changed  file:/x  content; mode 0600 -> 0644"]
    assert report.text_lines(outcome, verbose=True) == [
        "changed  file:/x", "         content", "         -old", "         +new",
        "         mode 0600 -> 0644"]


def test_colour_wraps_the_status_and_the_tag_only():
    line = report.text_lines(Outcome("a:b", "failed", message="x"), color=True)[0]
    assert line == "\033[31mfailed \033[0m  a:b  x"
    assert report.message("ERROR", "x", color=True) == "\033[31m[ERROR]\033[0m x"


def test_a_message_has_its_hint_below():
    assert report.message("ERROR", "a\nb", hint="do c") == "[ERROR] a\\x0ab\n        hint: do c"
    assert report.message("INFO", "a") == "[INFO] a"


def test_json_of_an_outcome():
    outcome = Outcome("file:/x", "changed", (Change("mode", 0o600, 0o644), Change("uid", None, 0)),
                      "m\u2028\udcff", "h", ("not shown",))
    line = report.json_line(outcome)
    line.encode("ascii")
    assert json.loads(line) == {
        "resource": "file:/x", "status": "changed", "message": "m\u2028\udcff", "hint": "h",
        "changes": [{"field": "mode", "before": 384, "after": 420},
                    {"field": "uid", "before": None, "after": 0}]}


def test_json_summary_is_the_last_line():
    outcomes = [Outcome("a:a", "ok"), Outcome("a:b", "ok"), Outcome("a:c", "failed")]
    assert json.loads(report.json_summary(outcomes, 1)) == {
        "summary": {"ok": 2, "planned": 0, "changed": 0, "blocked": 0, "failed": 1, "skipped": 0},
        "exit": 1}


EXITS = [
    ((), 0), (("ok",), 0), (("changed", "ok", "skipped"), 0), (("planned", "ok"), 3),
    (("blocked", "planned"), 4), (("failed", "blocked", "planned"), 1), (("failed",), 1),
    (("blocked", "changed"), 4), (("skipped",), 0),
]


@pytest.mark.parametrize("statuses, code", EXITS, ids=["+".join(row[0]) or "none" for row in EXITS])
def test_exit_status(statuses, code):
    outcomes = [Outcome("a:b", status) for status in statuses]
    assert report.exit_status(outcomes) == code


def test_a_plan_alone_is_no_drift_where_it_was_asked_for():
    assert report.exit_status([Outcome("a:b", "planned")], drift=0) == 0


def test_summary_text_always_tells_the_changes():
    assert report.summary_text([Outcome("a:b", "ok")]) == "1 ok, 0 changed"
    assert report.summary_text([Outcome("a:b", "ok")], dry_run=True) == "1 ok, 0 planned"
    every = [Outcome("a:b", status) for status in STATUSES]
    assert report.summary_text(every) == \
        "1 ok, 1 planned, 1 changed, 1 blocked, 1 failed, 1 skipped"


def test_a_table_is_aligned_in_columns_of_the_terminal():
    """Hangul takes two columns each; a name can leave neither its line nor its cell."""
    lines = report.table([("NAME", "SIZE"), ("얼굴", 7), ("a\nb", "12 K")], right=(1,))
    assert lines == ["NAME    SIZE", "얼굴       7", "a\\x0ab  12 K"]
    assert report.table([]) == []


@pytest.mark.parametrize("size_bytes, text", [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (1536, "1.5 KiB"), (112 << 10, "112 KiB"),
    (1 << 20, "1.0 MiB"), (20 << 30, "20.0 GiB"), (50 << 40, "50.0 TiB"), (1 << 70, "1024 EiB"),
])
def test_sizes_are_shown_as_people_read_them(size_bytes, text):
    assert report.size(size_bytes) == text
