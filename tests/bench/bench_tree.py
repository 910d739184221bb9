"""What a walk of the shared trees costs, in ratios to find, chgrp and chmod in the same run.

Prints, asserts nothing. As root: python3 tests/bench/bench_tree.py [ENTRIES [FOLDER]]
"""

import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

from wiped import throw_away_folder  # noqa: E402

from aica import tree  # noqa: E402
from aica.permissions import Order  # noqa: E402
from aica.tree import sharing  # noqa: E402

ENTRIES = 100000
AGAIN = 5
GID = 2000
LATENCY_S = 0.0003  # of a call to a good NFS server
FAR_ENTRIES = 10000


def build(root, entries):
    """Make a tree like conda's: 20 files a folder, folders in folders, all as it should be."""
    made = number = 0
    while made < entries:
        folder = "{}/{:02}/{:03}".format(root, number % 20, number)
        os.makedirs(folder)
        for name in range(20):
            os.mknod("{}/file{}.py".format(folder, name), 0o100664)
        made += 21
        number += 1
    repair(root)
    return made


def build_flat(root, entries):
    """Put all entries into one folder, as a data set of single images is."""
    folder = root + "/train"
    os.mkdir(folder)
    for number in range(entries):
        os.mknod("{}/{:08}.jpg".format(folder, number), 0o100664)
    repair(root)


def opened(root):
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY)


def repair(root, work=sharing.repair):
    """Walk a tree as `aica permissions apply` does, once."""
    top = opened(root)
    try:
        return work(top, Order(GID))
    finally:
        os.close(top)


def alone(root, workers=1, threads=False):
    """Look through a tree with one worker, or so many."""
    top = opened(root)
    try:
        tree.run(top, lambda: sharing.Survey(Order(GID)), workers, threads)
    finally:
        os.close(top)


class FarAway:
    """The os module of a network disk: each call that would go there takes so long."""

    ASKING = ("lstat", "open", "scandir")

    def __init__(self, seconds):
        self._seconds = seconds

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.ASKING:
            return real

        def call(*args, **kwargs):
            time.sleep(self._seconds)
            return real(*args, **kwargs)
        return call


def far_away(root, threads):
    """Return how long a walk takes where each lstat, open and scandir takes LATENCY_S longer."""
    tree.walk.os = FarAway(LATENCY_S)
    try:
        start = time.perf_counter()
        alone(root, threads or 1, threads > 0)
        return time.perf_counter() - start
    finally:
        tree.walk.os = os


def spoil(root):
    """Make everything wrong: another group, nothing for the group, no setgid."""
    run("chgrp", "-R", "0", root)
    run("chmod", "-R", "g-rwxs", root)


def run(*argv):
    """Run a program."""
    subprocess.check_call(argv, stdout=subprocess.DEVNULL)


def by_tools(root):
    """Repair a tree as an admin would: three passes."""
    run("chgrp", "-R", str(GID), root)
    run("chmod", "-R", "g+rwX", root)
    run("find", root, "-type", "d", "-exec", "chmod", "g+s", "{}", "+")


def median_s(action, before=None):
    """Return the median of some runs, in seconds."""
    times = []
    for _ in range(AGAIN):
        if before is not None:
            before()
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def memory_mb(root, workers=0):
    """Return the largest sum of the memory (PSS) of a walk and its workers, in MB."""
    child = os.fork()
    if child == 0:
        alone(root, workers)
        os._exit(0)
    highest = 0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        highest = max(highest, sum(pss_kb(pid) for pid in [child] + children(child)))
        time.sleep(0.01)
    return highest / 1024.0


def children(pid):
    """Return the ids of the children of a process."""
    try:
        with open("/proc/{0}/task/{0}/children".format(pid)) as text:
            return [int(word) for word in text.read().split()]
    except OSError:
        return []


def pss_kb(pid):
    """Return the proportional memory of a process, 0 if it is gone."""
    try:
        with open("/proc/{}/smaps_rollup".format(pid)) as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except OSError:
        return 0


def main(entries=ENTRIES, folder=None):
    """Measure and print."""
    with throw_away_folder() as root:
        root = folder or root
        near(root, int(entries))
    with throw_away_folder() as root:
        build_flat(root, int(entries))
        print("\nthe same number in one folder")
        find = median_s(lambda: find_foreign(root))
        show("find ROOT ! -uid U -printf ''", find, find)
        show("nothing wrong", median_s(lambda: repair(root)), find)
    for name, make in (("folders of 20", build), ("one folder", build_flat)):
        with throw_away_folder() as root:
            make(root, FAR_ENTRIES)
            print("\n{:,} entries in {}, {} ms a call".format(FAR_ENTRIES, name, LATENCY_S * 1000))
            one = far_away(root, 0)
            show("one after the other, as find", one, one)
            show("{} threads".format(sharing.NETWORK_THREADS),
                 far_away(root, sharing.NETWORK_THREADS), one)


def near(root, entries):
    """Measure a tree on a local disk."""
    made = build(root, entries)
    print("{:,} entries, {} processors, median of {}".format(made, tree.workers.available(),
                                                            AGAIN))
    find = median_s(lambda: find_foreign(root))
    show("find ROOT ! -uid U -printf ''", find, find)
    show("nothing wrong, one worker", median_s(lambda: alone(root)), find)
    show("nothing wrong", median_s(lambda: repair(root)), find)
    tools = median_s(lambda: by_tools(root), lambda: spoil(root))
    show("chgrp -R, chmod -R, find -exec chmod g+s +", tools, tools)
    show("everything wrong", median_s(lambda: repair(root), lambda: spoil(root)), tools)
    print("memory of all processes: {:.0f} MB; of 16 workers: {:.0f} MB".format(
        memory_mb(root), memory_mb(root, 16)))


def find_foreign(root):
    """Look at every entry once, in C."""
    run("find", root, "!", "-uid", "1", "-printf", "")


def show(name, seconds, reference):
    """Print one measurement."""
    print("{:46} {:7.3f} s  {:5.2f} x".format(name, seconds, seconds / reference))


if __name__ == "__main__":
    main(*sys.argv[1:])
