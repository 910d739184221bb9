"""The menu without a terminal: text in columns, views at every size, keys, screens, the worker."""

import ast
import json
import os
import re
import select
import shlex
import shutil
import signal
import time

import pytest
from wiped import REPOSITORY

from aica import booting, glance, memberenv
from aica.change import Change, Outcome
from aica.disk import overview as overview_of_disks
from aica.disk.alarm import Look, State
from aica.disk.df import figures
from aica.errors import ConfigError, NotReady
from aica.people import review
from aica.tui import app as menu
from aica.tui import (
    asking,
    base,
    keys,
    lists,
    mishap,
    reading,
    results,
    running,
    text,
    theme,
    view,
    words,
    worker,
)
from aica.tui.screens import (
    adopt,
    backups,
    caches,
    disks,
    home,
    losses,
    mine,
    overview,
    papers,
    people,
    recovery,
    software,
    trees,
    wizard,
)
from aica.tui.worker import Worker
from aica.volatile import survey

SIZES = [(1, 1), (2, 1), (9, 3), (59, 17), (60, 18), (80, 24), (120, 40), (300, 80)]
HOSTILE = "\x1b[2J\x1b]0;x\x07evil\nline\r\u202e\udcff"
GPUS = "0, NVIDIA A100, 1024, 40960, 97, GPU-1\n1, T4, 0, 15360, [N/A], GPU-2\nbroken\n"
OUTCOMES = (
    Outcome("account:kim", "ok"),
    Outcome("home:/data/users/김철수", "changed", (Change("mode", 0o700, 0o750),),
            lines=("mode 0700 -> 0750",)),
    Outcome("file:/etc/" + HOSTILE, "blocked", (), "edited: " + HOSTILE, "mv it " + HOSTILE,
            ("-one", "+two")),
    Outcome("unit:x", "failed", (), "한글 메시지 " * 30, "힌트"),
    Outcome("pam:x", "skipped", (), "not here"),
    Outcome("symlink:/home/kim", "planned", (), lines=("-> /data/users/kim",)),
)


@pytest.mark.parametrize("written, columns", [
    ("", 0), ("abc", 3), ("김철수", 6), ("한a글", 5), ("e\u0301", 1), ("│…█", 3), ("ｶﾅ", 2),
    ("\u1112\u1161\u11ab", 2),
])
def test_columns_are_counted_as_terminals_do(written, columns):
    assert text.columns(written) == columns


@pytest.mark.parametrize("width", range(12))
def test_what_is_padded_takes_exactly_its_columns(width):
    for written in ("", "abc", "김철수와 이영희", "e\u0301" * 20):
        assert text.columns(text.pad(written, width)) == width
        assert text.columns(text.right(written, width)) == width
        assert text.columns(text.clip(written, width)) <= width


@pytest.mark.parametrize("width", [1, 2, 3, 7, 40])
def test_wrapped_text_loses_nothing_but_spaces(width):
    words_ = "a long 문장입니다 with averyveryverylongword in it"
    lines = text.wrap(words_, width)
    assert all(text.columns(line) <= width for line in lines)
    if width > 1:  # a wide character has no place in one column
        assert "".join(lines).replace(" ", "") == words_.replace(" ", "")


def test_wrapped_text_stays_indented():
    assert text.wrap("  one two three", 9) == ["  one two", "  three"]
    assert text.wrap("  ", 9) == [""] and text.wrap("   x", 2) == ["x"]


@pytest.mark.parametrize("wanted, colors, environ, table", [
    ("auto", 256, {}, theme.DARK), ("auto", 256, {"COLORFGBG": "0;15"}, theme.LIGHT),
    ("auto", 256, {"COLORFGBG": "15;0"}, theme.DARK), ("auto", 256, {"NO_COLOR": "1"}, theme.NONE),
    ("auto", 256, {"NO_COLOR": ""}, theme.DARK), ("dark", 256, {"NO_COLOR": "1"}, theme.DARK),
    ("light", 8, {}, theme.EIGHT), ("dark", 0, {}, theme.NONE), ("none", 256, {}, theme.NONE),
    ("light", 256, {}, theme.LIGHT), ("dark", -1, {}, theme.NONE),
])
def test_the_theme_fits_the_terminal(wanted, colors, environ, table):
    assert theme.choose(wanted, colors, environ) is table


def test_every_role_has_a_look_in_every_theme():
    for table in (theme.DARK, theme.LIGHT, theme.EIGHT, theme.NONE):
        assert set(table) == set(theme.ROLES)
    assert set(view.STATUS_ROLES.values()) <= set(theme.ROLES)


def test_no_key_means_two_things():
    for table in (keys.TABLE, keys.TYPING):
        names = [name for key in table for name in key.names]
        assert len(names) == len(set(names))


# -- screens at every size -----------------------------------------------


class Fixed(lists.Findings):
    """Findings that are there already."""

    def __init__(self, outcomes):
        super().__init__("t", lambda: (), "aica check", None)
        self.outcomes = list(outcomes)


def run_of(outcomes, total):
    screen = running.Run("t", lambda: (), "aica recover", total)
    screen.outcomes, screen.over = list(outcomes), True
    return screen


def table_of(rows):
    screen = lists.Table(HOSTILE, ("이름", "B", "C"), lambda: (), "aica user list")
    screen.rows = rows
    return screen


def at_a_glance(app):
    screen = home.admin(app)
    look = Look("/data/" + HOSTILE, "", figures(4096, 1000, 200, 150, 100, 5))
    screen.glance = glance.Glance(
        ((look, State({"blocks": 2})), (Look("/backup", "is not mounted"), State({"mount": 3}))),
        {"exit": 4, "state": "blocked", "finished": "2026-11-26T09:00:00", "problems": [HOSTILE]},
        ("kim", "김철수"), glance.parse_gpus(GPUS, {"GPU-1": ("kim", HOSTILE)}), ("broken",))
    return screen


def my_environment(app):
    screen = mine.Environment(app)
    screen.rows = list(mine.rows([
        memberenv.Row("variable", "HF_HOME", None, HOSTILE),
        memberenv.Row("conda-env", "학습", "/data/users/kim/conda/envs/학습", "3 MiB", 3 << 20),
        memberenv.Row("warning", "umask", "umask 022: " + HOSTILE, "umask 002")]))
    return screen


def user_of():
    return review.Row("김철수", "gpu-users", 1004, "local", "ok", "ok", "2026-11-26", 5 << 30,
                      "home 0777")


SCREENS = {
    "my environment": my_environment,
    "software": lambda app: software.menu(app),
    "one user": lambda app: people.one(app, user_of()),
    "user details": lambda app: reading.Text("t", people.details(user_of())),
    "mishap": lambda app: mishap.Mishap("Traceback\n" + HOSTILE * 20),
    "turn off": lambda app: recovery.ask_off(app),
    "admin": lambda app: home.admin(app),
    "member": lambda app: home.member(app),
    "recovery": lambda app: recovery.menu(app),
    "people": lambda app: people.menu(app),
    "caches": lambda app: caches.form(app),
    "trees": lambda app: trees.menu(app),
    "backups": lambda app: backups.menu(app),
    "disks": lambda app: disks.menu(app),
    "home with everything": lambda app: at_a_glance(app),
    "wizard": lambda app: wizard.form(app, "gpu-users"),
    "add": lambda app: people.add_form(app),
    "adopt": lambda app: adopt.form(app),
    "package": lambda app: recovery.package_form(app),
    "a folder of nobody": lambda app: people.stranger(app, user_of()._replace(group=None)),
    "run": lambda app: run_of(OUTCOMES, 10),
    "run without total": lambda app: run_of(OUTCOMES * 50, 0),
    "no outcome": lambda app: run_of((), 0),
    "findings": lambda app: Fixed(OUTCOMES),
    "no finding": lambda app: Fixed(OUTCOMES[:1]),
    "table": lambda app: table_of([(("김철수", HOSTILE, "x" * 500), "warning", None)] * 200),
    "empty table": lambda app: table_of([]),
    "text": lambda app: reading.Text("t", [(HOSTILE, "text"), ("긴 글 " * 400, "key")]),
    "question": lambda app: asking.Question("t", [("x " * 900, "text")], None, "kim"),
    "help": lambda app: reading.help_screen(),
    "finding": lambda app: recovery.Finding(app, OUTCOMES[2]),
    "status": lambda app: reading.Text("t", recovery.blocks_of(
        {"exit": 4, "finished": "now", "state": "blocked", "problems": [HOSTILE], "summary":
            {"ok": 1}})),
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", sorted(SCREENS))
def test_every_screen_fits_every_size(whole, name, size):
    width, height = size
    screen = SCREENS[name](whole.app)
    for filtered in ("", "zzz"):
        if isinstance(screen, base.List):
            screen.filter = filtered
        lines = screen.draw("gpu · admin", width, height)
        assert len(lines) == height
        for line in lines:
            assert text.columns("".join(span.text for span in line)) == width
            assert all(span.text.isprintable() and span.role in theme.ROLES for span in line)


def test_a_small_terminal_says_how_large_it_should_be():
    lines = reading.help_screen().draw("", 59, 20)
    assert "60x18" in "".join(span.text for line in lines for span in line)


def shown(screen, width=80, height=24):
    return ["".join(span.text for span in line).rstrip() for line in screen.draw("", width, height)]


# -- when something cannot be read ---------------------------------------


LONG = "the registry cannot be trusted: " + "/data/config/users.txt belongs to somebody " * 4
WAITING = {
    "a table": lambda work: lists.Table("t", ("A", "B"), work, "aica x"),
    "a text": lambda work: reading.Text("t", load=work, command="aica x"),
    "findings": lambda work: lists.Findings("t", work, "aica x", None),
    "a run": lambda work: running.Run("t", work, "aica x"),
    "the first screen": lambda work: overview.Home("t", [view.Item("x")], work),
}


def unwrapped(screen, *size):
    """Return all that a screen shows as one text, as if it had been wide enough."""
    return " ".join(" ".join(shown(screen, *size)).split())


@pytest.mark.parametrize("size", [(60, 18), (80, 24)], ids=str)
@pytest.mark.parametrize("name", sorted(WAITING))
def test_why_nothing_could_be_read_stands_there_to_its_last_word(name, size):
    def work():
        raise ConfigError(LONG + "to its end", hint="chown root /data/config/users.txt && so on")
    found = unwrapped(loaded(WAITING[name](work)), *size)
    assert " ".join((LONG + "to its end").split()) in found
    assert "hint: chown root /data/config/users.txt && so on" in found
    assert "nothing here" not in found and "looking ..." not in found


@pytest.mark.parametrize("name, items", [
    ("a table", [(("first", "x"), "text", None)]), ("a text", [("first", "text")] * 200),
    ("findings", [Outcome("first:x", "failed")]), ("a run", [Outcome("first:x", "failed")])])
def test_what_was_read_before_it_failed_stays_with_the_reason(name, items):
    def work():
        yield from items
        raise ConfigError(LONG + "to its end")
    found = unwrapped(loaded(WAITING[name](work)))
    assert "first" in found and "to its end" in found


def test_each_part_of_a_wipes_losses_that_cannot_be_looked_at_is_a_line_of_its_own(
        whole, monkeypatch):
    def broken(scene):
        raise ConfigError("this part cannot be read")

    monkeypatch.setattr(survey, "PARTS", (broken, survey.mounts.data, broken))
    table = loaded(losses.Losses(whole.app))
    lines = shown(table)
    assert lines.count(" ! not all was looked at: this part cannot be read") == 2
    assert "lose nothing" not in "\n".join(lines)


def test_a_line_of_users_txt_that_is_wrong_stands_above_the_users(whole):
    whole.append("/data/config/users.txt", "no colon here\n")
    lines = shown(loaded(people.Users(whole.app)))
    assert lines[2].startswith(" ! users.txt: line ") and "kim" in "\n".join(lines)


def test_a_filter_that_fits_nothing_does_not_say_that_all_is_well():
    findings, table = Fixed(OUTCOMES), table_of([(("a", "b", "c"), "text", None)])
    table.empty = "Nobody is registered yet."
    for screen in (findings, table):
        press(screen, "/", "z", "z", "ENTER")
        found = "\n".join(shown(screen))
        assert "nothing here" in found
        assert "as it should be" not in found and "Nobody" not in found


def test_what_can_be_read_again_is_shown_without_the_old_reason():
    def work():
        if not works:
            raise ConfigError("not so")
        return [(("first", "x"), "text", None)]
    works = []
    table = loaded(WAITING["a table"](work))
    works.append(True)
    assert "not so" in unwrapped(table) and "not so" not in unwrapped(loaded(table))


# -- keys ----------------------------------------------------------------


def press(screen, *names):
    """Press keys and return the last effect."""
    effect = None
    for name in names:
        effect = screen.press(keys.action_of(name, screen.typing), name)
    return effect


def test_a_menu_moves_filters_and_opens():
    seen = []
    menu = base.Menu("t", [view.Item("one", value=lambda: seen.append(1)),
                           view.Item("two", value=lambda: seen.append(2)),
                           view.Item("three", off="needs root", value=lambda: seen.append(3))])
    press(menu, "j", "ENTER")
    press(menu, "1")
    press(menu, "UP", "UP", "ENTER")
    assert seen == [2, 1, 1]
    press(menu, "/", "t", "h", "ENTER", "ENTER")
    assert seen == [2, 1, 1] and menu.note == "needs root"
    assert press(menu, "ESC") is None and menu.filter == ""
    assert press(menu, "q") == base.POP


def test_letters_are_letters_while_a_text_is_typed():
    menu = base.Menu("t", [view.Item("one"), view.Item("jq")])
    press(menu, "/", "j", "q")
    assert [item.label for item in menu.visible()] == ["jq"]
    press(menu, "BACKSPACE", "BACKSPACE", "ENTER")
    assert len(menu.visible()) == 2


def test_a_question_takes_its_word_only():
    said = []
    question = asking.Question("t", [], lambda: said.append("yes"), word="kim")
    assert press(question, "k", "i", "ENTER") == base.POP and said == []
    question = asking.Question("t", [], lambda: said.append("yes"), word="kim")
    press(question, "k", "i", "x", "BACKSPACE", "m", "ENTER")
    assert said == ["yes"]
    assert press(asking.Question("t", [], None), "ESC") == base.POP


@pytest.mark.parametrize("menu_of, number, command", [
    (lambda app: recovery.menu(app), 3, "aica recover"),
    (lambda app: recovery.menu(app), 4, "aica recover --deep"),
    (lambda app: recovery.menu(app), 7, "systemctl enable aica-recovery.service"),
    (lambda app: recovery.menu(app), 8, "systemctl disable aica-recovery.service"),
    (lambda app: people.one(app, user_of()), 2, "aica recover --user 김철수"),
    (lambda app: people.one(app, user_of()), 3, "aica user fix-permissions 김철수"),
    (lambda app: people.one(app, user_of()), 5, "aica user setup 김철수 gpu-users"),
    (lambda app: people.one(app, user_of()), 6, "aica user unregister 김철수"),
])
def test_what_changes_something_asks_first_and_takes_no_for_an_answer(
        whole, menu_of, number, command):
    question = press(menu_of(whole.app), str(number)).screen
    assert isinstance(question, asking.Question) and question.blocks
    assert question.command == command
    assert press(question, "ENTER") == base.POP


def test_a_form_shows_what_is_wrong_at_its_field():
    def submit(values):
        raise asking.Invalid("name", "no such name: " + values["name"])
    form = asking.Form("t", [view.Field("name", "Name"), view.Field("all", "All", False, "switch"),
                           view.Field("how", "How", "a", "choice", ("a", "b"))], submit)
    press(form, "x", "ENTER", " ", "ENTER", "RIGHT", "RIGHT", "RIGHT")
    assert form.values() == {"name": "x", "all": True, "how": "b"}
    assert press(form, "ENTER") is None
    assert form.cursor == 0 and "no such name: x" in "\n".join(shown(form))


def test_a_form_cannot_be_given_what_drives_a_terminal():
    form = asking.Form("t", [view.Field("name", "Name")], None)
    press(form, "a", "\x1b", "\x07", "UP", "김")
    assert form.values() == {"name": "a김"}


def test_what_is_not_ok_is_shown_and_space_shows_everything():
    screen = Fixed(OUTCOMES)
    assert "account:kim" not in "\n".join(shown(screen))
    assert "symlink:/home/kim" in "\n".join(shown(screen))
    press(screen, " ")
    assert "account:kim" in "\n".join(shown(screen))


@pytest.mark.parametrize("resource, command", [
    ("symlink:/home/kim", "aica recover --user kim"), ("account:kim", "aica recover --user kim"),
    ("directory:/data/models/torch", "aica recover"),
    ("shared-tree:/data/code", "aica permissions apply /data/code"),
])
def test_what_repairs_a_finding_is_a_command(resource, command):
    assert recovery.command_for(Outcome(resource, "planned")) == command
    assert recovery.command_for(Outcome(resource, "blocked")) == ""


def test_the_command_of_a_form_is_what_it_says():
    values = {"name": "kim", "full_name": "", "access": people.WITH_KEY, "key": "x"}
    assert people.add_command(values) == "aica user add kim --ssh-key -"
    values.update(access=people.WITH_PASSWORD, full_name="김철수")
    assert people.add_command(values) == "aica user add kim --full-name '김철수'"


NASTY = "O'Brien; rm -r *"


@pytest.mark.parametrize("command, words", [
    (people.add_command({"name": "kim", "full_name": NASTY, "access": people.WITH_PASSWORD}),
     ["aica", "user", "add", "kim", "--full-name", NASTY]),
    (backups.restore_command(("kim", NASTY), "20261126"),
     ["aica", "backup", "--restore", "kim", NASTY, "--from", "20261126"]),
    (backups.restore_form(None)._command_of({"name": "kim", "path": NASTY}),
     ["aica", "backup", "--restore", "kim", NASTY]),
    (disks.Folder(None, "/data/" + NASTY).command, ["aica", "disk", "--path", "/data/" + NASTY]),
    (recovery.command_for(Outcome("shared-tree:/data/" + NASTY, "planned")),
     ["aica", "permissions", "apply", "/data/" + NASTY]),
])
def test_a_command_that_is_shown_means_what_it_says_in_a_shell(command, words):
    assert shlex.split(command) == words


# -- adding somebody through the menu ------------------------------------


def finished(screen):
    """Let a Run end and return its outcomes."""
    screen.shown()
    while not screen.over:
        screen.workers()[0].wait() if screen.workers() else None
        screen.arrived()
    return screen.outcomes


def test_a_user_is_added_through_the_form(whole):
    form = people.add_form(whole.app)
    press(form, *"newbie")
    press(form, "ENTER", "ENTER", "RIGHT", "ENTER")
    effect = press(form, "ENTER")
    run = effect.screen
    assert {one.status for one in finished(run)} <= {"ok", "changed"}
    assert "newbie:x:" in whole.read("/etc/passwd")
    assert "newbie:gpu-users" in whole.read("/data/config/users.txt")
    words_ = "\n".join(shown(run, 100, 40))
    assert "one-time password" in words_ and "To send to newbie" in words_


def test_a_bad_name_is_refused_at_its_field(whole):
    form = people.add_form(whole.app)
    form.fields[2] = form.fields[2]._replace(value=people.WITH_PASSWORD)
    press(form, *"root")
    press(form, "ENTER", "ENTER", "ENTER", "ENTER")
    assert form.cursor == 0 and form.fields[0].error
    assert "root:gpu-users" not in whole.read("/data/config/users.txt")


def test_who_owns_a_folder_that_nobody_is_registered_for_is_adopted(whole):
    whole.folder("/data/users/ghost", 0o750, 2009, 2009)
    table = loaded(people.Users(whole.app))
    names = [row[2].name for row in table.rows]
    assert {"kim", "ghost"} <= set(names)
    menu_of_ghost = table.choose(table.rows[names.index("ghost")]).screen
    form = press(menu_of_ghost, "2").screen
    assert form.command == "aica user adopt ghost --group gpu-users"
    question = press(form, "ENTER", "ENTER").screen
    assert "the owner of /data/users/ghost: uid 2009" in unwrapped(question)
    assert "ghost" not in whole.read("/data/config/users.txt")
    run = press(question, "y", "ENTER").screen
    assert {one.status for one in finished(run)} <= {"ok", "changed"}
    assert "ghost:gpu-users" in whole.read("/data/config/users.txt")
    assert "ghost:x:2009:" in whole.read("/data/config/accounts/passwd")


def test_who_cannot_be_adopted_is_refused_at_the_field(whole):
    whole.folder("/data/users/ghost", 0o750, 2009, 2009)
    for name, group, place in (("nobodyhere", "", 0), ("ghost", "", 1), ("ghost", "wheel", 1)):
        form = adopt.form(whole.app, name, group)
        assert press(form, "ENTER", "ENTER") is None
        assert [bool(field.error) for field in form.fields] == [place == 0, place == 1]


@pytest.mark.parametrize("width, last_login", [(80, False), (120, True)])
def test_what_is_to_be_noted_of_a_user_has_room(whole, width, last_login):
    os.chmod(whole.path("/data/users/kim"), 0o777)
    whole.remove("/home/lee")
    found = "\n".join(shown(loaded(people.Users(whole.app)), width, 24))
    assert "home 0777\n" in found and ("LAST LOGIN" in found) == last_login


def test_sizes_of_homes_are_counted_when_asked_for(whole):
    tables = [loaded(people.Users(whole.app, sizes)) for sizes in (False, True)]
    assert [{row[2].size is None for row in table.rows} for table in tables] == [{True}, {False}]
    assert [table.command for table in tables] == ["aica user list", "aica user list --sizes"]


def test_only_what_enter_repairs_says_so(whole):
    os.chmod(whole.path("/data/users/kim"), 0o777)
    os.chmod(whole.path("/data/models/torch"), 0o700)
    for make, repairs in ((recovery.check, True), (trees.look, True),
                          (lambda app: people.owners(app, "kim"), False)):
        findings = loaded(make(whole.app))
        found = [one for one in findings.outcomes if one.status == "planned"]
        detail = findings.choose(found[0]).screen
        assert ("Enter repairs it." in unwrapped(detail)) == repairs
        assert isinstance(press(detail, "ENTER"), base.Replace) == repairs


def test_whose_files_lie_in_a_home_is_shown_and_nothing_is_changed(whole):
    whole.write("/data/users/kim/theirs", "x", 0o600, 2002, 2002)
    before = whole.tree()
    found = unwrapped(loaded(people.owners(whole.app, "kim")), 120, 24)
    assert "1 of uid 2002" in found and whole.tree() == before


def test_a_file_that_is_no_package_is_refused_at_its_field(whole):
    form = recovery.package_form(whole.app)
    press(form, *"/nowhere.deb")
    assert form.command == "aica bootstrap --package /nowhere.deb"
    assert press(form, "ENTER") is None and "No such file" in form.fields[0].error
    assert recovery.starting("sh x", [OUTCOMES[1]])[-1] == ("sh x", "text")
    assert recovery.starting("sh x", [OUTCOMES[3]]) == []


def test_what_stands_below_a_run_can_be_read_to_its_end_on_a_small_terminal():
    letter = [("line {}".format(number), "text") for number in range(30)]
    screen = running.Run("t", lambda: [OUTCOMES[1]] * 3, after=lambda outcomes: letter)
    finished(screen)
    assert "line 0" in unwrapped(screen, 60, 18) and "line 29" not in unwrapped(screen, 60, 18)
    for name in ["PAGE_DOWN"] * 5:
        press(screen, name)
        found = unwrapped(screen, 60, 18)
    assert "line 29" in found and "line 0 " not in found
    press(screen, *["UP"] * 40)
    assert "line 0" in unwrapped(screen, 60, 18)


def test_a_run_that_was_stopped_does_not_say_that_it_is_done():
    reader, writer = os.pipe()

    def work():
        yield OUTCOMES[1]
        os.read(reader, 1)
        yield OUTCOMES[1]
        yield OUTCOMES[1]
    screen = running.Run("t", work, after=lambda outcomes: [("well done", "text")])
    screen.shown()
    press(screen, "ESC")
    os.write(writer, b"x")
    loaded(screen)
    found = unwrapped(screen)
    assert "stopped on the way: " in found and "done" not in found and "stopping" not in found
    os.close(reader), os.close(writer)


# -- the worker ----------------------------------------------------------


def test_a_worker_brings_every_item():
    worker = Worker(lambda: iter(OUTCOMES * 500))
    assert worker.wait() == list(OUTCOMES) * 500
    assert worker.done and not worker.error and not worker.trace


def test_cancelling_stops_after_the_item_in_hand():
    reader, writer = os.pipe()

    def items():
        yield 1
        os.read(reader, 1)
        yield 2
        yield 3
    worker = Worker(items)
    while worker.take() != [1]:
        pass
    worker.cancel()
    os.write(writer, b"x")
    assert worker.wait() == [2]
    os.close(reader), os.close(writer)


def test_an_error_is_words_and_a_bug_is_a_trace():
    def refuses():
        yield 1
        raise ConfigError("not so", hint="so")

    def broken():
        yield 1
        raise KeyError("bug")
    worker = Worker(refuses)
    assert worker.wait() == [1] and worker.error == ("not so", "so")
    worker = Worker(broken)
    worker.wait()
    assert "KeyError" in worker.trace and results.failure(worker)[0][1] == "error"


def test_a_worker_that_dies_is_not_silent():
    worker = Worker(lambda: os.kill(os.getpid(), signal.SIGKILL))
    worker.wait()
    assert worker.done and worker.trace


def test_what_a_program_prints_does_not_land_on_the_screen(capfd):
    def noisy():
        os.write(1, b"noise")
        yield 1
    assert Worker(noisy).wait() == [1]
    assert capfd.readouterr() == ("", "")


def test_without_a_catalogue_the_menu_is_english(tmp_path):
    words.choose("ko", str(tmp_path))
    assert words.tr("Users") == "Users"


# -- what the other screens say ------------------------------------------


def end_of_what_is_left():
    """Wait for the processes of workers that nobody waits for."""
    while worker.left:
        select.select(worker.left, [], [])
        worker.reap()


def loaded(screen):
    """Let a table or a text be read to its end, and return it."""
    screen.shown()
    while screen.workers():
        time.sleep(0.01)
        screen.arrived()
    return screen


def test_the_settings_say_what_is_the_sites_own(whole):
    found = "\n".join(shown(loaded(papers.settings(whole.app)), 100, 40))
    assert "[site] group = gpu-users  (default)" in found
    whole.replace("/data/config/aica.conf", "[site]\n", "[site]\ncontact = room 12\n")
    found = "\n".join(shown(loaded(papers.settings(whole.app)), 100, 40))
    assert "[site] contact = room 12\n" in found


def test_what_a_wipe_would_lose_is_listed_with_what_keeps_it(whole):
    table = loaded(losses.Losses(whole.app))
    assert table.rows and all(row[2].keep for row in table.rows)
    assert "What keeps it:" in "\n".join(shown(table.choose(table.rows[0]).screen))


def test_the_newest_line_of_a_log_stands_first(whole):
    whole.write("/var/log/aica-recovery.log", "one\ntwo \x1b[2J\n")
    assert "two \\x1b[2J" in shown(loaded(papers.log(whole.app, "/var/log/aica-recovery.log")))[2]


@pytest.mark.parametrize("chosen, days, command", [
    (("conda", "pip", "torch", "hf"), "30", "aica clean --all --older-than 30"),
    (("hf",), "7", "aica clean --hf --older-than 7"),
])
def test_cleaning_is_a_command(chosen, days, command):
    values = {name: name in chosen for name in caches.TARGETS}
    values["days"] = days
    assert caches.command_of(values) == command
    assert caches.request_of(values).targets == tuple(n for n in caches.TARGETS if n in chosen)


@pytest.mark.parametrize("days", ["", "x", "-1", "999999"])
def test_days_are_days(days):
    values = dict({name: True for name in caches.TARGETS}, days=days)
    with pytest.raises(asking.Invalid):
        caches.request_of(values)


def test_the_wizard_names_its_command():
    values = {step: step not in ("uv", "conda") for step in wizard.STEPS}
    values.update(name="lab", allow_unmounted=True)
    assert wizard.command_of(values) == \
        "aica setup --group lab --skip conda,uv --allow-unmounted"


def test_the_wizard_shows_a_plan_then_asks_then_works(server):
    server.remove("/data/config/aica.conf")
    form = wizard.form(server.app, "")
    form.fields[-1] = form.fields[-1]._replace(value=True)
    plan = press(form, *["ENTER"] * len(form.fields)).screen
    loaded(plan)
    assert any(one.status == "planned" for one in plan.outcomes)
    assert not server.exists("/data/config/aica.conf")
    question = press(plan, "ENTER").screen
    run = press(question, "y", "ENTER").screen
    assert {one.status for one in finished(run)} <= {"ok", "changed", "skipped"}
    assert server.exists("/data/config/aica.conf")
    assert "Next:" in "\n".join(shown(run))


def test_graphics_cards_are_read_with_who_uses_them():
    first, second = glance.parse_gpus(GPUS, {"GPU-1": ("kim",)})
    assert (first.name, first.used_bytes, first.busy, first.users) == (
        "NVIDIA A100", 1 << 30, 97, ("kim",))
    assert (second.busy, second.users) == (None, ())


def test_what_is_wrong_stands_above_the_menu(whole):
    found = shown(at_a_glance(whole.app), 100, 40)
    assert found[2].startswith(" ! broken")
    assert "ALARM" in "\n".join(found) and "is not mounted" in "\n".join(found)
    assert "1 Set-up test" in "\n".join(found)


def test_what_cannot_be_looked_at_is_said_to_its_last_word():
    lines = overview.lines(glance.Glance(problems=(LONG + "to its end",)), 58)
    found = " ".join("".join(span.text for span in line).strip() for line in lines)
    assert LONG + "to its end" in found


def test_what_is_wrong_is_shown_on_the_smallest_terminal_too(whole):
    found = "\n".join(shown(at_a_glance(whole.app), 60, 18))
    assert "! broken" in found and "1 Set-up test" in found


def test_a_glance_works_without_root_and_without_a_recovery(whole):
    found = glance.glance(whole.app)
    assert found.recovery.get("exit") == 0 and found.disks
    assert "none in this boot" in "".join(
        span.text for line in overview.lines(glance.Glance(), 80) for span in line)


def test_back_on_the_first_screen_it_is_looked_at_anew_even_if_a_look_had_begun(tmp_path):
    state = tmp_path / "state"
    state.write_text("before")
    first = overview.Home("t", [], lambda: glance.Glance(problems=(state.read_text(),)))
    first.shown()
    select.select(first.workers(), [], [])  # that look has seen what was before
    state.write_text("after")
    assert loaded(first).glance.problems == ("after",)
    assert len(worker.left) == 1
    end_of_what_is_left()


def test_the_disks_are_measured_a_folder_at_a_time(whole):
    folder = loaded(disks.Folder(whole.app, "/data"))
    names = [row[2] for row in folder.rows]
    assert {"users", "models", "config"} <= set(names)
    below = folder.choose(folder.rows[names.index("models")]).screen
    assert below.command == "aica disk --path /data/models"


def test_who_has_no_home_is_told_so_unless_it_is_the_disk_that_is_missing(
        whole, monkeypatch):
    assert "You have no home" in unwrapped(disks.own(whole.app))  # root
    monkeypatch.setattr(overview_of_disks, "own_place", lambda settings: "/nowhere/kim")
    assert "! You have no home on the data disk." in unwrapped(loaded(disks.own(whole.app)))
    shutil.rmtree(whole.path("/data"))
    found = unwrapped(loaded(disks.own(whole.app)), 200, 24)
    assert "/data is not there" in found and "no home" not in found


def test_what_is_wrong_with_my_environment_stands_first():
    rows = list(mine.rows([memberenv.Row("variable", "A", "x", "site"),
                           memberenv.Row("warning", "umask", "umask 022", "umask 002")]))
    assert [row[0][1] for row in rows] == ["umask", "A"]
    assert ("what helps: umask 002", "text") in mine.blocks(rows[0][2])


def test_conda_and_contact_are_explained_with_the_paths_of_the_site(whole):
    found = "\n".join(shown(loaded(mine.conda(whole.app)), 100, 40))
    assert "conda create -n NAME" in found and "/data/cache/conda/pkgs" in found
    assert "/data/apps/miniconda3/bin/conda init bash" in found
    assert "Help: the admins" in "\n".join(shown(loaded(mine.contact(whole.app)), 100, 40))


def test_a_test_passes_fails_and_skips():
    assert results.verdicts(OUTCOMES) == "2 pass, 3 fail, 1 skip"


@pytest.mark.parametrize("name, items", [
    ("a table", [(("first", "x"), "text", None)]), ("a text", [("first", "text")]),
    ("findings", [Outcome("first:x", "failed")]), ("a run", [Outcome("first:x", "changed")])])
@pytest.mark.parametrize("fails", [False, True])
def test_what_the_work_warned_of_is_shown_with_it(monkeypatch, name, items, fails):
    warnings = ["known before"]
    monkeypatch.setattr(worker, "_gathered", warnings)

    def work():
        yield from items
        warnings.extend(["nothing mounts /data"] * 2)
        if fails:
            raise ConfigError("not so")
    found = unwrapped(loaded(WAITING[name](work)))
    assert found.count("! nothing mounts /data") == 1 and "first" in found
    assert "known before" not in found and ("not so" in found) == fails


def test_who_is_added_where_no_password_is_kept_is_told_so(whole, monkeypatch):
    whole.replace("/data/config/aica.conf", "[accounts]\n", "[accounts]\nkeep_passwords = no\n")
    monkeypatch.setattr(worker, "_gathered", whole.app.warnings)
    form = people.add_form(whole.app)
    press(form, *"newbie")
    press(form, "ENTER", "ENTER", "RIGHT", "ENTER")
    run = press(form, "ENTER").screen
    finished(run)
    assert "! passwords are not kept on this data disk" in unwrapped(run, 80, 30)


def test_a_user_in_detail():
    found = "\n".join(shown(reading.Text("t", people.details(user_of()))))
    assert "LAST LOGIN      2026-11-26" in found and "SIZE            5.0 GiB" in found
    assert "NOTES           home 0777" in found


def test_the_recovery_at_boot_is_turned_off_and_on_again(whole):
    link = "/etc/systemd/system/multi-user.target.wants/aica-recovery.service"
    whole.write("/lib/systemd/system/aica-recovery.service", "[Unit]\n")
    for act, status, there in ((booting.enable, "changed", True), (booting.enable, "ok", True),
                               (booting.disable, "changed", False), (booting.disable, "ok", False),
                               (booting.enable, "changed", True)):
        assert [one.status for one in act(whole.app)] == [status]
        assert os.path.islink(whole.path(link)) == there
    assert whole.cli("check").code == 0


def test_where_no_systemd_runs_nothing_is_known_of_the_unit(whole):
    assert booting.status(whole.app) == [] and booting.journal(whole.app) == []
    screen = recovery.said_by(whole.app, "t", booting.journal, "journalctl")
    assert "Nothing is known" in "\n".join(shown(loaded(screen)))


# -- Korean --------------------------------------------------------------


def marked():
    """Return the texts that the menu marks for the catalogue."""
    found = set()
    for folder, _, names in os.walk(os.path.join(REPOSITORY, "aica", "tui")):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as source:
                    tree = ast.parse(source.read())
                found |= {ast.literal_eval(node.args[0]) for node in ast.walk(tree)
                          if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                          and node.func.id in ("_", "tr") and _is_text(node.args[0])}
    return found


def _is_text(node):
    try:
        return isinstance(ast.literal_eval(node), str)
    except ValueError:
        return False


def korean():
    """Return {English: Korean} of the menu's own texts (no msgctxt), as the catalogue is written."""
    with open(os.path.join(REPOSITORY, "po", "ko.po"), encoding="utf-8") as source:
        pairs = re.findall(r'^\nmsgid (".+")\nmsgstr (".*")$', source.read(), re.M)
    return {json.loads(one): json.loads(other) for one, other in pairs}


def test_every_text_of_the_menu_is_there_in_korean():
    catalogue = korean()
    assert sorted(marked() - set(catalogue)) == []
    assert sorted(set(catalogue) - marked()) == []
    assert [one for one, other in catalogue.items() if not other] == []


def test_a_translation_has_the_places_of_its_original():
    for one, other in korean().items():
        assert sorted(re.findall(r"{\d*}", one)) == sorted(re.findall(r"{\d*}", other)), one
        assert one.endswith(" ") == other.endswith(" "), one


MENUS = {name: SCREENS[name] for name in (
    "admin", "member", "software", "one user", "recovery", "people", "trees", "backups", "disks",
    "a folder of nobody")}


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", sorted(MENUS))
def test_no_line_of_a_menu_is_cut_in_80_columns(whole, monkeypatch, language, name):
    if language == "ko":
        monkeypatch.setattr(words._catalogue, "gettext", lambda one: korean().get(one, one))
    found = shown(MENUS[name](whole.app))[2:-3]
    assert [line for line in found if text.CUT in line] == []


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", sorted(SCREENS))
def test_every_screen_fits_every_size_in_korean(whole, monkeypatch, name, size):
    catalogue = korean()
    monkeypatch.setattr(words._catalogue, "gettext", lambda text: catalogue.get(text, text))
    test_every_screen_fits_every_size(whole, name, size)


# -- when something is wrong with the program ----------------------------


class Paper:
    """A terminal that keeps what is painted, and presses keys one by one."""

    def __init__(self, *names):
        self.names, self.painted = list(names), []

    def size(self):
        return 80, 24

    def paint(self, lines):
        self.painted.append("\n".join("".join(span.text for span in line) for line in lines))

    def keys(self, watched=(), timeout_s=None):
        if watched:
            select.select(list(watched), [], [], 10)
            return []
        return [self.names.pop(0)]


class Broken(base.Screen):
    """A screen that cannot be drawn."""

    def body(self, width, height):
        raise KeyError("no such thing")


def looped(first, *names):
    kept, paper = [], Paper(*names)
    menu._loop(paper, [first], kept.append)
    return paper.painted, kept


def test_a_no_is_said_on_the_screen_below_until_the_next_key():
    def question():
        return asking.Question("t", [], None)
    first = base.Menu("first", [view.Item("ask", value=base.Opens(question))])
    painted, _kept = looped(first, "ENTER", "ENTER", "DOWN", "q")
    assert "y, Enter go on  Esc leave" in painted[1]
    assert "first" in painted[2] and "nothing was changed" in painted[2]
    assert "nothing was changed" not in painted[3]


def test_a_screen_that_breaks_is_told_and_the_menu_goes_on():
    first = base.Menu("first", [view.Item("broken", value=base.Opens(Broken))])
    painted, kept = looped(first, "ENTER", "ESC", "q")
    assert "KeyError: 'no such thing'" in painted[1] and "/var/log/aica-recovery.log" in painted[1]
    assert "broken" in painted[2] and "first" in painted[2]
    assert len(kept) == 1 and "Traceback" in kept[0]


def test_a_key_that_breaks_is_told_above_the_screen_which_stays():
    first = base.Menu("first", [view.Item("broken", value=lambda: {}["no such thing"])])
    painted, kept = looped(first, "ENTER", "ESC", "q")
    assert "KeyError: 'no such thing'" in painted[1] and "first" in painted[2]
    assert len(kept) == 1 and len(painted) == 3


def test_a_broken_first_screen_is_told_too():
    painted, kept = looped(Broken(), "ESC")
    assert "no such thing" in painted[0] and len(kept) == 1


@pytest.mark.parametrize("screen_of", [
    lambda work: lists.Table("t", ("A",), work), lambda work: reading.Text("t", load=work),
    lambda work: lists.Findings("t", work, "", None), lambda work: running.Run("t", work),
    lambda work: overview.Home("t", [], work),
])
def test_a_bug_in_a_worker_is_told_above_its_screen(screen_of):
    def work():
        raise KeyError("worker bug")
    painted, kept = looped(screen_of(work), "q", "q")
    assert any("This is a bug in aica: KeyError: 'worker bug'" in one for one in painted)
    assert len(kept) == 1 and "Traceback" in kept[0]


def test_a_lost_terminal_is_no_bug():
    class Gone(Paper):
        def keys(self, watched=(), timeout_s=None):
            raise menu.Lost(1)
    with pytest.raises(menu.Lost):
        menu._loop(Gone(), [base.Menu("t", [])], None)


def test_the_theme_of_the_site_is_read_and_a_dead_disk_is_not_waited_for(whole, monkeypatch):
    assert glance.theme(whole.app) == "auto"
    whole.replace("/data/config/aica.conf", "[tui]\n", "[tui]\ntheme = light\n")
    assert glance.theme(whole.app) == "light"
    seen = []

    def dead(path, timeout_s):
        seen.append(timeout_s)
        raise NotReady("{} does not answer".format(path))
    monkeypatch.setattr(glance.storage, "probe", dead)
    assert glance.theme(whole.app) == "auto" and seen[0] <= 0.5
