"""Whom the vault may follow: accounts that this boot saw right, and how they looked then."""

import json

import pytest

from aica import demo, seen
from aica.change import Outcome
from aica.site import Site
from aica.vault import look_of

DESIRED = Site(vault=demo.records())


def right(name, account="ok", member="ok"):
    outcomes = [Outcome("account:" + name, account)]
    return outcomes + ([Outcome("membership:" + name, member)] if member else [])


def test_only_accounts_and_memberships_seen_right_are_remembered(whole):
    host = whole.host()
    whole.remove(seen.PATH)
    seen.note(host, right("kim") + right("lee", "changed", "changed") + right("park", "blocked"),
              DESIRED)
    assert sorted(seen.load(host)) == ["kim", "lee"]
    seen.note(host, right("kim", "failed"), DESIRED)
    assert sorted(seen.load(host)) == ["lee"]


@pytest.mark.parametrize("members", ["failed", "skipped", "blocked", None])
def test_an_account_whose_groups_are_not_right_is_not_followed(whole, members):
    seen.note(whole.host(), right("kim", "ok", members), DESIRED)
    assert "kim" not in seen.load(whole.host())


def test_what_another_run_did_not_look_at_stays_remembered(whole):
    before = seen.load(whole.host())
    seen.note(whole.host(), right("kim"), DESIRED)
    assert sorted(seen.load(whole.host())) == sorted(before) == ["kim", "lee", "park"]


def test_a_change_made_while_a_run_works_is_still_news(whole):
    """The password is noted as the vault has it, not as somebody has just made it."""
    whole.replace("/etc/shadow", "kim:$6$demo$", "kim:$6$newer$")
    seen.note(whole.host(), right("kim"), DESIRED)
    assert seen.load(whole.host())["kim"]["shadow"] != \
        look_of(whole.host().accounts(), "kim")["shadow"]


def test_no_hash_is_remembered(whole):
    assert "$6$" not in whole.read(seen.PATH)
    assert whole.stat(seen.PATH) == (0o600, 0, 0)


def test_another_boot_counts_for_nothing(whole):
    boot = json.loads(whole.read(seen.PATH))["boot"][0]
    whole.replace(seen.PATH, boot, "other")
    assert seen.load(whole.host()) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff", "7", '{"boot": 1}',
                                  '{"accounts": {}}'])
def test_garbage_counts_for_nothing(whole, text):
    whole.write(seen.PATH, text)
    assert seen.load(whole.host()) == {}


def test_a_file_that_others_may_write_counts_for_nothing(whole):
    whole.write(seen.PATH, whole.read(seen.PATH), uid=2001)
    assert seen.load(whole.host()) == {}
