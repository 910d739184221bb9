"""Roles and their colours: the OC-1 palette for dark and light terminals. Pure.

The background stays the terminal's own, except below the selection and the
light title, so one table serves transparent terminals too. No state is told
by a colour alone: the words stand beside it.
"""

from typing import NamedTuple

BOLD, DIM, REVERSE, UNDERLINE = 1, 2, 4, 8
OWN = -1  # the terminal's own colour


class Look(NamedTuple):
    """Colour numbers (OWN: the terminal's) and attributes added up."""

    ink: int = OWN
    paper: int = OWN
    attributes: int = 0


DARK = {
    "title": Look(216, OWN, BOLD), "text": Look(252), "muted": Look(245), "border": Look(241),
    "ok": Look(40), "warning": Look(220), "error": Look(203), "info": Look(219),
    "key": Look(111), "selected": Look(233, 216),
}
LIGHT = {
    "title": Look(234, 186, BOLD), "text": Look(234), "muted": Look(241), "border": Look(250),
    "ok": Look(28), "warning": Look(136), "error": Look(160), "info": Look(133),
    "key": Look(27), "selected": Look(231, 27),
}
EIGHT = {
    "title": Look(3, OWN, BOLD), "text": Look(), "muted": Look(OWN, OWN, DIM),
    "border": Look(OWN, OWN, DIM), "ok": Look(2), "warning": Look(3),
    "error": Look(1, OWN, BOLD), "info": Look(5), "key": Look(6),
    "selected": Look(OWN, OWN, REVERSE),
}
NONE = {
    "title": Look(OWN, OWN, BOLD), "text": Look(), "muted": Look(), "border": Look(),
    "ok": Look(), "warning": Look(OWN, OWN, BOLD), "error": Look(OWN, OWN, BOLD), "info": Look(),
    "key": Look(OWN, OWN, UNDERLINE), "selected": Look(OWN, OWN, REVERSE),
}
ROLES = tuple(DARK)
THEMES = ("auto", "dark", "light", "none")


def choose(wanted, colors, environ):
    """Return the table for a theme name, the terminal's number of colours and the environment."""
    if wanted == "none" or colors < 8 or (wanted == "auto" and environ.get("NO_COLOR")):
        return NONE
    if colors < 256:
        return EIGHT
    if wanted == "auto":
        wanted = "light" if _is_light(environ.get("COLORFGBG", "")) else "dark"
    return LIGHT if wanted == "light" else DARK


def _is_light(colorfgbg):
    """COLORFGBG is "ink;paper" or "ink;default;paper"; 7 and 15 are light paper."""
    return colorfgbg.split(";")[-1] in ("7", "15")
