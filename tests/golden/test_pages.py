"""What the pages tell people to type works, on a server that was wiped."""

import os
import re
import shlex
import subprocess

import pytest
from pages import read, section

KEY = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0hU7Cq5cJX9m0q3Q3m8m4b0lZ4Kq9m9m9m9m9m9m "
       "jung@laptop\n")
ASKS = ("setup",)


@pytest.fixture
def key(tmp_path):
    """A file with a public key."""
    path = tmp_path / "jung.pub"
    path.write_text(KEY)
    return str(path)


@pytest.fixture
def fresh(server):
    """A wiped server that was never set up."""
    server.remove("/data/config")
    for name in os.listdir(server.path("/data/users")):
        server.remove("/data/users/" + name)
    server.remove("/data/users")
    return server


def typed(text, key):
    """Return the words of each `# aica` line; jung comes instead of kim, of whom the demo knows."""
    lines = re.findall(r"^# (aica .*)$", text, re.M)
    found = [shlex.split(re.split(" +# ", line)[0])[1:] for line in lines]
    swap = {"kim": "jung", "kim.pub": key}
    return [[swap.get(word, word) for word in words] for words in found]


def run(server, words):
    """Run a command as somebody would who says yes."""
    more = ["--yes"] if words[0] in ASKS and "--dry-run" not in words else []
    return server.cli(*(words + more))


def test_the_quick_start_of_the_readme_works(fresh, key):
    commands = typed(section(read("README.md"), "## Quick start: five minutes"), key)
    assert [words[0] for words in commands] == ["setup", "user", "check"]
    for words in commands:
        answer = run(fresh, words)
        assert answer.code == 0, (words, answer)
    fresh.wipe()
    assert fresh.cli("recover").code == 0
    assert fresh.host().accounts().passwd["jung"].home == "/home/jung"
    assert fresh.read("/data/users/jung/.ssh/authorized_keys") == KEY


def test_a_team_that_is_here_already_survives_the_next_wipe(fresh):
    for line, path in (("lee:x:2010:2010:Lee,,,:/home/lee:/bin/bash\n", "passwd"),
                       ("lee:$6$lees$hash:20500:0:99999:7:::\n", "shadow"),
                       ("lee:x:2010:\n", "group"), ("lee:!::\n", "gshadow")):
        fresh.append("/etc/" + path, line)
    fresh.folder("/home/lee", 0o750, 2010, 2010)
    fresh.write("/home/lee/thesis.tex", "years", 0o600, 2010, 2010)
    assert fresh.cli("setup", "--group", "gpu-users", "--yes").code == 0
    page = section(read("README.md"), "## A team that is here already")
    commands = typed(page, "")
    assert [words[0] for words in commands] == ["volatile", "user", "user"]
    for words in commands:
        answer = fresh.cli(*words)
        assert answer.code == (3 if words == ["volatile"] else 0), (words, answer)
    assert fresh.exists("/home/.lee.moved.1"), "as the page says"
    fresh.wipe()
    assert fresh.cli("recover").code == 0
    assert fresh.host().accounts().shadow["lee"].hash == "$6$lees$hash"
    assert os.readlink(fresh.path("/home/lee")) == "/data/users/lee"
    assert fresh.read("/data/users/lee/thesis.tex") == "years"


def test_the_first_day_of_the_manual_works(fresh, key):
    page = read("man/aica-datakeeper.7").split("A FIRST DAY FOR THE ADMIN")[1]
    commands = typed(page.split(".Sh A FIRST DAY FOR A MEMBER")[0], key)
    commands = [words for words in commands if words[0] != "backup" and "lee" not in words]
    assert len(commands) == 5
    for words in commands:
        answer = run(fresh, words)
        assert answer.code == (3 if words == ["volatile"] else 0), (words, answer)


def prolog(tmp_path, statuses):
    """Run the prolog of the page with an aica that ends so; return (its status, the calls)."""
    page = read("docs/slurm-and-ldap.md")
    script = re.search(r"```sh\n(.*?)```", page, re.S).group(1)
    fake, told = tmp_path / "aica", tmp_path / "told"
    told.write_text("")
    fake.write_text("#!/bin/sh\necho \"$@\" >>{0}\nset -- {1}\n"
                    "shift $(( $(wc -l <{0}) - 1 ))\nexit $1\n".format(
                        told, " ".join(str(status) for status in statuses)))
    fake.chmod(0o755)
    path = tmp_path / "prolog"
    path.write_text(script.replace("/usr/bin/aica", str(fake)))
    code = subprocess.call(["sh", str(path)], env={"SLURM_JOB_USER": "kim", "PATH": "/usr/bin:/bin"})
    return code, told.read_text().splitlines()


@pytest.mark.parametrize("statuses, wanted", [
    ([0], 0), ([2], 0), ([4], 0), ([1], 1), ([70], 1), ([5, 0], 0), ([5, 5, 5], 1)])
def test_the_prolog_of_slurm_keeps_a_node_unless_the_node_is_wrong(tmp_path, statuses, wanted):
    code, calls = prolog(tmp_path, statuses)
    assert code == wanted
    assert calls == ["recover --quiet --user kim"] * len(statuses)


def test_a_prolog_restores_one_who_was_added_elsewhere(server):
    answer = server.cli("recover", "--quiet", "--user", "kim")
    assert answer.code == 0 and answer.err == "", answer
    again = server.cli("recover", "--quiet", "--user", "kim")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert "kim" in server.host().accounts().passwd
    assert "lee" not in server.host().accounts().passwd
    assert server.cli("recover", "--quiet", "--user", "nobody").code == 2
