"""A member swaps names while root works there: S10, S12, R31 of safety.md, at every door.

The attackers use RENAME_EXCHANGE in a loop, and a race goes on for some seconds and passes: one
that ran once proves nothing.
"""

import contextlib
import os
import stat
import time

import pytest
from attacks import COLLEAGUE, GID, MEMBER, RACE_S, Place, attacker, close, libc

from aica import permissions
from aica.errors import AicaError
from aica.resources.directory import SharedDirectory
from aica.tree import saved, sharing, workers

pytestmark = pytest.mark.usefixtures("root_rights")

# However busy the machine is, this many passes of work at least.
PASSES = 20
NAMES = ("file", "dir", "link-file", "link-dir")


@pytest.fixture
def loose_place(tmp_path, needs):
    """A folder `bait`, where a file and a folder trade places with links to victims."""
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    found = Place(tmp_path)
    found.bait = found.folder("bait", 0o2775, gid=GID)
    found.file("bait/file", 0o600, MEMBER, GID)
    found.folder("bait/dir", 0o700, MEMBER, GID)
    found.file("bait/dir/thesis", 0o600, MEMBER, GID)
    os.symlink(found.outside + "/shadow", found.bait + "/link-file")
    os.symlink(found.outside + "/home", found.bait + "/link-dir")
    return found


@pytest.fixture
def place(loose_place):
    """The same; the victims must be as they were when the test ends."""
    before = loose_place.victims()
    yield loose_place
    assert loose_place.victims() == before


def pairs(place):
    path = os.fsencode(place.bait)
    return [(path + b"/file", path + b"/link-file"), (path + b"/dir", path + b"/link-dir")]


def under_attack(place, work, swaps=None, spoil=close):
    """Repeat work() while names are swapped, and spoil(folder, name) after each pass."""
    passes, deadline = 0, time.monotonic() + RACE_S
    with contextlib.ExitStack() as stack:
        for pair in swaps or pairs(place):
            stack.enter_context(attacker(pair))
        while time.monotonic() < deadline or passes < PASSES:
            work()
            passes += 1
            for name in NAMES:  # wrong again for the next pass
                spoil(place.bait, name)


def test_the_workers_are_not_led_out(place, monkeypatch):
    """S10, with everything below the top left to another process."""
    monkeypatch.setattr(workers, "NEAR", workers.Split(1, 1, 1))
    under_attack(place, place.repair)


def test_threads_are_not_led_out(place):
    """S10, as on a network disk."""
    under_attack(place, lambda: place.run(lambda top, order: sharing.repair(top, order, True)))


def test_a_path_that_an_admin_names_is_not_led_out(place):
    """S10: `aica permissions apply PATH`, whose last folder is swapped."""

    def apply():
        with contextlib.suppress(AicaError, OSError):  # refused: it was a link just then
            place.repair(path=(b"bait", b"dir"))

    under_attack(place, apply)


def test_a_hard_link_swapped_in_is_left_alone(loose_place):
    """S11: between looking and acting the file becomes a second name of the victim's."""
    place = loose_place
    os.unlink(place.bait + "/link-file")
    os.link(place.outside + "/shadow", place.bait + "/link-file")
    under_attack(place, place.repair, pairs(place)[:1], _spoil_of_member)
    assert place.stat(place.outside + "/shadow") == (0o600, 0, 0)


def _spoil_of_member(folder, name):
    """Make the member's own file private again; nobody else's."""
    with contextlib.suppress(OSError):
        handle = os.open(folder + "/" + name, os.O_RDONLY | os.O_NOFOLLOW)
        if os.fstat(handle).st_uid == MEMBER:
            os.fchmod(handle, 0o600)
        os.close(handle)


def test_saving_is_not_led_out(place):
    """No line tells the inode, or the mode, of anything outside."""
    outside = {os.lstat(path).st_ino for path in (
        place.outside + "/shadow", place.outside + "/home", place.outside + "/home/thesis")}
    lines = []

    def save():
        del lines[:]
        place.run(lambda top, _order: saved.save(top, "models", lines.append))
        assert not outside & {saved.parse(line).inode for line in lines}

    under_attack(place, save)


def test_restoring_is_not_led_out_and_opens_nothing_of_a_colleagues(place):
    """S12: a colleague's private file trades places with one that was saved as open to all."""
    private = place.file("bait/private", 0o600, COLLEAGUE, COLLEAGUE)
    lines = []
    for name, mode in (("file", 0o666), ("dir", 0o777), ("dir/thesis", 0o666)):
        os.chmod(place.bait + "/" + name, mode)
        lines.append(saved.line_of(os.fsencode("models/bait/" + name),
                                   os.lstat(place.bait + "/" + name)))

    def restore():
        entries = [saved.parse(line) for line in lines]
        place.run(lambda top, _order: saved.restore(top, 1, entries, change=True))

    swaps = [(os.fsencode(place.bait + "/file"), os.fsencode(private))] + pairs(place)[1:]
    under_attack(place, restore, swaps, _spoil_of_member)
    found = [os.lstat(place.bait + "/" + name) for name in ("file", "private")]
    modes = {status.st_uid: stat.S_IMODE(status.st_mode) for status in found}
    assert modes[COLLEAGUE] == 0o600


def test_the_boots_own_folder_inside_a_members_is_not_led_out(whole):
    """S6, row 33: models/huggingface/hub lies where every member may rename it."""
    top, gid = whole.path("/data/models/huggingface"), whole.stat("/data/models/huggingface")[2]
    whole.folder("/victim", 0o700)
    os.symlink(whole.path("/victim"), top + "/link")
    before = whole.stat("/victim")
    hub = SharedDirectory("/data/models/huggingface/hub", "gpu-users", gid, True)
    seen, deadline = set(), time.monotonic() + RACE_S
    with attacker((os.fsencode(top + "/hub"), os.fsencode(top + "/link"))):
        while time.monotonic() < deadline or not {"blocked", "changed"} <= seen:
            seen.add(whole.converge([hub])[0].status)
            for name in ("hub", "link"):
                _narrow(top, name)
    assert whole.stat("/victim") == before


def _narrow(folder, name):
    with contextlib.suppress(OSError):
        handle = os.open(folder + "/" + name, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        os.fchmod(handle, 0o2700)
        os.close(handle)


def test_what_is_counted_is_told_as_swapped(place):
    """An attack that failed is seen in the report, with the name of the place."""
    kinds = set()
    under_attack(place, lambda: kinds.update(place.repair().counts))
    assert kinds & {"swapped for something else", permissions.CHANGED}
