"""Which ids a new record may have: never one that was given to somebody else."""

import pytest

from aica import ids
from aica.accounts import AccountSet, Group, Passwd
from aica.errors import ConfigError, Conflict

KIM = Passwd("kim", 2001, 2001, "", "/home/kim", "/bin/bash")
LEE = Passwd("lee", 2002, 2002, "", "/home/lee", "/bin/bash")


def host(user=KIM, group="kim", **more):
    return AccountSet({user.name: user}, {}, {group: Group(group, user.gid)}, **more)


def check(user=KIM, present=None, known=AccountSet({}, {}, {})):
    ids.check(user, present or host(user), known, (1000, 60000), ("gpu-users",))


def test_an_account_of_its_own_may_be_recorded():
    check()
    check(known=host())


@pytest.mark.parametrize("uid", [0, 999, 60001, 65534, 4294967295])
def test_ids_that_are_not_for_people_may_not(uid):
    with pytest.raises(ConfigError):
        check(KIM._replace(uid=uid))
    with pytest.raises(ConfigError):
        check(KIM._replace(gid=uid))


def test_nobodys_id_is_for_nobody_however_wide_the_range_is():
    with pytest.raises(ConfigError):
        ids.check(KIM._replace(uid=65534), host(), AccountSet({}, {}, {}), (1000, 99999), ())


def test_a_uid_of_somebody_who_left_stays_reserved():
    with pytest.raises(Conflict):
        check(known=host(LEE._replace(uid=2001), "lee"))


def test_a_primary_group_of_somebody_else_stays_reserved():
    with pytest.raises(Conflict):
        check(known=host(LEE._replace(gid=2001), "lee"))
    with pytest.raises(Conflict):
        check(known=AccountSet({}, {}, {"video": Group("video", 2001)}))


def test_a_shared_primary_group_may_be_everybodys():
    user = KIM._replace(gid=2000)
    check(user, host(user, "gpu-users"), host(LEE._replace(gid=2000), "gpu-users"))


def test_subordinate_ids_of_somebody_else_stay_reserved():
    mine, other = {"kim": ("100000:65536",)}, {"lee": ("165535:10",)}
    with pytest.raises(Conflict):
        check(present=host(subuid=mine), known=AccountSet({}, {}, {}, subuid=other))
    with pytest.raises(Conflict):
        check(present=host(subgid=mine), known=AccountSet({}, {}, {}, subgid=other))
    check(present=host(subuid=mine), known=AccountSet({}, {}, {}, subuid=mine))


@pytest.mark.parametrize("left, right, shared", [
    (("1:2",), ("3:1",), False), (("1:3",), ("3:1",), True), (("3:1",), ("1:3",), True),
    (("1:100",), ("50:1",), True), ((), ("1:1",), False), (("1:1", "9:1"), ("5:1", "9:9"), True),
])
def test_ranges_that_share_an_id_overlap(left, right, shared):
    assert ids.overlap(left, right) is shared


def test_a_free_gid_was_never_anybodys():
    present = AccountSet({}, {}, {"a": Group("a", 2000)})
    known = AccountSet({"lee": LEE}, {}, {"b": Group("b", 2001)})
    assert ids.free_gid(present, known, 2000) == 2003


# -- new ids --------------------------------------------------------------


def test_a_new_id_was_never_anybodys_uid_or_gid():
    present = AccountSet({"a": Passwd("a", 2000, 2001, "", "/", "/")}, {}, {"g": Group("g", 2002)})
    known = AccountSet({"b": Passwd("b", 2003, 2003, "", "/", "/")}, {}, {"h": Group("h", 2004)})
    assert ids.free_id(present, known, (1000, 60000), foreign={2005}) == 2006
    assert ids.free_id(present, known, (1000, 1999)) == 1000
    assert ids.free_id(present, known, (1000, 2004)) == 1000
    assert ids.free_id(present, known, (3000, 4000)) == 3000
    with pytest.raises(Conflict):
        ids.free_id(present, known, (2000, 2004))


def test_new_subordinate_ids_are_above_all_others():
    present = AccountSet({}, {}, {}, subuid={"a": ("100000:65536", "300000:10")})
    known = AccountSet({}, {}, {}, subgid={"b": ("200000:65536",)})
    assert ids.free_subids(present, known) == ("300010:65536",)
    assert ids.free_subids(known, AccountSet({}, {}, {})) == ("265536:65536",)


def test_subordinate_uids_are_those_of_file_and_record_and_nobody_elses():
    present = host(subuid={"kim": ("100000:1000",), "2001": ("300000:10",), "lee": ("400000:5",)})
    known = AccountSet({"lee": LEE}, {}, {}, subuid={"kim": ("200000:1000",)})
    assert ids.subuids_of("kim", 2001, present, known) == [
        (100000, 100999), (200000, 200999), (300000, 300009)]
    assert ids.subuids_of("nobody", 9999, present, known) == []


@pytest.mark.parametrize("mine, spans", [
    ("0:4294967295", [(65536, 99999), (100010, 199999), (200001, 4294967294)]),
    ("1000:2000", []), ("65000:1000", [(65536, 65999)]), ("99990:15", [(99990, 99999)]),
    ("100000:10", []), ("100005:10", [(100010, 100014)]), ("70000:0", []),
    ("199999:3", [(199999, 199999), (200001, 200001)]),
    ("4294967290:20", [(4294967290, 4294967294)])])
def test_ids_of_accounts_and_of_others_ranges_are_in_nobodys_containers(mine, spans):
    choi = Passwd("choi", 200000, 200000, "", "/home/choi", "/bin/bash")
    known = AccountSet({"choi": choi}, {}, {}, subuid={"lee": ("100000:10",)})
    assert ids.subuids_of("kim", 2001, host(subuid={"kim": (mine,)}), known) == spans
