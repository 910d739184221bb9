"""The .rpm: the same files as the .deb, and the same main job.

A Debian whose package manager for us is rpm is the nearest thing to an EL server that can be had
here. What EL has otherwise is not tested by it: SELinux, its PAM, its shadow tools.
"""

import hashlib
import subprocess
import tarfile

import pytest

import team as people
from server import Server
from team import RECOVERY

# What only one of the two package managers has: its own records, and what it does for a package.
DEBIAN_ONLY = (
    "/usr/share/doc/",
    "/usr/share/lintian/",
    "/usr/share/pam-configs/",
    "/usr/share/python3/",
    "/usr/share/zsh/vendor-completions/",
)
EL_ONLY = (
    "/usr/share/doc/",
    "/usr/share/licenses/",
    "/usr/lib/systemd/system-preset/",
    "/usr/share/zsh/site-functions/",
)
ACCOUNT_FILES = "cat /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid"


def contents(archive, leave_out):
    """Return {path: (mode, owner, target or sha256)} of the files of a tar archive."""
    found = {}
    for member in archive:
        path = "/" + member.name.lstrip("./")
        if path.startswith("/lib/"):
            path = "/usr" + path  # the same folder wherever /usr is merged
        if member.isdir() or path.startswith(leave_out):
            continue
        data = archive.extractfile(member).read() if member.isfile() else member.linkname.encode()
        found[path] = (member.mode, member.uid, member.gid, hashlib.sha256(data).hexdigest())
    return found


def test_both_packages_bring_the_same_files(package, rpm, tmp_path):
    for name, argv in (
        ("deb.tar", ["dpkg-deb", "--fsys-tarfile", str(package)]),
        ("rpm.tar", ["rpm2archive", "-n", "-"]),
    ):
        with open(str(tmp_path / name), "wb") as out, open(str(rpm), "rb") as source:
            subprocess.run(argv, stdin=source, stdout=out, check=True)
    deb, other = (tarfile.open(str(tmp_path / name)) for name in ("deb.tar", "rpm.tar"))
    assert contents(deb, DEBIAN_ONLY) == contents(other, EL_ONLY)


@pytest.fixture(scope="module")
def rpm_image(distribution, rpm):
    """The image that a server with the .rpm comes back as."""
    return distribution.with_package(rpm)


class TestInstalled:
    """rpm --install, then the life of a server that was never set up."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, rpm_image):
        with Server(rpm_image, "rpm") as one:
            (one.data / "dataset").mkdir()
            one.boot()
            yield one

    @pytest.mark.parametrize(
        "path, mode",
        [("/etc/profile.d/global_envs.sh", "644"), ("/etc/sudoers.d/aica-datakeeper", "440")],
    )
    def test_its_generated_files_are_in_place(self, server, path, mode):
        assert server.run(["stat", "-c", "%U:%G %a", path]).out.strip() == "root:root " + mode

    @pytest.mark.parametrize(
        "unit", ["aica-recovery.service", "aica-early.service", "aica-record.path"]
    )
    def test_its_units_are_enabled(self, server, unit):
        assert server.run(["systemctl", "is-enabled", unit], check=False).out.strip() == "enabled"

    def test_it_is_not_set_up_and_says_so(self, server):
        result = server.run(["aica", "recover"], check=False)
        assert result.code == 5 and "aica setup" in result.err
        assert people.tree(server, "/data/dataset") and not server.exists("/data/config")

    def test_rpm_finds_nothing_changed(self, server):
        assert server.run(["rpm", "--verify", "--nodeps", "aica-datakeeper"]).out == ""


@pytest.fixture(scope="module")
def wiped(rpm_image, team):
    """The team's server, back from a wipe with an image that has the .rpm."""
    with Server(rpm_image, "rpm-wiped", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        yield one


def test_the_boot_succeeds(wiped):
    assert wiped.failed_units() == []
    assert wiped.show(RECOVERY, "Result", "ExecMainStatus") == {
        "Result": "success",
        "ExecMainStatus": "0",
    }


@pytest.mark.parametrize("name", people.MEMBERS)
def test_an_account_is_what_it_was(wiped, team, name):
    assert people.account(wiped, name) == team.accounts[name]


@pytest.mark.parametrize("name", people.MEMBERS)
def test_a_member_logs_in_and_has_the_environment(wiped, name):
    said = wiped.ssh(name, "sh -lc 'umask; echo $HF_HOME'").out.split()
    assert said == ["0002", "/data/models/huggingface"]


def test_a_second_recovery_changes_nothing(wiped):
    result = wiped.run(["aica", "recover"])
    assert ", 0 changed" in result.out


class TestErasing:
    """rpm --erase on the team's server."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, wiped):
        cls.data_before = people.tree(wiped, "/data")
        cls.accounts_before = wiped.run(ACCOUNT_FILES).out
        wiped.run(["rpm", "--erase", "--nodeps", "aica-datakeeper"])
        return wiped

    def test_nothing_of_ours_is_left(self, server):
        left = "find /etc /usr /run/systemd -xdev -name 'aica*' -o -name global_envs.sh"
        assert server.run(left).out.split() == []

    def test_data_and_accounts_are_untouched(self, server):
        assert people.tree(server, "/data") == self.data_before
        assert server.run(ACCOUNT_FILES).out == self.accounts_before

    def test_sudo_is_healthy(self, server):
        server.run(["visudo", "-c"])
