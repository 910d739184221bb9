"""The menu: how long it takes to start and to paint, and what it costs while nobody presses a key.

Ratios to a bare `python -c pass` in the same run; asserts nothing. Needs pyte.
"""

import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TOP, os.path.dirname(TOP)]

try:
    from terminal import Menu
except ImportError:
    print("not measured: needs pyte, make bench PYTHON=build/venv/bin/python")
    sys.exit(0)
from wiped import Server, throw_away_folder  # noqa: E402

from aica.change import Change, Outcome  # noqa: E402
from aica.tui import running, words  # noqa: E402

ROUNDS = 5
IDLE_S = 5


def bare_s():
    """Return how long Python takes to start and end."""
    began = time.perf_counter()
    subprocess.check_call([sys.executable, "-c", "pass"])
    return time.perf_counter() - began


def start_s(root):
    """Return the time from the start to the first screen."""
    began = time.perf_counter()
    with Menu(root) as menu:
        menu.see("1 ")
        return time.perf_counter() - began


def draw_s():
    """Return the time that a full screen of outcomes takes to be drawn, the first and a later time."""
    screen = running.Run("t", lambda: (), "aica recover", 500)
    screen.outcomes = [Outcome("file:/etc/{}".format(n), "blocked", (Change("mode", 1, 2),),
                               "/etc/{} was edited or is not ours".format(n), "look inside")
                       for n in range(500)]
    times = []
    for _ in range(2):
        began = time.perf_counter()
        screen.draw("gpu · admin", 120, 40)
        times.append(time.perf_counter() - began)
    return times


def idle_share(root):
    """Return the share of a core that an idle menu takes."""
    with Menu(root) as menu:
        menu.see("last recovery")
        time.sleep(1)
        before = menu.cpu_s()
        time.sleep(IDLE_S)
        return (menu.cpu_s() - before) / IDLE_S


def main():
    """Measure and print."""
    with throw_away_folder() as folder:
        server = Server(folder).wiped()
        server.cli("recover")
        bare = min(bare_s() for _ in range(ROUNDS))
        start = min(start_s(server.root) for _ in range(ROUNDS))
        print("bare Python        {:6.0f} ms".format(bare * 1e3))
        print("first screen       {:6.0f} ms  {:.1f} x bare Python".format(start * 1e3, start / bare))
        for language in ("en", "ko"):
            words.choose(language)
            first, later = draw_s()
            print("draw 120x40, {}    {:6.1f} ms the first time, {:.1f} ms later".format(
                language, first * 1e3, later * 1e3))
        words.choose("en")
        print("idle               {:6.2f} % of a core".format(idle_share(server.root) * 100))


if __name__ == "__main__":
    main()
