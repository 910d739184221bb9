"""What outcomes and errors say, in the language of the menu.

The use cases speak English: to the command line, JSON and the logs. The menu
finds the template of a text among those of the catalogue, takes the values
out, and puts them into the translation. What is not found stays English.
"""

import functools
import re
import sys

from . import words
from .words import _, tr

PLACE = re.compile(r"{(\d*)}")
# More texts than a screen has lines, many times over.
REMEMBERED = 4096
JOINT = "; "
BECAUSE = ": "
# An error in an error, and so on: more is nobody's who means well.
DEEPEST = 3
SPAN = re.compile(r"([0-9,]+) (hours?|days?|weeks?|hours old|days old|min old|days ago)\Z")
SOON = _("less than an hour")
SPANS = {"hour": _("{} hour"), "hours": _("{} hours"), "day": _("{} day"), "days": _("{} days"),
         "week": _("{} week"), "weeks": _("{} weeks"), "hours old": _("{} hours old"),
         "days old": _("{} days old"), "min old": _("{} min old"), "days ago": _("{} days ago")}


class Template:
    """A text of the catalogue with places for values, and its translation."""

    def __init__(self, original, translation):
        self._pieces = PLACE.split(original)[::2]
        self._translation = translation
        self.joint = JOINT in original
        # Behind "what went wrong: " another text may stand, with a template of its own.
        self._has_reason = original.endswith(BECAUSE + "{}")
        # Those that begin with it come first, and leave as much as possible to the reason.
        introduces = self._has_reason and self._pieces[0]
        self.rank = len(self._pieces) if introduces else sys.maxsize
        # The longest piece decides quickly whether a text can be of this template.
        self.needle = max(self._pieces, key=len)
        self.weight = sum(map(len, self._pieces))

    def translated(self, text, reason):
        """Return a text of this template in the other language, None if it is of another one.

        reason(value) translates a reason in it.
        """
        values = taken(self._pieces, text) if self.needle in text else None
        if values is None:
            return None
        if self._has_reason:
            values[-1] = reason(values[-1])
        # Not str.format(): a value may hold braces.
        return filled(self._translation, [span(value) for value in values])


def span(text):
    """Return a span of time, "3 days", in the language of the menu; another text as it is."""
    if text == SOON:
        return tr(SOON)
    found = SPAN.match(text)
    return tr(SPANS[found.group(2)]).format(found.group(1)) if found else text


def taken(pieces, text):
    """Return what stands between the pieces of a text, None if it is not made of them. Pure.

    No regular expression: with several places one takes hours for a long
    file name that somebody chose well. Each value is the shortest that fits.
    """
    last = len(text) - len(pieces[-1])
    if not text.startswith(pieces[0]) or not text.endswith(pieces[-1]):
        return None
    values, start = [], len(pieces[0])
    for piece in pieces[1:-1]:
        end = text.find(piece, start, last)
        if end < 0:
            return None
        values.append(text[start:end])
        start = end + len(piece)
    return values + [text[start:last]] if start <= last else None


def filled(translation, values):
    """Return a translation with its places filled: {} in their order, {0} by number. Pure."""
    order = iter(range(len(values)))
    return PLACE.sub(lambda place: values[int(place.group(1) or next(order))], translation)


def said(text):
    """Return what an outcome says (message, hint or line) in the language of the menu."""
    return _said(text, words.catalogue()) if text else ""


@functools.lru_cache(REMEMBERED)
def _said(text, catalogue, depth=0):
    def reason(inner):
        return _said(inner, catalogue, depth + 1) if depth < DEEPEST else inner
    fixed, plain, joined = _sorted(catalogue)
    # Texts are joined by "; ", and some hold one: those are looked for first.
    whole = _one(text, fixed, joined, reason)
    if whole is not None:
        return whole
    return "; ".join(_one(part, fixed, plain, reason) or part for part in text.split(JOINT))


def _one(text, fixed, templates, reason):
    """Return the translation of a text, None if none of these is its template."""
    if text in fixed:
        return fixed[text]
    for template in templates:
        found = template.translated(text, reason)
        if found is not None:
            return found
    return None


@functools.lru_cache(2)
def _sorted(catalogue):
    """Return ({text: translation}, Templates without a joint, with one).

    First those that introduce a reason, then who say most.
    """
    pairs = words.outcomes(catalogue)
    fixed = {one: other for one, other in pairs if not PLACE.search(one)}
    templates = sorted((Template(one, other) for one, other in pairs if one not in fixed),
                       key=lambda template: (template.rank, -template.weight))
    return (fixed, [one for one in templates if not one.joint],
            [one for one in templates if one.joint])
