"""What the next wipe would lose, on a server in a folder: one of each kind, and nothing that is safe."""

import hashlib
import json
import os
import subprocess
import time

import pytest

from aica import demo, site
from aica.bootstrap import starter
from aica.registry import Entry, Registry
from aica.settings import Settings, keepable
from aica.site import Site
from aica.storage import parse_mountinfo
from aica.volatile import database, image, mounts, survey
from aica.volatile.finding import Finding
from aica.volatile.survey import Survey

CONF = "colour = blue\n"
STATUS = """\
Package: base-files
Essential: yes
Status: install ok installed
Installed-Size: 340
Conffiles:
 /etc/tool.conf {md5}
 /etc/gone.conf {md5} obsolete

Package: tool
Status: install ok installed
Installed-Size: 12
Description: Package: evil
 Status: install ok installed

Package: removed
Status: deinstall ok config-files
Conffiles:
 /etc/removed.conf {md5}

""".format(md5=hashlib.md5(CONF.encode()).hexdigest())


def install(server, name, *paths, automatic=False):
    """As dpkg does: a stanza, and the list of what it brought."""
    server.append("/var/lib/dpkg/status", "Package: {}\nStatus: install ok installed\n"
                  "Installed-Size: 100\n\n".format(name))
    server.write("/var/lib/dpkg/info/{}.list".format(name), "/.\n" + "".join(
        path + "\n" for path in paths))
    server.write("/var/lib/apt/extended_states", "Package: {}\nArchitecture: amd64\n"
                 "Auto-Installed: {}\n\n".format(name, int(automatic)))


def brought_by_the_image(server):
    server.write("/var/lib/dpkg/status", STATUS)
    server.write("/var/lib/dpkg/info/base-files.list", "/.\n/etc\n/etc/tool.conf\n/etc/tool.d\n")
    server.write("/var/lib/dpkg/info/tool.list", "/.\n/opt/tool\n/opt/tool/bin/tool\n")
    server.write("/etc/tool.conf", CONF)
    server.write("/etc/tool.d/image", "x\n")
    server.write("/opt/vendor/lib.so", "x\n")
    server.write("/root/.profile", "x\n")
    server.write("/usr/local/bin/image-tool", "x\n")
    server.write("/etc/fstab", "LABEL=data /data ext4 defaults 0 2\n")
    server.append("/etc/passwd", "ubuntu:x:1000:1000::/home/ubuntu:/bin/bash\n")
    server.write("/home/ubuntu/.ssh/authorized_keys", "key\n")
    for link in ("multi-user.target.wants", "timers.target.wants"):
        server.write("/etc/systemd/system/{}/x".format(link), "")
        server.remove("/etc/systemd/system/{}/x".format(link))
    server.link("/etc/systemd/system/multi-user.target.wants/cron.service", "/lib/x/cron.service")


def note_image(server):
    """What image.note() and image.finish() do at the boot that brings the disk."""
    found = {"noted": time.time(), "accounts": sorted(server.host().accounts().passwd),
             "packages": sorted(database.names(server.host())), "finished": time.time()}
    server.write(image.PATH, json.dumps(found))
    time.sleep(0.02)  # the kernel's clock for files is coarser


@pytest.fixture
def server(whole):
    """A server that nothing was done to since the image came up."""
    brought_by_the_image(whole)
    note_image(whole)
    return whole


def found(server, **more):
    """Return {id: Finding}."""
    look = Survey(server.app, **more)
    rows = {one.id: one for one in look.findings()}
    assert look.problems == []
    return rows


def test_what_the_image_brings_and_what_is_restored_is_not_listed(server):
    assert found(server) == {}
    answer = server.cli("volatile")
    assert answer.code == 0 and "nothing was found" in answer.out


LOSSES = {
    "account:guest": lambda s: s.append(
        "/etc/passwd", "guest:x:1900:1900::/home/guest:/bin/bash\n"),
    "membership:kim": lambda s: s.append("/etc/group", "docker:x:990:kim\n"),
    "folder:/opt/own": lambda s: s.write("/opt/own/bin/x", "12345"),
    "file:/srv/notes": lambda s: s.write("/srv/notes", "12345"),
    "file:/root/key": lambda s: s.write("/root/key", "12345"),
    "file:/usr/local/bin/own": lambda s: s.write("/usr/local/bin/own", "12345"),
    "folder:/usr/local/cuda": lambda s: s.write("/usr/local/cuda/bin/nvcc", "12345"),
    "folder:/opt/tool": lambda s: s.write("/opt/tool/added", "12345"),
    "home:/home/ubuntu": lambda s: s.write("/home/ubuntu/thesis.tex", "12345"),
    "config:/etc/tool.conf": lambda s: s.write("/etc/tool.conf", "colour = red\n"),
    "config:/etc/tool.d/own": lambda s: s.write("/etc/tool.d/own", "12345"),
    "config:/etc/own/one": lambda s: s.write("/etc/own/one", "12345"),
    "package:htop": lambda s: install(s, "htop", "/usr/bin/htop"),
    "unit:own.service": lambda s: s.link(
        "/etc/systemd/system/multi-user.target.wants/own.service", "/lib/x/own.service"),
    "unit:cron.service": lambda s: s.link("/etc/systemd/system/cron.service", "/dev/null"),
    "crontab:root": lambda s: s.write("/var/spool/cron/crontabs/root", "@daily x\n", 0o600),
    "at-job:root.a0000101d65e40": lambda s: s.write(
        "/var/spool/cron/atjobs/a0000101d65e40", "x\n", 0o700),
    "volume:db": lambda s: s.write("/var/lib/docker/volumes/db/_data/x", "12345"),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_each_loss_is_listed_once_with_what_keeps_it(server, name):
    LOSSES[name](server)
    assert set(found(server)) == {name}
    answer = server.cli("volatile")
    assert answer.code == 3
    assert "\n         keep: " in answer.out and name in answer.out


SAFE = {
    "an automatic package": lambda s: install(s, "lib", "/opt/lib/x", automatic=True),
    "a file of a package": lambda s: s.write("/opt/tool/bin/tool", "new version"),
    "what python makes": lambda s: s.write("/opt/tool/__pycache__/x.pyc", "x"),
    "a history": lambda s: s.write("/root/.bash_history", "ls\n"),
    "a running job of at": lambda s: s.write("/var/spool/cron/atjobs/=0000101d65e40", "x\n"),
    "the numbers of at": lambda s: s.write("/var/spool/cron/atjobs/.SEQ", "00001\n"),
    "an empty volume": lambda s: os.makedirs(s.path("/var/lib/docker/volumes/db/_data")),
    "an unchanged configuration": lambda s: s.write("/etc/tool.conf", CONF),
    "the account files": lambda s: s.append("/etc/group", "x:x:1:\n"),
    "a moved-aside skeleton": lambda s: s.write("/home/.kim.skeleton.1/.profile", "changed"),
    "a home without anything": lambda s: os.mkdir(s.path("/home/new")),
    "a skeleton": lambda s: s.write("/home/new/.profile", s.read("/etc/skel/.profile")),
    "a system account": lambda s: s.append("/etc/passwd", "daemon2:x:150:150::/:/bin/false\n"),
    "our own files": lambda s: s.write(site.environment.PAM_ENV, s.read(site.environment.PAM_ENV)),
    "our own units": lambda s: s.link(
        "/etc/systemd/system/timers.target.wants/aica-record.timer", "/lib/x/aica-record.timer"),
}


@pytest.mark.parametrize("what", sorted(SAFE))
def test_what_is_safe_or_missed_by_nobody_is_not_listed(server, what):
    SAFE[what](server)
    assert found(server) == {}


def test_sizes_are_added_up(server):
    server.write("/opt/own/a", "x" * 3000)
    server.write("/opt/own/b/c", "x" * 72)
    one = found(server)["folder:/opt/own"]
    assert (one.size_bytes, one.files, one.complete) == (3072, 2, True)
    assert one.details == "3.0 KiB in 2 files"


def test_counting_ends_at_a_limit_and_says_so(server):
    for number in range(9):
        server.write("/opt/own/{}".format(number), "x")
    look = Survey(server.app, entries=5)
    one = next(one for one in look.findings() if one.id == "folder:/opt/own")
    assert not one.complete and one.details.startswith("at least ")


# -- the advice -----------------------------------------------------------


def test_more_added_files_than_are_named_are_told(server):
    for number in range(205):
        server.write("/etc/tool.d/{:03}".format(number), "12")
    rows = found(server)
    assert len(rows) == 201 and "5 files that are not named" in rows["config:/etc/tool.d"].message


def test_an_account_with_another_home_gets_the_usual_one_first(server):
    server.append("/etc/passwd", "guest:x:1900:1900::/srv/guest:/bin/bash\n")
    assert found(server)["account:guest"].keep.startswith("usermod -d /home/guest guest && aica ")


def test_many_files_of_one_folder_are_told_as_one(server):
    for number in range(60):
        server.write("/srv/{:02}".format(number), "12")
    rows = found(server)
    assert len(rows) == 51 and (rows["folder:/srv"].files, rows["folder:/srv"].size_bytes) == (10, 20)


def test_a_home_and_an_account_are_kept_by_the_verbs_for_them(server):
    LOSSES["account:guest"](server)
    server.write("/home/guest/thesis.tex", "x")
    rows = found(server)
    assert rows["home:/home/guest"].keep == "aica user setup guest gpu-users"
    assert rows["account:guest"].keep == \
        "aica user setup guest gpu-users && aica user register guest gpu-users"


def test_the_home_of_an_account_of_the_images_own_is_copied(server):
    LOSSES["home:/home/ubuntu"](server)
    assert found(server)["home:/home/ubuntu"].keep.startswith("install ")


def test_a_name_that_cannot_be_registered_gets_no_such_advice(server):
    server.append("/etc/passwd", "Guest:x:1900:1900::/home/Guest:/bin/bash\n")
    server.write("/home/Guest/x", "x")
    rows = found(server)
    assert "aica user" not in rows["account:Guest"].keep + rows["home:/home/Guest"].keep


def list_file(server, path):
    server.write("/data/config/aica.conf", "[site]\ngroup = gpu-users\n[storage]\n"
                 "require_mount = no\n[keep]\nfiles = {}\n".format(path))


def test_a_listed_file_is_safe_as_soon_as_it_is_recorded(server, monkeypatch):
    monkeypatch.setattr("aica.app.SETTLE_S", 0)
    server.write("/etc/tool.d/own", "12345")
    assert "add /etc/tool.d/own to [keep] files" in found(server)["config:/etc/tool.d/own"].keep
    list_file(server, "/etc/tool.d/own")
    assert found(server)["config:/etc/tool.d/own"].keep == "aica record"
    assert server.cli("record").code == 0
    assert found(server) == {}
    server.write("/etc/tool.d/own", "another")
    assert set(found(server)) == {"config:/etc/tool.d/own"}


@pytest.mark.parametrize("path", ["/opt/own dir/x", "/srv/o'wn", "/usr/local/bin/own",
                                  "/var/spool/cron/crontabs/root"])
def test_the_copy_that_is_advised_makes_it_safe(server, path):
    server.write(path, "12345", 0o755 if "bin" in path else 0o600, 0, 0 if "bin" not in path else 7)
    keep = [one.keep for one in found(server).values()]
    assert len(keep) == 1 and keep[0].startswith("install -d -m 700 /data/saved && cp -a --parents")
    # The same command inside the folder that this server is.
    command = keep[0].replace("/data/saved", "data/saved").replace(
        "--parents /", "--parents ").replace("--parents '/", "--parents '")
    subprocess.check_call(["sh", "-c", command], cwd=server.root)
    assert server.stat("/data/saved") == (0o700, 0, 0)
    assert found(server) == {}
    server.append(path, "more")
    assert len(found(server)) == 1


@pytest.mark.parametrize("path, fine", [
    ("/etc/hosts", True), ("/usr/local/bin/x", True), ("/opt/x", False), ("/etc/shadow", False),
    ("/etc/a b", False), ("/etc/../opt/x", False), ("/etc/sudoers.d/team", True)])
def test_only_what_the_list_takes_is_advised_for_it(path, fine):
    assert keepable(path) is fine


def test_the_package_of_ours_counts_unless_a_starter_waits(server):
    install(server, "aica-datakeeper", "/usr/bin/aica")
    assert "aica bootstrap" in found(server)["package:aica-datakeeper"].keep
    package = starter.Package("deb", "0.1.0-1", "0" * 64)
    server.write("/data/config/bootstrap/bootstrap.sh", starter.render("/data", "/x", package))
    server.write("/data/config/bootstrap/" + package.file, "x")
    assert found(server) == {}


def test_on_the_first_day_a_package_that_was_just_installed_counts(server, monkeypatch):
    server.remove(image.PATH)
    install(server, "aica-datakeeper", "/usr/bin/aica")
    assert "package:aica-datakeeper" not in found(server)
    monkeypatch.setattr("aica.volatile.software.start_of_boot", lambda host: time.time() - 60)
    assert "package:aica-datakeeper" in found(server)


def test_an_fstab_that_somebody_wrote_in_this_boot_may_not_be_the_images(server, monkeypatch):
    server.remove(image.PATH)
    server.write("/data/config/aica.conf", "[site]\ngroup = gpu-users\n")
    monkeypatch.setattr("aica.volatile.mounts.start_of_boot", lambda host: time.time() - 60)
    assert "data-mount:/data" in found(server)
    server.write("/etc/fstab", "/dev/b /data ext4 defaults,comment=cloudconfig 0 2\n")
    assert "data-mount:/data" not in found(server)


def test_a_unit_of_an_added_package_is_told_by_the_package(server):
    install(server, "own", "/lib/systemd/system/own.service")
    server.link("/etc/systemd/system/multi-user.target.wants/own.service",
                "/lib/systemd/system/own.service")
    assert set(found(server)) == {"package:own"}


# -- what is not known -----------------------------------------------------


def test_without_a_known_image_more_is_listed_and_said(server):
    server.remove(image.PATH)
    rows = found(server)
    assert {"account:ubuntu", "folder:/opt/vendor", "home:/home/ubuntu"} <= set(rows)
    assert not [name for name in rows if name.startswith(("package:", "unit:"))]
    answer = server.cli("volatile")
    assert answer.code == 3 and "first boot after a wipe" in answer.err


def test_the_data_disk_that_nothing_mounts_stands_first(server):
    server.remove(image.PATH)
    server.write("/data/config/aica.conf", "[site]\ngroup = gpu-users\n")
    assert "data-mount:/data" not in found(server)
    server.write("/etc/fstab", "# LABEL=data /data ext4 defaults 0 2\n")
    assert next(iter(found(server))) == "data-mount:/data"


def test_what_cannot_be_looked_at_is_said_and_fails(server):
    server.remove("/home/kim")
    os.rename(server.path("/home"), server.path("/homes"))
    server.link("/home", "/homes")
    answer = server.cli("volatile")
    assert answer.code == 1 and "not all was looked at: /home is " in answer.err


def test_a_folder_of_packages_that_is_gone_does_not_make_everything_nobodys(server):
    server.remove("/var/lib/dpkg/info")
    answer = server.cli("volatile")
    assert answer.code != 0 and "/opt/tool" not in answer.out


# -- hostile things ---------------------------------------------------------


def test_no_link_is_followed_and_no_name_forges_a_line(server):
    server.write("/srv/a\nb\x1b[2J", "12345")
    server.write("/home/new/x", "1")
    os.symlink("/", server.path("/home/new/root"))
    os.mkfifo(server.path("/home/new/fifo"))
    rows = found(server)
    assert rows["home:/home/new"].files == 3
    out = server.cli("volatile").out
    assert "\x1b" not in out and "a\\x0ab" in out
    rows = server.cli("volatile", "--json").objects
    assert rows[-1] == {"summary": {"findings": 2, "size_bytes": rows[-1]["summary"]["size_bytes"]},
                        "exit": 3}
    assert set(rows[0]) == set(Finding._fields)


def test_nothing_is_changed_by_looking(server):
    for loss in LOSSES.values():
        loss(server)
    before = server.tree(times=True)
    server.cli("volatile")
    assert server.tree(times=True) == before


def test_it_is_for_root(server):
    assert server.cli_as(2001, "volatile").code == 5


# -- noting the image --------------------------------------------------------


def people(*names):
    return Site(registry=Registry(tuple(Entry(name, "gpu-users") for name in names)),
                vault=demo.records())


def test_a_disk_without_any_of_the_registered_accounts_is_a_fresh_one(server):
    server.remove(image.PATH)
    server.wipe()
    server.write("/var/lib/dpkg/status", STATUS)
    image.note(server.host(), people("kim", "lee"))
    noted = image.load(server.host())
    assert noted.known and noted.packages == {"base-files", "tool"}
    assert noted.accounts == {"root", "daemon"}
    server.append("/etc/passwd", "late:x:1900:1900::/:/bin/sh\n")
    image.note(server.host(), people("kim"))
    assert image.load(server.host()) == noted


@pytest.mark.parametrize("registered", [("kim", "lee"), ("kim",), ("nobody-recorded",), ()])
def test_a_disk_that_has_one_of_them_teaches_nothing(server, registered):
    server.remove(image.PATH)
    image.note(server.host(), people(*registered))
    assert image.load(server.host()) == image.Image()


def test_a_recovery_at_boot_notes_the_image_and_one_by_hand_does_not(server):
    server.wipe()
    assert server.cli("recover").code == 0
    assert not server.exists(image.PATH)
    server.wipe()
    assert server.cli("recover", "--boot").code == 0
    assert "kim" not in image.load(server.host()).accounts
    assert server.stat(image.PATH) == (0o644, 0, 0)


def test_noting_the_image_never_stops_a_recovery(server):
    server.wipe()
    server.write("/var/lib/aica", "in the way")
    assert server.cli("recover", "--boot").code == 0
    assert not image.load(server.host()).known


# -- pure parts ---------------------------------------------------------------


def test_a_status_of_dpkg_is_understood():
    found = {name: (size, files) for name, size, files in database.parse_status(STATUS)}
    assert set(found) == {"base-files", "tool"} == database.parse_names(STATUS)
    assert found["base-files"][0] == 340 * 1024 and set(found["base-files"][1]) == {"/etc/tool.conf"}


def test_answers_of_rpm_are_understood():
    assert database.parse_rpm_packages("bash\t100\t1700000000\nbad\n") == {
        "bash": database.Package("bash", 100, 1700000000.0)}
    owned, config = database.parse_rpm_files(
        "bash\t17\tabc\t/etc/bashrc\nbash\t0\tabc\t/usr/bin/bash\nx\t0\t\t/opt/x\n"
        "x\t1\t0000\t/etc/empty\n")
    assert owned == {"/etc/bashrc": "bash", "/opt/x": "x", "/etc/empty": "x"}
    assert config == {"/etc/bashrc": "abc"}


def test_rpm_is_asked_below_the_root(server, fake_run):
    server.remove("/var/lib/dpkg")
    os.makedirs(server.path("/var/lib/rpm"))
    run = fake_run(rpm=lambda argv: database_answer(argv))
    assert set(database.read(server.host(run)).packages) == {"bash"}
    assert all(call[:3] == ("rpm", "--root", server.root) for call in run.calls)


def database_answer(argv):
    from aica.command import Result
    return Result(0, "bash\t1\t1\n" if "INSTALLTIME" in argv[-1] else "bash\t1\tabc\t/etc/b\n", "")


def test_a_mount_line_names_its_device():
    text = "36 35 98:0 / /mnt/big rw,noatime - xfs /dev/sdb1 rw\n"
    assert parse_mountinfo(text)[0].source == "/dev/sdb1"
    assert mounts.REAL.match("xfs") and not mounts.REAL.match("overlay")


def test_check_says_it_in_one_line(server):
    assert survey.what_is_lost(server.app) == ""
    server.write("/opt/own/x", "x" * 2048)
    assert survey.what_is_lost(server.app).startswith(
        "the next wipe would lose 1 thing (2.0 KiB): aica volatile")


def test_the_folder_of_saved_things_is_on_the_data_disk():
    assert Settings(data="/srv/disk").saved == "/srv/disk/saved"
