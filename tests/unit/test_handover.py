"""A folder that somebody without rights has filled becomes root's: all of it, or nothing."""

import os
import socket

import pytest

from aica.errors import Conflict
from aica.tree import handover

UID = 60660
TOP = "/data/apps/x"


@pytest.fixture
def filled(whole):
    """A closed folder of UID's with what an installer leaves; returns the server."""
    for path, mode in ((TOP, 0o700), (TOP + "/bin", 0o775), (TOP + "/pkgs", 0o2777)):
        whole.folder(path, mode, UID, UID)
    whole.write(TOP + "/bin/tool", "tool", 0o4775, UID, UID)
    whole.write(TOP + "/pkgs/data", "data", 0o600, UID, UID)
    os.link(whole.path(TOP + "/bin/tool"), whole.path(TOP + "/pkgs/tool"))
    whole.link(TOP + "/bin/link", "/etc/shadow")
    os.lchown(whole.path(TOP + "/bin/link"), UID, UID)
    return whole


def test_everything_is_roots_and_everybody_may_read(filled):
    filled.host().take_over(TOP, UID)
    looks = {path: filled.stat(TOP + path) for path in (
        "", "/bin", "/pkgs", "/bin/tool", "/pkgs/tool", "/pkgs/data", "/bin/link")}
    assert looks == {
        "": (0o700, 0, 0), "/bin": (0o755, 0, 0), "/pkgs": (0o755, 0, 0),
        "/bin/tool": (0o755, 0, 0), "/pkgs/tool": (0o755, 0, 0), "/pkgs/data": (0o644, 0, 0),
        "/bin/link": (0o777, 0, 0)}
    assert os.stat("/etc/shadow").st_uid == 0


def test_done_twice_it_is_the_same(filled):
    filled.host().take_over(TOP, UID)
    before = filled.tree(times=True)
    filled.host().take_over(TOP, UID)
    assert filled.tree(times=True) == before


def test_lent_and_taken_back(filled):
    filled.host().take_over(TOP, UID)
    before = filled.tree()
    filled.host().lend(TOP, UID + 1)
    assert filled.stat(TOP + "/bin/tool") == (0o755, UID + 1, UID + 1)
    assert filled.stat(TOP) == (0o700, UID + 1, UID + 1)
    filled.host().take_over(TOP, UID + 1)
    assert filled.tree() == before


def spoil_owner(server):
    os.chown(server.path(TOP + "/pkgs/data"), 2001, 2001)


def spoil_link(server):
    os.link(server.path(TOP + "/pkgs/data"), server.path("/data/code/data"))


def spoil_kind(server):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(server.path(TOP + "/s"))


def spoil_open(server):
    os.chmod(server.path(TOP), 0o755)


def spoil_top(server):
    os.chown(server.path(TOP), 2001, 2001)


def spoil_parent(server):
    os.chmod(server.path("/data/apps"), 0o775)


@pytest.mark.parametrize("spoil, words", [
    (spoil_owner, "belongs to uid 2001"), (spoil_link, "has a name outside"),
    (spoil_kind, "neither a folder"), (spoil_open, "0755"), (spoil_top, "uid 2001"),
    (spoil_parent, "not root's alone")])
def test_what_is_not_certain_is_refused_as_a_whole(filled, spoil, words):
    spoil(filled)
    before = filled.tree()
    with pytest.raises(Conflict) as caught:
        filled.host().take_over(TOP, UID)
    assert words in str(caught.value)
    assert filled.tree() == before


@pytest.mark.parametrize("mode, public", [
    (0o700, 0o755), (0o600, 0o644), (0o4755, 0o755), (0o777, 0o755), (0o2775, 0o755),
    (0o400, 0o444), (0o200, 0o200), (0o666, 0o644)])
def test_only_root_may_write_and_nobody_may_less_than_the_owner_could_read(mode, public):
    assert handover.public_mode(mode) == public
