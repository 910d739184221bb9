"""The pages say what the program does: commands, paths, messages, statuses, versions, links."""

import ast
import os
import re
import subprocess
import sys

import pytest
from pages import REPOSITORY, find_pages, read, rows, section, texts, walk

import aica
from aica import cli, command, demo, report, site
from aica.accounts import AccountSet
from aica.backup.records import LastBackup
from aica.change import BLOCKED, CHANGED, FAILED, OK, PLANNED, SKIPPED, Outcome
from aica.commands.check import KINDS
from aica.errors import AicaError
from aica.guards import Guards
from aica.parser import build
from aica.registry import Entry, Registry
from aica.settings import ETC_KEYS, SITE_KEYS, Settings
from aica.settings_apps import CACHES
from aica.site import Site
from aica.to_keep import Found

PAGES = find_pages()
README = read("README.md")
ADMIN_GUIDE = read("docs/admin-guide.md")
# What people read, beside the manual, to find a command.
GUIDES = README + ADMIN_GUIDE + read("docs/user-guide.md")
CHANGES = read("docs/what-it-does.md")
MANUAL = "".join(read("man/" + name) for name in sorted(os.listdir(os.path.join(REPOSITORY, "man"))))
# mdoc(7): "Fl Fl dry-run" is --dry-run, "Fl q" is -q.
MANUAL = re.sub(r"\bFl ", "-", MANUAL.replace("Fl Fl ", "--"))


def test_the_pages_are_found():
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
            "docs/what-it-does.md"} <= set(PAGES)


# -- the command line ---------------------------------------------------


VERBS = [(words, parser) for words, parser in walk(build("aica"))]


@pytest.mark.parametrize("words", [w for w, _ in VERBS if w], ids=lambda words: " ".join(words))
def test_every_verb_is_in_a_guide_or_in_the_manual(words):
    text = " ".join(words)
    assert re.search(r"`aica {}\b".format(text), GUIDES) \
        or re.search(r"^\.(It )?Cm {}\b".format(text), MANUAL, re.M)


OPTIONS = sorted({option for _, parser in VERBS for action in parser._actions
                  for option in action.option_strings})


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_in_a_guide_or_in_the_manual(option):
    assert re.search(r"(?<![\w-]){}(?![\w-])".format(re.escape(option)), GUIDES + MANUAL)


# -- what it does to a machine ------------------------------------------


MEMBERS = Registry(tuple(Entry(name, demo.GROUP.name) for name in demo.NAMES))


# What a policy has that knows no home but those below /home.
LABELS = {top + name + end: "system_u:object_r:{}:s0".format(kind)
          for top, kind in (("/data", "default_t"), ("/data/users", "default_t"),
                            ("/home", "home_root_t"))
          for name in ("",) + tuple("/" + one for one in demo.NAMES + ("somebody",))
          for end in ("", "/.ssh")}


ELSEWHERE = "/srv/disk"
AT_JOB = "a0000101d65e40"
SITES = [
    Site(registry=MEMBERS, vault=demo.records()),
    Site(registry=MEMBERS, vault=AccountSet({}, {}, {})),
    Site(settings=Settings(data=ELSEWHERE), registry=MEMBERS, vault=demo.records()),
    Site(settings=Settings(keep_files=("/etc/hosts",), backup_timer=True,
                           alert_restore=("chat",)), registry=MEMBERS,
         vault=demo.records(), host_keys=True,
         kept=Found(host_keys=("ssh_host_ed25519_key",), crontabs=("kim",), lingering=("kim",),
                    at_jobs=(("kim", AT_JOB),))),
    Site(settings=Settings(cache_shared=CACHES), registry=MEMBERS, vault=demo.records(),
         kept=Found(apps=("conda", "uv"))),
    Site(registry=MEMBERS, vault=demo.records(),
         guards=Guards(True, LABELS)),
    Site(registry=MEMBERS, vault=demo.records(), guards=Guards(switch="use_nfs_home_dirs")),
]


def everything(desired):
    entries = desired.registry.entries
    return (site.recovery(desired) + site.folders.chain(desired.settings) + site.setup(desired)
            + site.users(desired, entries) + site.people.new_user(desired, entries[0], 2001, 2001)
            + site.folders.sharing(desired) + site.ways.ways(desired)
            + site.guards.rule(desired) + site.guards.switch(desired)
            + site.bash_version.holes(desired.settings) + [LastBackup(desired.settings)])


def as_documented(name):
    """Return a resource's id as the page writes it: NAME and GROUP for those of the demo."""
    name = re.sub(r"(?<=[:/])({})$".format("|".join(demo.NAMES)), "NAME", name)
    name = re.sub(r"^(secret|shared-tree):.*", r"\1:TREE", name)
    name = name.replace("kim." + AT_JOB, "NAME.JOB").replace("ed25519", "*")
    name = name.replace("kept-file:/etc/hosts", "kept-file:FILE")
    name = name.replace("alert.d/chat", "alert.d/NAME")
    return name.replace(demo.GROUP.name, "GROUP").replace(ELSEWHERE, "/data")


RESOURCES = {as_documented(resource.id): resource
             for desired in SITES for resource in everything(desired)}
# The actions of `aica user`, which are no part of a recovery.
ONLY_USER = {"registry:NAME"}
KINDS_OF_USER = {"home-move", "old-jobs"}
# What `aica backup` alone looks after: the disk may be away.
ONLY_BACKUP = {"directory:/backup/users"}


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_every_change_to_a_machine_is_documented(name):
    assert "`{}`".format(name) in CHANGES


def test_nothing_is_documented_that_is_not_done():
    named = set(re.findall(r"`((?:{}):[^`]+)`".format("|".join(KINDS)), CHANGES))
    assert named - set(RESOURCES) - ONLY_USER - ONLY_BACKUP == set()


@pytest.mark.parametrize("name", sorted(
    name for name, resource in RESOURCES.items() if isinstance(getattr(resource, "mode", 0), int)
    and getattr(resource, "mode", 0)))
def test_owner_and_mode_are_documented(name):
    mode = "{:04o}".format(RESOURCES[name].mode)
    assert any("`{}`".format(name) in line and mode in line for line in CHANGES.split("\n"))


def test_every_kind_that_check_knows_exists():
    assert {name.split(":")[0] for name in RESOURCES} - KINDS_OF_USER == set(KINDS)


def test_every_attack_is_kept_out_by_tests_that_exist():
    table = read("docs/attacks.md")
    tests = "".join(read(os.path.join("tests", folder, name))
                    for folder in ("unit", "golden", "hostile", "system")
                    for name in os.listdir(os.path.join(REPOSITORY, "tests", folder))
                    if name.endswith(".py"))
    named = set(re.findall(r"`(test_\w+)`", table))
    assert {name for name in named if "def {}(".format(name) not in tests} == set()
    for path in re.findall(r"`(tests/\S+)`", table):
        assert os.path.exists(os.path.join(REPOSITORY, path)), path
    numbers = [row[0] for row in rows(table) if re.match(r"S\d+$", row[0])]
    assert numbers == ["S{}".format(number) for number in range(1, 24)]
    assert all("`test_" in row[-1] for row in rows(table) if row[0] in numbers)


@pytest.mark.parametrize("unit", sorted(os.listdir(os.path.join(REPOSITORY, "system/units"))))
def test_every_unit_is_documented(unit):
    assert "`{}`".format(unit) in CHANGES


def test_what_a_purge_removes_is_documented():
    script = read("debian/postrm")
    removed = re.findall(r"/etc/[\w./-]+[a-z]", script.split("for folder")[0])
    assert len(removed) > 4
    for path in removed:
        assert os.path.basename(path) in CHANGES, path


@pytest.mark.parametrize("path", [
    site.environment.PROFILE, site.sudoers.SUDOERS, site.environment.MEMBER_GROUPS,
    site.environment.PAM_ENV])
def test_the_short_table_names_what_lies_in_etc(path):
    assert "`{}`".format(path) in section(CHANGES, "## In short")


def test_the_sudo_rules_are_shown_word_for_word():
    shown = re.search(r"```sudoers\n(.*?)```", read("SECURITY.md"), re.S)
    assert shown.group(1) == site.sudoers.render(Settings())


def test_the_readme_shows_what_the_demo_prints(server, needs):
    needs(command.find("visudo"), "needs visudo, of the package sudo")
    runs = [("recover",), ("check",), ("recover",)]
    printed = _without_counts("".join(server.cli(*words).out for words in runs))
    excerpt = re.search(r"```text\n(\$ aica.*?)```", README, re.S).group(1)
    for line in _without_counts(excerpt).split("\n"):
        assert line.startswith(("$", "...")) or line in printed.split("\n"), line


def _without_counts(text):
    """Leave out how many there are in a summary: one folder more does not make the page wrong."""
    return re.sub(r"\d+ (?=ok|changed|planned|skipped)", "", text)


# -- settings, statuses, messages ---------------------------------------


def test_every_setting_is_in_the_admin_guide_with_its_default():
    shown = {row[0]: row[1] for row in rows(section(ADMIN_GUIDE, "## Configuration"))}
    wanted = {}
    for section_name, keys in list(ETC_KEYS.items()) + list(SITE_KEYS.items()):
        for key, (field, _) in keys.items():
            wanted["`[{}] {}`".format(section_name, key)] = _as_text(getattr(Settings(), field))
    assert shown == wanted


def _as_text(value):
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    text = " ".join(value) if isinstance(value, tuple) else value
    return "`{}`".format(text) if text else "none"


def statuses():
    kinds = [AicaError] + AicaError.__subclasses__()
    return {kind.exit_status for kind in kinds} | {
        0, report.EXIT_DRIFT, cli.EXIT_BUG, cli.EXIT_INTERRUPTED}


EXIT_STATUS = section(read("docs/exit-status.md"), "# Exit status").split("\n## ")[0]


def test_the_page_lists_every_exit_status():
    assert {int(row[0]) for row in rows(EXIT_STATUS)} == statuses()


def test_the_manual_lists_every_exit_status_but_that_of_an_interrupt():
    text = read("man/aica.8").split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    listed = {int(code) for code in re.findall(r"^\.It (\d+)$", text, re.M)}
    assert listed - {cli.EXIT_INTERRUPTED} == statuses() - {cli.EXIT_INTERRUPTED}


def test_the_order_of_exit_statuses_is_the_documented_one():
    found = [Outcome("kind:name", status) for status in (
        FAILED, BLOCKED, PLANNED, CHANGED, OK, SKIPPED)]
    order = [report.exit_status(found[number:]) for number in range(len(found))]
    assert order == [1, 4, 3, 0, 0, 0]
    assert "the first of 70, 1, 4, 3, 0." in EXIT_STATUS


def texts_of_the_program():
    """Return every text in the program's source, as it stands before it is filled in."""
    found = []
    for folder, _, names in os.walk(os.path.dirname(aica.__file__)):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as source:
                    found += texts(ast.parse(source.read()))
    return found


TEXTS = texts_of_the_program()
TROUBLES = read("docs/troubleshooting.md")
MESSAGES = [row[0].strip("`") for row in rows(
    TROUBLES.replace(section(TROUBLES, "## What people say"), ""))]


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_in_troubleshooting_is_one_of_the_programs(message):
    pieces = [piece.strip() for piece in message.split("...") if piece.strip(" :,;")]
    pattern = ".*".join(re.escape(piece) for piece in pieces)
    assert any(re.search(pattern, text, re.S) for text in TEXTS)


def without_advice():
    """Yield the messages with which a human is asked to decide, and not told how."""
    for folder, _, names in os.walk(os.path.dirname(aica.__file__)):
        for name in names:
            if name.endswith(".py"):
                tree = ast.parse(read(os.path.join(folder, name)))
                for node in ast.walk(tree):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Conflict" \
                            and len(node.args) == 1 and "hint" not in [k.arg for k in node.keywords]:
                        yield from texts(node.args[0])[:1]


@pytest.mark.parametrize("text", sorted(set(without_advice())))
def test_what_is_blocked_has_a_hint_or_stands_in_troubleshooting(text):
    pieces = [[re.escape(piece.strip()) for piece in message.split("...") if piece.strip(" :,;")]
              for message in MESSAGES]
    assert any(re.search(".*".join(words), text, re.S) for words in pieces)


def test_troubleshooting_has_messages():
    assert len(MESSAGES) > 60 and len(set(MESSAGES)) == len(MESSAGES)


# -- versions, names, links ---------------------------------------------


def test_there_is_one_version():
    newest = re.search(r"^## \[(\d[^\]]*)\]", read("CHANGELOG.md"), re.M).group(1)
    debian = re.match(r"aica-datakeeper \((.+)-[^-]+\) ", read("debian/changelog")).group(1)
    assert newest == debian == aica.__version__


def test_the_changelog_names_every_verb_and_unit():
    entry = read("CHANGELOG.md")
    verbs = {words[0] for words, _ in VERBS if words}
    assert {verb for verb in verbs if not re.search(r"`aica {}\b".format(verb), entry)} == set()
    units = {name.split(".")[0] for name in os.listdir(os.path.join(REPOSITORY, "system/units"))}
    assert {unit for unit in units if unit + "." not in entry} == set()


USED = """\
import sys, aica.app, aica.cli, aica.parser
for verb in aica.commands.VERBS:
    __import__("aica.commands." + verb)
print(" ".join(name for name in sys.modules if name.startswith("aica.")))
"""


def test_architecture_names_every_module_that_the_command_line_uses():
    page = section(read("ARCHITECTURE.md"), "## The layers")
    used = subprocess.check_output([sys.executable, "-c", USED], cwd=REPOSITORY).decode().split()
    modules = {name.split(".")[1] for name in used}
    assert len(modules) > 20
    assert sorted(name for name in modules if not re.search(r"\b{}\b".format(name), page)) == []


def test_tests_that_a_page_names_exist():
    sources = ""
    for folder, _, names in os.walk(os.path.join(REPOSITORY, "tests")):
        sources += "".join(read(os.path.join(folder, n)) for n in names if n.endswith(".py"))
    named = set(re.findall(r"`(test_\w+)`", read("ARCHITECTURE.md") + read("CONTRIBUTING.md")))
    assert len(named) > 10
    for name in named:
        assert "def {}(".format(name) in sources, name


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_checkout_that_a_page_names_exist(page):
    folders = "aica|debian|docs|man|system|tests"
    for path in re.findall(r"`((?:{})/[\w./-]*)`".format(folders), read(page)):
        assert os.path.exists(os.path.join(REPOSITORY, path)), path


def links():
    for page in PAGES:
        text = re.sub(r"```.*?```", "", read(page), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:", target):
                yield page, target


@pytest.mark.parametrize("page, target", sorted(set(links())))
def test_links_between_pages_lead_somewhere(page, target):
    path, _, anchor = target.partition("#")
    full = os.path.normpath(os.path.join(REPOSITORY, os.path.dirname(page), path)) if path \
        else os.path.join(REPOSITORY, page)
    assert os.path.exists(full)
    if anchor:
        headings = re.findall(r"^#+ (.*)$", read(os.path.relpath(full, REPOSITORY)), re.M)
        assert anchor in [_anchor(heading) for heading in headings]


def _anchor(heading):
    """Return the name that a heading gets on the usual hosts of source code."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
