"""The parser: a verb's module is imported when it is that verb's turn."""

import subprocess
import sys

import pytest
from pages import REPOSITORY

from aica.commands import VERBS
from aica.parser import DOORS, build

LOADED = """\
import sys
from aica.parser import build
try:
    build(sys.argv[1]).parse_args(sys.argv[2:])
except SystemExit:
    pass
print("\\n" + " ".join(name.split(".")[2] for name in sys.modules
                      if name.startswith("aica.commands.")))
"""


def verbs_loaded_by(*call):
    """Return the verbs whose modules a command line imports; other modules of commands/ are none."""
    text = subprocess.check_output([sys.executable, "-c", LOADED] + list(call), cwd=REPOSITORY)
    return set(text.decode().split("\n")[-2].split()) & set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_imports_no_other(verb):
    assert verbs_loaded_by("aica", "-q", verb, "--help") == {verb}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_door_imports_its_verb_alone(door):
    assert verbs_loaded_by(door, "--help") == {DOORS[door]}


def test_help_for_all_verbs_imports_none():
    assert verbs_loaded_by("aica", "--help") == set()


def test_the_help_has_a_line_for_every_verb():
    page = " ".join(build("aica").format_help().split())
    assert [verb for verb, text in VERBS.items() if "{} {}".format(verb, text) not in page] == []
