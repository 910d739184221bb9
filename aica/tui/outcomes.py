"""What outcomes and errors say, in the language of the menu.

The use cases speak English: to the command line, JSON and the logs. The menu
finds the template of a text among those of the catalogue, takes the values
out, and puts them into the translation. What is not found stays English.
"""

import functools
import re

from . import words

PLACE = re.compile(r"{(\d*)}")
# More texts than a screen has lines, many times over.
REMEMBERED = 4096
JOINT = "; "


class Template:
    """A text of the catalogue with places for values, and its translation."""

    def __init__(self, original, translation):
        self._pieces = PLACE.split(original)[::2]
        self._translation = translation
        self.joint = JOINT in original
        # The longest piece decides quickly whether a text can be of this template.
        self.needle = max(self._pieces, key=len)
        self.weight = sum(map(len, self._pieces))

    def translated(self, text):
        """Return a text of this template in the other language, None if it is of another one."""
        values = taken(self._pieces, text) if self.needle in text else None
        # Not str.format(): a value may hold braces.
        return None if values is None else filled(self._translation, values)


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
def _said(text, catalogue):
    fixed, plain, joined = _sorted(catalogue)
    # Texts are joined by "; ", and some hold one: those are looked for first.
    whole = _one(text, fixed, joined)
    if whole is not None:
        return whole
    return "; ".join(_one(part, fixed, plain) or part for part in text.split(JOINT))


def _one(text, fixed, templates):
    """Return the translation of a text, None if none of these is its template."""
    if text in fixed:
        return fixed[text]
    for template in templates:
        found = template.translated(text)
        if found is not None:
            return found
    return None


@functools.lru_cache(2)
def _sorted(catalogue):
    """Return ({text: translation}, Templates without a joint, with one); first who say most."""
    pairs = words.outcomes(catalogue)
    fixed = {one: other for one, other in pairs if not PLACE.search(one)}
    templates = sorted((Template(one, other) for one, other in pairs if one not in fixed),
                       key=lambda template: -template.weight)
    return (fixed, [one for one in templates if not one.joint],
            [one for one in templates if one.joint])
