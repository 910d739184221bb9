"""What cleaning costs, in ratios to `rm -rf` of the same files in the same run.

Prints, asserts nothing. As root: python3 tests/bench/bench_clean.py [FILES [FOLDER]]
"""

import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

from wiped import Server, throw_away_folder  # noqa: E402

from aica import tree  # noqa: E402
from aica.caches.cleaning import Cleaning, Request  # noqa: E402

FILES = 100000
AGAIN = 3
PKGS = "/data/cache/conda/pkgs"


def build(top, files):
    """Make packages like conda's: 1,000 small files each, 20 a folder."""
    for number in range(files):
        folder = "{}/p{}-1-0/{}".format(top, number // 1000, "info" if number % 1000 < 20 else
                                        "lib/{}".format(number % 1000 // 20))
        if number % 20 == 0:
            os.makedirs(folder, exist_ok=True)
        with open("{}/{}".format(folder, number), "wb") as new:
            new.write(b"x" * 100)
    os.sync()


def measure(top, files, action):
    """Return the median of some removals, in seconds, without making the files."""
    times = []
    for _ in range(AGAIN):
        build(top, files)
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
        assert os.listdir(top) == []
    return statistics.median(times)


def by_rm(top):
    """Remove everything below a folder as a shell does."""
    subprocess.check_call(["rm", "-rf"] + [os.path.join(top, name) for name in os.listdir(top)])


def by_primitive(top):
    """Remove everything below a folder with tree.empty, without looking first."""
    handle = os.open(os.path.dirname(top), os.O_RDONLY)
    try:
        tree.empty(handle, (os.path.basename(top).encode(),))
    finally:
        os.close(handle)


def by_clean(server):
    """Find, judge and remove, as `aica clean --conda --yes` does."""
    for outcome in Cleaning(server.app, Request(("conda",))).run():
        assert outcome.status in ("changed", "ok"), outcome


def main(files=FILES, folder=None):
    """Measure and print."""
    with throw_away_folder() as root:
        root = folder or root
        server = Server(root).wiped()
        assert server.cli("recover").code == 0
        top, files = server.path(PKGS), int(files)
        print("{:,} small files in packages of 1,000, median of {}".format(files, AGAIN))
        rm = measure(top, files, lambda: by_rm(top))
        show("rm -rf", rm, rm)
        show("shutil.rmtree", measure(top, files, lambda: by_shutil(top)), rm)
        show("tree.empty", measure(top, files, lambda: by_primitive(top)), rm)
        show("aica clean --conda --yes", measure(top, files, lambda: by_clean(server)), rm)


def by_shutil(top):
    """Remove everything below a folder as Python does."""
    for name in os.listdir(top):
        shutil.rmtree(os.path.join(top, name))


def show(name, seconds, reference):
    """Print one measurement."""
    print("{:46} {:7.3f} s  {:5.2f} x".format(name, seconds, seconds / reference))


if __name__ == "__main__":
    main(*sys.argv[1:])
