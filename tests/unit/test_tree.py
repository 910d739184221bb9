"""The walker: complete, bounded, the same answer from one worker and from many."""

import contextlib
import os
import resource
import signal
import time

import pytest

from aica import tree
from aica.tree import fence, workers
from aica.tree.walk import is_folder


class Names(tree.Visitor):
    """Collects the paths of everything."""

    def __init__(self, ordered=False):
        self.ordered = ordered
        self.paths, self.problems, self.ends = [], [], []

    def visit(self, here, name, status):
        self.paths.append(here.path(name))
        return is_folder(status)

    def left(self, here, name):
        self.ends.append(here.path(name))

    def problem(self, here, name, what):
        self.problems.append((here.path(name), what))

    def report(self):
        return [[path.decode("latin-1") for path in self.paths],
                [what for _, what in self.problems]]


@contextlib.contextmanager
def opened(path):
    """Yield the descriptor of a folder."""
    handle = os.open(str(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)


def walk(path, visitor=None, **options):
    visitor = visitor or Names()
    with opened(path) as top, tree.Walk(top, **options) as walker:
        walker.run(visitor)
    return visitor


def paths_of(reports):
    return [path for report in reports for path in report[0]]


def build(root, folders, files):
    for number in range(folders):
        folder = root / "{:03}".format(number) / "deep" / "er"
        folder.mkdir(parents=True)
        for name in range(files):
            (folder / "f{}".format(name)).write_bytes(b"")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_every_entry_is_visited_once(tmp_path):
    build(tmp_path, 5, 4)
    os.symlink("/etc", str(tmp_path / "link"))
    found = walk(tmp_path).paths
    expected = [os.path.relpath(os.path.join(folder, name), str(tmp_path)).encode()
                for folder, folders, files in os.walk(str(tmp_path)) for name in folders + files]
    assert sorted(found) == sorted(expected)


def test_an_ordered_visitor_gets_the_names_in_order(tmp_path):
    for name in "cab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").mkdir()
    assert walk(tmp_path, Names(ordered=True)).paths == [
        b"a", b"b", b"c", b"a/x", b"b/x", b"c/x"]


def test_a_folder_is_left_after_everything_below_it(tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert walk(tmp_path).ends == [b"a/b/c", b"a/b", b"a"]


@pytest.mark.parametrize("name", [b"line\nfeed", b"\x1b[31mred", b"\xff\xfe", b" ", b"-rf",
                                  "한글".encode()])
def test_names_are_bytes_and_may_be_anything(tmp_path, name):
    os.mkdir(os.path.join(os.fsencode(str(tmp_path)), name))
    assert walk(tmp_path).paths == [name]


@pytest.mark.parametrize("count, threads", [(1, False), (2, False), (5, False), (1, True),
                                            (4, True)])
def test_workers_find_the_same_together_as_one_alone(tmp_path, count, threads):
    build(tmp_path, 200, 3)
    with opened(tmp_path) as top:
        alone = paths_of(tree.run(top, Names, 1))
        shared = tree.run(top, Names, count, threads)
        again = tree.run(top, Names, count, threads)
    assert sorted(paths_of(shared)) == sorted(alone) and len(alone) == 200 * 6
    assert shared == again


@pytest.mark.parametrize("count, threads", [(2, False), (3, True)])
def test_a_big_folder_is_shared_out_and_each_name_is_visited_once(tmp_path, monkeypatch, count,
                                                                  threads):
    monkeypatch.setattr(workers, "NEAR", workers.NEAR._replace(big=50))
    monkeypatch.setattr(workers, "FAR", workers.FAR._replace(big=50))
    build(tmp_path / "big", 200, 1)
    (tmp_path / "small").mkdir()
    with opened(tmp_path) as top:
        first, *shared = tree.run(top, Names, count, threads)
        alone = paths_of(tree.run(top, Names, 1))
    found = paths_of([first] + shared)
    assert sorted(found) == sorted(alone) and len(alone) == 802
    assert not any(path.startswith("big/") for path in first[0])
    parts = [len([path for path in report[0] if path.startswith("big/")]) for report in shared]
    assert sorted(parts, reverse=True)[count - 1] > 100, "each worker had its share"


def test_a_large_machine_is_not_filled_with_workers(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(128)))
    assert workers.available() == 16


def test_progress_adds_up(tmp_path):
    build(tmp_path, 100, 3)
    for count in (1, 2):
        ticks = []
        with opened(tmp_path) as top:
            found = paths_of(tree.run(top, Names, count, tick=ticks.append))
        if count == 2:
            assert sum(ticks) == len(found)


def test_no_descriptor_and_no_child_is_left(tmp_path):
    build(tmp_path, 100, 1)
    before = descriptors()
    with opened(tmp_path) as top:
        tree.run(top, Names, 3)
        tree.run(top, Names, 3, threads=True)
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


class Clumsy(Names):
    """Has a bug."""

    def visit(self, here, name, status):
        if name == b"f1":
            raise KeyError("the bug")
        return super().visit(here, name, status)


@pytest.mark.parametrize("threads", [False, True])
def test_a_bug_in_a_worker_is_shown_and_ends_all(tmp_path, threads):
    build(tmp_path, 100, 3)
    with opened(tmp_path) as top, pytest.raises(RuntimeError, match="the bug"):
        tree.run(top, Clumsy, 2, threads)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


class Killed(Names):
    """Its process is killed."""

    def visit(self, here, name, status):
        if name == b"f1" and os.getpid() != PARENT:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().visit(here, name, status)


PARENT = os.getpid()


def test_a_killed_worker_is_no_success(tmp_path):
    build(tmp_path, 100, 3)
    with opened(tmp_path) as top, pytest.raises(RuntimeError, match="killed"):
        tree.run(top, Killed, 2)


class Slow(Names):
    """Takes its time, and tells that it works."""

    def visit(self, here, name, status):
        time.sleep(0.01)
        return super().visit(here, name, status)


def _children_of(pid):
    with open("/proc/{0}/task/{0}/children".format(pid)) as text:
        return [int(word) for word in text.read().split()]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_us(tmp_path, end):
    build(tmp_path, 400, 3)
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            with opened(tmp_path) as top:
                tree.run(top, Slow, 2)
        finally:
            os._exit(0)
    deadline = time.monotonic() + 30
    while len(_children_of(child)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    forked = _children_of(child)
    assert len(forked) == 2
    os.kill(child, end)
    os.waitpid(child, 0)
    while any(os.path.exists("/proc/{}/fd/0".format(pid)) for pid in forked):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_keeps_no_lock_of_ours(tmp_path):
    """A lock that a forked worker holds would outlive a killed run."""
    build(tmp_path, 100, 1)

    class Looks(Names):
        def visit(self, here, name, status):
            if os.getpid() != PARENT and os.path.exists("/proc/self/fd/{}".format(lock)):
                assert not os.path.samestat(os.fstat(lock), os.stat(str(tmp_path / "lock")))
            return super().visit(here, name, status)

    (tmp_path / "lock").write_bytes(b"")
    lock = os.open(str(tmp_path / "lock"), os.O_RDONLY)
    try:
        with opened(tmp_path) as top:
            tree.run(top, Looks, 2)
    finally:
        os.close(lock)


def deep(root, levels, name="d" * 50):
    """Make a chain of folders, longer than any path may be."""
    here = os.open(str(root), os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


@contextlib.contextmanager
def descriptor_limit(limit):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


LEVELS = 5000


@pytest.fixture
def chain(bottomless):
    """A folder with 5,000 levels."""
    deep(bottomless, LEVELS)
    yield bottomless
    remove(bottomless)


class Remover(tree.Visitor):
    """Empties a folder: what cleaning will be built on."""

    def visit(self, here, name, status):
        if is_folder(status):
            return True
        os.unlink(name, dir_fd=here.handle)
        return False

    def left(self, here, name):
        os.rmdir(name, dir_fd=here.handle)

    def problem(self, here, name, what):
        raise AssertionError((here.path(name)[:80], what))


def remove(path):
    walk(path, Remover())


class Counter(tree.Visitor):
    """Counts, and remembers no paths: those of 5,000 levels are 640 MB."""

    def __init__(self):
        self.entries = self.problems = 0

    def visit(self, here, name, status):
        self.entries += 1
        return is_folder(status)

    def problem(self, here, name, what):
        self.problems += 1

    def report(self):
        return [self.entries, self.problems]


def test_5000_levels_with_64_descriptors(chain):
    used = descriptors()
    with descriptor_limit(max(64, used + 48)):
        found = walk(chain, Counter())
        with opened(chain) as top:
            shared = tree.run(top, Counter, 2)
    assert found.report() == [LEVELS, 0]
    assert [sum(column) for column in zip(*shared)] == [LEVELS, 0]


def test_a_folder_moved_away_during_the_walk_is_abandoned(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "elsewhere").mkdir()
    deep(tmp_path / "tree", 8, "d")
    (tmp_path / "elsewhere" / "secret").mkdir()
    (tmp_path / "tree" / "last").mkdir()

    class Mover(Names):
        def visit(self, here, name, status):
            if here.path(name) == b"d/d/d/d/d/d/d/d":
                os.rename(str(tmp_path / "tree/d/d/d/d/d"), str(tmp_path / "elsewhere" / "d"))
            return super().visit(here, name, status)

    found = walk(tmp_path / "tree", Mover(), held=2)
    assert [what for _, what in found.problems] == [tree.walk.MOVED]
    assert not any(b"secret" in path for path in found.paths)
    assert b"last" in found.paths


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "outside" / "victim").mkdir(parents=True)

    class Swapper(Names):
        def visit(self, here, name, status):
            if name == b"a":
                os.rmdir(str(tmp_path / "tree" / "a"))
                os.symlink(str(tmp_path / "outside"), str(tmp_path / "tree" / "a"))
            return super().visit(here, name, status)

    found = walk(tmp_path / "tree", Swapper())
    assert found.paths == [b"a"] and found.problems == [(b"a", tree.SWAPPED)]


def test_a_removed_entry_is_no_problem(tmp_path):
    (tmp_path / "a").mkdir()

    class Remove(Names):
        def visit(self, here, name, status):
            os.rmdir(str(tmp_path / "a"))
            return super().visit(here, name, status)

    assert walk(tmp_path, Remove()).problems == []


def test_levels_fit_into_the_descriptors_there_are():
    with descriptor_limit(256):
        assert workers._levels(1) == 32
        assert 2 <= workers._levels(16) <= 12


def test_a_tally_is_capped_and_adds_up():
    class Here:
        @staticmethod
        def path(name):
            return name

    parts = []
    for part in range(3):
        tally = tree.Tally()
        for number in range(1000):
            tally.add("kind", Here, b"%d/%d" % (part, number))
        parts.append(tally.report())
    total = tree.Tally()
    for part in parts:
        total.merge(part)
    assert total.counts == {"kind": 3000}
    assert total.examples == {"kind": ["0/{}".format(number) for number in range(10)]}


def test_another_device_lies_outside_also_where_no_mount_is_known(tmp_path):
    """A subvolume of btrfs is no mount, and yet it is another file system."""
    top = os.open(str(tmp_path), os.O_RDONLY)
    bounds = fence.Fence(top)
    try:
        here = os.fstat(top)
        other = os.stat_result([here.st_dev + 1 if n == 2 else here[n] for n in range(10)])
        assert bounds.holds(top, here) and not bounds.holds(top, other)
    finally:
        bounds.close()
        os.close(top)
