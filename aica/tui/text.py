"""Text in columns of a terminal, as report.columns() counts them. Pure."""

from ..report import columns, escape, width_of

CUT = "…"

# For terminals and locales without these characters: one column each, as before.
ASCII = str.maketrans({
    "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+",
    "…": "~", "█": "#", "░": ".", "●": "*", "○": "o", "›": ">", "·": "-", "↑": "^", "↓": "v",
    "✓": "+", "✗": "x", "→": ">",
})


def clean(text):
    """Return text that can neither drive the terminal nor leave its line."""
    return escape(text)


def clip(text, width):
    """Return the beginning of a text, at most `width` columns; what was cut ends with a mark."""
    if columns(text) <= width:
        return text
    return head(text, width - 1) + CUT if width > 0 else ""


def head(text, width):
    """Return as much of the beginning as fits into `width` columns, without a mark."""
    used, taken = 0, []
    for char in text:
        used += width_of(char)
        if used > width:
            break
        taken.append(char)
    return "".join(taken)


def pad(text, width):
    """Return the text in exactly `width` columns: clipped or followed by spaces."""
    short = clip(text, width)
    return short + " " * (width - columns(short))


def right(text, width):
    """Return the text in exactly `width` columns, at the right."""
    short = clip(text, width)
    return " " * (width - columns(short)) + short


def wrap(text, width):
    """Return a paragraph as lines of at most `width` columns, broken at spaces where possible.

    All are indented as it is itself.
    """
    words = text.lstrip(" ")
    indent = len(text) - len(words)
    if 0 < indent < width and words:
        return [" " * indent + line for line in wrap(words, width - indent)]
    lines, line = [], ""
    for word in words.split(" "):
        longer = line + " " + word if line else word
        if columns(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while width > 1 and columns(word) > width:
            part = head(word, width)
            lines.append(part)
            word = word[len(part):]
        line = head(word, width)
    return lines + [line]


def bar(share, width, full="█", empty="░"):
    """Return a bar of `width` columns for a share between 0 and 1."""
    filled = int(round(min(1.0, max(0.0, share)) * width))
    return full * filled + empty * (width - filled)
