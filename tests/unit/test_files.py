"""The file primitives, on a real folder as root: atomic, pinned, never through a link."""

import errno
import os
import stat

import pytest
from fakes import FaultyOs, Kill

from aica import files
from aica.errors import AicaError, Changed, Conflict
from aica.host import Host

pytestmark = pytest.mark.usefixtures("root_rights")

OLD, NEW = b"old content\n", b"new content\n" * 5
ERRORS = [OSError(code, os.strerror(code))
          for code in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EPERM)]


@pytest.fixture
def place(tmp_path):
    """A folder with one file, as (path, descriptor)."""
    os.chmod(str(tmp_path), 0o755)
    path = tmp_path / "here"
    path.mkdir(0o755)
    (path / "file").write_bytes(OLD)
    os.chmod(str(path / "file"), 0o644)
    handle = os.open(str(path), files.OPEN_FOLDER)
    yield path, handle
    os.close(handle)


def replace(folder, data=NEW, name="file", mode=0o640, uid=2001, gid=2002, **more):
    files.replace(folder, name, data, mode, uid, gid, **more)


def attributes(path):
    info = os.lstat(str(path))
    return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid


def descriptors():
    return len(os.listdir("/proc/self/fd"))


# -- names --------------------------------------------------------------


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "../x", "a\0b"])
def test_a_name_is_one_component(place, name):
    _, folder = place
    info = files.look(folder, "file")
    for action in (
            lambda: files.look(folder, name), lambda: files.read(folder, name),
            lambda: files.open_folder(folder, name), lambda: replace(folder, name=name),
            lambda: files.make_folder(folder, name, 0o755, 0, 0),
            lambda: files.set_attributes(folder, name, 0o755, 0, 0, info),
            lambda: files.replace_symlink(folder, name, "x", 0, 0),
            lambda: files.rename_aside(folder, name, "x")):
        with pytest.raises(AicaError):
            action()


# -- replacing ----------------------------------------------------------


def test_a_file_is_replaced_with_owner_and_mode(place):
    path, folder = place
    replace(folder)
    assert (path / "file").read_bytes() == NEW
    assert attributes(path / "file") == (0o640, 2001, 2002)
    assert os.listdir(str(path)) == ["file"]


def test_the_umask_of_the_caller_does_not_matter(place):
    path, folder = place
    before = os.umask(0o777)
    try:
        replace(folder, mode=0o644)
    finally:
        os.umask(before)
    assert attributes(path / "file")[0] == 0o644


def test_a_second_name_of_the_old_file_keeps_the_old_content(place):
    path, folder = place
    os.link(str(path / "file"), str(path / "second"))
    replace(folder)
    assert (path / "second").read_bytes() == OLD
    assert attributes(path / "second") == (0o644, 0, 0)


def test_a_write_that_the_kernel_cuts_short_goes_on(place, monkeypatch):
    path, folder = place

    class OneByte(FaultyOs):
        @staticmethod
        def write(handle, data):
            return os.write(handle, bytes(data[:1]))

    monkeypatch.setattr(files, "os", OneByte(at=0, error=None))
    replace(folder)
    assert (path / "file").read_bytes() == NEW


def test_nothing_is_renamed_before_it_is_on_the_disk_and_the_folder_follows(place, monkeypatch):
    _, folder = place
    calls = []

    class Recorder(FaultyOs):
        def __getattr__(self, name):
            real = getattr(os, name)
            if name in ("write", "fchown", "fchmod", "fsync", "close", "rename"):
                return lambda *args, **kwargs: calls.append((name, args)) or real(*args, **kwargs)
            return real

    monkeypatch.setattr(files, "os", Recorder(at=0, error=None))
    replace(folder)
    names = [name for name, _ in calls]
    assert names == ["write", "fchown", "fchmod", "fsync", "close", "rename", "fsync"]
    assert calls[-1][1] == (folder,)


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo"])
def test_only_a_file_is_ever_replaced(place, kind):
    path, folder = place
    target = str(path / "thing")
    {"folder": lambda: os.mkdir(target), "link": lambda: os.symlink("file", target),
     "dangling": lambda: os.symlink("nowhere", target), "fifo": lambda: os.mkfifo(target)}[kind]()
    before = os.lstat(target)
    with pytest.raises(Conflict):
        replace(folder, name="thing")
    assert os.lstat(target) == before and (path / "file").read_bytes() == OLD
    assert sorted(os.listdir(str(path))) == ["file", "thing"]


@pytest.mark.parametrize("expect, name", [(OLD, "file"), (False, "new"), (None, "file"),
                                          (None, "new")])
def test_what_was_expected_is_replaced(place, expect, name):
    path, folder = place
    replace(folder, name=name, expect=expect)
    assert (path / name).read_bytes() == NEW


@pytest.mark.parametrize("expect, name", [(b"other", "file"), (b"", "file"), (False, "file"),
                                          (b"", "new"), (OLD, "new")])
def test_what_was_not_expected_is_left_alone(place, expect, name):
    path, folder = place
    with pytest.raises(Changed):
        replace(folder, name=name, expect=expect)
    assert {entry: (path / entry).read_bytes() for entry in os.listdir(str(path))} == {"file": OLD}


def test_an_editor_that_saves_in_the_middle_wins(place):
    path, folder = place
    with pytest.raises(Changed):
        replace(folder, expect=OLD, check=lambda _: (path / "file").write_bytes(b"an editor's"))
    assert (path / "file").read_bytes() == b"an editor's"
    assert os.listdir(str(path)) == ["file"]


@pytest.mark.parametrize("error", [AicaError("no"), KeyboardInterrupt(), Kill()])
def test_a_veto_keeps_the_old_file_and_removes_the_candidate(place, error):
    path, folder = place

    def veto(candidate):
        assert (path / candidate).read_bytes() == NEW
        assert attributes(path / candidate) == (0o640, 2001, 2002)
        assert "." in candidate, "sudo and run-parts shall ignore it"
        raise error

    with pytest.raises(type(error)):
        replace(folder, check=veto)
    assert (path / "file").read_bytes() == OLD and os.listdir(str(path)) == ["file"]


# -- every call fails once ----------------------------------------------


def each_failure(monkeypatch, place, error, action):
    """Run action with its 1st, 2nd, ... call failing until a run is clean; yield each time.

    Yields the name of the call that failed. The folder is as before each time.
    """
    path, folder = place
    for at in range(1, 100):
        faulty = FaultyOs(at, error)
        opened = descriptors()
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", faulty)
            failed = None
            try:
                action(folder)
            except (AicaError, OSError, Kill) as caught:
                failed = caught
        if faulty.count < at:
            assert failed is None and at > 3
            return
        if not isinstance(error, Kill):
            assert descriptors() == opened, "{} leaked a descriptor".format(faulty.failed_call)
        yield faulty.failed_call, failed
        for name in os.listdir(str(path)):
            if name != "file":
                (os.rmdir if (path / name).is_dir() and not (path / name).is_symlink()
                 else os.unlink)(str(path / name))
        (path / "file").write_bytes(OLD)
        os.chown(str(path / "file"), 0, 0)
        os.chmod(str(path / "file"), 0o644)
    raise AssertionError("never clean")


by_error = pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode[e.errno] for e in ERRORS])


@by_error
def test_a_failing_call_leaves_the_old_or_the_new_file_and_nothing_else(place, monkeypatch, error):
    path, _ = place
    seen = set()
    for call, failed in each_failure(monkeypatch, place, error, replace):
        seen.add(call)
        content = (path / "file").read_bytes()
        assert os.listdir(str(path)) == ["file"], call
        if content == OLD:
            assert failed is not None and attributes(path / "file") == (0o644, 0, 0)
        else:
            assert content == NEW and attributes(path / "file") == (0o640, 2001, 2002)
        assert failed is not None or call in ("close", "fsync"), "{} failed silently".format(call)
    assert {"open", "write", "fchown", "fchmod", "fsync", "rename"} <= seen


@by_error
def test_a_failing_call_leaves_no_half_of_a_new_file(place, monkeypatch, error):
    path, _ = place
    for call, _ in each_failure(monkeypatch, place, error,
                                lambda folder: replace(folder, name="new")):
        assert set(os.listdir(str(path))) <= {"file", "new"}, call
        if (path / "new").exists():
            assert (path / "new").read_bytes() == NEW


def test_a_kill_at_any_call_leaves_old_or_new_and_the_next_run_cleans_up(place, monkeypatch):
    path, _ = place
    host = Host(str(path.parent))
    left_behind = 0
    for call, failed in each_failure(monkeypatch, place, Kill(), replace):
        assert isinstance(failed, Kill), call
        assert (path / "file").read_bytes() in (OLD, NEW), call
        left_behind += len(os.listdir(str(path))) - 1
        host.sweep("/here")
        assert os.listdir(str(path)) == ["file"], call
        host.write_file("/here/file", NEW, 0o600)
        assert (path / "file").read_bytes() == NEW and attributes(path / "file") == (0o600, 0, 0)
    assert left_behind > 2


@by_error
def test_a_failing_call_leaves_the_old_or_the_new_link(place, monkeypatch, error):
    path, folder = place

    def relink(_):
        if not (path / "link").is_symlink():
            os.symlink("old", str(path / "link"))
        files.replace_symlink(folder, "link", "new", 2001, 2002)

    for call, failed in each_failure(monkeypatch, place, error, relink):
        assert sorted(os.listdir(str(path))) == ["file", "link"], call
        assert os.readlink(str(path / "link")) in ("old", "new")
        assert failed is not None or call == "fsync"


@pytest.mark.parametrize("error", ERRORS + [Kill()],
                         ids=[errno.errorcode[e.errno] for e in ERRORS] + ["kill"])
def test_a_folder_is_closed_to_all_until_it_is_right(place, monkeypatch, error):
    path, _ = place
    action = lambda folder: files.make_folder(folder, "new", 0o2775, 0, 2000)  # noqa: E731
    for call, _failed in each_failure(monkeypatch, place, error, action):
        if (path / "new").exists():
            assert attributes(path / "new") in (
                (0o700, 0, 0), (0o700, 0, 2000), (0o2775, 0, 2000)), call


@by_error
def test_a_failing_call_changes_no_other_attribute(place, monkeypatch, error):
    path, folder = place

    def change(_):
        files.set_attributes(folder, "file", 0o640, 2001, 2002, files.look(folder, "file"))

    for call, failed in each_failure(monkeypatch, place, error, change):
        assert attributes(path / "file") in (
            (0o644, 0, 0), (0o644, 2001, 2002), (0o640, 2001, 2002)), call
        assert failed is not None or call == "close"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EROFS])
def test_a_file_system_that_cannot_sync_folders_is_no_error(place, monkeypatch, code):
    monkeypatch.setattr(files, "os", FaultyOs(1, OSError(code, "no"), only=("fsync",)))
    files.sync_folder(place[1])


# -- looking ------------------------------------------------------------


def test_looking_follows_nothing(place):
    path, folder = place
    os.symlink("/etc/passwd", str(path / "link"))
    info = files.look(folder, "link")
    assert (info.kind, info.target) == ("symlink", "/etc/passwd")
    assert files.look(folder, "missing") is None


def test_every_kind_has_a_name(place):
    path, folder = place
    os.mkfifo(str(path / "fifo"))
    os.mkdir(str(path / "folder"))
    os.symlink("x", str(path / "symlink"))
    for kind in ("fifo", "folder", "symlink", "file"):
        assert files.look(folder, kind).kind == kind
    dev = os.open("/dev", files.OPEN_FOLDER)
    assert files.look(dev, "null").kind == "device"
    os.close(dev)


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_reading_takes_files_only_and_waits_for_nobody(place, kind):
    path, folder = place
    target = str(path / "thing")
    {"fifo": lambda: os.mkfifo(target), "folder": lambda: os.mkdir(target),
     "link": lambda: os.symlink("file", target)}[kind]()
    opened = descriptors()
    with pytest.raises(Conflict) as caught:
        files.read(folder, "thing")
    assert "thing" in str(caught.value) and descriptors() == opened


def test_reading_has_a_limit(place):
    path, folder = place
    (path / "file").write_bytes(b"x" * 100)
    assert len(files.read(folder, "file", limit=100)[0]) == 100
    with pytest.raises(AicaError):
        files.read(folder, "file", limit=99)


# -- attributes ---------------------------------------------------------


def test_a_folder_keeps_its_set_group_bit_when_it_is_given_away(place):
    path, folder = place
    os.mkdir(str(path / "shared"))
    files.set_attributes(folder, "shared", 0o2775, 0, 2000, files.look(folder, "shared"))
    assert attributes(path / "shared") == (0o2775, 0, 2000)


def test_a_file_with_a_second_name_is_refused(place):
    path, folder = place
    os.link(str(path / "file"), str(path / "colleagues"))
    with pytest.raises(Conflict):
        files.set_attributes(folder, "file", 0o600, 2001, 2001, files.look(folder, "file"))
    assert attributes(path / "file") == (0o644, 0, 0)


@pytest.mark.parametrize("kind", ["symlink", "fifo"])
def test_anything_but_files_and_folders_is_refused(place, kind):
    path, folder = place
    if kind == "fifo":
        os.mkfifo(str(path / "thing"), 0o600)
    else:
        os.symlink("file", str(path / "thing"))
    with pytest.raises(Conflict):
        files.set_attributes(folder, "thing", 0o666, 2001, 2001, files.look(folder, "thing"))
    assert attributes(path / "file") == (0o644, 0, 0)
    assert attributes(path / "thing")[1:] == (0, 0)


SWAPS = {
    "another file": lambda path: os.rename(path + "-other", path),
    "a link": lambda path: (os.unlink(path), os.symlink(path + "-other", path)),
    "a folder": lambda path: (os.unlink(path), os.mkdir(path)),
    "a second link": lambda path: (os.unlink(path), os.link(path + "-other", path)),
}


@pytest.mark.parametrize("swap", sorted(SWAPS))
def test_a_swap_after_looking_changes_nothing(place, swap):
    path, folder = place
    (path / "file-other").write_bytes(b"victim")
    os.chmod(str(path / "file-other"), 0o600)
    expected = files.look(folder, "file")
    SWAPS[swap](str(path / "file"))
    with pytest.raises((Changed, Conflict)):
        files.set_attributes(folder, "file", 0o666, 2001, 2001, expected)
    for name in os.listdir(str(path)):
        assert attributes(path / name)[1:] == (0, 0)
        if not (path / name).is_symlink() and (path / name).is_file():
            assert attributes(path / name)[0] in (0o600, 0o644)


def test_a_folder_swapped_for_a_link_changes_nothing(place):
    path, folder = place
    os.mkdir(str(path / "victim"), 0o700)
    os.mkdir(str(path / "shared"), 0o700)
    expected = files.look(folder, "shared")
    os.rmdir(str(path / "shared"))
    os.symlink("victim", str(path / "shared"))
    with pytest.raises(Conflict):
        files.set_attributes(folder, "shared", 0o2775, 0, 2000, expected)
    assert attributes(path / "victim") == (0o700, 0, 0)


# -- links, renaming, sweeping ------------------------------------------


def test_a_link_is_replaced_and_its_target_untouched(place):
    path, folder = place
    os.symlink("file", str(path / "link"))
    files.replace_symlink(folder, "link", "/data/users/kim", 2001, 2002)
    assert os.readlink(str(path / "link")) == "/data/users/kim"
    assert attributes(path / "link")[1:] == (2001, 2002)
    assert (path / "file").read_bytes() == OLD and attributes(path / "file") == (0o644, 0, 0)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_never_replaces_anything_else(place, kind):
    path, folder = place
    if kind == "folder":
        os.mkdir(str(path / "folder"))
    with pytest.raises(Conflict):
        files.replace_symlink(folder, kind, "x", 0, 0)
    assert not (path / kind).is_symlink()
    assert set(os.listdir(str(path))) == {"file", kind}


def test_renaming_aside_takes_the_first_free_name(place):
    path, folder = place
    (path / ".file.old.1").mkdir()
    assert files.rename_aside(folder, "file", "old") == ".file.old.2"
    assert (path / ".file.old.2").read_bytes() == OLD


def test_a_move_never_takes_the_place_of_anything(place):
    path, folder = place
    (path / "there").mkdir()
    (path / "there" / "taken").write_bytes(NEW)
    there = os.open(str(path / "there"), files.OPEN_FOLDER)
    try:
        with pytest.raises(Conflict):
            files.move(folder, "file", there, "taken")
        assert (path / "there" / "taken").read_bytes() == NEW
        assert (path / "file").read_bytes() == OLD
        files.move(folder, "file", there, "free")
    finally:
        os.close(there)
    assert (path / "there" / "free").read_bytes() == OLD
    assert not (path / "file").exists()


def test_sweeping_takes_candidates_only(place):
    path, folder = place
    for name in (".aica-tmp.file.1.ab", ".aica-tmpfile", "aica-tmp.file", ".aica-new.kim"):
        (path / name).write_text("x")
    files.sweep_candidates(folder)
    assert sorted(os.listdir(str(path))) == [".aica-new.kim", ".aica-tmpfile", "aica-tmp.file",
                                             "file"]
