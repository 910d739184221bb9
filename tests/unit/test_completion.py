"""bash and zsh complete what the parser takes: the real shells are asked, word by word."""

import argparse
import os
import pty
import shutil
import subprocess
import time

import pytest
from pages import walk

import aica
from aica import commands, site
from aica.commands.check import KINDS
from aica.parser import DOORS, build

FOLDER = os.path.join(os.path.dirname(os.path.dirname(aica.__file__)), "system/completion")
PATIENCE_S = 30
REGISTRY = "# members\nkim:gpu-users\n\nlee.2:gpu-users\n$(touch x):gpu-users\n"
TARGETS = {"--all", "--conda", "--pip", "--torch", "--hf", "--help"}

CALLS = list(walk(build("aica"), ("aica",)))
CALLS += [found for door in sorted(DOORS) for found in walk(build(door), (door,))]
PARSERS = {" ".join(words): parser for words, parser in CALLS}


def options_of(parser):
    return {option for action in parser._actions for option in action.option_strings}


def actions_of(parser):
    return {name for action in parser._actions if isinstance(action, argparse._SubParsersAction)
            for name in action.choices}


# -- the shells, as somebody who presses TAB has them ---------------------


BASH = """\
_init_completion() {
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
}
_filedir() { :; }
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
what=($(complete -p "$1")) COMPREPLY=()
${what[2]} "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Bash:
    """bash, with stand-ins for the two functions that bash-completion lends."""

    def __init__(self, folder):
        self.file = str(folder / "aica")

    def complete(self, line):
        """Return the set of words that may stand where the line ends."""
        argv = ["bash", "--noprofile", "--norc", "-c", BASH, "bash", self.file]
        said = subprocess.check_output(argv + line.split(" ")).decode()
        return {word for word in said.split("\n") if word}


ZSHRC = """\
PS1= RPS1= PROMPT_EOL_MARK= ; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' insert-tab false
setopt no_list_beep no_beep no_auto_menu
compadd() {{
    # -O, -A and -D only ask which words fit; what is offered goes through the other calls.
    if [[ ${{@[1,(i)(-|--)]}} == *\\ -[OAD]\\ * || $1 == -[OAD] ]]; then
        builtin compadd "$@"
        return
    fi
    local -a offered
    builtin compadd -A offered "$@"
    print -rl -- $offered >>{out}
    builtin compadd "$@"
}}
asked() {{ _main_complete; print END >>{out} }}
zle -C asked complete-word asked
bindkey '^I' asked
print READY >>{out}
"""


class Zsh:
    """One interactive zsh on a terminal; what compadd is offered is written to a file."""

    def __init__(self, folder):
        self.out = str(folder / "offered")
        with open(str(folder / ".zshrc"), "w") as rc:
            rc.write(ZSHRC.format(folder=folder, out=self.out))
        master, slave = pty.openpty()
        self.master = master
        environment = dict(os.environ, ZDOTDIR=str(folder), TERM="dumb", LC_ALL="C")
        self.process = subprocess.Popen(["zsh", "-d", "-i"], stdin=slave, stdout=slave,
                                        stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        os.set_blocking(master, False)
        self._read_until("READY")

    def complete(self, line):
        """Return the set of words that may stand where the line ends."""
        open(self.out, "w").close()
        os.write(self.master, b"\x15" + line.encode() + b"\t")
        return {word.rstrip("=") for word in self._read_until("END") if word}

    def _read_until(self, last):
        end = time.monotonic() + PATIENCE_S
        shown = b""
        while time.monotonic() < end:
            try:
                shown += os.read(self.master, 65536)  # a full terminal would stop the shell
            except (BlockingIOError, OSError):
                time.sleep(0.01)
            if os.path.exists(self.out):
                with open(self.out) as out:
                    lines = out.read().split("\n")
                if last in lines:
                    return lines[:lines.index(last)]
        raise AssertionError("zsh says nothing: " + shown.decode(errors="replace")[-2000:])

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The two files, with a registry of this test's in place of the server's."""
    made = tmp_path_factory.mktemp("completion")
    (made / "users.txt").write_text(REGISTRY)
    for name in ("aica", "_aica"):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as source:
            text = source.read()
        assert text.count(" /data/config/users.txt ") == 1
        (made / name).write_text(text.replace("/data/config", str(made)))
    return made


@pytest.fixture(scope="module")
def bash(folder):
    _needs("bash")
    return Bash(folder)


@pytest.fixture(scope="module")
def zsh(folder):
    _needs("zsh")
    one = Zsh(folder)
    yield one
    one.end()


def _needs(program):
    if shutil.which(program) is None:
        pytest.skip(program + " is not installed")


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request):
    return request.getfixturevalue(request.param)


# -- what they offer ------------------------------------------------------


@pytest.mark.parametrize("call", sorted(PARSERS))
def test_the_options_are_those_of_the_parser(shell, call):
    assert shell.complete(call + " -") == options_of(PARSERS[call])


@pytest.mark.parametrize("call", sorted(
    call for call, parser in PARSERS.items() if actions_of(parser)))
def test_the_verbs_are_those_of_the_parser(shell, call):
    assert shell.complete(call + " ") == actions_of(PARSERS[call])


def test_every_verb_is_a_word_of_aica():
    assert actions_of(PARSERS["aica"]) == set(commands.VERBS)


@pytest.mark.parametrize("call, option, choices", sorted(
    (call, action.option_strings[0], tuple(action.choices))
    for call, parser in PARSERS.items() for action in parser._actions
    if action.option_strings and action.choices))
def test_the_values_of_an_option_are_those_of_the_parser(shell, call, option, choices):
    assert shell.complete("{} {} ".format(call, option)) == set(choices)


def test_the_kinds_and_the_steps_are_the_programs(shell):
    assert shell.complete("aica check --only ") == set(KINDS)
    assert shell.complete("aica setup --skip ") == set(site.STEPS)


def test_words_before_the_verb_do_not_hide_it(shell):
    assert "--only" in shell.complete("aica --json --root /tmp check -")
    assert "--full-name" in shell.complete("aica -q user --color never add -")


@pytest.mark.parametrize("call", ["aica user setup ", "aica user register "])
def test_an_account_of_the_server_is_offered_and_then_a_group(shell, call):
    assert "root" in shell.complete(call + "roo")
    assert "root" in shell.complete(call + "kim roo")


def test_the_door_of_the_caches_takes_a_target_and_one_word(shell):
    assert shell.complete("aica-clean-cache -") == TARGETS
    assert shell.complete("aica-clean-cache --pip -") == {"--dry-run", "--yes"}
    assert shell.complete("aica-clean-cache --help -") == set()


@pytest.mark.parametrize("call", [
    "aica user show ", "aica user remove ", "aica user fix-permissions ", "aica user adopt ",
    "aica user unregister ", "aica user home ", "aica user conda ", "aica recover --user ",
    "aica backup --user ", "aica backup --restore ", "aica-recover --user "])
def test_registered_names_come_from_the_registry(shell, call):
    assert shell.complete(call) == {"kim", "lee.2"}


def test_a_registered_name_is_offered_once(shell):
    assert "kim" not in shell.complete("aica user show kim ")
