"""Output that goes nowhere: what changes something goes on to its end, and the exit status is right."""

import os
import subprocess
import sys

import pytest
from wiped import REPOSITORY

pytestmark = pytest.mark.usefixtures("root_rights")


def run(server, words, out, err=subprocess.PIPE):
    """Return (exit status, standard error) of a command whose output goes to these files."""
    process = subprocess.Popen(
        [sys.executable, "-m", "aica"] + words.split() + ["--root", server.root], cwd=REPOSITORY,
        stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    said = process.communicate(timeout=120)[1]
    return process.returncode, (said or b"").decode()


@pytest.fixture(params=["full", "left"])
def nowhere(request):
    """Something to write to that takes nothing: a full disk, or a pipe whose reader has left."""
    if request.param == "full":
        handle = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, handle = os.pipe()
        os.close(reader)
    yield handle
    os.close(handle)


def test_a_recovery_is_whole_whatever_becomes_of_its_output(server, nowhere):
    code, said = run(server, "recover", nowhere)
    assert code == 0 and "Traceback" not in said, said
    assert "standard output" in said or said == "", said
    again = server.cli("recover")
    assert again.code == 0 and again.ids("changed", "failed", "blocked") == [], again
    run(server, "recover --json", nowhere, nowhere)
    assert server.cli("check").code == 0


def test_what_is_lost_on_a_full_disk_is_said(server):
    with open("/dev/full", "w") as full:
        said = run(server, "recover", full)[1]
    assert "[WARNING]" in said and "standard output" in said and "aica check" in said


@pytest.mark.parametrize("words", ["check", "user list", "disk --json", "volatile", "setup --dry-run"])
def test_a_listing_that_cannot_be_written_has_failed(whole, words):
    with open("/dev/full", "w") as full:
        code, said = run(whole, words, full)
    assert code == 1 and said.startswith("[ERROR]") and "'standard output'" in said, said
    assert "Traceback" not in said and "ignored" not in said


@pytest.mark.parametrize("words, expected", [("env", 0), ("volatile", 3), ("backup --list", 5),
                                             ("check --only x", 2), ("check --frob", 2)])
def test_a_message_that_cannot_be_written_changes_no_exit_status(whole, nowhere, words, expected):
    assert run(whole, words, subprocess.DEVNULL, nowhere)[0] == expected
