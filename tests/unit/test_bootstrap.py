"""The package on /data: the script, the line that starts it, and what is refused."""

import hashlib
import os
import shutil
import subprocess
import tempfile

import pytest

from aica import command
from aica.bootstrap import starter, survival
from aica.bootstrap.storing import Bootstrap
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
    assert "\n" not in line and "'" not in line
    for path in ("/", "/srv", "/srv/disk", "/srv/disk/config", "/srv/disk/config/bootstrap",
                 "/srv/disk/config/bootstrap/bootstrap.sh"):
        assert " {} ".format(path) in line


def shell(text):
    done = subprocess.run(["sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


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
    return shell(starter.one_line("/data", folder))


def test_the_line_starts_what_is_roots_alone(folder, needs):
    needs(os.stat("/").st_mode & 0o022 == 0, "/ is not root's alone")
    assert start(folder) == (0, "started\n")


def test_the_line_fails_if_the_script_does(folder):
    with open(folder + "/bootstrap.sh", "w") as script:
        script.write("exit 7\n")
    assert start(folder) == (7, "")


def test_the_line_waits_for_the_disk_and_no_longer_than_it_says(folder, monkeypatch):
    os.rename(folder, folder + ".later")
    monkeypatch.setattr(starter, "WAIT_S", 1)
    assert start(folder) == (1, "aica: /data did not come within 1 s\n")
    monkeypatch.setattr(starter, "WAIT_S", 30)
    with subprocess.Popen(["sh", "-c", starter.one_line("/data", folder)],
                          stdout=subprocess.PIPE) as waiting:
        os.rename(folder + ".later", folder)
        assert waiting.communicate()[0] == b"started\n"


@pytest.mark.parametrize("spoil", [
    lambda f: os.chmod(f, 0o770), lambda f: os.chmod(f + "/bootstrap.sh", 0o666),
    lambda f: os.chown(f, 1000, 0), lambda f: os.chown(f + "/bootstrap.sh", 1000, 0),
    lambda f: os.chmod(os.path.dirname(f), 0o757),
    lambda f: (os.rename(f + "/bootstrap.sh", f + "/x"), os.symlink("x", f + "/bootstrap.sh")),
    lambda f: (os.rename(f, f + ".x"), os.symlink(f + ".x", f)),
])
def test_the_line_starts_nothing_else(folder, spoil):
    spoil(folder)
    code, said = start(folder)
    assert "started\n" not in said.split("aica:")[0] and "others than root" in said and code == 1


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


def test_a_starter_without_its_package_is_none(whole, package):
    whole.cli("bootstrap", "--package", package)
    name = starter.parse_version(whole.read(FOLDER + "/bootstrap.sh"))[1]
    whole.remove(FOLDER + "/" + name)
    assert not survival.has_starter(whole.host(), Settings())


def test_another_version_on_the_data_disk_is_told(whole, package):
    whole.cli("bootstrap", "--package", package)
    whole.write("/etc/fstab", "LABEL=data /data ext4 defaults 0 2\n")
    told = survival.warnings(whole.host(), Settings(), "data.mount")
    assert len(told) == 1 and "has version 9.9" in told[0]


def test_a_cut_between_package_and_script_leaves_a_pair_that_fits(whole, package, monkeypatch):
    whole.cli("bootstrap", "--package", package)
    before = whole.read(FOLDER + "/bootstrap.sh")
    whole.append("/etc/x", "x")
    with open(package, "ab") as changed:
        changed.write(b"\n")
    from aica.host import Host
    real = Host.write_file

    def fail(self, path, *rest, **more):
        if path.endswith("bootstrap.sh"):
            raise OSError(28, "No space left on device")
        return real(self, path, *rest, **more)
    with monkeypatch.context() as patch:
        patch.setattr(Host, "write_file", fail)
        assert whole.cli("bootstrap", "--package", package).code == 1
    assert whole.read(FOLDER + "/bootstrap.sh") == before
    name = starter.parse_version(before)[1]
    with open(whole.path(FOLDER + "/" + name), "rb") as kept:
        assert name in before and hashlib.sha256(kept.read()).hexdigest() in before


def test_a_package_that_was_changed_is_not_installed(whole, package):
    whole.cli("bootstrap", "--package", package)
    text = whole.read(FOLDER + "/bootstrap.sh").replace("/data/", whole.root + "/data/")
    text = text.replace(" /data ", " / ").replace("\nuntil install", "\nexit 77\nuntil install")
    assert "exit 77" in text  # this machine shall get nothing installed
    assert run_script(text) == (77, b"")
    whole.append(FOLDER + "/" + starter.parse_version(text)[1], "x")
    code, said = run_script(text)
    assert code == 1 and b"is not the one that was put there" in said


def run_script(text):
    done = subprocess.run(["sh", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


FAKES = {
    "dpkg-query": 'echo "$QUERY"',
    "dpkg": """\
case $1 in
    --compare-versions) [ "$2" = "$4" ] || [ "$2" \\> "$4" ] ;;
    *) echo dpkg "$@"
       tried=$(cat "$T" 2>/dev/null | wc -c)
       printf x >>"$T"
       [ "$tried" -ge "$FAILS" ] || { echo "$WORDS"; exit 2; } ;;
esac
""",
    "rpm": """\
echo rpm "$@"
case $1 in -q) [ -n "$QUERY" ] ;; *) [ "$FAILS" = 0 ] || { echo "$WORDS"; exit 1; } ;; esac
""",
    "sleep": ":", "systemctl": 'echo systemctl "$@"', "aica": 'echo aica "$@"',
}


def installing(tmp_path, kind, query="", fails=0, words=""):
    """Run the script with fakes in place of every program that would change this machine."""
    for name, text in FAKES.items():
        (tmp_path / name).write_text("#!/bin/bash\n" + text)
        (tmp_path / name).chmod(0o755)
    package = starter.Package(kind, "2.0", hashlib.sha256(b"package").hexdigest())
    (tmp_path / package.file).write_bytes(b"package")
    text = starter.render("/data", str(tmp_path), package, ["a.service"], require_mount=False)
    values = "export QUERY='{}' FAILS={} WORDS='{}' T={}\n".format(
        query, fails, words, tmp_path / "t")
    assert "\nPATH=/usr" in text
    return run_script(text.replace("\nPATH=/usr", "\n{}PATH={}:/usr".format(values, tmp_path), 1))


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_the_script_installs_and_starts(tmp_path, kind, root_rights):
    code, said = installing(tmp_path, kind)
    assert code == 0 and (b"--install" if kind == "deb" else b"rpm -U") in said
    assert b"systemctl --no-block start a.service" in said or b"aica recover" in said


@pytest.mark.parametrize("query", ["installed 2.0", "installed 3.0"])
def test_a_newer_or_the_same_version_stays(tmp_path, query, root_rights):
    code, said = installing(tmp_path, "deb", query)
    assert code == 0 and b"--install" not in said
    assert b"systemctl" in said or b"aica recover" in said


@pytest.mark.parametrize("query", ["installed 1.0", "config-files 3.0", "unpacked 2.0", ""])
def test_an_older_or_a_half_installed_one_does_not(tmp_path, query, root_rights):
    assert b"--install" in installing(tmp_path, "deb", query)[1]


def test_rpm_keeps_the_newer_one(tmp_path, root_rights):
    code, said = installing(tmp_path, "rpm", "yes", fails=1, words="is newer than")
    assert code == 0 and b"the installed version stays" in said


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_what_the_image_lacks_is_named_and_nothing_is_started(tmp_path, kind, root_rights):
    code, said = installing(tmp_path, kind, fails=9, words="depends on sudo; sudo is missing")
    assert code == 1 and b"sudo is missing" in said and b"missing in the image" in said
    assert b"systemctl" not in said and said.count(b"--install") in (0, 1)


def test_a_dpkg_that_is_busy_is_waited_for(tmp_path, root_rights):
    words = "dpkg: error: dpkg frontend lock was locked by another process with pid 7"
    code, said = installing(tmp_path, "deb", fails=3, words=words)
    assert code == 0 and said.count(b"dpkg: error") == 3
    (tmp_path / "t").unlink()
    code, said = installing(tmp_path, "deb", fails=999, words=words)
    assert code == 1 and b"another program holds dpkg's lock" in said


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
