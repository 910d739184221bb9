"""The documents, for the tests that compare them with the program."""

import argparse
import ast
import os
import re

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOT_OURS = {".git", "build", "dist"}


def read(path):
    """Return the text of a file of the checkout."""
    with open(os.path.join(REPOSITORY, path), encoding="utf-8") as text:
        return text.read()


def find_pages():
    """Return the paths of all pages in Markdown."""
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [name for name in folders if name not in NOT_OURS
                      and not name.startswith((".", "aica-datakeeper"))]
        found += [os.path.relpath(os.path.join(folder, name), REPOSITORY)
                  for name in names if name.endswith(".md")]
    return sorted(found)


def section(page, heading):
    """Return the text below a heading, to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    # "# aica check" in a block of code is no heading.
    page = re.sub(r"```.*?```", lambda block: block.group().replace("#", "\0"), page, flags=re.S)
    found = re.search(r"^{}$(.*?)(?=^#{{1,{}}} |\Z)".format(re.escape(heading), level),
                      page, re.M | re.S)
    assert found, "no section " + heading
    return found.group(1).replace("\0", "#")


def rows(text):
    """Return the cells of each row of the tables in a text, without heads and rules."""
    table = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in text.split("\n") if line.startswith("|")]
    return [row for number, row in enumerate(table)
            if not _is_rule(row) and not (number + 1 < len(table) and _is_rule(table[number + 1]))]


def _is_rule(row):
    return all(re.match(r":?-+:?\Z", cell) for cell in row)


def walk(parser, words=()):
    """Yield (words, parser) of a parser, its verbs and their actions."""
    parser.complete()
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                for found in walk(below, words + (name,)):
                    yield found


def texts(tree):
    """Return every text in a piece of parsed source."""
    # Str up to Python 3.7, Constant since 3.8: asking for either by name warns or fails somewhere.
    values = (node.value if hasattr(node, "value") else node.s for node in ast.walk(tree)
              if type(node).__name__ in ("Str", "Constant"))
    return [value for value in values if isinstance(value, str)]
