"""A file from the network, whole and verified before anybody looks into it.

The connection is the business of a child without rights, which is handed one
open file and nothing else. A fetch that was cut off goes on where it ended,
also in another run.
"""

import hashlib
import os
import re
import time

from ..errors import AicaError

IDLE_S = 60
TOTAL_S = 4 * 3600
TRIES = 4
PAUSE_S = 2
PIECE = 1 << 20
LIMIT_BYTES = 2 << 30


class Order:
    """What to fetch and how patiently. sha256 "" means that nothing is known of the content."""

    def __init__(self, url, sha256="", limit_bytes=LIMIT_BYTES, accept=""):
        self.url = url
        self.sha256 = sha256
        self.limit_bytes = limit_bytes
        self.accept = accept
        self.idle_s = IDLE_S
        self.pause_s = PAUSE_S


def fetch(host, uid, order, handle, tick=None):
    """Fill the open file with the URL of the order, and verify it. tick(bytes, of bytes).

    Raise AicaError; the file then holds what came, to go on from, or is
    empty if that is good for nothing.
    """
    resumed = os.fstat(handle).st_size > 0
    _fill(host, uid, order, handle, tick)
    found = digest(handle)
    if order.sha256 and found != order.sha256 and resumed:
        # The beginning may be of another file: once more, from the start.
        os.ftruncate(handle, 0)
        _fill(host, uid, order, handle, tick)
        found = digest(handle)
    return _verified(order, handle, found)


def verify(order, handle):
    """Raise AicaError unless the open file has the sha256 of the order; return that."""
    return _verified(order, handle, digest(handle))


def _verified(order, handle, found):
    if order.sha256 and found != order.sha256:
        os.ftruncate(handle, 0)
        raise AicaError("{}: its sha256 is {}, expected {}: nothing of it was run".format(
            shown(order.url), found, order.sha256),
            hint="if its publisher names the first one: --sha256 {}".format(found))
    os.fsync(handle)
    return found


def shown(url):
    """Return a URL without a name and a password, for messages and notes."""
    return re.sub(r"//[^/]*@", "//", url)


def digest(handle):
    """Return the sha256 of an open file, in hexadecimal."""
    total, at = hashlib.sha256(), 0
    while True:
        piece = os.pread(handle, PIECE, at)
        if not piece:
            return total.hexdigest()
        total.update(piece)
        at += len(piece)


def digest_of(data):
    """Return the sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _fill(host, uid, order, handle, tick):
    """Let the child fetch, and try again where that may help."""
    for number in range(1, TRIES + 1):
        word, text = _one(host, uid, order, handle, tick)
        if word == "done":
            return
        if word == "never" or number == TRIES:
            raise AicaError("{}: {}".format(shown(order.url), text), hint=_hint(word))
        time.sleep(order.pause_s * number)


def _hint(word):
    if word == "never":
        return "another place: --url URL --sha256 HEX, or --from FILE"
    return "is the network there? The same command goes on where this ended; --from FILE needs none"


def _one(host, uid, order, handle, tick):
    """Return ("done" | "again" | "never", text) of one try."""
    news = _News(tick)
    # Not as arguments: everybody sees those, and a URL may hold a password.
    call = "\nmain({!r}, {!r}, {!r}, {!r}, {!r})\n".format(
        order.url, handle, order.limit_bytes, order.idle_s, order.accept)
    result = host.watch(["python3", "-I", "-"], (uid, uid), fds=(handle,), timeout_s=TOTAL_S,
                        stdin=program() + call.encode("ascii", "backslashreplace"),
                        heard=news.hear)
    return news.end or ("never", "the child that fetches ended with {}: {}".format(
        result.code, result.out.strip()[-300:]))


def program():
    """Return the text of fetch.py, which runs where our own folder may be out of its reach."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fetch.py"), "rb") as text:
        return text.read()


class _News:
    """Reads what the child says."""

    ENDS = ("done", "again", "never")

    def __init__(self, tick):
        self._tick = tick
        self._rest = b""
        self._size = 0
        self.end = None

    def hear(self, data):
        """Take a piece of the child's output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            word, _, value = line.decode("utf-8", "replace").partition(" ")
            if word in self.ENDS:
                self.end = (word, value)
            elif word == "size" and value.isdigit():
                self._size = int(value)
            elif word == "at" and value.isdigit() and self._tick is not None:
                self._tick(int(value), self._size)
