"""Outcomes -> text, JSON, a summary and an exit status. Pure.

Names come from folders that other people control: everything shown is escaped,
so that a file name can neither forge a log line nor drive a terminal.
"""

import json
import unicodedata

from .change import BLOCKED, CHANGED, FAILED, OK, PLANNED, SKIPPED, STATUSES

EXIT_DRIFT = 3

COLORS = {OK: "32", CHANGED: "36", PLANNED: "33", BLOCKED: "35", FAILED: "31", SKIPPED: "2"}
TAG_COLORS = {"INFO": "36", "WARNING": "33", "ERROR": "31"}


def escape(text):
    """Return text on one line, with every control character as \\xNN or \\uNNNN."""
    return "".join(char if char.isprintable() else _escaped(char) for char in str(text))


def _escaped(char):
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8 (surrogateescape)
        return "\\x{:02x}".format(code - 0xDC00)
    return "\\x{:02x}".format(code) if code < 0x100 else "\\u{:04x}".format(code)


def width_of(char):
    """Return how many columns of a terminal one printable character takes: 0, 1 or 2.

    East Asian Width of UAX #11: W and F are wide; Ambiguous counts as one
    column, as terminals do unless told otherwise. Hangul vowels join on.
    """
    if unicodedata.combining(char) or 0x1160 <= ord(char) <= 0x11FF:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def columns(text):
    """Return how many columns of a terminal a text takes."""
    return sum(width_of(char) for char in text)


def table(rows, right=()):
    """Return rows of text as aligned lines; the columns that `right` numbers to the right."""
    rows = [[escape(cell) for cell in row] for row in rows]
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return ["  ".join(_padded(cell, width, i in right)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
            for row in rows]


def _padded(text, width, right):
    space = " " * (width - columns(text))
    return space + text if right else text + space


def size(size_bytes):
    """Return a number of bytes as people read it: 980 B, 1.5 KiB, 112 GiB."""
    value, units = float(size_bytes), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1024
        del units[0]
    digits = 0 if units[0] == "B" or value >= 99.5 else 1
    return "{:.{}f} {}".format(value, digits, units[0])


def text_lines(outcome, color=False, verbose=False):
    """Return an outcome as lines of text: one, then its hint, then its details.

    The details of something blocked are always shown: somebody must decide.
    """
    status = outcome.status.ljust(7)
    if color:
        status = "\033[{}m{}\033[0m".format(COLORS[outcome.status], status)
    details = [outcome.message] if outcome.message else []
    if outcome.lines and outcome.status in (CHANGED, PLANNED) and not verbose:
        details.append("; ".join(line.split("\n", 1)[0] for line in outcome.lines))
    head = "{}  {}  {}".format(status, escape(outcome.resource), escape("; ".join(details)))
    lines = [head.rstrip()]
    if outcome.hint:
        lines.append("         hint: " + escape(outcome.hint))
    if verbose or outcome.status == BLOCKED:
        wide = [line for entry in outcome.lines for line in entry.split("\n")]
        lines.extend("         " + escape(line) for line in wide)
    return lines


def json_line(outcome):
    """Return an outcome as one line of JSON, ASCII only."""
    changes = [change._asdict() for change in outcome.changes]
    details = outcome.lines if outcome.status == BLOCKED else ()
    return json.dumps({
        "resource": outcome.resource,
        "status": outcome.status,
        "changes": [dict(change) for change in changes],
        "message": "\n".join((outcome.message,) + tuple(details)),
        "hint": outcome.hint,
    })


def summary(outcomes):
    """Return how many outcomes ended in each status, as an ordered list of pairs."""
    counts = {}
    for outcome in outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    return [(status, counts.get(status, 0)) for status in STATUSES]


def summary_text(outcomes, dry_run=False):
    """Return the summary as people read it, always with the number of changes."""
    always = PLANNED if dry_run else CHANGED
    pairs = [(status, n) for status, n in summary(outcomes) if n or status == always]
    return ", ".join("{} {}".format(n, status) for status, n in pairs)


def json_summary(outcomes, exit_code):
    """Return the last line of JSON output."""
    return json.dumps({"summary": dict(summary(outcomes)), "exit": exit_code})


def exit_status(outcomes, drift=EXIT_DRIFT):
    """Return the exit status for outcomes: 1 failed, 4 blocked, `drift` planned, else 0."""
    seen = {outcome.status for outcome in outcomes}
    for status, code in ((FAILED, 1), (BLOCKED, 4), (PLANNED, drift)):
        if status in seen:
            return code
    return 0


def message(tag, text, hint="", color=False):
    """Return "[TAG] text" and, where there is one, the hint on a line of its own."""
    head = "[{}]".format(tag)
    if color:
        head = "\033[{}m{}\033[0m".format(TAG_COLORS[tag], head)
    line = "{} {}".format(head, escape(text))
    return line + "\n        hint: " + escape(hint) if hint else line
