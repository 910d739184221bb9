"""What a recovery costs when nothing is wrong, in ratios that one run can show.

Prints, asserts nothing. As root: python3 tests/bench/bench_recover.py
"""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

from wiped import REPOSITORY, Server, throw_away_folder  # noqa: E402

from aica import demo, vault  # noqa: E402

AGAIN = 7


def server_with(folder, users):
    """Return a recovered server with so many users more than the demo's three."""
    server = Server(folder).wiped()
    known = demo.records()
    for number in range(users - len(demo.NAMES)):
        name, uid = "user{}".format(number), 3000 + number
        known.passwd[name] = known.passwd["kim"]._replace(
            name=name, uid=uid, gid=uid, home="/home/" + name)
        known.group[name] = known.group["kim"]._replace(name=name, gid=uid)
        known.shadow[name] = known.shadow["kim"]._replace(name=name)
        server.append("/data/config/users.txt", "{}:gpu-users\n".format(name))
        server.folder("/data/users/" + name, 0o750, uid, uid)
    for name, data in vault.texts(known):
        server.write("/data/config/accounts/" + name, data, 0o600)
    for _ in range(2):
        assert server.program("recover").code == 0
    return server


def fill(server, files):
    """Put so many files into a home."""
    os.mkdir(server.path("/data/users/kim/many"))
    for number in range(files):
        open(server.path("/data/users/kim/many/{}".format(number)), "w").close()


def best_ms(action):
    """Return the shortest of some runs: what it costs when nothing disturbs."""
    times = []
    for _ in range(AGAIN):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def quiet(*argv):
    """Run a program and throw away what it says."""
    subprocess.check_call(argv, stdout=subprocess.DEVNULL, cwd=REPOSITORY)


def syscalls(server):
    """Return how many system calls one recovery makes."""
    table = server.path("/strace.txt")
    quiet("strace", "-c", "-o", table, sys.executable, "-m", "aica", "recover",
          "--root", server.root)
    with open(table) as text:
        total = re.search(r"^100\.00.*\btotal$", text.read(), re.M).group(0)
    os.unlink(table)
    return int(total.split()[3])


def users():
    """A further user, when nothing is wrong. Wanted: at most 3 ms, and 10 in under 1 s."""
    with throw_away_folder() as one, throw_away_folder() as two:
        few, many = server_with(one, 10), server_with(two, 210)
        few_ms = best_ms(lambda: few.program("recover"))
        many_ms = best_ms(lambda: many.program("recover"))
    print("recover, nothing wrong:   10 users {:6.0f} ms   210 users {:6.0f} ms   "
          "a further user {:.2f} ms".format(few_ms, many_ms, (many_ms - few_ms) / 200))


def files():
    """Homes of any size. Wanted: the same number of system calls."""
    with throw_away_folder() as one, throw_away_folder() as two:
        small, large = server_with(one, 3), server_with(two, 3)
        fill(small, 10)
        fill(large, 100000)
        counts = syscalls(small), syscalls(large)
    print("recover, system calls:    10 files {:6}      100,000 files {:6}   "
          "ratio {:.3f}".format(counts[0], counts[1], counts[1] / counts[0]))


def start():
    """`aica --version`. Wanted: under 60 ms where Python alone takes 21."""
    bare = best_ms(lambda: quiet(sys.executable, "-I", "-c", "pass"))
    ours = best_ms(lambda: quiet(sys.executable, "-m", "aica", "--version"))
    print("start:                    bare Python {:4.0f} ms   aica --version {:4.0f} ms   "
          "ratio {:.2f}".format(bare, ours, ours / bare))


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("bench_recover needs root, to build servers in temporary folders")
    users()
    files()
    start()
