"""Work in a child that has dropped to a user: with her or his rights nothing can go further.

What lies in a home is arranged by its owner. Looking at it as root would mean
to outwit every arrangement; looking at it as its owner needs no wit at all.
"""

import contextlib
import json
import os
import select

from .. import patience, storage
from ..errors import AicaError

MOST_FDS = 256
# Twenty long names of each sort that copying.py tells, and more than enough.
ANSWER_BYTES = 16 << 20


def call(ids, function, *arguments, held=(), who="", timeout_s=None, idle_s=None):
    """Return what function(*arguments) returns to somebody with ids=(uid, gid) and no more groups.

    held are descriptors that the function needs; it gets no other. The answer
    must be JSON. Raise AicaError if the function raised, or if the child did
    not come back: its owner may kill it, and may stop it; so it is killed when
    it has run for timeout_s or stood still for idle_s (None: as patience.py
    says). who is said then.
    """
    who = "the work as {}".format(who or "uid {}".format(ids[0]))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _work(ids, function, arguments, writer, held)
    os.close(writer)
    try:
        answer = _read_all(reader, patience.Patience(child, timeout_s, idle_s), who)
    finally:  # Ctrl-C too: nobody waits for the answer any more
        os.close(reader)
        storage.let_go(child)
    if not answer:
        raise AicaError("{} ended without an answer".format(who))
    try:
        said = json.loads(answer.decode("ascii"))
    except ValueError:  # its owner may kill it in the middle of a word
        raise AicaError("{} ended in the middle of its answer".format(who))
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


def _read_all(reader, patient, who):
    parts, size = [], 0
    while True:
        if select.select([reader], [], [], patient.next_look_s())[0]:
            part = os.read(reader, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > ANSWER_BYTES:
                raise AicaError("{} answers with more than {} bytes".format(who, ANSWER_BYTES))
        patient.check(who)
