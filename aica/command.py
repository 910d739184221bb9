"""The only door to other programs.

Programs are found in the system's own folders, never through the caller's
PATH; they get a minimal environment, no standard input of ours and a time
limit. subprocess is imported late: `aica --version` must not pay for it.
"""

import os
from typing import NamedTuple

from .errors import AicaError, NotApplicable

FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(FOLDERS), "LC_ALL": "C", "HOME": "/"}


class Result(NamedTuple):
    """What a program answered: its exit code and its output as text."""

    code: int
    out: str
    err: str


def find(program):
    """Return the absolute path of a system program, or None."""
    for folder in FOLDERS:
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    return None


def run(argv, stdin="", timeout_s=60, ids=None):
    """Run argv and return its Result, whatever the exit code.

    ids=(uid, gid) drops all privileges first, for work inside a home. Raises
    NotApplicable if the program does not exist, AicaError on a timeout.
    """
    import subprocess

    path = find(argv[0])
    if path is None:
        raise NotApplicable("{} is not installed".format(argv[0]))
    # A user's name or GECOS may hold any UTF-8; Python 3.6 in the C locale
    # would encode arguments as ASCII, so they are handed over as bytes.
    encoded = [os.fsencode(path)] + [_bytes(word) for word in argv[1:]]
    try:
        process = subprocess.run(
            encoded, input=_bytes(stdin), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=timeout_s, env=ENVIRONMENT, cwd="/",
            preexec_fn=_drop_to(ids) if ids else None,
        )
    except subprocess.TimeoutExpired:
        raise AicaError("{} did not finish within {} s".format(argv[0], timeout_s))
    return Result(process.returncode, _text(process.stdout), _text(process.stderr))


def _drop_to(ids):
    uid, gid = ids

    def drop():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(0o077)
    return drop


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _text(data):
    return data.decode("utf-8", "surrogateescape")
