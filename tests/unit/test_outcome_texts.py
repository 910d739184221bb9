"""What outcomes say, in Korean: every template of the source has its text, and values find their place."""

import gettext
import json
import os
import re

import pytest
from templates import templates
from wiped import REPOSITORY

from aica import memberenv
from aica.change import Change, Outcome
from aica.disk import message
from aica.disk.alarm import Limits, Look, State
from aica.disk.alert import Found
from aica.disk.df import figures
from aica.disk.forecast import Forecast
from aica.people import review
from aica.tui import outcomes, results, view, words
from aica.tui.screens import disks, losses, mine, people, recovery
from aica.volatile.finding import Finding


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
    ("the registry cannot be trusted: /data/x belongs to uid 0 with mode 0666 and 1 name(s): "
     "not root's alone",
     "등록 파일을 믿을 수 없습니다: /data/x: 소유자 uid 0, 권한 0666, 이름 1개라서 root만의 것이 아닙니다"),
    ("not all was looked at: /data is not mounted",
     "다 살펴보지 못했습니다: /data: 마운트되어 있지 않습니다"),
    ("the last whole backup, X, is 3 days old: aica backup",
     "끝까지 된 마지막 백업 X: 3 days old: aica backup"),
    ("line 5: 'x': expected username:groupname",
     "5번째 줄: 'x': 사용자이름:그룹이름 형식이어야 합니다"),
    ("kept: " * 400 + "x", None),
    ("", ""),
])
def test_values_find_their_place_and_what_is_unknown_stays(in_korean, english, said):
    assert outcomes.said(english) == said or said is None


def test_what_a_wipe_would_lose_is_said_in_korean(in_korean):
    finding = Finding("config", "/etc/x", "no package's", "in the image, or in mounts: of cloud-init",
                      4096, 3, False)
    assert losses.details(finding) == "적어도 4.0 KiB, 파일 3개; 어느 패키지의 것도 아닙니다"
    assert ("이미지에 넣거나 cloud-init의 mounts:에 넣으세요", "key") in losses.blocks(finding)


def test_my_environment_and_notes_on_users_are_said_in_korean(in_korean):
    row = memberenv.Row("warning", "umask", "umask 022: the others cannot change what you make in "
                        "the shared folders", "umask 002; and take umask 022 out of .profile:3")
    assert "다른 팀원이" in str(list(mine.rows([row]))) and ".profile:3에서" in str(mine.blocks(row))
    user = review.Row("kim", "gpu-users", 2001, "local", "ok", "ok", None, None,
                      "not in gpu-users; .profile:3 says umask 022")
    assert people.readable(user).notes == \
        "gpu-users 그룹에 없음; .profile:3: umask 022(이)라고 되어 있습니다"


def test_the_alarm_is_said_in_korean(in_korean, monkeypatch):
    look = Look("/data", "", figures(4096, 1000, 100, 50, 100, 5), Forecast(72, 1 << 30, 24))
    state = State({"space": 2, "forecast": 1})
    monkeypatch.setattr(words._catalogue, "gettext", {"{} days": "{}일", "{} hours": "{}시간"}.get)
    texts = message.reasons(look, state, Limits())
    blocks = list(disks.told([Found(look, state, "", texts, ())]))
    assert blocks[0] == ("/data 디스크 사용량: 95% (기준: 90%)", "error")
    assert blocks[1][0].startswith("/data: 약 3일 뒤에 가득 찹니다(최근 24시간 동안 하루")


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
