"""Members share models through the real huggingface_hub, and packages as conda does.

The clients come from PyPI, the models from hub/hub.py, which runs in the server. Nothing is
repaired between the steps: what the first one makes, the second one must be able to use at once.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox
import team as people
from server import Server

# Pinned: an unchanged tree must not fail because a client learned something. The older one resumes
# other people's downloads, writes lock files 0644 and tokens 0664.
VERSIONS = ("2.4.0", "0.24.6")
HUB = Path(__file__).parent / "hub"
PORT = 8000
CACHE = "/data/models/huggingface"
PKGS = "/data/cache/conda/pkgs"
WAYS = ("su", "ssh")
LOGIN = {"2.4.0": "huggingface_hub.cli.hf auth login",
         "0.24.6": "huggingface_hub.commands.huggingface_cli login"}
REFUSED = re.compile("denied|not permitted|PermissionError")
# 2.4.0 keeps its list of a model's files in a temporary file's 0600: a colleague's client says so
# and asks the hub. The next nightly repair opens it.
HARMLESS = re.compile("Ignoring corrupted tree cache file .*Permission denied|"
                      # whose download was completed by a colleague keeps the file: it has its mode
                      "Could not set the permissions on the file .*incomplete")


@pytest.fixture(scope="module")
def clients(distribution):
    """Where the host has the clients: {version: folder}."""
    python = (distribution.layers[-1] / "usr/bin/python3").resolve().name.replace("python", "")
    return {version: install(distribution, version, python) for version in VERSIONS}


def install(image, version, python):
    """Return the folder with a client for the image's Python; made once and kept."""
    work = image.work
    folder = work / "hf-{}-python{}".format(version, python)
    if not folder.is_dir():
        half = sandbox.fresh(work / "hf.half")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile",
             "--target", str(half), "--only-binary=:all:", "--python-version", python,
             "huggingface_hub=={}".format(version)], check=True, timeout=300)
        inside = sandbox.nspawn(image.layers[-1]) + ["--pipe", "--read-only"]
        sandbox.must(inside + ["--bind={}:/mnt".format(half), "python3", "-m", "compileall", "-q",
                               "/mnt"], timeout_s=300)
        half.rename(folder)
    return folder


@pytest.fixture(scope="module")
def server(image, team, clients):
    """A recovered server with the team, the clients and the hub on it."""
    binds = ["--bind-ro={}:/srv/hub".format(HUB)]
    binds += ["--bind-ro={}:/srv/hf-{}".format(where, name) for name, where in clients.items()]
    with Server(image, "clients", data=team.data) as one:
        one.boot(options=binds)
        one.run(["systemd-run", "--quiet", "--unit=hub", "python3", "/srv/hub/hub.py", str(PORT)])
        one.wait_until(hub_call("GET", "/api/whoami-v2"), 20, "the hub")
        yield one


def hub_call(method, path):
    """Return shell text that asks the hub for something."""
    return ("python3 -c 'import urllib.request as u; u.urlopen(u.Request("
            '"http://127.0.0.1:{}{}", method="{}"))' "'").format(PORT, path, method)


def steer(server, word):
    server.run(hub_call("POST", "/" + word))


def as_member(server, way, name, command, check=True):
    """Run shell text in a login shell, or as the command of an ssh login."""
    if way == "su":
        return server.run(["su", "-", name, "-c", command], check=check, timeout_s=120)
    return server.ssh(name, command, check=check, timeout_s=120)


class Client:
    """One version of the client, at the members' hands."""

    def __init__(self, server, version):
        self.server, self.version = server, version
        self.variables = ("HF_ENDPOINT=http://127.0.0.1:{} PYTHONPATH=/srv/hf-{} "
                          "HF_HUB_DISABLE_PROGRESS_BARS=1 python3 ").format(PORT, version)

    def run(self, who, word, check=True):
        """Let somebody, such as "kim by ssh", do something; nobody is refused anything."""
        name, way = who.split(" by ")
        script = word if word.startswith("-m ") else "/srv/hub/client.py " + word
        result = as_member(self.server, way, name, self.variables + script, check)
        said = [line for line in (result.out + result.err).splitlines()
                if REFUSED.search(line) and not HARMLESS.search(line)]
        assert said == [], (who, word, result)
        assert not check or word.startswith("-m ") or "client " + self.version in result.out
        return result


@pytest.fixture(params=VERSIONS)
def client(server, request):
    steer(server, "first")
    server.run("rm -rf {0}/hub/* {0}/hub/.[!.]*".format(CACHE))
    return Client(server, request.param)


PAIRS = [("kim by su", "lee by ssh"), ("lee by su", "kim by ssh")]


@pytest.mark.parametrize("first, second", PAIRS)
def test_two_members_download_force_update_and_delete(server, client, first, second):
    """S19, R21: umask and group hold in every way in, so nothing has to be repaired."""
    for who, word in ((first, "download"), (second, "download"), (second, "force"),
                      (first, "force")):
        assert "model.bin 16777216 1111" in client.run(who, word).out
    steer(server, "next")
    for who, word in ((second, "download"), (first, "download"), (first, "force"),
                      (second, "force")):
        out = client.run(who, word).out
        assert "model.bin 16777216 2222" in out and '{"version": 2}' in out
    for who in (second, first):
        assert "left 0 0" in client.run(who, "delete").out
        client.run(first, "download")
    assert mode(server, CACHE) == mode(server, CACHE + "/hub") == "2775 root gpu-users"


@pytest.mark.parametrize("first, second", PAIRS[:1])
def test_a_download_that_broke_off_is_completed_by_a_colleague(server, client, first, second):
    steer(server, "cut")
    assert client.run(first, "download", check=False).code != 0
    kept = server.run("find {}/hub -name '*.incomplete' -size +9M".format(CACHE)).out
    assert bool(kept) == (client.version == "0.24.6"), "what there is to resume"
    steer(server, "first")
    assert "model.bin 16777216 1111" in client.run(second, "download").out
    assert "model.bin 16777216 1111" in client.run(first, "force").out


def test_login_tokens_lie_in_the_own_home_and_nobody_is_locked_out(server, client):
    """S19: the client makes the folder of a token 0700, and old ones make the token 0664."""
    for who in ("kim by su", "lee by ssh"):
        name = who.split()[0]
        login = "-m {} --token hf_{}".format(LOGIN[client.version], name)
        client.run(who, login)
        assert "hf_" + name in client.run(who, "whoami").out
        for file in ("token", "stored_tokens") if client.version == "2.4.0" else ("token",):
            path = "/data/users/{}/.cache/huggingface/{}".format(name, file)
            assert mode(server, path).split()[1] == name
            if client.version == "2.4.0":
                assert mode(server, path).startswith("600 ")
        other = {"kim": "lee", "lee": "kim"}[name]
        path = "/data/users/{}/.cache/huggingface/token".format(name)
        assert as_member(server, "su", other, "cat " + path, check=False).code != 0
    assert mode(server, CACHE) == "2775 root gpu-users"
    assert server.run("find /data/models -name '*token*'").out == ""
    found, _, _ = people.outcomes(server, "check", "--only", "stray", "--only", "secret")
    assert people.statuses(found) == {}


def mode(server, path):
    """Return mode, owner and group of something, such as "2775 root gpu-users"."""
    return server.run(["stat", "-c", "%a %U %G", path]).out.strip()


def test_what_a_client_made_for_itself_is_open_after_the_night(server, client):
    client.run("kim by su", "download")
    server.run(["systemctl", "start", "aica-maintenance.service"])
    closed = server.run("find {}/hub ! -type l ! -perm -060".format(CACHE)).out
    assert closed == ""
    again = client.run("lee by ssh", "force")
    assert "denied" not in again.out + again.err


# What conda does with its package cache, call for call: extract, link into an environment, keep a
# list of sources, and replace the index.
EXTRACT = ("set -e; cd {pkgs}; mkdir -p {name}/bin; echo data >{name}/file; "
           "echo '#!/bin/sh' >{name}/bin/tool; chmod {tool} {name}/bin/tool; "
           "echo {name} >>urls.txt; mkdir -p cache; echo {name} >cache/new.{name}; "
           "mv cache/new.{name} cache/index.json")
LINK = ("set -e; mkdir -p ~/conda/envs/{name}; ln {pkgs}/{name}/file ~/conda/envs/{name}/file; "
        "ln {pkgs}/{name}/bin/tool ~/conda/envs/{name}/tool; ~/conda/envs/{name}/tool")


@pytest.mark.parametrize("first, second", [("kim by su", "lee by ssh"), ("lee by ssh", "kim by su")])
def test_two_members_share_packages_and_hard_link_them(server, first, second):
    """S11, R13: links into environments work, and no repair changes a linked file."""
    name = "numpy-of-" + first.split()[0]
    words = {"pkgs": PKGS, "name": name}
    for who, command in ((first, EXTRACT.format(tool="775", **words)),
                         (second, LINK.format(**words)), (first, LINK.format(**words)),
                         (second, EXTRACT.format(tool="775", **words).replace(name, name + "-b"))):
        as_member(server, who.split(" by ")[1], who.split(" by ")[0], command)
    linked = "{}/{}/bin/tool".format(PKGS, name)
    before = server.run(["stat", "-c", "%a %u %g %h %Z", linked]).out
    assert before.split()[3] == "3"
    server.run(["systemctl", "start", "aica-maintenance.service"])
    assert server.run(["stat", "-c", "%a %u %g %h %Z", linked]).out == before
    user, way = second.split(" by ")
    as_member(server, way, user, "rm -r {0}/{1} {0}/{1}-b ~/conda/envs/{1}".format(PKGS, name))


def test_a_tool_that_only_its_owner_may_change_is_linked_after_the_night(server):
    """conda#681: protected_hardlinks wants read and write; until then conda copies."""
    as_member(server, "su", "kim", EXTRACT.format(pkgs=PKGS, name="old", tool="755"))
    link = LINK.format(pkgs=PKGS, name="old")
    assert as_member(server, "ssh", "lee", link, check=False).code != 0
    server.run(["systemctl", "start", "aica-maintenance.service"])
    as_member(server, "ssh", "lee", "rm -r ~/conda/envs/old; " + link)
    as_member(server, "ssh", "lee", "rm -r {}/old ~/conda/envs/old".format(PKGS))
