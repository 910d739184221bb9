"""The door to a machine: components, trust, fences; and the door to other programs."""

import os

import pytest

from aica import command, files
from aica.command import Result
from aica.errors import AicaError, Conflict, NotApplicable
from aica.host import Host

METHODS = {
    "read_file": lambda host, path: host.read_file(path),
    "read_trusted": lambda host, path: host.read_trusted(path),
    "lstat": lambda host, path: host.lstat(path),
    "names": lambda host, path: host.names(path),
    "write_file": lambda host, path: host.write_file(path, b"x", 0o644),
    "make_folder": lambda host, path: host.make_folder(path + "-new", 0o755),
    "set_attributes": lambda host, path: host.set_attributes(
        path, 0o666, 7, 7, files.Info("file", 0o644, 0, 0)),
    "replace_symlink": lambda host, path: host.replace_symlink(path, "x"),
    "move_aside": lambda host, path: host.move_aside(path, "old"),
    "rename": lambda host, path: host.rename(path, "other"),
    "remove_file": lambda host, path: host.remove_file(path),
    "append_log": lambda host, path: host.append_log(path, "x"),
    "lock_file": lambda host, path: host.lock_file(path),
}


@pytest.fixture
def hostile(server):
    """A server with links at several heights, all of which lead to a victim outside of it."""
    server.folder("/victim")
    server.write("/victim/file", "safe")
    inside = server.path("/victim")
    server.folder("/a")
    server.link("/a/absolute", inside)
    server.link("/a/relative", "../victim")
    server.link("/a/dots", "../../../../../../../../" + inside)
    server.link("/a/loop", "loop")
    server.link("/top", "victim")
    return server


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("path", ["/a/absolute/file", "/a/relative/file", "/a/dots/file",
                                  "/top/file", "/a/loop/file"])
def test_a_link_at_any_height_is_not_followed(hostile, method, path):
    before = hostile.tree(times=True)
    with pytest.raises(Conflict) as caught:
        METHODS[method](hostile.host(), path)
    assert os.path.dirname(path) in str(caught.value)
    assert hostile.tree(times=True) == before


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("path", ["/etc/../victim/file", "/./etc/passwd", "/etc/pass\0wd"])
def test_a_path_is_made_of_plain_names(hostile, method, path):
    before = hostile.tree(times=True)
    with pytest.raises((AicaError, ValueError)):
        METHODS[method](hostile.host(), path)
    assert hostile.tree(times=True) == before


@pytest.mark.parametrize("method", ["read_file", "read_trusted", "write_file", "remove_file",
                                    "append_log", "lock_file"])
def test_the_last_component_is_not_followed_either(hostile, method):
    hostile.link("/etc/evil", hostile.path("/victim/file"))
    before = hostile.read("/victim/file")
    if method == "remove_file":
        METHODS[method](hostile.host(), "/etc/evil")
    else:
        with pytest.raises((Conflict, OSError)):
            METHODS[method](hostile.host(), "/etc/evil")
    assert hostile.read("/victim/file") == before


BELOW_TRUST = ["write_file", "read_trusted", "replace_symlink", "move_aside", "rename",
               "remove_file", "lock_file"]


@pytest.mark.parametrize("method", BELOW_TRUST)
@pytest.mark.parametrize("mode, uid, component", [
    (0o775, 0, "/data"), (0o777, 0, "/data/config"), (0o755, 2001, "/data"),
    (0o757, 0, "/data/config"), (0o1777, 0, "/data/config"), (0o755, 65534, "/data/config"),
])
def test_a_folder_that_is_not_roots_alone_is_not_worked_in(server, method, mode, uid, component):
    server.write("/data/config/file", "x")
    os.chown(server.path(component), uid, 0)
    os.chmod(server.path(component), mode)
    before = server.tree(times=True)
    with pytest.raises(Conflict) as caught:
        METHODS[method](server.host(), "/data/config/file")
    assert component in str(caught.value) and caught.value.hint
    assert server.tree(times=True) == before


@pytest.mark.parametrize("spoil", [
    lambda path: os.chmod(path, 0o664), lambda path: os.chmod(path, 0o646),
    lambda path: os.chown(path, 2001, 0), lambda path: os.link(path, path + "2"),
], ids=["group may write", "others may write", "not root's", "second name"])
def test_a_file_that_is_not_roots_alone_is_not_believed(server, spoil):
    assert server.host().read_trusted("/data/config/users.txt")
    spoil(server.path("/data/config/users.txt"))
    with pytest.raises(Conflict):
        server.host().read_trusted("/data/config/users.txt")


def test_what_is_missing_is_missing_and_no_error(server):
    host = server.host()
    assert host.lstat("/no/such/thing") is None
    assert host.names("/no/such/folder") == ()
    with pytest.raises(FileNotFoundError):
        host.read_file("/etc/no-such-file")


def test_a_disk_that_went_away_is_never_replaced_by_the_ssd(server):
    host = server.host()
    device = os.stat(server.path("/data")).st_dev
    host.fence("/data", device)
    host.write_file("/data/config/x", b"x", 0o644)
    host.fence("/data", device + 1)
    for method in sorted(METHODS):
        with pytest.raises(AicaError) as caught:
            METHODS[method](host, "/data/config/x")
        assert "/data is no longer the disk" in str(caught.value)
    assert host.read_file("/etc/passwd")


def test_account_files_are_read_again_when_they_change(server):
    host = server.host()
    assert "kim" not in host.accounts().passwd
    server.append("/etc/passwd", "kim:x:2001:2001::/home/kim:/bin/bash\n")
    assert host.accounts().passwd["kim"].uid == 2001
    server.replace("/etc/passwd", "kim:x:2001", "kim:x:2002")
    assert host.accounts().passwd["kim"].uid == 2002
    server.remove("/etc/passwd")
    assert host.accounts().passwd == {}


def test_another_root_never_asks_this_machines_directory_services(server):
    assert server.host().directory_user("root") is None
    assert server.host().directory_name(0) is None


def test_the_log_is_ascii_and_belongs_to_root(server):
    host = server.host()
    host.append_log("/var/log/x.log", "김\udcff one\n", gid=44)
    host.append_log("/var/log/x.log", "two\n", gid=44)
    assert server.read("/var/log/x.log") == "\\uae40\\udcff one\ntwo\n"
    assert server.stat("/var/log/x.log") == (0o640, 0, 44)


@pytest.mark.parametrize("kind", ["link", "fifo", "second name", "folder"])
def test_the_log_is_written_to_a_plain_file_only(server, kind):
    server.write("/victim", "safe")
    path = server.path("/var/log/x.log")
    {"link": lambda: os.symlink(server.path("/victim"), path), "fifo": lambda: os.mkfifo(path),
     "second name": lambda: os.link(server.path("/victim"), path),
     "folder": lambda: os.mkdir(path)}[kind]()
    with pytest.raises((Conflict, OSError)):
        server.host().append_log("/var/log/x.log", "x\n")
    assert server.read("/victim") == "safe"


def test_renaming_never_replaces_anything(server):
    with pytest.raises(Conflict):
        server.host().rename("/etc/passwd", "group")
    assert server.read("/etc/passwd") and server.read("/etc/group")


def test_a_failed_program_is_an_error_with_its_words(server, fake_run):
    host = server.host(fake_run(useradd=Result(9, "", "name exists\nreally\n")))
    with pytest.raises(AicaError) as caught:
        host.execute(["useradd", "kim"])
    assert str(caught.value) == "useradd failed with exit status 9: name exists; really"


# -- the fence of the tests themselves ----------------------------------


def test_no_test_can_change_this_machine():
    assert Host("/").lstat("/etc/passwd").kind == "file"
    with pytest.raises(AssertionError):
        Host("/").write_file("/etc/aica-test", b"", 0o644)
    with pytest.raises(AssertionError):
        Host("/").execute(["true"])
    with pytest.raises(AssertionError):
        command.run(["useradd", "kim"])


def test_the_fake_runner_refuses_what_it_was_not_told_about(fake_run):
    run = fake_run(id=Result(0, "0\n", ""))
    assert run(["id"]).out == "0\n"
    with pytest.raises(AssertionError):
        run(["rm", "-rf", "/"])
    assert run.calls == [("id",), ("rm", "-rf", "/")]


# -- other programs -----------------------------------------------------


def test_programs_are_found_in_the_systems_folders_only(tmp_path, monkeypatch):
    evil = tmp_path / "id"
    evil.write_text("#!/bin/sh\necho evil\n")
    evil.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.run(["id", "-u"]).out == "{}\n".format(os.geteuid())
    with pytest.raises(NotApplicable):
        command.run(["no-such-program"])


def test_programs_get_nothing_of_the_callers_environment(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD_X", "x")
    seen = dict(line.split("=", 1) for line in command.run(["env"]).out.split("\n") if line)
    assert seen.pop("PATH") == "/usr/sbin:/usr/bin:/sbin:/bin"
    assert seen.pop("LC_ALL") == "C" and seen.pop("HOME") == "/"
    assert set(seen) <= {"PWD", "SHLVL", "_", "LC_CTYPE"}


def test_programs_get_no_standard_input_of_ours():
    assert command.run(["cat"]) == Result(0, "", "")
    assert command.run(["cat"], stdin="김 \udcff\n").out == "김 \udcff\n"


def test_arguments_and_output_may_be_any_text():
    assert command.run(["printf", "%s", "김 \udcff\u2028"]).out == "김 \udcff\u2028"


def test_a_program_that_hangs_is_an_error():
    with pytest.raises(AicaError) as caught:
        command.run(["sleep", "60"], timeout_s=0.1)
    assert "sleep" in str(caught.value)


def test_the_exit_status_is_told_whatever_it_is():
    assert command.run(["false"]).code == 1


def test_work_inside_a_home_is_done_without_any_right_of_ours(root_rights):
    assert command.run(["id", "-u"], ids=(2001, 2002)).out == "2001\n"
    assert command.run(["id", "-G"], ids=(2001, 2002)).out == "2002\n"


def test_an_error_of_the_system_names_the_whole_path(server):
    with pytest.raises(FileNotFoundError) as caught:
        server.host().read_file("/etc/nothing/at-all")
    assert caught.value.filename == "/etc/nothing"
    with pytest.raises(FileNotFoundError) as caught:
        server.host().read_file("/etc/nothing")
    assert str(caught.value).endswith("'/etc/nothing'")
