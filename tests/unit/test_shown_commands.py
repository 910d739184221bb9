"""Every command of ours that a page, the manual or a hint shows is one: the parsers accept it."""

import ast
import os
import re
import shlex

import pytest
from pages import REPOSITORY, find_pages, read, texts, walk

from aica import parser
from aica.commands.clean import allowed

PROMPT = re.compile(r"\s*(?:[#$] )?(?:sudo )?(?:python3 -m )?")
# A call of ours, wherever it stands in a line of code; "aica.conf" and "aica-x.service" are none.
CALL = re.compile(
    r"(?:(?<=^)|(?<=[\s/]))(aica(?:-recover|-tui|-disk-alert|-clean-cache)?)(?=\s|$)(.*)")
END = re.compile(r" +#|;|&&|\|\||\||>|2>")


def calls(line):
    """Return the words of the calls of ours in a line of code."""
    line = PROMPT.sub("", line, count=1)
    found = None if line.startswith("#") else CALL.search(line)
    return [shlex.split(END.split(found.group(1) + found.group(2))[0])] if found else []


def fenced(page):
    """Return the calls in the blocks of code of a page in Markdown. What is printed has none."""
    lines = [line for block in re.findall(r"```(?:console|sh|text|ini|yaml|python)\n(.*?)```",
                                          page, re.S) for line in block.split("\n")]
    return [words for line in lines for words in calls(line)]


def spans(page):
    """Return the calls between back quotes in the prose of a page."""
    prose = re.sub(r"```.*?```", "", page, flags=re.S)
    found = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    return [words for span in found
            if re.match(r"(sudo )?aica(-(recover|tui|disk-alert|clean-cache))?( |$)", span)
            for words in calls(span)]


def shown_by_manual(page):
    """Return (calls in examples, calls in the prose) of a page in mdoc."""
    page = page.replace("\\(dq", '"').replace("\\-", "-").replace("\\(aq", "'")
    code = re.findall(r"^\.Dl (.*)$", page, re.M)
    code += [line for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)
             for line in block.split("\n")]
    prose = re.findall(r"^\.Ql (aica .*?)(?: [.,;:)])*$", page, re.M)
    return ([words for line in code for words in calls(line)],
            [words for text in prose for words in calls(text)])


def everything_shown():
    """Yield (page, words, whether it is a mention: a verb may lack its arguments)."""
    for page in find_pages():
        for words in fenced(read(page)):
            yield page, words, False
        for words in spans(read(page)):
            yield page, words, True
    for name in sorted(os.listdir(os.path.join(REPOSITORY, "man"))):
        code, prose = shown_by_manual(read("man/" + name))
        for words in code:
            yield name, words, False
        for words in prose:
            yield name, words, True


SHOWN = sorted({(page, tuple(words), mention) for page, words, mention in everything_shown()
                if "..." not in words})
# "`aica user setup` makes ...": a name, and not all that one would type.
NAMES = {("aica",) + words for words, _ in walk(parser.build("aica"))}


def complaint(words):
    """Return what the program's own parser says against a command line, "" if nothing."""
    if words[0] == "aica-clean-cache":  # takes what the sudo rules say and nothing else
        return "" if list(words[1:]) in allowed() else "not one that the sudo rules allow"
    try:
        parser.build(words[0]).parse_args(words[1:])
    except SystemExit as ended:
        return "" if ended.code == 0 else "wrong usage"
    return ""


def test_commands_are_found_everywhere():
    pages = {page for page, _, _ in SHOWN}
    assert {"README.md", "README.ko.md", "docs/admin-guide.md", "docs/user-guide.md",
            "docs/slurm-and-ldap.md", "docs/exit-status.md", "docs/troubleshooting.md", "aica.8",
            "aica-datakeeper.7"} <= pages
    assert len(SHOWN) > 200


@pytest.mark.parametrize("page, words, mention", SHOWN, ids=lambda value: (
    " ".join(value) if isinstance(value, tuple) else str(value)))
def test_every_command_that_a_page_shows_is_one(page, words, mention):
    accepted = mention and words in NAMES or not complaint(words)
    # An option may be named without what else the verb needs.
    accepted = accepted or mention and not all(
        complaint(words + ("x",) * more) for more in (1, 2))
    assert accepted, "{}: {}".format(page, " ".join(words))


@pytest.mark.parametrize("line, wanted", [
    ("# aica check --only account --quiet || echo \"x\"", ["aica check --only account --quiet"]),
    ("$ sudo python3 -m aica demo      # a small one", ["aica demo"]),
    ("    /usr/bin/aica recover --user \"$NAME\" || status=$?", ["aica recover --user $NAME"]),
    ("@reboot root /usr/bin/aica user setup kim gpu-users", ["aica user setup kim gpu-users"]),
    ("$ sudo aica-clean-cache --all", ["aica-clean-cache --all"]),
    ("#!/bin/sh", []), ("# /etc/slurm/prolog.d/10-aica: the user", []), ("aica.conf", []),
])
def test_a_command_is_seen_in_a_line(line, wanted):
    assert [" ".join(words) for words in calls(line)] == wanted


@pytest.mark.parametrize("words", [
    ("aica", "chek"), ("aica", "check", "--olny", "x"), ("aica", "user", "setup", "--bogus"),
    ("aica", "recover", "kim"), ("aica-clean-cache", "--everything")])
def test_a_command_that_is_none_is_noticed(words):
    assert words not in NAMES
    assert all(complaint(words + ("x",) * more) for more in (0, 1, 2))


# -- what the program itself advises --------------------------------------


def hints():
    """Yield the texts of every hint in the program's source."""
    for folder, _, names in os.walk(os.path.join(REPOSITORY, "aica")):
        for name in names:
            if name.endswith(".py"):
                tree = ast.parse(read(os.path.relpath(os.path.join(folder, name), REPOSITORY)))
                for node in ast.walk(tree):
                    if isinstance(node, ast.keyword) and node.arg == "hint":
                        yield from texts(node.value)


# "or: aica user adopt {}" and such: the command goes to the end of its clause.
ADVICE = re.compile(r"(?:^|[:;] |, then |&& |sudo )(aica(?:-[a-z-]+)? [a-z][^;\n]*)")
CLAUSE = re.compile(r", | \|| &&|: |\(| or | completes ")


def advice(text):
    """Return the command lines that a hint advises, with x for what is filled in."""
    found = [CLAUSE.split(call)[0].strip() for call in ADVICE.findall(text)]
    return [re.sub(r"\{[^}]*\}", "{}", call) for call in found]


ADVISED = sorted({call for text in hints() for call in advice(text)})


def test_hints_advise_commands():
    assert len(ADVISED) > 25


@pytest.mark.parametrize("call", ADVISED)
def test_every_command_that_a_hint_advises_is_one(call):
    # A hint that is put together from pieces may end where a name is to follow.
    tries = [call.format(*[fill] * 9) for fill in ("x", "7", "miniforge")]
    assert not all(complaint(tuple(shlex.split(line)) + more)
                   for line in tries for more in ((), ("x",))), call
