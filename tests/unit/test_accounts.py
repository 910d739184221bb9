"""The text of the account files, and the commands of the shadow suite."""

import pytest

from aica import accounts
from aica.accounts import AccountSet, Group, Passwd, Shadow

KIM = Passwd("kim", 2001, 2001, "김 (demo),,,", "/home/kim", "/bin/bash")
HASH = "$6$salt$" + "h" * 86

PASSWD = [
    ("plain", "kim:x:2001:2001:Kim:/home/kim:/bin/bash", KIM._replace(gecos="Kim")),
    ("Korean", "kim:x:2001:2001:김 (demo),,,:/home/kim:/bin/bash", KIM),
    ("U+2028 in GECOS", "kim:x:2001:2001:a\u2028b:/home/kim:/bin/bash",
     KIM._replace(gecos="a\u2028b")),
    ("vertical tab in GECOS", "kim:x:2001:2001:a\vb\x1cc:/home/kim:/bin/bash",
     KIM._replace(gecos="a\vb\x1cc")),
    ("a byte that is not UTF-8", "kim:x:2001:2001:a\udcff:/home/kim:/bin/bash",
     KIM._replace(gecos="a\udcff")),
    ("no shell", "kim:x:2001:2001::/home/kim:", KIM._replace(gecos="", shell="")),
    ("a shell with spaces", "kim:x:2001:2001::/home/kim:/bin/sh -l",
     KIM._replace(gecos="", shell="/bin/sh -l")),
]
NO_ENTRIES = [
    ("NIS", "+::::::"), ("NIS, one user", "+kim:x:1:1:::"), ("NIS, excluded", "-kim:x:1:1:::"),
    ("comment", "#kim:x:2001:2001::/home/kim:/bin/bash"), ("empty", ""), ("too short", "kim:x:2001"),
    ("too long", "kim:x:2001:2001::/home/kim:/bin/bash:more"), ("no name", ":x:1:1:::"),
    ("uid is no number", "kim:x:many:2001::/home/kim:/bin/bash"),
    ("uid is negative", "kim:x:-1:2001::/home/kim:/bin/bash"),
    ("gid is empty", "kim:x:2001:::/home/kim:/bin/bash"),
]


@pytest.mark.parametrize("line, user", [row[1:] for row in PASSWD], ids=[row[0] for row in PASSWD])
def test_passwd_lines_survive_the_round_trip(line, user):
    users = accounts.parse_passwd(line + "\n")
    assert users == {user.name: user}
    assert accounts.format_passwd(users) == line + "\n"


@pytest.mark.parametrize("line", [row[1] for row in NO_ENTRIES], ids=[row[0] for row in NO_ENTRIES])
def test_what_is_no_passwd_entry_is_left_out_and_hides_no_other(line):
    text = "{}\n{}".format(line, accounts.format_passwd({"kim": KIM}))
    assert accounts.parse_passwd(text) == {"kim": KIM}


def test_the_first_of_two_lines_counts_as_in_the_c_library():
    text = "kim:x:2001:2001::/a:/b\nkim:x:0:0::/a:/b\n"
    assert accounts.parse_passwd(text)["kim"].uid == 2001


def test_a_digit_of_another_script_is_no_id():
    assert accounts.parse_passwd("kim:x:2²:1::/a:/b\n") == {}
    assert accounts.parse_passwd("kim:x:٣:1::/a:/b\n") == {}


@pytest.mark.parametrize("line", [
    "kim:" + HASH + ":20400:0:99999:7:::", "kim:!:20400:0:99999:7:::", "kim:*:::::::",
    "kim::20400:0:99999:7:3:21000:1", "kim:!" + HASH + ":0:0:99999:7:::",
])
def test_shadow_lines_survive_the_round_trip(line):
    lines = accounts.parse_shadow(line + "\n")
    assert list(lines) == ["kim"]
    assert accounts.format_shadow(lines) == line + "\n"


def test_a_shadow_line_never_shows_its_hash():
    line = Shadow("kim", HASH, ("20400", "0", "99999", "7", "", "", ""))
    for shown in (repr(line), str(line), "{}".format(line), "%s" % (line,), repr([line])):
        assert HASH not in shown and "kim" in shown
    assert line.last_change == "20400"


@pytest.mark.parametrize("line, group", [
    ("gpu-users:x:2000:kim,lee", Group("gpu-users", 2000, ("kim", "lee"))),
    ("empty:x:2000:", Group("empty", 2000)),
])
def test_group_lines_survive_the_round_trip(line, group):
    groups = accounts.parse_group(line + "\n")
    assert groups == {group.name: group}
    assert accounts.format_group(groups) == line + "\n"


def test_empty_members_are_no_members():
    assert accounts.parse_group("a:x:1:,kim,,\n")["a"].members == ("kim",)


def test_members_in_gshadow():
    text = "root:*::\nvideo:!:admin:kim,lee\n\nno colon\nvideo:x::\n"
    assert accounts.parse_gshadow(text) == {"root": (), "video": ("kim", "lee")}


def test_subordinate_ids_of_several_ranges():
    text = "kim:100000:65536\nlee:165536:65536\nkim:300000:10\n2001:7:7\nbad:x:1\n"
    ranges = accounts.parse_subids(text)
    assert ranges["kim"] == ("100000:65536", "300000:10")
    assert "bad" not in ranges
    assert accounts.parse_subids(accounts.format_subids(ranges)) == ranges


def test_questions_to_an_account_set():
    known = AccountSet({"kim": KIM}, {}, {"a": Group("a", 7, ("kim",)), "b": Group("b", 8),
                                         "c": Group("c", 9, ("lee", "kim"))})
    assert known.name_of_uid(2001) == "kim" and known.name_of_uid(7) is None
    assert known.name_of_gid(8) == "b" and known.name_of_gid(2001) is None
    assert known.groups_of("kim") == ("a", "c") and known.groups_of("ki") == ()


LINE = Shadow("kim", HASH, ("20400", "0", "", "7", "", "21000", ""))
COMMANDS = [
    (accounts.groupadd_argv("kim", 2001), ["groupadd", "--gid", "2001", "kim"]),
    (accounts.groupadd_argv("kim", 2001, "/t"),
     ["groupadd", "--prefix", "/t", "--gid", "2001", "kim"]),
    (accounts.useradd_argv(KIM, "/t"),
     ["useradd", "--prefix", "/t", "--no-create-home", "--no-user-group", "--no-log-init",
      "--key", "UID_MAX=999", "--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0",
      "--uid", "2001", "--gid", "2001",
      "--home-dir", "/home/kim", "--shell", "/bin/bash", "--comment", "김 (demo),,,", "kim"]),
    (accounts.add_to_groups_argv("kim", ["a", "b"]),
     ["usermod", "--append", "--groups", "a,b", "kim"]),
    (accounts.add_to_groups_argv("kim", ["a"], "/t"),
     ["usermod", "--prefix", "/t", "--append", "--groups", "a", "kim"]),
    (accounts.add_subids_argv("kim", "--add-subuids", ("100000:65536", "300000:1"), "/t"),
     ["usermod", "--prefix", "/t", "--add-subuids", "100000-165535",
      "--add-subuids", "300000-300000", "kim"]),
    (accounts.chpasswd_argv(), ["chpasswd", "--encrypted"]),
    (accounts.chpasswd_argv("/t"), ["chpasswd", "--root", "/t", "--encrypted"]),
    (accounts.chage_argv(LINE, "/t"),
     ["chage", "--root", "/t", "--lastday", "20400", "--mindays", "0", "--maxdays", "-1",
      "--warndays", "7", "--inactive", "-1", "--expiredate", "21000", "kim"]),
    (accounts.conversion_argv("pwconv"), ["pwconv"]),
    (accounts.conversion_argv("grpconv", "/t"), ["grpconv", "--root", "/t"]),
]


@pytest.mark.parametrize("argv, expected", COMMANDS, ids=[" ".join(row[1][:3]) for row in COMMANDS])
def test_command(argv, expected):
    assert argv == expected


def test_no_command_carries_a_password():
    for argv in (accounts.chage_argv(LINE), accounts.chpasswd_argv(), accounts.useradd_argv(KIM)):
        assert not any(HASH in word for word in argv)
