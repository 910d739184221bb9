"""The exit status of every verb where something is missing: docs/exit-status.md, verb by verb."""

import pytest
from wiped import STATUSES

from aica import commands

KIM = 2001
NOT_READY = 5

# Every verb as it is without /data. Those that have no need of it: what they are for.
WITHOUT_DATA = {
    "recover": NOT_READY,
    "recover --dry-run": NOT_READY,
    "recover --boot": NOT_READY,
    "recover --early": NOT_READY,
    "recover --deep": NOT_READY,
    "recover --user kim": NOT_READY,
    "check": NOT_READY,
    "check --deep": NOT_READY,
    "check --only account": NOT_READY,
    "setup --yes": NOT_READY,
    "setup --dry-run": NOT_READY,
    "permissions check": NOT_READY,
    "permissions apply": NOT_READY,
    "permissions apply --dry-run": NOT_READY,
    "permissions save /root/none/modes": NOT_READY,
    "permissions restore /root/none/modes": NOT_READY,
    "clean": 0,  # explains itself
    "clean --all --dry-run": NOT_READY,
    "clean --all --yes": NOT_READY,
    "user list": NOT_READY,
    "user list --sizes": NOT_READY,
    "user show kim": NOT_READY,
    "user add neu": NOT_READY,
    "user setup kim gpu-users": NOT_READY,
    "user register kim gpu-users": NOT_READY,
    "user unregister kim": NOT_READY,
    "user remove kim --yes": NOT_READY,
    "user fix-permissions kim": NOT_READY,
    "user fix-permissions kim --from 4000 --yes": NOT_READY,
    "user adopt kim --yes": NOT_READY,
    "user home kim": NOT_READY,
    "user conda kim": NOT_READY,
    "alert": 0,  # to tell of it is its work
    "alert --dry-run": 0,
    "alert --test": 0,
    "alert --recovered": 0,
    "disk": NOT_READY,
    "disk --by-user": NOT_READY,
    "disk --path /data": NOT_READY,
    "disk --scan": NOT_READY,
    "backup": NOT_READY,
    "backup --dry-run": NOT_READY,
    "backup --list": NOT_READY,
    "backup --restore kim x": NOT_READY,
    "bootstrap --package /proc/version": 2,  # no package: said first
    "install uv": NOT_READY,
    "install miniconda --yes": NOT_READY,
    "install missing": NOT_READY,
    "env": NOT_READY,
    "volatile": NOT_READY,
    "record": NOT_READY,
    "render": NOT_READY,
    "render --package": 0,  # at installation, when there may be no disk yet
    "tui": 2,  # no terminal
}
ELSEWHERE = {"demo"}  # brings a server of its own
# What its work is: these are written also then.
LOGS = {"/var/log/aica-disk-alert.log", "/var/log/aica-recovery.log"}


def test_every_verb_is_in_the_table():
    assert {words.split()[0] for words in WITHOUT_DATA} | ELSEWHERE == set(commands.VERBS)


@pytest.fixture
def without_data(whole):
    whole.remove("/data")
    return whole


def test_without_data_every_verb_says_so_and_changes_nothing(without_data):
    before = set(without_data.tree().items())
    for words, expected in WITHOUT_DATA.items():
        answer = without_data.cli(*words.split())
        assert answer.code == expected, (words, answer)
        if expected == NOT_READY:
            assert "/data is not there" in answer.err and "hint: mount it" in answer.err, words
            assert answer.ids(*STATUSES) == [], (words, answer)
    changed = {path for path, _ in before ^ set(without_data.tree().items())}
    assert changed <= LOGS | {"/var/log"}, changed


def test_a_member_gets_the_same_status_without_data(without_data):
    for words in ("user list", "user show kim", "disk", "disk --by-user", "disk --path /data", "env",
                  "clean --conda --dry-run"):
        answer = without_data.cli_as(KIM, *words.split())
        assert answer.code == NOT_READY and "/data is not there" in answer.err, (words, answer)


def test_without_root_what_needs_it_says_so(whole):
    before = whole.tree()
    for words, expected in WITHOUT_DATA.items():
        if (expected == NOT_READY and not words.startswith(ANYBODYS)) or words in ROOTS:
            answer = whole.cli_as(KIM, *words.split())
            assert answer.code == NOT_READY and "this needs root" in answer.err, (words, answer)
    assert whole.tree() == before


ANYBODYS = ("user list", "user show", "disk", "env", "clean")
ROOTS = ("bootstrap --package /proc/version", "disk --scan", "alert", "alert --test",
         "render --package")


@pytest.mark.parametrize("words, help_of", [
    ("recover kim", "aica recover"), ("user show kim lee", "aica user show"),
    ("install uv x", "aica install uv"), ("--nonsense check", "aica check")])
def test_a_word_too_much_is_complained_of_by_its_verb(whole, words, help_of):
    answer = whole.cli(*words.split())
    assert answer.code == 2 and "hint: {} --help\n".format(help_of) in answer.err, answer


def test_a_configuration_file_that_is_not_there_is_said_once(whole):
    answer = whole.cli("check", "--config", "/nowhere/x")
    assert answer.code == 2 and answer.err.startswith(
        "[ERROR] --config /nowhere/x: No such file or directory\n        hint: "), answer


def test_a_folder_in_place_of_a_file_is_named_whole(whole):
    for path in ("/data/config/users.txt", "/data/config/aica.conf"):
        whole.remove(path)
        whole.folder(path)
        answer = whole.cli("recover")
        assert answer.code == 2 and "{} is a folder, expected a file\n".format(path) in answer.err
        assert "hint: ls -ld " + path in answer.err
