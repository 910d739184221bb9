"""Korean and English: gettext, with the catalogue that the package brings.

What the menu says is looked up when it is shown, so `_` here only marks a
text, and view.py translates. Command line, JSON and logs stay English.
"""

import gettext
import os

DOMAIN = "aica-datakeeper"
# How gettext(3) keeps the texts of a context (msgctxt).
OUTCOME = "outcome\x04"
_catalogue = gettext.NullTranslations()


def _(text):
    """Mark a text for the catalogue; it is translated when it is shown."""
    return text


def choose(language="", folder=None):
    """Take the catalogue of a language; of LANG and its kin if none is said."""
    global _catalogue
    folders = [folder] if folder else [_of_checkout(), None]
    for place in folders:
        if language == "en":
            break
        found = gettext.find(DOMAIN, place, [language] if language else None)
        if found:
            with open(found, "rb") as compiled:
                _catalogue = gettext.GNUTranslations(compiled)
            return
    _catalogue = gettext.NullTranslations()


def tr(text):
    """Return a text in the language of the menu."""
    return _catalogue.gettext(text) if text else ""


def catalogue():
    """Return the catalogue in use; another one is another object."""
    return _catalogue


def outcomes(chosen):
    """Return what outcomes say by a catalogue: [(English template, translation)]; [] in English."""
    found = getattr(chosen, "_catalog", {})  # gettext has no other way to list its texts
    return [(key[len(OUTCOME):], value) for key, value in sorted(
        pair for pair in found.items() if isinstance(pair[0], str) and pair[0].startswith(OUTCOME))]


def _of_checkout():
    """Return where `make locale` puts the catalogues of a checkout."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.join(top, "build", "locale")
