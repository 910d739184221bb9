"""`aica env`: what is said of somebody's environment, and what a command gets."""

import json
import os

import pytest
from wiped import Answer

from aica import command, memberenv
from aica.errors import AicaError, ConfigError
from aica.memberenv import Caller, Environment
from aica.parser import build

HF = "/data/models/huggingface/"


def look(whole, umask=0o002, uid=2001, home="/home/kim", **variables):
    return Environment(whole.app, Caller(home, dict(variables), umask, uid))


def complete(whole, **more):
    """Everything set as the profile does it."""
    made = look(whole)
    return look(whole, **dict({v.name: made.expected(v) for v in made.wanted}, **more))


def rows(found, kind):
    return {row.name: row for row in found.rows() if row.kind == kind}


def warnings(found):
    return [row.value for row in found.rows() if row.kind == "warning"]


def test_each_variable_has_its_value_and_where_it_comes_from(whole):
    whole.write("/data/config/global_env.local.sh", "WANDB_DIR=$HOME/wandb\n")
    found = rows(complete(whole, TORCH_HOME="/tmp/mine"), "variable")
    assert found["HF_HOME"][2:4] == ("/data/models/huggingface", "built in")
    assert found["WANDB_DIR"][2:4] == ("/home/kim/wandb", "global_env.local.sh")
    assert found["CONDA_ENVS_PATH"].value == "/home/kim/conda/envs"
    assert found["TORCH_HOME"][2:4] == (
        "/tmp/mine", "your own; built in says /data/models/torch")


def test_all_is_well_with_a_member_who_has_all_of_it(whole):
    assert warnings(complete(whole)) == []


def test_a_session_without_the_environment_is_told_what_to_do(whole):
    assert warnings(look(whole)) == [
        "none or few of the variables are set in this session"]
    made = complete(whole)
    del made.who.variables["HF_HOME"]
    assert warnings(made) == ["HF_HOME is not set in this session"]


@pytest.mark.parametrize("umask, said", [(0o002, 0), (0o007, 0), (0o022, 1), (0o077, 1)])
def test_a_umask_that_shuts_out_the_group_is_a_warning(whole, umask, said):
    made = complete(whole)
    made.who = made.who._replace(umask=umask)
    assert len([text for text in warnings(made) if text.startswith("umask")]) == said
    assert rows(made, "setting")["umask"].value == "{:03o}".format(umask)


def test_the_line_that_sets_the_umask_is_named(whole):
    made = complete(whole)
    made.who = made.who._replace(umask=0o077)
    assert "an admin can run aica check" in rows(made, "warning")["umask"].source
    whole.write("/data/users/kim/.bashrc", "# mine\numask 077\n", uid=2001)
    assert rows(made, "warning")["umask"].source == \
        "umask 002; and take umask 077 out of /data/users/kim/.bashrc:2"


@pytest.mark.parametrize("name", ["token", "stored_tokens"])
def test_a_token_in_the_shared_folder_is_a_warning(whole, name):
    whole.write(HF + name, "hf_x", 0o600, 2002, 2000)
    assert any(HF + name in text for text in warnings(complete(whole)))


def test_a_token_path_in_a_shared_folder_is_a_warning(whole):
    found = warnings(complete(whole, HF_TOKEN_PATH=HF + "hub/token"))
    assert found == ["HF_TOKEN_PATH is in a shared folder: {}hub/token".format(HF)]


def test_a_condarc_that_comes_before_the_shared_cache_is_a_warning(whole, monkeypatch):
    monkeypatch.setattr(memberenv.Environment, "_condarc", lambda self: "/data/users/kim/.condarc")
    whole.write("/data/users/kim/.condarc", "channels:\n  - x\npkgs_dirs:\n  - ~/p\n", 0o644, 2001)
    made = complete(whole)
    assert "sets pkgs_dirs" in warnings(made)[0]
    assert rows(made, "setting")["condarc"].value == "channels pkgs_dirs"
    whole.write("/data/users/kim/.condarc", "channels:\n  - x\n# pkgs_dirs: no\n", 0o644, 2001)
    assert warnings(complete(whole)) == []


@pytest.mark.parametrize("uid, home, words", [
    (0, "/root", "root gets none"), (1900, "/home/guest", "your home /home/guest is not a link"),
    (1900, "/", "your home / is not a link"), (2001, "/data/users/kim", "is not a link")])
def test_who_is_no_member_is_told_so(whole, uid, home, words):
    assert words in warnings(look(whole, uid=uid, home=home))[0]


def test_conda_environments_are_listed_with_their_sizes(whole, tmp_path):
    for path in ("conda/envs/one", ".conda/envs/two", "work/three"):
        (tmp_path / path / "conda-meta").mkdir(parents=True)
        (tmp_path / path / "data").write_bytes(b"x" * (3 << 20))
    (tmp_path / "conda" / "envs" / "no-environment").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text(
        "{0}/work/three\n{0}/conda/envs/one\n/gone\nnonsense\n".format(tmp_path))
    paths = look(whole, home=str(tmp_path))._environment_paths()
    assert [os.path.basename(path) for path in paths] == ["one", "two"]  # an offline root: no list
    found = rows(look(whole, home=str(tmp_path)), "conda-env")
    assert found["one"].source == "3 MiB" and found["one"].size_bytes >= 3 << 20


def test_the_shared_conda_and_uv_are_named_with_their_versions(whole):
    whole.write("/data/apps/miniconda3/bin/conda", "", 0o755)
    whole.write("/data/apps/miniconda3/conda-meta/conda-26.1.1-py313_0.json", "{}")
    whole.write("/data/apps/uv/0.13.9/uv", "", 0o755)
    whole.link("/data/apps/uv/current", "0.13.9")
    found = rows(complete(whole), "setting")
    assert found["conda"][2:4] == ("26.1.1", "/data/apps/miniconda3")
    assert found["uv"][2:4] == ("0.13.9", "/data/apps/uv")


# -- a command ------------------------------------------------------------


def test_a_command_gets_what_is_missing_and_keeps_what_is_set(whole):
    made = look(whole, HF_HOME="/mine", PATH="/bin", LANG="C").for_command()
    assert (made["HF_HOME"], made["LANG"]) == ("/mine", "C")
    assert made["TORCH_HOME"] == "/data/models/torch"
    assert made["CONDA_ENVS_PATH"] == "/home/kim/conda/envs"
    assert made["PATH"] == "/bin:/usr/local/bin:/data/apps/miniconda3/condabin"
    again = look(whole, PATH=made["PATH"]).for_command()
    assert again["PATH"] == made["PATH"]


def test_root_gets_no_path_that_leads_below_data(whole):
    with pytest.raises(ConfigError) as caught:
        look(whole, uid=0).for_command()
    assert "for members, not for root" in str(caught.value)


def run(whole, *words):
    args = build("aica").parse_args(["env"] + list(words))
    return args.run(args, whole.app)


def test_the_command_line_runs_it(whole, monkeypatch):
    ran = []
    monkeypatch.setattr(memberenv, "caller", lambda: Caller("/home/kim", {}, 0o022, 2001))
    monkeypatch.setattr(command, "become", lambda *words: ran.append(words))
    run(whole, "--json", "--exec", "--", "python", "-m", "x", "--json", "-q")
    run(whole, "--exec", "ls", "--root")
    assert [words[0] for words in ran] == [["python", "-m", "x", "--json", "-q"], ["ls", "--root"]]
    assert ran[0][1]["HF_HOME"] == HF[:-1] and ran[0][2] == 0o002


@pytest.mark.parametrize("words", [("--exec",), ("word",), ("--", "word"), ("--exec", "--")])
def test_exec_and_a_command_go_together(whole, words):
    with pytest.raises(ConfigError) as caught:
        run(whole, *words)
    assert "--exec and a command go together" in str(caught.value)


def test_a_command_that_is_not_there_is_an_error_and_no_bug(root_rights):
    child = os.fork()
    if child == 0:
        try:
            command.become(["/nowhere/x"], {"PATH": "/bin"}, 0o002)
        except AicaError as error:
            os._exit(7 if str(error) == "/nowhere/x: No such file or directory" else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] >> 8 == 7


# -- for everybody ---------------------------------------------------------


def test_it_works_without_any_right(whole):
    answer = whole.cli_as(2001, "env", "--json")
    assert isinstance(answer, Answer) and answer.code == 0, answer
    *found, last = [json.loads(line) for line in answer.out.splitlines()]
    assert last == {"summary": {"rows": len(found)}, "exit": 0}
    assert {row["kind"] for row in found} >= {"variable", "setting", "warning"}
    text = whole.cli_as(2001, "env")
    assert text.code == 0 and "HF_HOME" in text.out


def test_without_the_disk_it_says_so(whole):
    whole.remove("/data")
    answer = whole.cli_as(2001, "env")
    assert answer.code == 5 and "/data is not there" in answer.err
