"""The package on /data: the script, the line that starts it, and what is refused."""

import os
import shutil
import subprocess
import tempfile

import pytest

from aica import command, starter, survival
from aica.bootstrap import Bootstrap
from aica.errors import ConfigError
from aica.host import ReadOnlyHost
from aica.settings import Settings

DEB = starter.Package("deb", "0.1.0-1", "0" * 64)
RPM = starter.Package("rpm", "0.1.0-1.el9", "1" * 64)
FOLDER = "/data/config/bootstrap"


@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"], ["bash", "--posix"]])
@pytest.mark.parametrize("text", [starter.render("/data", FOLDER, DEB),
                                  starter.render("/data", FOLDER, RPM),
                                  starter.one_line("/data", FOLDER)], ids=["deb", "rpm", "line"])
def test_every_shell_understands_it(shell, text, needs):
    needs(command.find(shell[0]), "needs " + shell[0])
    assert subprocess.run(shell + ["-n"], input=text.encode("ascii")).returncode == 0


def test_the_line_is_one_and_looks_at_every_folder():
    line = starter.one_line("/srv/disk", "/srv/disk/config/bootstrap")
    assert "\n" not in line and "'" not in line.replace("' /srv/disk '", "")
    for path in ("/", "/srv", "/srv/disk", "/srv/disk/config", "/srv/disk/config/bootstrap",
                 "/srv/disk/config/bootstrap/bootstrap.sh"):
        assert " {} ".format(path) in line


@pytest.fixture
def folder(root_rights):
    """A folder that is root's alone from / down: below /tmp none is."""
    path = tempfile.mkdtemp(prefix="aica-test-", dir="/root")
    os.mkdir(path + "/bootstrap", 0o700)
    with open(path + "/bootstrap/bootstrap.sh", "w") as script:
        script.write("echo started\n")
    yield path + "/bootstrap"
    shutil.rmtree(path)


def start(folder):
    # "/" is surely mounted, and all that the line asks of the mount table.
    done = subprocess.run(["sh", "-c", starter.one_line("/", folder)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout.decode()


def test_the_line_starts_what_is_roots_alone(folder, needs):
    needs(start(folder) == "started\n" or os.stat("/").st_mode & 0o022 == 0, "/ is not root's")
    assert start(folder) == "started\n"


@pytest.mark.parametrize("spoil", [
    lambda f: os.chmod(f, 0o770), lambda f: os.chmod(f + "/bootstrap.sh", 0o666),
    lambda f: os.chown(f, 1000, 0), lambda f: os.chown(f + "/bootstrap.sh", 1000, 0),
    lambda f: os.chmod(os.path.dirname(f), 0o757), lambda f: os.unlink(f + "/bootstrap.sh"),
    lambda f: (os.rename(f, f + ".x"), os.symlink(f + ".x", f)),
])
def test_the_line_starts_nothing_else(folder, spoil):
    spoil(folder)
    said = start(folder)
    assert "started\n" not in said.split("aica:")[0] and "others than root" in said


@pytest.mark.parametrize("data, words", [
    (b"no package", "neither"), (None, "No such file"), (b"!<arch>\n", "expected aica-datakeeper"),
])
def test_what_is_no_package_of_ours_is_refused(server, data, words):
    path = server.path("/x.deb")
    if data is not None:
        server.write("/x.deb", data)
    with pytest.raises(ConfigError) as caught:
        Bootstrap(server.app, path)
    assert words in str(caught.value) and path in str(caught.value)


@pytest.fixture
def package(tmp_path, needs):
    """A package of our name."""
    needs(command.find("dpkg-deb"), "needs dpkg-deb")
    control = tmp_path / "p" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: aica-datakeeper\nVersion: 9.9\nArchitecture: all\n"
                       "Maintainer: x <x@x>\nDescription: x\n")
    subprocess.check_call(["dpkg-deb", "-b", "--root-owner-group", str(tmp_path / "p"),
                           str(tmp_path / "x.deb")], stdout=subprocess.DEVNULL)
    return str(tmp_path / "x.deb")


def test_package_and_script_are_put_in_place_once(whole, package):
    answer = whole.cli("bootstrap", "--package", package)
    assert answer.code == 0, answer
    assert FOLDER + "/bootstrap.sh" in answer.out.splitlines()[-1]
    assert whole.stat(FOLDER) == (0o700, 0, 0)
    assert "installed' '9.9'" not in whole.read(FOLDER + "/bootstrap.sh")
    assert "ge '9.9'" in whole.read(FOLDER + "/bootstrap.sh")
    again = whole.cli("bootstrap", "--package", package)
    assert again.ids("changed") == [] and again.code == 0
    assert survival.has_starter(whole.host(), Settings())


def test_a_package_that_was_changed_is_not_installed(whole, package):
    whole.cli("bootstrap", "--package", package)
    text = whole.read(FOLDER + "/bootstrap.sh").replace("/data/", whole.root + "/data/")
    text = text.replace(" /data ", " / ").replace("\ninstall_package\n", "\nexit 77\n")
    assert "exit 77" in text  # this machine shall get nothing installed
    whole.append(FOLDER + "/aica-datakeeper.deb", "x")
    done = subprocess.run(["sh", "-s"], input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 1 and b"is not the one that was put there" in done.stdout


@pytest.mark.parametrize("path, text", [
    ("/etc/fstab", "LABEL=data /data ext4 defaults 0 2\n"),
    ("/etc/systemd/system/data.mount", "[Mount]\n"),
    ("/etc/cloud/cloud.cfg.d/10-data.cfg", "mounts:\n - [ LABEL=data, /data, ext4 ]\n"),
])
def test_what_mounts_the_data_disk_is_found(whole, path, text):
    host = ReadOnlyHost(whole.root)
    assert "nothing mounts /data" in survival.warnings(host, Settings(), "data.mount")[0]
    whole.write(path, text)
    assert survival.warnings(host, Settings(), "data.mount") == []
