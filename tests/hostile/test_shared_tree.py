"""What members can do to a tree that root walks: each attack of safety.md, against the repair.

The victims are files beside the tree that no walk below it may ever touch.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import stat
import time
import traceback

import pytest
import snapshot

from aica import sharing
from aica.permissions import Order

GID = 2000
MEMBER, COLLEAGUE = 2001, 2002
FULL = bool(os.environ.get("CI"))
NAMES = 100000 if FULL else 3000
RACE_S = 20 if FULL else 2
libc = ctypes.CDLL(None, use_errno=True)

pytestmark = pytest.mark.usefixtures("root_rights")


class Place:
    """A shared tree, and the victims beside it."""

    def __init__(self, root):
        self.root = str(root)
        self.top = self.root + "/tree"
        self.outside = self.root + "/outside"
        for folder in (self.top, self.outside, self.outside + "/home"):
            os.mkdir(folder)
            os.chmod(folder, 0o700)
        for name in ("shadow", "home/thesis"):
            self.file(self.outside + "/" + name, 0o600)

    def file(self, path, mode, uid=0, gid=0):
        path = path if path.startswith("/") else self.top + "/" + path
        with open(path, "wb"):
            pass
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def folder(self, path, mode=0o755, uid=0, gid=0):
        path = path if path.startswith("/") else self.top + "/" + path
        os.mkdir(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def stat(self, path):
        info = os.lstat(path if path.startswith("/") else self.top + "/" + path)
        return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid

    def victims(self):
        return snapshot.tree(self.outside, times=True)

    def run(self, work, **order):
        top = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return work(top, Order(GID, **order))
        finally:
            os.close(top)

    def repair(self, **order):
        return self.run(sharing.repair, **order)

    def survey(self, **order):
        return self.run(sharing.survey, **order)


@pytest.fixture
def place(tmp_path):
    """A tree whose victims must be as they were when the test ends."""
    found = Place(tmp_path)
    before = found.victims()
    yield found
    assert found.victims() == before


def wrong(tally):
    """Return what a survey counts, without the number of entries."""
    return {kind: number for kind, number in tally.counts.items() if kind != "entries"}


# -- what is repaired ------------------------------------------------------------------------


def test_modes_and_group_are_repaired_and_the_owner_never(place):
    place.folder("a", 0o700, MEMBER, MEMBER)
    place.file("a/private", 0o600, MEMBER, MEMBER)
    place.file("a/tool", 0o755, COLLEAGUE, MEMBER)
    place.file("a/setuid", 0o4755, MEMBER, GID)
    place.file("a/open", 0o666, MEMBER, GID)
    assert place.repair().counts["changed"] == 5
    names = ("a", "a/private", "a/tool", "a/setuid", "a/open")
    assert {name: place.stat(name) for name in names} == {
        "a": (0o2770, MEMBER, GID), "a/private": (0o660, MEMBER, GID),
        "a/tool": (0o775, COLLEAGUE, GID), "a/setuid": (0o775, MEMBER, GID),
        "a/open": (0o664, MEMBER, GID)}
    assert wrong(place.survey()) == {}


def test_a_second_pass_changes_no_ctime(place):
    place.folder("a", 0o700)
    for number in range(50):
        place.file("a/{}".format(number), 0o600)
    place.repair()
    before = snapshot.tree(place.top, times=True)
    assert "changed" not in place.repair().counts
    assert snapshot.tree(place.top, times=True) == before


def test_a_survey_changes_nothing(place):
    place.file("a", 0o600)
    before = snapshot.tree(place.top, times=True)
    assert wrong(place.survey()) == {"file-mode": 1, "group": 1}
    assert snapshot.tree(place.top, times=True) == before


def test_without_protected_hard_links_nothing_is_changed(place, monkeypatch, tmp_path):
    (tmp_path / "sysctl").write_text("0\n")
    monkeypatch.setattr(sharing, "PROTECTED", str(tmp_path / "sysctl"))
    place.file("a", 0o600)
    with pytest.raises(Exception, match="hard links are not protected"):
        place.repair()
    assert place.stat("a") == (0o600, 0, 0)


# -- what is left alone ----------------------------------------------------------------------


@pytest.fixture
def loose_place(tmp_path):
    """A place whose victims the test changes itself."""
    return Place(tmp_path)


def test_a_hard_link_to_a_victim(loose_place):
    os.link(loose_place.outside + "/shadow", loose_place.top + "/mine")
    victims = loose_place.victims()
    assert wrong(loose_place.repair()) == {"hard-linked": 1}
    assert loose_place.victims() == victims


def test_rename_theft(loose_place):
    """S12: a colleague's 0600 file moved into one's own folder stays the colleague's."""
    place = loose_place
    place.folder("mine", 0o2775, MEMBER, GID)
    place.file("private", 0o600, COLLEAGUE, COLLEAGUE)
    os.rename(place.top + "/private", place.top + "/mine/private")
    place.repair()
    assert place.stat("mine/private")[1] == COLLEAGUE


def test_hard_link_theft(loose_place):
    """S11: two names of one file, one of them in an environment: neither changes."""
    place = loose_place
    place.file("python", 0o755, COLLEAGUE, COLLEAGUE)
    place.folder("env", 0o2775, MEMBER, GID)
    os.link(place.top + "/python", place.top + "/env/python")
    assert wrong(place.repair()) == {"hard-linked": 2}
    assert place.stat("python") == place.stat("env/python") == (0o755, COLLEAGUE, COLLEAGUE)


def test_secrets_stay_closed(place):
    place.file("token", 0o600, MEMBER, MEMBER)
    place.folder(".ssh", 0o700, MEMBER, MEMBER)
    place.file(".ssh/config", 0o600, MEMBER, MEMBER)
    assert wrong(place.repair()) == {"secret": 2}
    assert place.stat("token")[0] == 0o600 and place.stat(".ssh/config")[0] == 0o600


def test_links_at_every_place(place):
    for name, target in (("etc", "/etc"), ("home", place.outside + "/home"), ("loop", "loop"),
                         ("up", ".."), ("shadow", place.outside + "/shadow"), ("gone", "/no")):
        os.symlink(target, place.top + "/" + name)
    assert wrong(place.repair()) == {}


def test_fifos_sockets_and_devices_are_never_opened(place):
    os.mkfifo(place.top + "/fifo", 0o600)
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(place.top)  # the name of a socket may have 108 bytes only
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()
    os.mknod(place.top + "/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    signal.alarm(20)
    try:
        assert wrong(place.repair()) == {"special": 3}
    finally:
        signal.alarm(0)
    assert place.stat("device")[0] == 0o600


def test_hostile_names(place):
    names = [b"line\nfeed", b"\x1b]0;title\x07", b"\xff\xfe", b"-rf", b" ", b"a" * 255]
    for name in names:
        path = os.fsencode(place.top) + b"/" + name
        os.mkdir(path)
        os.chmod(path, 0o755)
    tally = place.repair()
    assert tally.counts["changed"] == len(names)
    assert "\udcff\udcfe" in tally.examples["changed"]


def test_an_immutable_file_is_told_and_the_others_are_repaired(place, needs):
    path = place.file("fixed", 0o600, MEMBER, GID)
    place.file("other", 0o600, MEMBER, GID)
    needs(_set_immutable(path, True), "needs a file system with chattr +i")
    try:
        assert wrong(place.repair()) == {"changed": 1, "Operation not permitted": 1}
        assert wrong(place.survey()) == {"file-mode": 1}
    finally:
        _set_immutable(path, False)


def _set_immutable(path, on):
    import fcntl
    import struct
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, 0x40086602, struct.pack("l", 0x10 if on else 0))  # FS_IOC_SETFLAGS
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


# -- mounts ----------------------------------------------------------------------------------


def in_private_mounts(function):
    """Run function in a child whose mounts nobody else sees."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if libc.unshare(0x00020000) != 0:
                os._exit(77)
            _mount(b"none", b"/", None, 1 << 14 | 1 << 18)  # MS_REC | MS_PRIVATE
            function()
            code = 0
        except BaseException:  # noqa: BLE001 - the edge of a child
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] >> 8


def _mount(source, target, fstype, flags=0):
    if libc.mount(source, target, fstype, flags, None) != 0:
        raise OSError(ctypes.get_errno(), "mount {}".format(target))


BIND = 1 << 12


@pytest.mark.parametrize("late", [False, True], ids=["before", "during the walk"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_mounts_in_the_tree_are_not_crossed(place, needs, kind, late):
    place.folder("dir")
    place.folder("dir/deeper")
    place.file("file", 0o600)

    def mount():
        if kind == "tmpfs":
            _mount(b"tmpfs", (place.top + "/dir/deeper").encode(), b"tmpfs")
            place.file("dir/deeper/inside", 0o600)
        elif kind == "bind":
            _mount((place.outside + "/home").encode(), (place.top + "/dir/deeper").encode(), None,
                   BIND)
        else:
            _mount((place.outside + "/shadow").encode(), (place.top + "/file").encode(), None,
                   BIND)

    def attempt():
        if late:
            judge, mounted = sharing._judge, []

            def slow(*args):
                if not mounted:
                    mounted.append(mount())
                return judge(*args)
            sharing._judge = slow
        else:
            mount()
        tally = place.repair()
        if kind == "tmpfs":
            assert place.stat("dir/deeper/inside") == (0o600, 0, 0)
        assert sharing.tree.MOUNT in tally.counts or (late and kind == "file"), tally.counts

    code = in_private_mounts(attempt)
    needs(code != 77, "needs the right to make a mount namespace")
    assert code == 0


# -- sizes -----------------------------------------------------------------------------------


@contextlib.contextmanager
def limited(descriptors, memory_bytes):
    """The soft limits that a hostile caller, or a small container, leaves us."""
    with contextlib.ExitStack() as stack:
        for what, limit in ((resource.RLIMIT_NOFILE, descriptors),
                            (resource.RLIMIT_AS, memory_bytes)):
            before = resource.getrlimit(what)
            stack.callback(resource.setrlimit, what, before)
            resource.setrlimit(what, (limit, before[1]))
        yield


def test_many_names_in_a_folder_with_64_descriptors_and_256_mib(place):
    folder = os.open(place.folder("many"), os.O_RDONLY)
    for number in range(NAMES):
        os.mknod("\n\x1b[31m{:06}".format(number), 0o600 | stat.S_IFREG, dir_fd=folder)
    os.close(folder)

    def attempt():
        with limited(64, 256 << 20):
            tally = place.repair()
            assert tally.counts["changed"] == NAMES + 1
            assert len(tally.examples["changed"]) == 10

    assert _in_child(attempt) == 0
    assert wrong(place.survey()) == {}


def _in_child(function):
    """Run function in a child, so that a limit that it hits hits nobody else."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.closerange(3, 256)
            function()
            code = 0
        except BaseException:  # noqa: BLE001 - the edge of a child
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


# -- races -----------------------------------------------------------------------------------


def _exchange(first, second):
    """Swap two names in one step: renameat2(2) with RENAME_EXCHANGE."""
    return libc.renameat2(-100, first, -100, second, 2)


@contextlib.contextmanager
def attacker(*pairs):
    """A process that swaps pairs of paths as fast as it can."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                for first, second in pairs:
                    _exchange(first, second)
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_swaps_of_files_and_folders_for_links(place, needs):
    """S10: the shell version made /etc/shadow 0664 in two runs of this."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    bait = place.folder("bait", 0o2775, gid=GID)
    pairs = []
    for name, target, make in (("file", "shadow", place.file), ("dir", "home", place.folder)):
        make("bait/" + name, 0o600 if name == "file" else 0o700)
        os.symlink(place.outside + "/" + target, bait + "/link-" + name)
        pairs.append(tuple(os.fsencode(bait + "/" + n) for n in (name, "link-" + name)))
    place.file("bait/dir/thesis", 0o600)
    victims = place.victims()
    passes, deadline = 0, time.monotonic() + RACE_S
    with attacker(*pairs[:1]), attacker(*pairs[1:]):
        while time.monotonic() < deadline:
            place.repair()
            passes += 1
            for name in ("file", "dir", "link-file", "link-dir"):  # wrong again for the next pass
                _close(bait, name)
    assert passes > 50
    assert place.victims() == victims


def _close(folder, name):
    """Make the inode itself private again, whatever its name is by now."""
    with contextlib.suppress(OSError):
        handle = os.open(folder + "/" + name, os.O_RDONLY | os.O_NOFOLLOW)
        os.fchmod(handle, 0o700)
        os.close(handle)


def test_swaps_of_folders_above_the_walk(loose_place, needs):
    """A folder that trades places with a link while the walk is far below it."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    place = loose_place
    place.folder("a")
    place.folder("a/b")
    for number in range(40):
        place.folder("a/b/{}".format(number))
    os.makedirs(place.outside + "/home/b")
    for number in range(40):
        place.file(place.outside + "/home/b/{}".format(number), 0o600)
    victims = place.victims()
    os.symlink(place.outside + "/home", place.top + "/link")
    deadline = time.monotonic() + RACE_S
    with attacker((os.fsencode(place.top + "/a"), os.fsencode(place.top + "/link"))):
        while time.monotonic() < deadline:
            place.repair()
    assert place.victims() == victims
