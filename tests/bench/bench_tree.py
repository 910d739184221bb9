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

from aica import sharing, tree  # noqa: E402
from aica.permissions import Order  # noqa: E402

ENTRIES = 100000
AGAIN = 5
GID = 2000


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


def opened(root):
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY)


def repair(root, work=sharing.repair):
    """Walk a tree as `aica permissions apply` does, once."""
    top = opened(root)
    try:
        return work(top, Order(GID))
    finally:
        os.close(top)


def alone(root):
    """Look through a tree with one worker."""
    top = opened(root)
    try:
        tree.run(top, lambda: sharing.Survey(Order(GID)), 1)
    finally:
        os.close(top)


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


def memory_mb(root):
    """Return the largest sum of the memory (PSS) of a walk and its workers, in MB."""
    child = os.fork()
    if child == 0:
        repair(root, sharing.survey)
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
        made = build(root, int(entries))
        print("{:,} entries, {} processors, median of {}".format(made, tree.workers.available(),
                                                                AGAIN))
        find = median_s(lambda: run("find", root, "!", "-uid", "1", "-printf", ""))
        show("find ROOT ! -uid U -printf ''", find, find)
        show("nothing wrong, one worker", median_s(lambda: alone(root)), find)
        show("nothing wrong", median_s(lambda: repair(root)), find)
        tools = median_s(lambda: by_tools(root), lambda: spoil(root))
        show("chgrp -R, chmod -R, find -exec chmod g+s +", tools, tools)
        show("everything wrong", median_s(lambda: repair(root), lambda: spoil(root)), tools)
        print("memory of all processes: {:.0f} MB".format(memory_mb(root)))


def show(name, seconds, reference):
    """Print one measurement."""
    print("{:46} {:7.3f} s  {:5.2f} x".format(name, seconds, seconds / reference))


if __name__ == "__main__":
    main(*sys.argv[1:])
