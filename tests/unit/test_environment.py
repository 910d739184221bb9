"""environment.py by table, and the constant PAM profile that carries it to every way in."""

import os

import pytest

from aica import environment
from aica.environment import BUILT_IN, LOCAL, Variable, builtin, merge, parse_local

PROFILE = os.path.join(
    os.path.dirname(__file__), os.pardir, os.pardir, "system", "pam", "aica-datakeeper"
)

ALWAYS_AND_CONDA = [
    ("CONDA_PKGS_DIRS", "/data/cache/conda/pkgs"),
    ("CONDA_ENVS_PATH", "$HOME/conda/envs"),
    ("MODELS_DIR", "/data/models"),
    ("TORCH_HOME", "/data/models/torch"),
    ("HF_HOME", "/data/models/huggingface"),
    ("HF_HUB_CACHE", "/data/models/huggingface/hub"),
    ("HF_DATASETS_CACHE", "/data/models/huggingface/datasets"),
    ("COMFYUI_HOME", "/data/models/comfyui"),
    ("FLUX_HOME", "/data/models/flux"),
]


def one(line):
    """Return (value, problem) of a file with one line; the one that there is not is None."""
    variables, problems = parse_local(line)
    assert len(variables) + len(problems) == 1
    return (variables[0].value, None) if variables else (None, problems[0])


def test_the_built_in_table_is_what_all_get_conda_and_two_private_places():
    found = [(variable.name, variable.value) for variable in builtin("/data")]
    assert found[:9] == ALWAYS_AND_CONDA
    assert found[9:] == [
        ("HF_TOKEN_PATH", "$HOME/.cache/huggingface/token"),
        ("HF_MODULES_CACHE", "$HOME/.cache/huggingface/modules"),
    ]
    assert {variable.source for variable in builtin("/data")} == {BUILT_IN}


@pytest.mark.parametrize("root", ["/srv/disk", "/srv/disk/"])
def test_the_data_root_is_filled_in(root):
    assert builtin(root)[0].value == "/srv/disk/cache/conda/pkgs"


def test_pip_uv_and_npm_keep_their_own_caches():
    names = " ".join(variable.name for variable in builtin("/data"))
    assert not [word for word in ("PIP", "UV", "NPM", "YARN", "TRANSFORMERS") if word in names]


GOOD_LINES = [
    ("A=b", "b"),
    ("export A=b", "b"),
    ("export\t A=b", "b"),
    ("  A=b  ", "b"),
    ("A=b\r", "b"),
    ("A=", ""),
    ("A=''", ""),
    ('A=""', ""),
    ("A='two words'", "two words"),
    ('A="two words"', "two words"),
    ('A="it\'s"', "it's"),
    ("A=b # a remark", "b"),
    ("A='b'  # a remark", "b"),
    ("A=a'b c'\"d e\"f", "ab cd ef"),
    ("A=$HOME", "$HOME"),
    ("A=${HOME}", "$HOME"),
    ('A="$HOME/x:${HOME}/y"', "$HOME/x:$HOME/y"),
    ('A="$HOME"/x', "$HOME/x"),
    ("A='5 $ and $OTHER'", "5 $ and $OTHER"),
    ("A='https://host/?a=1&b=2;c|d'", "https://host/?a=1&b=2;c|d"),
    ("A='한글 값'", "한글 값"),
    ("A=user@host:80,x=y+z%1", "user@host:80,x=y+z%1"),
    ("http_proxy=http://proxy:3128", "http://proxy:3128"),
    ("A=" + "x" * 900, "x" * 900),
]


@pytest.mark.parametrize("line, value", GOOD_LINES)
def test_an_assignment_is_read_as_sh_would(line, value):
    assert one(line) == (value, None)


BAD_LINES = [
    ("A", "expected NAME=VALUE"),
    ("A = b", "expected NAME=VALUE"),
    ("=b", "expected NAME=VALUE"),
    ("9A=b", "expected NAME=VALUE"),
    ("A-B=c", "expected NAME=VALUE"),
    ("한글=값", "expected NAME=VALUE"),
    ("export A", "expected NAME=VALUE"),
    ("if true; then A=b; fi", "expected NAME=VALUE"),
    (". /data/evil.sh", "expected NAME=VALUE"),
    ("A=b c", "quotes around the whole value"),
    ("A=b C=d", "quotes around the whole value"),
    ("A=b;id", "';' outside quotes"),
    ("A=b&", "'&' outside quotes"),
    ("A=b|c", "'|' outside quotes"),
    ("A=b>c", "'>' outside quotes"),
    ("A=*", "'*' outside quotes"),
    ("A={a,b}", "'{' outside quotes"),
    ("A=~/x", "expected $HOME"),
    ("A=`id`", "no command is run"),
    ("A='`id`'", "no command is run"),
    ("A=$(id)", "no command is run"),
    ('A="$(id)"', "no command is run"),
    ("A=$OTHER", "only $HOME"),
    ("A=${OTHER}", "only $HOME"),
    ("A=${HOME:-x}", "only $HOME"),
    ('A="$HOMER"', "only $HOME"),
    ("A=$", "only $HOME"),
    ("A='$HOME'", "expected double quotes"),
    ("A='$HO''ME'", "expected double quotes"),
    ("A=${HOME}x", "letters right behind"),
    ("A='b", "never closed"),
    ('A="b', "never closed"),
    ("A=b'", "never closed"),
    ("A=b\\", "backslashes"),
    ('A="b\\"c"', "backslashes"),
    ("A='b\\c'", "PAM cannot carry \\"),
    ("A='say \"x\"'", 'PAM cannot carry "'),
    ("A='b#c'", "PAM cannot carry #"),
    ("A=b\tc", "outside quotes"),
    ("A='b\tc'", "control"),
    ("A='b\x1b[2Jc'", "control"),
    ("A='b\0c'", "control"),
    ("A='b\u202ec'", "control"),
    ("A='b\udc80c'", "control"),
    ("A=" + "x" * 2000, "too long"),
    ("A=" + "글" * 400, "too long"),
    ("A='" + "$" * 600 + "'", "too long"),
    ("A" * 65 + "=b", "name is too long"),
]


@pytest.mark.parametrize("line, reason", BAD_LINES)
def test_anything_else_is_a_problem_that_names_line_value_and_expectation(line, reason):
    value, problem = one(line)
    assert value is None
    assert problem.startswith("line 1: ")
    assert reason in problem
    assert "expected" in problem
    assert problem.isprintable() and len(problem) < 300


CONTRACT = (
    "PATH LD_PRELOAD LD_LIBRARY_PATH LD_X PYTHONPATH PYTHONHOME PYTHONSTARTUP BASH_ENV ENV IFS "
    "PS4 PROMPT_COMMAND HOME USER SHELL"
).split()
AS_DANGEROUS = (
    "LOGNAME UID EUID GID PPID SHELLOPTS BASHOPTS BASH_FUNC_ls GCONV_PATH GLIBC_TUNABLES "
    "NODE_OPTIONS PERL5LIB PERL5OPT RUBYOPT ZDOTDIR path fpath status SUDO_COMMAND "
    "XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS GIT_SSH_COMMAND"
).split()


@pytest.mark.parametrize("name", CONTRACT + AS_DANGEROUS)
def test_a_name_that_could_run_code_or_change_who_one_is_is_refused(name):
    value, problem = one("export {}='/tmp/x'".format(name))
    assert value is None
    assert "{} may not be set".format(name) in problem


@pytest.mark.parametrize("name", ["HF_HOME", "PATHS", "LANG", "WANDB_DIR", "OLD_PATH", "HOMEPAGE"])
def test_a_name_that_only_resembles_a_refused_one_is_accepted(name):
    assert one("{}=x".format(name)) == ("x", None)


def test_a_bad_line_never_hides_a_good_one():
    text = "\ufeff# ours\r\n\r\nA=1\r\nPATH=/x\r\nB='2\r\n  # more\r\nexport C=3"
    variables, problems = parse_local(text)
    assert variables == (Variable("A", "1", LOCAL), Variable("C", "3", LOCAL))
    assert [problem.split(":")[0] for problem in problems] == ["line 4", "line 5"]


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line(odd):
    variables, problems = parse_local("A='x{}PATH=/evil'\nB=2".format(odd))
    assert variables == (Variable("B", "2", LOCAL),)
    assert len(problems) == 1


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\ufeff", "\r\n"])
def test_an_empty_file_sets_nothing(text):
    assert parse_local(text) == ((), ())


def test_the_sites_value_wins_and_the_order_stays():
    first = (Variable("A", "1", BUILT_IN), Variable("B", "2", BUILT_IN))
    local = (Variable("C", "3", LOCAL), Variable("A", "4", LOCAL), Variable("C", "5", LOCAL))
    assert merge(first, local) == (
        Variable("A", "4", LOCAL),
        Variable("B", "2", BUILT_IN),
        Variable("C", "5", LOCAL),
    )


def test_global_env_has_the_seeds_lines():
    lines = environment.render_global_env(builtin("/data")).splitlines()
    assert lines[0] == 'export CONDA_PKGS_DIRS="/data/cache/conda/pkgs"'
    assert lines[1] == 'export CONDA_ENVS_PATH="$HOME/conda/envs"'
    assert len(lines) == 11


PAM_VALUES = [
    ("/data/models", '"/data/models"'),
    ("$HOME/conda/envs", '"@{HOME}/conda/envs"'),
    ("$HOME/a:$HOME", '"@{HOME}/a:@{HOME}"'),
    ("$HOMER", '"\\$HOMER"'),
    ("a@b$c", '"a\\@b\\$c"'),
    ("@{PAM_USER}${HOME}", '"\\@{PAM_USER}\\${HOME}"'),
    ("", '""'),
    ("two words; 한글", '"two words; 한글"'),
    ("it's", '"it\'s"'),
]


@pytest.mark.parametrize("value, written", PAM_VALUES)
def test_pam_env_gets_the_grammar_that_it_understands(value, written):
    text = environment.render_pam_env([Variable("A", value, LOCAL)])
    assert text == "A DEFAULT={}\n".format(written)


@pytest.mark.parametrize("value", ['a"b', "a#b", "a\\b", "a\nB DEFAULT=c", "x" * 1200])
def test_what_pam_env_would_mangle_becomes_a_short_comment(value):
    text = environment.render_pam_env([Variable("A", value, LOCAL), Variable("Z", "1", LOCAL)])
    comment, after = text.splitlines()
    assert comment.startswith("# A is left out: ")
    assert len(comment) < 255
    assert after == 'Z DEFAULT="1"'


def test_every_accepted_line_fits_into_the_buffer_of_old_pam_env():
    for line, _ in GOOD_LINES:
        text = environment.render_pam_env(parse_local(line)[0])
        assert len(text.encode("utf-8")) < 1024
        assert not text.startswith("#")


def test_member_groups_are_one_a_line_and_in_a_stable_order():
    assert environment.render_member_groups(["lab", "gpu-users", "lab"]) == "gpu-users\nlab\n"
    assert environment.render_member_groups([]) == ""


@pytest.mark.parametrize("name", ["", "a\nb", "#a", " a", "a\r", "a\0b"])
def test_a_group_name_that_would_change_the_file_is_a_bug(name):
    with pytest.raises(ValueError):
        environment.render_member_groups([name])


def pam_profile():
    """Return (fields, session lines) of the shipped pam-configs profile."""
    with open(PROFILE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    fields = dict(line.split(":", 1) for line in lines if not line.startswith("\t"))
    return fields, [line.split() for line in lines if line.startswith("\t")]


def test_the_pam_gate_jumps_over_exactly_what_stands_behind_it():
    _, (gate, umask, env) = pam_profile()
    assert gate[:3] == ["[success=ignore", "default=2]", "pam_listfile.so"]
    assert {"item=group", "sense=allow", "onerr=fail"} <= set(gate)
    assert umask == ["optional", "pam_umask.so", "umask=002"]
    assert env[:2] == ["optional", "pam_env.so"]


def test_the_pam_profile_comes_last_and_reaches_cron_and_sudo_too():
    fields, _ = pam_profile()
    assert fields["Session-Type"].strip() == "Additional"
    # After the system's own pam_umask and pam_systemd: equal priorities go by name, backwards.
    assert fields["Priority"].strip() == "0"
    # pam-auth-update only asks whether this field exists: with "no" it would
    # leave the profile out of common-session-noninteractive, that is of cron and sudo.
    assert "Session-Interactive-Only" not in fields
