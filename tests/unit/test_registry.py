"""users.txt: who is accepted, who is refused, and edits that keep everything else."""

import random

import pytest

from aica import registry
from aica.errors import AicaError, ConfigError
from aica.registry import Entry, Rules

RULES = Rules(("gpu-users", "staff2"), frozenset(["ubuntu", "postgres"]))
DOTS = RULES._replace(allow_dots=True)


def parse(data, rules=RULES):
    return registry.parse(data.encode("utf-8") if isinstance(data, str) else data, rules)


ACCEPTED = [
    ("plain", b"kim:gpu-users\n", [("kim", "gpu-users")]),
    ("two", b"kim:gpu-users\nlee:staff2\n", [("kim", "gpu-users"), ("lee", "staff2")]),
    ("CRLF", b"kim:gpu-users\r\nlee:gpu-users\r\n", [("kim", "gpu-users"), ("lee", "gpu-users")]),
    ("BOM", b"\xef\xbb\xbfkim:gpu-users\n", [("kim", "gpu-users")]),
    ("BOM before a comment", b"\xef\xbb\xbf# who\nkim:gpu-users\n", [("kim", "gpu-users")]),
    ("comments of any bytes", b"#\xff\xfe \x1b[31m\n  # \xea\xb9\x80\nkim:gpu-users\n",
     [("kim", "gpu-users")]),
    ("empty lines", b"\n\n  \t\nkim:gpu-users\n\n", [("kim", "gpu-users")]),
    ("nothing", b"", []),
    ("32 characters", b"a" * 32 + b":gpu-users\n", [("a" * 32, "gpu-users")]),
    ("starts with _, has - and digits", b"_a-9:gpu-users\n", [("_a-9", "gpu-users")]),
    ("a torn comment", b"kim:gpu-users\n# and", [("kim", "gpu-users")]),
]


@pytest.mark.parametrize("data, entries", [row[1:] for row in ACCEPTED],
                         ids=[row[0] for row in ACCEPTED])
def test_accepts(data, entries):
    found = parse(data)
    assert [tuple(entry) for entry in found.entries] == entries
    assert found.problems == ()


REFUSED = [
    ("root", "root:gpu-users"), ("daemon", "daemon:gpu-users"), ("sudo", "sudo:gpu-users"),
    ("nobody", "nobody:gpu-users"), ("an account of the image", "ubuntu:gpu-users"),
    ("..", "..:gpu-users"), (".", ".:gpu-users"), ("an option", "-rf:gpu-users"),
    ("three fields", "kim:gpu-users:x"), ("no colon", "kim"), ("no name", ":gpu-users"),
    ("no group", "kim:"), ("33 characters", "a" * 33 + ":gpu-users"), ("digits", "123:gpu-users"),
    ("a dot", "j.kim:gpu-users"), ("a capital", "Kim:gpu-users"), ("a slash", "a/b:gpu-users"),
    ("a space before", " kim:gpu-users"), ("a space after", "kim:gpu-users "),
    ("a space between", "kim :gpu-users"), ("Hangul", "김:gpu-users"), ("a $", "kim$:gpu-users"),
    ("command substitution", "$(reboot):gpu-users"), ("a group that is not allowed", "kim:sudo"),
    ("a group of nobody's", "kim:nogroup2"), ("CR in the middle", "ki\rm:gpu-users"),
    ("vertical tab", "kim:gpu-users\v"), ("next line (U+0085)", "kim:gpu-users\u0085"),
    ("escape", "k\x1bim:gpu-users"), ("a star", "*:gpu-users"), ("plus", "+kim:gpu-users"),
]


@pytest.mark.parametrize("line", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refuses_a_line_says_which_and_keeps_the_others(line):
    found = parse("kimm:gpu-users\n{}\nleee:gpu-users\n".format(line))
    assert found.names() == ("kimm", "leee")
    assert len(found.problems) == 1 and found.problems[0].startswith("line 2: ")


@pytest.mark.parametrize("name", ["root\n", "kim\n", "kim\r", "", "k" * 33, "..", "-rf", "a:b"])
def test_no_such_name_is_ever_valid(name):
    with pytest.raises(ConfigError):
        registry.check_name(name, RULES)


def test_dots_only_where_the_site_allows_them():
    assert parse("j.kim:gpu-users\n", DOTS).names() == ("j.kim",)
    assert parse("j.kim:gpu-users\n").names() == ()
    for name in (".kim", "..", "."):
        assert parse(name + ":gpu-users\n", DOTS).names() == ()


def test_the_first_of_two_lines_counts_and_the_second_is_reported():
    found = parse("kim:gpu-users\nkim:staff2\n")
    assert [tuple(entry) for entry in found.entries] == [("kim", "gpu-users")]
    assert found.problems[0].startswith("line 2: 'kim' is registered twice")


def test_a_torn_last_line_is_reported_and_ignored():
    found = parse("lee:gpu-users\nkim:gpu-user")
    assert found.names() == ("lee",)
    assert found.problems[0].startswith("line 2: ")
    assert parse("kim:gpu-users").names() == ()


@pytest.mark.parametrize("data", [b"kim:gpu-users\n\0", b"\0", b"# \0\nkim:gpu-users\n",
                                  b"#" * (registry.LIMIT_BYTES + 1)],
                         ids=["NUL at the end", "only NUL", "NUL in a comment", "over 1 MiB"])
def test_a_file_that_cannot_be_a_registry_is_refused_as_a_whole(data):
    with pytest.raises(AicaError):
        parse(data)


def test_a_file_of_exactly_the_limit_is_read():
    line = b"kim:gpu-users\n"
    data = line + b"#" * (registry.LIMIT_BYTES - len(line) - 1) + b"\n"
    assert parse(data).names() == ("kim",)


def test_one_entry_is_found_by_its_exact_name():
    found = parse("jskim:gpu-users\nj.kim:staff2\n", DOTS)
    assert found.get("j.kim").group == "staff2"
    assert found.get("jskim").group == "gpu-users"
    assert found.get("kim") is None and found.get("j") is None


SEEDS = [
    b"# who\nkim:gpu-users\nlee:gpu-users\n", b"\xef\xbb\xbfkim:gpu-users\r\nlee:staff2\r\n",
    b"kim:gpu-users\n\n#x\npark:gpu-users", "# 김\nchoi:gpu-users\n".encode("utf-8"),
]
PIECES = [b"\0", b"\n", b"\r", b"\r\n", b":", b"::", b"#", b" ", b"\t", b"\xff", b"\xed\xb2\x80",
          b"\xef\xbb\xbf", b"root", b"sudo", b"..", b"/", b"-", b"_", b".", b"\x1b[2J", b"A",
          b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x1c", b"kim:gpu-users\n", b"9" * 40, b"$(id)"]


def mutations(count, seed):
    """Yield `count` broken registries, the same ones each time."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 6)):
            place = chance.randint(0, len(data))
            kind = chance.randint(0, 3)
            if kind == 0:
                data[place:place] = chance.choice(PIECES)
            elif kind == 1:
                del data[place:place + chance.randint(1, 9)]
            elif kind == 2 and place < len(data):
                data[place] = chance.randint(0, 255)
            else:
                data = data[:place]
        yield bytes(data)


def test_no_bytes_make_it_fail_and_nothing_invalid_gets_in():
    for data in mutations(20000, seed=7):
        rules = DOTS if len(data) % 2 else RULES
        try:
            found = registry.parse(data, rules)
        except AicaError:
            continue
        names = [entry.name for entry in found.entries]
        assert len(names) == len(set(names)), data
        for entry in found.entries:
            registry.check_name(entry.name, rules)
            registry.check_group(entry.group, rules)
            assert "{}:{}".format(*entry).encode("ascii") in data


def test_edits_of_any_bytes_change_one_entry_and_nothing_else():
    for data in mutations(3000, seed=8):
        try:
            grown = registry.with_entry(data, Entry("park2", "gpu-users"))
        except ConfigError:
            assert data and not data.endswith(b"\n")
            continue
        assert grown == data + b"park2:gpu-users\n"
        assert registry.without_entry(grown, "park2") == data


KEPT = b"# J. Kim left in May\r\njskim:gpu-users\n\n#kim:gpu-users\nj.kim:gpu-users\n bad line \xff\nlee:x"


def test_removing_takes_the_exact_name_only():
    left = registry.without_entry(KEPT, "j.kim")
    assert left == KEPT.replace(b"j.kim:gpu-users\n", b"")
    assert registry.without_entry(KEPT, "kim") == KEPT
    assert registry.without_entry(KEPT, "j") == KEPT


def test_removing_takes_every_line_of_the_name():
    data = b"kim:gpu-users\nlee:gpu-users\r\nkim:staff2\r\n"
    assert registry.without_entry(data, "kim") == b"lee:gpu-users\r\n"


def test_the_first_line_of_a_file_with_a_bom_can_be_removed():
    left = registry.without_entry(b"\xef\xbb\xbfkim:gpu-users\nlee:gpu-users\n", "kim")
    assert left == b"\xef\xbb\xbflee:gpu-users\n"


def test_removing_a_torn_line_does_not_tear_the_one_before():
    left = registry.without_entry(b"kim:gpu-users\nlee:gpu-users\nkim:gpu-us", "kim")
    assert left == b"lee:gpu-users\n"


def test_an_entry_is_never_glued_to_a_torn_line():
    with pytest.raises(ConfigError) as caught:
        registry.with_entry(b"kim:gpu-use", Entry("lee", "gpu-users"))
    assert "newline" in str(caught.value)


def test_the_header_of_a_new_registry_is_an_empty_registry():
    assert parse(registry.HEADER) == registry.Registry()
