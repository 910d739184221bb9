"""The two packages say the same: version, units, generated files."""

import os
import re
import subprocess

import pytest

import aica
from aica import site

TOP = os.path.dirname(os.path.dirname(aica.__file__))
ENABLED = [name for name, _ in site.units.UNITS]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as text:
        return text.read()


SPEC = read("rpm/aica-datakeeper.spec")


def test_the_preset_enables_what_recovery_enables():
    preset = read("system/preset/90-aica-datakeeper.preset")
    assert sorted(re.findall(r"^enable (\S+)$", preset, re.M)) == sorted(ENABLED)


def test_the_debian_package_enables_what_recovery_enables():
    rules = read("debian/rules").replace("\\\n", " ")
    lines = [line for line in rules.split("\n")
             if line.startswith("\tdh_installsystemd") and "--no-enable" not in line]
    named = [word for line in lines for word in line.split() if word.startswith("aica-")]
    assert sorted(named) == sorted(ENABLED)


@pytest.mark.parametrize("path, pattern", [
    ("rpm/aica-datakeeper.spec", r"^Version:\s+(\S+)$"),
    ("rpm/aica-datakeeper.spec", r"%changelog\n\*.* - (\S+)-1$"),
    ("debian/changelog", r"\Aaica-datakeeper \((\S+)-1\)"),
    ("CHANGELOG.md", r"^## \[(\d\S+)\]"),
])
def test_the_version_is_the_same_everywhere(path, pattern):
    assert re.search(pattern, read(path), re.M).group(1) == aica.__version__


def test_what_a_purge_removes_is_what_rpm_erases():
    ghosts = set(re.findall(r"^%ghost .* (/\S+)$", SPEC, re.M))
    purged = set(re.findall(r"(/etc/\S+|/var/log/\S+)", read("debian/postrm")))
    purged = {path.rstrip("*;") for path in purged if "/systemd/" not in path}
    assert {path for path in ghosts if path not in purged} == set()
    # No ghosts of files that others have too: rpm would erase theirs. Its script looks first.
    spec = SPEC.replace("\\\n", " ")
    looked_at = re.search(r"^    for file in (.*); do$", spec, re.M).group(1).split()
    folders = {"/etc/aica", "/etc/aica/alert.d", "/etc/conda", "/etc/uv"}
    assert {path for path in purged if path not in ghosts} - folders == set(looked_at)


# -- autopkgtest ----------------------------------------------------------


# https://salsa.debian.org/ci-team/autopkgtest: README.package-tests
RESTRICTIONS = {"needs-root", "isolation-container", "isolation-machine", "allow-stderr",
                "breaks-testbed", "skippable", "superficial"}


def test_the_tests_of_the_debian_package_can_be_started():
    stanza = dict(line.split(": ", 1) for line in read("debian/tests/control").splitlines())
    assert set(stanza) == {"Tests", "Depends", "Restrictions"}
    assert stanza["Depends"] == "@"
    assert set(stanza["Restrictions"].split(", ")) <= RESTRICTIONS
    for name in stanza["Tests"].split():
        path = os.path.join(TOP, "debian/tests", name)
        assert os.access(path, os.X_OK), path
        subprocess.check_call(["sh", "-n", path])
