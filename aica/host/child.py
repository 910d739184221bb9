"""Work in a child that has dropped to a user: with her or his rights nothing can go further.

What lies in a home is arranged by its owner. Looking at it as root would mean
to outwit every arrangement; looking at it as its owner needs no wit at all.
"""

import contextlib
import json
import os
import signal

from ..errors import AicaError

MOST_FDS = 256


def call(ids, function, *arguments, held=()):
    """Return what function(*arguments) returns to somebody with ids=(uid, gid) and no more groups.

    held are descriptors that the function needs; it gets no other. The answer
    must be JSON. Raise AicaError if the function raised, or if the child did
    not come back.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _work(ids, function, arguments, writer, held)
    os.close(writer)
    try:
        answer = _read_all(reader)
    except BaseException:  # Ctrl-C: nobody waits for the answer any more
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(reader)
        os.waitpid(child, 0)
    if not answer:
        raise AicaError("the work as uid {} ended without an answer".format(ids[0]))
    try:
        said = json.loads(answer.decode("ascii"))
    except ValueError:  # its owner may kill it in the middle of a word
        raise AicaError("the work as uid {} ended in the middle of its answer".format(ids[0]))
    if "error" in said:
        raise AicaError(said["error"])
    return said["value"]


def _work(ids, function, arguments, writer, held):
    """Drop, work, answer through the pipe. Never returns; holds no lock of ours."""
    try:
        for handle in set(range(3, MOST_FDS)) - set(held) - {writer}:
            with contextlib.suppress(OSError):
                os.close(handle)
        os.chdir("/")
        os.setgroups([])
        os.setgid(ids[1])
        os.setuid(ids[0])
        os.umask(0o077)
        _write(writer, _answer(function, arguments))
    finally:  # a bug too: this is a copy of the parent, which must not go on
        os._exit(0)


def _answer(function, arguments):
    try:
        return {"value": function(*arguments)}
    except (OSError, AicaError) as error:
        return {"error": str(error)}


def _write(writer, answer):
    data = json.dumps(answer).encode("ascii")
    while data:
        data = data[os.write(writer, data):]


def _read_all(reader):
    parts = []
    while True:
        part = os.read(reader, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
