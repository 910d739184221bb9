"""What outcomes say, in Korean: every template of the source has its text, and values find their place."""

import gettext
import json
import os
import re

import pytest
from templates import templates
from wiped import REPOSITORY

from aica.change import Change, Outcome
from aica.tui import outcomes, results, view, words
from aica.tui.screens import recovery


def korean():
    """Return {template: Korean} of what outcomes say, as the catalogue is written."""
    with open(os.path.join(REPOSITORY, "po", "ko.po"), encoding="utf-8") as source:
        pairs = re.findall(r'^msgctxt "outcome"\nmsgid (".+")\nmsgstr (".*")$', source.read(), re.M)
    return {json.loads(one): json.loads(other) for one, other in pairs}


class Catalogue(gettext.NullTranslations):
    """A catalogue as the compiled one is, without msgfmt."""

    def __init__(self, texts):
        super().__init__()
        self._catalog = {words.OUTCOME + one: other for one, other in texts.items()}


@pytest.fixture
def in_korean(monkeypatch):
    monkeypatch.setattr(words, "_catalogue", Catalogue(korean()))


def test_every_text_of_an_outcome_is_there_in_korean():
    found, catalogue = templates(), korean()
    assert ["{}: {}".format(found[one], one) for one in sorted(set(found) - set(catalogue))] == []
    assert sorted(set(catalogue) - set(found)) == []
    assert [one for one, other in catalogue.items() if not other] == []


def test_the_source_is_really_read():
    found = templates()
    assert len(found) > 300
    for one in ("{} is not mounted", "account {} differs from its record: {}", "lingers",
                "content", "apt install rsync (or: yum install rsync)"):
        assert one in found


def places(text):
    return sorted(number or str(place) for place, number in enumerate(re.findall(r"{(\d*)}", text)))


def test_a_translation_has_every_value_once():
    for one, other in korean().items():
        assert places(one) == places(other), one


def test_every_template_is_found_again_with_its_values(in_korean):
    for one, other in korean().items():
        values = ["/v/{}".format(place) for place in range(one.count("{}"))]
        said = outcomes.said(one.format(*values))
        assert sorted(re.findall(r"/v/\d", said)) == values, one
        assert re.search("[가-힣]", said) or not re.search("[가-힣]", other), one


@pytest.mark.parametrize("english, said", [
    ("/data is not mounted", "/data: 마운트되어 있지 않습니다"),
    ("/home/kim is a folder, expected a symlink to /data/users/kim",
     "/home/kim: /data/users/kim로 가는 심볼릭 링크여야 하는데 folder입니다"),
    ("mode 0700 -> 0750", "mode 0700 -> 0750"),
    ("content; mode 0600 -> 0644", "내용; mode 0600 -> 0644"),
    ("a is missing; b is missing", "a: 없습니다; b: 없습니다"),
    ("something that nobody has translated", "something that nobody has translated"),
    ("{} is not mounted", "{}: 마운트되어 있지 않습니다"),
    ("\x1b[2J{0} is not\nmounted is not mounted", "\x1b[2J{0} is not\nmounted: 마운트되어 있지 않습니다"),
    ("look inside; if it is to be shared: chown root /data/x",
     "안을 살펴보세요. 함께 쓸 것이라면: chown root /data/x"),
    ("useradd failed with exit status 4: one; two", "useradd 실패, 종료 상태 4: one; two"),
    ("", ""),
])
def test_values_find_their_place_and_what_is_unknown_stays(in_korean, english, said):
    assert outcomes.said(english) == said


@pytest.mark.parametrize("template, text, values", [
    ("{} is {}", "a is b", ["a", "b"]), ("{} is {}", "a is b is c", ["a", "b is c"]),
    ("{}{}", "ab", ["", "ab"]), ("x{}x", "x", None), ("x{}x", "xx", [""]), ("{} is", "is", None),
    ("a{}b{}c", "abc", ["", ""]), ("a{}b{}c", "acb", None), ("ab{}ba", "aba", None),
])
def test_values_are_the_shortest_that_fit(template, text, values):
    assert outcomes.taken(template.split("{}"), text) == values


def test_a_name_that_was_chosen_well_does_not_hold_the_menu_up(in_korean):
    pieces = [piece for one in korean() for piece in one.split("{}") if piece]
    for piece in pieces:
        outcomes.said(piece * 200 + "x")
    outcomes.said("".join(pieces) * 20)


def test_without_a_catalogue_everything_is_as_it_was():
    assert outcomes.said("/data is not mounted; x") == "/data is not mounted; x"


def test_message_hint_and_lines_are_translated_wherever_an_outcome_is_shown(in_korean):
    blocked = Outcome("pam:x", "blocked", (), "the PAM profile is disabled", "look inside", ("set",))
    for found in ("".join(span.text for line in view.outcome(blocked, 200) for span in line),
                  str(recovery.blocks_of_outcome(blocked))):
        assert "PAM 프로필이 꺼져 있습니다" in found and "안을 살펴보세요" in found
    planned = Outcome("file:x", "planned", (Change("content", "", "x"),), lines=("content\n-a\n+b",))
    assert results.happened(planned) == "내용"
    assert recovery.said_problem("pam:x the PAM profile is disabled").startswith("pam:x PAM 프로필")
    assert recovery.said_problem("/data is not mounted").startswith("/data: 마운트")
