"""What `aica disk` needs to measure a tree, in ratios to du -xs in the same run.

Prints, asserts nothing. As root: python3 tests/bench/bench_usage.py [ENTRIES [FOLDER]]
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

from bench_tree import build, children, median_s, pss_kb, show  # noqa: E402
from wiped import throw_away_folder  # noqa: E402

from aica import tree  # noqa: E402
from aica.disk import usage  # noqa: E402

ENTRIES = 100000


def measure(root):
    """Measure a tree as `aica disk --path` does."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return usage.measure(top, usage.by_child)
    finally:
        os.close(top)


def du(root):
    """Return the bytes that du finds."""
    out = subprocess.check_output(["du", "-xs", "--block-size=1", root])
    return int(out.split(None, 1)[0])


def forget():
    """Drop the kernel's memory of the tree, if we may: what a nightly scan meets."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as caches:
        caches.write("2\n")


def memory_mb(root):
    """Return the largest sum of the memory (PSS) of a walk and its workers, in MB."""
    import time
    child = os.fork()
    if child == 0:
        measure(root)
        os._exit(0)
    highest = 0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        highest = max(highest, sum(pss_kb(pid) for pid in [child] + children(child)))
        time.sleep(0.01)
    return highest / 1024.0


def main(entries=ENTRIES, folder=None):
    """Measure and print."""
    with throw_away_folder() as root:
        root = folder or root
        made = build(root, int(entries)) if folder is None else 0
        print("{:,} entries, {} processors".format(made, tree.workers.available()))
        print("the same as du, to the byte: {}".format(measure(root).total.size_bytes == du(root)))
        warm = median_s(lambda: du(root))
        show("du -xs, known to the kernel", warm, warm)
        show("aica, known to the kernel", median_s(lambda: measure(root)), warm)
        if os.access("/proc/sys/vm/drop_caches", os.W_OK):
            cold = median_s(lambda: du(root), forget)
            show("du -xs, from the disk", cold, cold)
            show("aica, from the disk", median_s(lambda: measure(root), forget), cold)
        print("memory of all processes: {:.0f} MB".format(memory_mb(root)))


if __name__ == "__main__":
    main(*sys.argv[1:])
