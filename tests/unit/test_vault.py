"""The vault follows what people did, and is taught nothing by a fresh image."""

import json

import pytest

from aica import report, vault
from aica.accounts import AccountSet, Group, Passwd, Shadow
from aica.change import Outcome
from aica.errors import ConfigError
from aica.resources.records import AccountRecords

OLD, NEW = "$6$old$" + "o" * 86, "$6$new$" + "n" * 86
DATES = ("20400", "0", "99999", "7", "", "", "")
LATER = ("20500", "0", "99999", "7", "", "", "")
KIM = Passwd("kim", 2001, 2001, "김", "/home/kim", "/bin/bash")


def accounts(user=KIM, shadow=Shadow("kim", OLD, DATES), members=(), **more):
    """Return an AccountSet with one user."""
    groups = {"kim": Group("kim", user.gid), "video": Group("video", 44, tuple(members))}
    lines = {shadow.name: shadow} if shadow else {}
    return AccountSet({user.name: user}, lines, groups, **more)


def follow(known, host, keep=True, names=("kim",), seen_as=None, groups=()):
    """Follow what became of accounts that were seen right, by default as they are recorded."""
    seen = {name: vault.look_of(seen_as or known, name) for name in names}
    return vault.follow(known, host, seen, dict(groups), keep)


FOLLOWED = [
    ("a new password", OLD, NEW, NEW),
    ("a locked account", OLD, "!" + OLD, "!" + OLD),
    ("an unlocked account", "!" + OLD, OLD, OLD),
    ("useradd's placeholder", OLD, "!", OLD),
    ("the placeholder of EL", OLD, "!!", OLD),
    ("a star", OLD, "*", OLD),
    ("an x", OLD, "x", OLD),
    ("an empty password", OLD, "", OLD),
    ("a placeholder in place of a locked hash", "!" + OLD, "!", "!" + OLD),
    ("a first password", "!", NEW, NEW),
    ("still none", "!", "!", "!"),
    ("an empty password is recorded as locked", "!", "", "!"),
]


@pytest.mark.parametrize("known, found, kept", [row[1:] for row in FOLLOWED],
                         ids=[row[0] for row in FOLLOWED])
def test_password(known, found, kept):
    after = follow(accounts(shadow=Shadow("kim", known, DATES)),
                   accounts(shadow=Shadow("kim", found, LATER)))
    assert after.shadow["kim"].hash == kept


def test_a_placeholder_teaches_no_dates_either():
    after = follow(accounts(), accounts(shadow=Shadow("kim", "!", LATER)))
    assert after.shadow["kim"] == Shadow("kim", OLD, DATES)


def test_a_new_password_brings_its_dates():
    after = follow(accounts(), accounts(shadow=Shadow("kim", NEW, LATER)))
    assert after.shadow["kim"].aging == LATER


def test_a_missing_shadow_line_teaches_nothing():
    assert follow(accounts(), accounts(shadow=None)) == accounts()


def test_shell_and_gecos_are_followed():
    moved = KIM._replace(shell="/bin/zsh", gecos="Kim")
    assert follow(accounts(), accounts(moved)).passwd["kim"] == moved


def test_the_home_is_always_the_sites():
    after = follow(accounts(), accounts(KIM._replace(home="/elsewhere")))
    assert after.passwd["kim"].home == "/home/kim"


@pytest.mark.parametrize("ids", [{"uid": 1000}, {"gid": 1000}, {"uid": 0, "gid": 0}])
def test_an_account_with_other_ids_teaches_nothing(ids):
    other = KIM._replace(shell="/bin/evil", **ids)
    assert follow(accounts(), accounts(other, Shadow("kim", NEW, LATER))) == accounts()


def test_an_account_that_is_gone_teaches_nothing():
    assert follow(accounts(), AccountSet({}, {}, {})) == accounts()


def test_an_account_that_was_not_seen_right_teaches_nothing():
    host = accounts(KIM._replace(shell="/bin/zsh"), Shadow("kim", NEW, LATER))
    assert follow(accounts(), host, names=()) == accounts()


def test_a_name_that_nobody_recorded_is_not_learned_by_itself():
    stranger = Passwd("mallory", 2009, 2009, "", "/home/mallory", "/bin/bash")
    after = follow(accounts(), accounts(stranger, Shadow("mallory", NEW)), names=("mallory",))
    assert after == accounts()


def test_memberships_come_and_go():
    joined = follow(accounts(), accounts(members=("kim",)))
    assert joined.group["video"].members == ("kim",)
    left = follow(joined, accounts())
    assert left.group["video"].members == ()


def test_the_memberships_of_others_stay():
    known = accounts(members=("lee", "kim", "park"))
    after = follow(known, accounts())
    assert after.group["video"].members == ("lee", "park")


def test_a_group_that_this_image_lacks_was_not_left():
    known = accounts(members=("kim",))
    host = accounts()
    del host.group["video"]
    assert follow(known, host) == known


def test_the_order_of_members_is_no_change():
    known = accounts(members=("lee", "kim"))
    after = follow(known, accounts(members=("kim", "lee")))
    assert vault.changes(known, after) == []


def test_a_group_that_is_new_to_the_vault_is_recorded_with_its_gid_and_only_this_member():
    host = accounts(members=("kim", "mallory"))
    known = AccountSet({"kim": KIM}, {"kim": Shadow("kim", OLD, DATES)}, {})
    assert follow(known, host).group["video"] == Group("video", 44, ("kim",))


def test_a_group_with_another_gid_here_keeps_its_recorded_one():
    known = accounts()._replace(group={"kim": Group("kim", 2001), "video": Group("video", 39)})
    assert follow(known, accounts(members=("kim",))).group["video"].gid == 39


def test_subordinate_ids_are_recorded_and_never_forgotten():
    host = accounts(subuid={"kim": ("1:2",)}, subgid={"kim": ("3:4",)})
    known = follow(accounts(), host)
    assert (known.subuid, known.subgid) == ({"kim": ("1:2",)}, {"kim": ("3:4",)})
    assert follow(known, accounts()) == known


def test_no_line_is_ever_removed():
    lee = Passwd("lee", 2002, 2002, "", "/home/lee", "/bin/bash")
    known = accounts()._replace(passwd={"kim": KIM, "lee": lee},
                                shadow={"kim": Shadow("kim", OLD), "lee": Shadow("lee", OLD)})
    after = follow(known, accounts(KIM._replace(shell="/bin/sh")))
    assert set(after.passwd) == {"kim", "lee"} == set(after.shadow)
    assert after.name_of_uid(2002) == "lee"


def test_nothing_is_changed_in_place():
    known = accounts(subuid={}, subgid={})
    before = vault.texts(known)
    follow(known, accounts(KIM._replace(shell="/bin/zsh"), Shadow("kim", NEW), ("kim",),
                           subuid={"kim": ("1:2",)}))
    assert vault.texts(known) == before


def test_where_passwords_are_not_kept_only_the_dates_are_followed():
    after = follow(accounts(), accounts(shadow=Shadow("kim", NEW, LATER)), keep=False)
    assert after.shadow["kim"] == Shadow("kim", OLD, LATER)


def test_a_site_that_wants_no_passwords_has_no_hash_in_its_vault():
    after = vault.without_passwords(accounts())
    assert after.shadow["kim"] == Shadow("kim", "!", DATES)
    assert all(OLD.encode("ascii") not in data for _, data in vault.texts(after))


def test_what_the_image_brought_is_no_news():
    image = accounts(KIM._replace(shell="/bin/sh"), Shadow("kim", NEW, LATER), ("kim",))
    assert follow(accounts(), image, seen_as=image) == accounts()


def test_nobody_leaves_the_group_that_the_registry_gives():
    known = accounts(members=("kim",))
    assert follow(known, accounts(), groups={"kim": "video"}.items()) == known


def test_recording_forgets_no_group_and_reserves_keep_their_ids():
    known = accounts(members=("kim",))
    assert vault.record(known, accounts(), "kim", "/home/kim").group["video"].members == ("kim",)
    reserved = vault.reserve(known, Passwd("lee", 2002, 2002, "", "/home/lee", "/bin/bash"))
    assert reserved.name_of_uid(2002) == "aica-reserved-2002" and reserved.passwd["kim"] == KIM


def test_a_look_holds_no_hash_and_differs_with_every_part_of_an_account():
    looks = [vault.look_of(found, "kim") for found in (
        accounts(), accounts(KIM._replace(shell="/bin/zsh")), accounts(members=("kim",)),
        accounts(shadow=Shadow("kim", NEW, DATES)), accounts(subuid={"kim": ("1:2",)}))]
    assert not [look for look in looks if looks.count(look) > 1]
    assert "$6$" not in repr(looks) and "ooo" not in repr(looks)


def test_texts_survive_the_round_trip_with_passwd_written_last():
    known = accounts(KIM._replace(gecos="김\u2028\udcff"), members=("kim",),
                     subuid={"kim": ("1:2", "5:6")}, subgid={"kim": ("3:4",)})
    texts = vault.texts(known)
    assert [name for name, _ in texts][-1] == "passwd"
    again = {name: vault.FORMATS[name][0](data.decode("utf-8", "surrogateescape"))
             for name, data in texts}
    assert AccountSet(**again) == known


SECRETS = (OLD, NEW, "o" * 20, "n" * 20)


def test_no_hash_is_shown_in_changes_json_or_repr():
    known, host = accounts(), accounts(KIM._replace(shell="/bin/zsh"), Shadow("kim", NEW, LATER))
    after = follow(known, host)
    resource = AccountRecords("/data/config/accounts", after)
    changes = resource.plan((known, {}))
    outcome = Outcome(resource.id, "changed", changes, lines=resource.describe(changes))
    shown = [repr(changes), str(outcome), report.json_line(outcome), repr(after), repr(host),
             "\n".join(report.text_lines(outcome, verbose=True)),
             json.dumps([change._asdict() for change in changes])]
    assert not [text for text in shown for secret in SECRETS if secret in text]
    assert "a new password" in shown[2] and "/bin/zsh" in shown[2]


def test_new_dates_alone_are_named_as_such():
    after = follow(accounts(), accounts(shadow=Shadow("kim", OLD, LATER)))
    assert vault.changes(accounts(), after) == [("kim.shadow", "new password dates")]


def test_a_vault_that_is_missing_is_none(whole):
    assert vault.read(whole.host(), "/data/config/nothing") is None
    assert vault.read(whole.host(), "/data/config/state") is None


@pytest.mark.parametrize("file", sorted(vault.FORMATS))
def test_a_vault_of_which_a_part_is_missing_is_not_believed(whole, file):
    whole.remove("/data/config/accounts/" + file)
    with pytest.raises(ConfigError):
        vault.read(whole.host(), "/data/config/accounts")


@pytest.mark.parametrize("file", ["passwd", "shadow", "group"])
def test_a_vault_that_others_may_write_is_not_believed(whole, file):
    whole.write("/data/config/accounts/" + file, "kim:x:0:0::/root:/bin/sh\n", mode=0o660)
    with pytest.raises(ConfigError):
        vault.read(whole.host(), "/data/config/accounts")


@pytest.mark.parametrize("file", ["shadow", "shadow-", "group"])
def test_records_that_others_could_read_are_closed_again(whole, file):
    folder = "/data/config/accounts"
    whole.write("{}/{}".format(folder, file), whole.read(folder + "/" + file.rstrip("-")), 0o644)
    resource = AccountRecords(folder, vault.read(whole.host(), folder))
    outcome = whole.converge([resource])[0]
    assert (outcome.status, outcome.lines) == ("changed", (file + " mode 0644 -> 0600",))
    assert whole.stat("{}/{}".format(folder, file)) == (0o600, 0, 0)
    assert whole.converge([resource])[0].status == "ok"


def test_the_older_generation_lies_beside_the_new_one(whole):
    host = whole.host()
    before = vault.read(host, "/data/config/accounts")
    after = follow(before, before._replace(passwd=dict(
        before.passwd, kim=before.passwd["kim"]._replace(shell="/bin/zsh"))))
    assert [o.status for o in whole.converge([AccountRecords("/data/config/accounts", after)])] \
        == ["changed"]
    assert "/bin/zsh" in whole.read("/data/config/accounts/passwd")
    assert "/bin/zsh" not in whole.read("/data/config/accounts/passwd-")
    assert not whole.exists("/data/config/accounts/shadow-")
    assert whole.stat("/data/config/accounts/passwd-") == (0o600, 0, 0)


def test_no_hash_stays_in_an_older_generation_when_passwords_are_not_kept(whole):
    host = whole.host()
    folder = "/data/config/accounts"
    known = vault.read(host, folder)
    whole.write(folder + "/shadow-", whole.read(folder + "/shadow"), mode=0o600)
    whole.converge([AccountRecords(folder, vault.without_passwords(known), erase=True)])
    assert not whole.exists(folder + "/shadow-")
    assert "$6$" not in whole.read(folder + "/shadow")


def test_the_subordinate_ids_of_who_leaves_are_reserved_by_file_and_record():
    kim = Passwd("kim", 2001, 2001, "", "/home/kim", "/bin/bash")
    present = AccountSet({}, {}, {}, subuid={"kim": ("100000:10",), "2001": ("300000:10",)},
                         subgid={"kim": ("400000:10", "500000:10")})
    known = AccountSet({}, {}, {}, subuid={"kim": ("200000:10",)}, subgid={"lee": ("500005:1",)})
    after = vault.reserve_subids(known, present, kim, "kim")
    assert after.subuid == {"kim": ("200000:10", "100000:10", "300000:10")}
    assert after.subgid == {"kim": ("400000:10",), "lee": ("500005:1",)}
    assert vault.reserve_subids(after, present, kim, "kim") == after
    assert known.subuid == {"kim": ("200000:10",)}


def test_undoing_an_addition_leaves_a_group_that_was_there_before():
    """Of the same name, but with another gid: it is not the one that was made with the record."""
    known = accounts(members=("kim",))
    assert vault.without(known, "kim", 2001).group == {"video": Group("video", 44)}
    kept = vault.without(known, "kim", 2999)
    assert kept.group["kim"] == Group("kim", 2001) and "kim" not in kept.passwd
