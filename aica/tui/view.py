"""What stands on the screen: from values and a size to lines that are exactly as wide. Pure.

A line is a tuple of Spans, each with the role that theme.py gives a colour.
Everything shown goes through text.clean(): names come from other people.
"""

from typing import Any, NamedTuple, Tuple

from . import text
from .outcomes import said
from .words import tr

LEAST = (60, 18)
STATUS_ROLES = {
    "ok": "ok", "changed": "info", "planned": "warning", "blocked": "error", "failed": "error",
    "skipped": "muted",
}


class Span(NamedTuple):
    """A piece of a line in one role."""

    text: str
    role: str = "text"


class Page(NamedTuple):
    """A whole screen but for its body. keys are (label, what it does)."""

    title: str
    where: str = ""
    note: str = ""
    note_role: str = "muted"
    keys: Tuple = ()


class Item(NamedTuple):
    """One line of a menu. Without `off` it can be chosen; otherwise that says why not."""

    label: str
    detail: str = ""
    off: str = ""
    value: Any = None


class Field(NamedTuple):
    """One line of a form. kind: text, secret, choice (of `choices`), switch (yes or no)."""

    name: str
    label: str
    value: Any = ""
    kind: str = "text"
    choices: Tuple[str, ...] = ()
    error: str = ""
    help: str = ""


def line(width, *spans):
    """Return Spans that take exactly `width` columns together."""
    done, left = [], width
    for words, role in spans:
        shown = text.clip(text.clean(words), left)
        if shown:
            done.append(Span(shown, role))
            left -= text.columns(shown)
    return tuple(done + ([Span(" " * left)] if left else []))


def wide(line_, role):
    """Return a line in one role from edge to edge, as a selection is shown."""
    return tuple(Span(span.text, role) for span in line_)


def frame(page, body, width, height):
    """Return a whole screen: title, body(width, height) -> lines, note, keys."""
    if width < LEAST[0] or height < LEAST[1]:
        return too_small(width, height)
    where = text.clip(text.clean(page.where), width // 2)
    title = text.pad(" " + text.clip(text.clean(tr(page.title)), width // 2),
                     width - text.columns(where) - 1)
    border = line(width, ("─" * width, "border"))
    inner = body(width - 2, height - 5)
    lines = [line(width, (title, "title"), (where + " ", "muted")), border]
    lines += [(Span(" "),) + one + (Span(" "),) for one in inner[:height - 5]]
    lines += [blank(width)] * (height - 3 - len(lines))
    return lines + [line(width, (" " + page.note, page.note_role)), border,
                    line(width, *_keys(page.keys, width))]


def _keys(keys, width):
    """Return the footer; keys that have no room are left out whole."""
    spans, left = [(" ", "text")], width - 1
    for label, words in keys:
        words = tr(words)
        needed = text.columns(label) + text.columns(words) + 3
        if needed > left:
            break
        spans += [(label, "key"), (" " + words + "  ", "muted")]
        left -= needed
    return spans


def too_small(width, height):
    """Return a screen that says how large it should be."""
    words = tr("The terminal is too small: {}x{} is needed, this is {}x{}.").format(
        LEAST[0], LEAST[1], width, height)
    lines = [line(width, (part, "warning")) for part in text.wrap(words, max(width, 1))]
    return (lines + [blank(width)] * height)[:max(height, 0)]


def blank(width):
    """Return an empty line."""
    return line(width)


def window_of(count, cursor, height):
    """Return (first, last) of the entries that are shown: the cursor is among them."""
    first = min(max(0, cursor - height // 2), max(0, count - height))
    return first, min(count, first + max(height, 0))


def menu(items, cursor, width, height):
    """Return a menu; the first nine lines have numbers."""
    first, last = window_of(len(items), cursor, height)
    room = max((text.columns(tr(item.label)) for item in items), default=0) + 2
    room = min(room, max(20, width // 2))
    lines = []
    for place in range(first, last):
        item = items[place]
        number = "{} ".format(place + 1) if place < 9 else "  "
        spans = [("› " if place == cursor else "  ", "key"), (number, "key"),
                 (text.pad(text.clean(tr(item.label)), room), "muted" if item.off else "text"),
                 (tr(item.off) or tr(item.detail), "muted")]
        one = line(width, *spans)
        lines.append(wide(one, "selected") if place == cursor else one)
    return lines or [line(width, (tr("nothing here"), "muted"))]


def table(head, rows, cursor, width, height, roles=()):
    """Return a table. head are column names, rows tuples of texts; the last column gets the rest.

    roles are the roles of the rows, one each, or nothing. cursor -1: none.
    """
    cells = [tuple(tr(name) for name in head)] + [tuple(map(text.clean, row)) for row in rows]
    widths = _widths(cells, width)
    lines = [line(width, (_joined(cells[0], widths), "muted"))]
    first, last = window_of(len(rows), max(cursor, 0), height - 1)
    for place in range(first, last):
        role = roles[place] if place < len(roles) else "text"
        one = line(width, (_joined(cells[place + 1], widths), role))
        lines.append(wide(one, "selected") if place == cursor else one)
    return lines[:max(height, 0)]


def _widths(cells, width):
    """Return the columns' widths: what they need, the last one what is left."""
    needed = [max(text.columns(row[place]) for row in cells) for place in range(len(cells[0]))]
    return [min(one, width) for one in needed[:-1]] + [width]


def _joined(row, widths):
    return "  ".join([text.pad(cell, room) for cell, room in zip(row[:-1], widths)] + [row[-1]])


def paragraphs(blocks, top, width, height):
    """Return (text, role) blocks, wrapped, from line `top` on."""
    lines = [line(width, (part, role)) for words, role in blocks
             for part in text.wrap(text.clean(words), width)]
    return lines[top:top + max(height, 0)]


def above(blocks, width, height, is_more):
    """Return blocks wrapped; where more is shown below them, they take half of the height."""
    if not blocks or not is_more:
        return paragraphs(blocks, 0, width, height)
    return paragraphs(blocks, 0, width, height // 2 - 1) + [blank(width)]


def count_lines(blocks, width):
    """Return how many lines paragraphs() has for them at this width."""
    return sum(len(text.wrap(text.clean(words), width)) for words, _ in blocks)


def outcome(one, width):
    """Return the lines of an Outcome: status word, resource, what happened; then its hint."""
    role = STATUS_ROLES[one.status]
    details = "; ".join(said(part.split("\n", 1)[0]) for part in one.lines) or said(one.message)
    if one.status in ("blocked", "failed", "skipped", "ok"):
        details = said(one.message)
    lines = [line(width, (text.pad(tr(one.status), 8), role), (one.resource + "  ", "text"),
                  (details, "muted"))]
    if one.hint and one.status in ("blocked", "failed"):
        lines.append(line(width, (" " * 8, "text"), (tr("hint: ") + said(one.hint), "key")))
    return lines


def progress(outcomes, total, done, width, height):
    """Return a run: newest outcomes at the bottom, above a bar; what needs attention stays."""
    room = height - 2
    lines = [part for one in outcomes[-room:] for part in outcome(one, width)] if room > 0 else []
    lines = lines[-room:] if room > 0 else []
    lines += [blank(width)] * (room - len(lines))
    counted = tr("{} steps").format(len(outcomes))
    if total:
        share = 1.0 if done else min(1.0, len(outcomes) / float(total))
        counted = "{}  {}/{}".format(text.bar(share, max(4, width // 3)), len(outcomes), total)
    return (lines + [blank(width), line(width, (counted, "title"))])[-max(height, 0):] \
        if height > 0 else []


def form(fields, cursor, width, height):
    """Return a form, with the error or the help of the field at the cursor below."""
    room = max((text.columns(tr(field.label)) for field in fields), default=0) + 2
    first, last = window_of(len(fields), cursor, max(height - 3, 1))
    lines = []
    for place in range(first, last):
        field = fields[place]
        mark = "› " if place == cursor else "  "
        value = shown_value(field) + ("_" if place == cursor and _is_typed(field) else "")
        one = line(width, (mark, "key"), (text.pad(tr(field.label), room), "text"),
                   (value, "error" if field.error else "info"))
        lines.append(one)
    here = fields[cursor] if fields else Field("", "")
    words, role = (here.error, "error") if here.error else (here.help, "muted")
    lines.append(blank(width))
    lines += [line(width, (part, role)) for part in text.wrap(text.clean(tr(words)), width)]
    return lines[:max(height, 0)]


def _is_typed(field):
    return field.kind in ("text", "secret")


def shown_value(field):
    """Return a field's value as it is shown: a secret as dots, a switch as a box."""
    if field.kind == "secret":
        return "*" * len(field.value)
    if field.kind == "switch":
        return "[x]" if field.value else "[ ]"
    if field.kind == "choice":
        return "< {} >".format(field.value)
    return field.value


def gauge(label, share, words, width, role="ok"):
    """Return one line with a bar: label, bar, words."""
    room = min(16, width // 4)
    length = max(4, width // 4)
    return line(width, (text.pad(text.clean(label), room) + " ", "text"),
                (text.bar(share, length), role), ("  " + words, "text"))
