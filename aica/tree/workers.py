"""One tree, several workers, the same answer as from one.

The upper part is visited here, breadth-first, until there are enough folders
to share out. Each worker takes the next batch of them from a pipe, and its
reports are put in the order of the batches. Processes where Python is the
limit; threads where waiting is, as on NFS.
"""

import contextlib
import json
import os
import queue
import resource
import select
import signal
import struct
import threading
import time
import traceback
from collections import deque
from typing import NamedTuple

from .walk import HELD, WHOLE, Enough, Walk, has_more_names

# 3 MB each: with more of them a walk would take more than 60 MB, and the disk is no faster.
PROCESSES_LIMIT = 16
BATCHES_LIMIT = 4096   # times 4 bytes: a pipe holds 64 KiB without a reader
SPLIT_DEPTH = 6
TICK_S = 0.25
SPARE_DESCRIPTORS = 24
DONE, BUG = -1, -2


class Split(NamedTuple):
    """When the upper part of a tree has been visited far enough for the work to be shared.

    shares are how many parts each worker should find, so many that none waits
    long for another's last one; entries how many may be visited meanwhile; a
    folder with more names than `big` is shared out itself.
    """

    shares: int
    entries: int
    big: int


# Starting a process takes as long as looking at some thousand entries near by, or at some far away.
NEAR = Split(32, 20000, 20000)
FAR = Split(4, 1000, 500)


def run(top, make, workers=0, threads=False, tick=None):
    """Walk below the open folder `top`; return the reports of the visitors that make() made.

    workers 0 means one for each processor. tick(entries) is called now and
    then. The reports are in an order that depends on the tree only.
    """
    workers = workers or available()
    tick = tick or (lambda _entries: None)
    first = make()
    if workers == 1:
        with Walk(top, _levels(1), tick=_Ticker(tick)) as walk, contextlib.suppress(Enough):
            walk.run(first)
        return [first.report()]
    with Walk(top, tick=tick) as walk:
        parts = _split(walk, first, workers, FAR if threads else NEAR)
    batches = _batches(parts)
    if not batches:
        return [first.report()]
    share = _Threads if threads else _Processes
    with share(top, make, batches, min(workers, len(batches))) as crew:
        found = _collect(crew.messages(), tick)
    if len(found) != len(batches):
        raise RuntimeError("a worker was killed: {} of {} parts of the tree were walked".format(
            len(found), len(batches)))
    return [first.report()] + [found[number] for number in sorted(found)]


def available():
    """Return how many workers are worth it on the processors that this process may use."""
    return min(len(os.sched_getaffinity(0)), PROCESSES_LIMIT)


def _split(walk, visitor, workers, limits):
    """Visit the upper part of the tree; return the (path, share)s left to walk.

    A path is a tuple of names. Each folder is one share, a big one has one
    for each worker: not more, because all of them read all of its names.
    """
    waiting, parts, seen = deque([()]), [], 0
    wanted = workers * limits.shares
    while waiting and len(waiting) + len(parts) < wanted and seen < limits.entries:
        path = waiting.popleft()
        if len(path) == SPLIT_DEPTH:
            parts.append((path, WHOLE))
            continue
        here = walk.open(visitor, path)
        if here is None:
            continue
        with contextlib.closing(here):
            if has_more_names(here, limits.big):
                parts.extend((path, (which, workers)) for which in range(workers))
                continue
            seen += walk.scan(visitor, here)
        waiting.extend(path + (name,) for name in reversed(here.below))
    return parts + [(path, WHOLE) for path in waiting]


def _batches(parts):
    size = -(-len(parts) // BATCHES_LIMIT)
    return [parts[start:start + size] for start in range(0, len(parts), size or 1)]


def _collect(messages, tick):
    found = {}
    for number, value in messages:
        if number == BUG:
            raise RuntimeError("a worker failed:\n" + value)
        if number == DONE:
            tick(value)
        else:
            found[number] = value
    return found


class _Ticker:
    """Passes the numbers of entries on, a few times a second."""

    def __init__(self, tick):
        self._tick = tick
        self._next = time.monotonic() + TICK_S
        self._entries = 0

    def __call__(self, entries):
        self._entries += entries
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self):
        self._tick(self._entries)
        self._entries = 0
        self._next = time.monotonic() + TICK_S


def _serve(top, make, batches, numbers, send, held, halt=()):
    """Do batches until there are none left. numbers is the pipe of their numbers."""
    ticker = _Ticker(lambda entries: send(DONE, entries))
    with Walk(top, held, halt, ticker) as walk:
        while True:
            # All writes and reads are of 4 bytes: no worker ever gets a part of a number.
            data = os.read(numbers, 4)
            if not data:
                break
            number, = struct.unpack("I", data)
            visitor = make()
            for path, share in batches[number]:
                walk.run(visitor, path, share)
            send(number, visitor.report())
    ticker.flush()


def _numbers(count):
    """Return the reading end of a pipe that holds all numbers below count."""
    reader, writer = os.pipe()
    for number in range(count):
        os.write(writer, struct.pack("I", number))
    os.close(writer)
    return reader


def _levels(threads):
    """Return how many levels a walk may hold open, with the descriptors there are."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    spare = 1 << 20 if limit == resource.RLIM_INFINITY else limit - SPARE_DESCRIPTORS
    return max(2, min(HELD, spare // threads - 4))


class _Processes:
    """Workers that are forked. They end with us: soon if we are killed, at once if we fail."""

    def __init__(self, top, make, batches, workers):
        self._task = (top, make, batches)
        self._numbers = _numbers(len(batches))
        self._workers = workers
        self._children = {}

    def __enter__(self):
        try:
            for _ in range(self._workers):
                self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self._work(writer)
        os.close(writer)
        self._children[reader] = child

    def _work(self, writer):
        """Be a worker. Never returns; keeps no lock and no file of the parent."""
        code = 1
        try:
            # Ctrl-C and systemd's SIGTERM reach all of us: the parent decides, and kills us.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            top = self._task[0]
            _close_all_but({0, 1, 2, top, self._numbers, writer})
            send = _Pipe(writer)
            try:
                _serve(*self._task, numbers=self._numbers, send=send, held=_levels(1))
            except BrokenPipeError:
                raise  # the parent is gone
            except BaseException:  # noqa: BLE001 - the edge of a process: the parent raises it
                send(BUG, traceback.format_exc())
            code = 0
        finally:
            os._exit(code)

    def messages(self):
        """Yield (number, value) of every message, until the last worker has ended."""
        rest = {reader: b"" for reader in self._children}
        while rest:
            for reader in select.select(list(rest), [], [])[0]:
                data = os.read(reader, 1 << 16)
                if not data:
                    del rest[reader]
                    continue
                lines = (rest[reader] + data).split(b"\n")
                rest[reader] = lines.pop()
                for line in lines:
                    yield json.loads(line.decode("ascii"))

    def __exit__(self, *_error):
        os.close(self._numbers)
        for reader, child in self._children.items():
            os.close(reader)
            os.kill(child, signal.SIGKILL)  # not reaped yet, so it is still this child
        for child in self._children.values():
            os.waitpid(child, 0)


class _Pipe:
    """Sends messages as lines; raises BrokenPipeError when the parent is gone."""

    def __init__(self, writer):
        self._writer = writer

    def __call__(self, number, value):
        view = memoryview(json.dumps([number, value]).encode("ascii") + b"\n")
        while view:
            view = view[os.write(self._writer, view):]


def _close_all_but(kept):
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(int(name))


class _Threads:
    """Workers that are threads of this process."""

    def __init__(self, top, make, batches, workers):
        self._task = (top, make, batches)
        self._numbers = _numbers(len(batches))
        self._messages = queue.Queue()
        self._halt = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def _send(self, number, value):
        self._messages.put((number, value))

    def _work(self):
        try:
            _serve(*self._task, numbers=self._numbers, send=self._send,
                   held=_levels(len(self._threads)), halt=self._halt)
        except Enough:
            pass
        except BaseException:  # noqa: BLE001 - the edge of a thread: the caller raises it
            self._send(BUG, traceback.format_exc())
        self._messages.put(None)

    def messages(self):
        """Yield (number, value) of every message, until the last worker has ended."""
        running = len(self._threads)
        while running:
            message = self._messages.get()
            if message is None:
                running -= 1
            else:
                yield message

    def __exit__(self, *_error):
        self._halt.append(True)
        for thread in self._threads:
            thread.join()
        os.close(self._numbers)
