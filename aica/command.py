"""The only door to other programs.

Programs are found in the system's own folders, never through the caller's
PATH; they get a minimal environment, no standard input of ours and a time
limit. subprocess is imported late: `aica --version` must not pay for it.
"""

import contextlib
import os
import select
import signal
import time
from typing import NamedTuple

from . import patience
from .errors import AicaError, NotApplicable, TimedOut

FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
OUTPUT_OF_A_USER = 1 << 18
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


def run(argv, stdin="", timeout_s=60, ids=None, folder=None, held=(), alone=False):
    """Run argv and return its Result, whatever the exit code.

    ids=(uid, gid) drops all privileges first, for work inside a home:
    whatever its owner does to the program, it is not waited for without end, nor
    for what it left behind (see patience.py), and of endless
    output the beginning is kept. timeout_s None waits as long as it takes.
    folder, an open one, is where the program starts: what is mounted over its
    path meanwhile is not met. held are descriptors that stay open as long as
    the program lives, such as a lock. alone: when the time is over, what the program has
    started ends with it.
    Raises NotApplicable if the program does not exist, TimedOut on a timeout.
    """
    import subprocess

    path = find(argv[0])
    if path is None:
        raise NotApplicable("{} is not installed".format(argv[0]))
    # A user's name or GECOS may hold any UTF-8; Python 3.6 in the C locale
    # would encode arguments as ASCII, so they are handed over as bytes.
    encoded = [os.fsencode(path)] + [_bytes(word) for word in argv[1:]]
    if any(b"\0" in word for word in encoded):  # such as a record that a power cut filled with zeros
        raise AicaError("an argument of {} holds a NUL byte".format(argv[0]))
    how = {"env": ENVIRONMENT, "pass_fds": held, "stdout": subprocess.PIPE,
           "stderr": subprocess.PIPE,
           "cwd": "/" if folder is None else "/proc/self/fd/{}".format(folder)}
    if ids:
        return _run_as(ids, encoded, argv[0], _bytes(stdin), timeout_s, how)
    if alone:
        process = subprocess.Popen(encoded, stdin=subprocess.PIPE, start_new_session=True, **how)
        return _end_together(process, argv[0], _bytes(stdin), timeout_s)
    try:
        process = subprocess.run(encoded, input=_bytes(stdin), timeout=timeout_s, **how)
    except subprocess.TimeoutExpired:
        raise TimedOut("{} did not finish within {} s".format(argv[0], timeout_s))
    return Result(process.returncode, _text(process.stdout), _text(process.stderr))


def _end_together(process, name, stdin, timeout_s):
    """Return the Result of a program that leads a session; whatever ends our wait ends all of it."""
    import subprocess

    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except BaseException as error:
        _end_session(process)
        for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
            stream.close()
        if isinstance(error, subprocess.TimeoutExpired):
            raise TimedOut("{} did not finish within {} s".format(name, timeout_s))
        raise
    return Result(process.returncode, _text(out), _text(err))


def _run_as(ids, encoded, name, stdin, timeout_s, how):
    """Run a program that somebody with these ids may stop, kill, or hold on to."""
    import subprocess

    process = subprocess.Popen(encoded, stdin=subprocess.PIPE, start_new_session=True,
                               preexec_fn=_drop_to(ids), **how)
    return _hear_out(process, name, stdin, timeout_s)


def _hear_out(process, name, stdin, timeout_s):
    """Return the Result of a program that leads a session and that nobody trusts."""
    patient = patience.Patience(process.pid, timeout_s)
    talk = _Talk(process, stdin)
    try:
        while _runs(process):
            talk.go_on(patient.next_look_s())
            patient.check(name)
        talk.go_on(0)
    finally:
        _end_session(process)
        talk.close()
    return Result(process.returncode, *talk.heard())


def _end_session(process):
    """Kill what is left of a process and its session, and bury it if that can be."""
    if process.returncode is not None:
        return  # reaped: the number may be somebody else's
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if not patience.gone(lambda: process.poll() is not None):
        process.returncode = -signal.SIGKILL  # nor is it waited for at our own end


class _Talk:
    """What is said to a program and heard from it, without waiting for it."""

    def __init__(self, process, stdin):
        self._ear, self._left = process.stdin, stdin  # no ear: it reads /dev/null
        self._said = {process.stdout: b"", process.stderr: b""}
        for stream in self._streams():
            os.set_blocking(stream.fileno(), False)
        self._open = set(self._said)
        if self._ear and not stdin:
            self._ear.close()

    def _streams(self):
        return [stream for stream in (self._ear, *self._said) if stream]

    def go_on(self, wait_s):
        """Write and read what can be, waiting for wait_s at most; 0: all that is there."""
        for _ in range(1 if wait_s else 256):  # who never ends is not listened to for ever
            writers = [self._ear] if self._ear and not self._ear.closed else []
            if not (self._open or writers):
                time.sleep(min(wait_s, 0.002))
                return
            readers, ready, _ = select.select(list(self._open), writers, [], wait_s)
            for stream in readers:
                self._read(stream)
            if ready:
                self._write()

    def _read(self, stream):
        with contextlib.suppress(BlockingIOError):
            data = os.read(stream.fileno(), 1 << 16)
            self._said[stream] = (self._said[stream] + data)[:OUTPUT_OF_A_USER]
            if not data:
                self._open.discard(stream)

    def _write(self):
        try:
            self._left = self._left[os.write(self._ear.fileno(), self._left[:4096]):]
        except BrokenPipeError:
            self._left = b""  # it ended early: its exit status tells
        except BlockingIOError:
            return
        if not self._left:
            self._ear.close()

    def close(self):
        """Close our ends, whoever still holds the others."""
        for stream in self._streams():
            stream.close()

    def heard(self):
        """Return (standard output, standard error) as text."""
        return tuple(_text(said) for said in self._said.values())


def run_own(argv, timeout_s=60):
    """Run a program of the caller's as the caller would: own PATH, own environment.

    Raise NotApplicable if there is none of that name, AicaError for root:
    what lies in a user's PATH is not root's to run.
    """
    import shutil
    import subprocess

    if os.geteuid() == 0:
        raise AicaError("{} is not run as root".format(argv[0]))
    path = shutil.which(argv[0])
    if path is None:
        raise NotApplicable("{} is not installed".format(argv[0]))
    try:
        process = subprocess.run(
            [path] + list(argv[1:]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise AicaError("{} did not finish within {} s".format(argv[0], timeout_s))
    return Result(process.returncode, _text(process.stdout), _text(process.stderr))


def run_dropped(path, words, ids, environment, timeout_s=60):
    """Run a program that is none of the system's with the rights (uid, gid), and no terminal.

    Its session is one of its own, so that it can type nothing into the
    caller's terminal; after the time limit all of it is killed, and of endless
    output the beginning is kept.
    """
    import subprocess

    if 0 in ids:
        raise AicaError("{} is not run as root".format(path))
    process = subprocess.Popen(
        [path] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd="/", env=dict(ENVIRONMENT, **environment),
        start_new_session=True, preexec_fn=_drop_to(ids))
    return _hear_out(process, path, b"", timeout_s)


OUTPUT_BYTES = 4096


def run_together(paths, stdin, environment, timeout_s):
    """Run programs side by side; return {path: Result or None}, None where time was up.

    None of them can hold up another, or us: each gets a session of its own,
    which is killed with all that it started, and nobody waits for its output.
    stdin must fit into a pipe (64 KiB).
    """
    known = {name: _bytes(value) for name, value in dict(ENVIRONMENT, **environment).items()}
    running = {path: _Started(path, _bytes(stdin), known) for path in paths}
    deadline = time.monotonic() + timeout_s
    waiting = set(running)
    while waiting and time.monotonic() < deadline:
        waiting -= {path for path in waiting if running[path].ended()}
        time.sleep(0.02)
    return {path: running[path].result() for path in paths}


class _Started:
    """A program that was started, and what it has said until now."""

    def __init__(self, path, stdin, environment):
        import subprocess

        self._said, self._process = b"", None
        ours, theirs = os.pipe()
        self._output = ours
        os.set_blocking(ours, False)
        reader, writer = os.pipe()
        try:
            os.write(writer, stdin[:1 << 16])
            os.close(writer)
            self._process = subprocess.Popen(
                [os.fsencode(path)], stdin=reader, stdout=theirs, stderr=theirs, cwd="/",
                env=environment, start_new_session=True)
        except OSError as error:  # no such interpreter, or no program at all
            self._said = _bytes(os.strerror(error.errno))
        finally:
            os.close(reader)
            os.close(theirs)

    def ended(self):
        """True once it has ended; takes what it has said meanwhile."""
        self._listen()
        return self._process is None or self._process.poll() is not None

    def _listen(self):
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                data = os.read(self._output, 1 << 16)
                self._said = (self._said + data)[:OUTPUT_BYTES]
                if not data:
                    return

    def result(self):
        """End what is left of it; return its Result, None if it did not end by itself."""
        ended = self.ended()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            if not ended:
                self._reap()
        os.close(self._output)
        if not ended:
            return None
        code = 127 if self._process is None else self._process.returncode
        return Result(code, _text(self._said), "")

    def _reap(self):
        """Wait for it, unless it is in the kernel's hands."""
        for _ in range(50):
            if self._process.poll() is not None:
                return
            time.sleep(0.02)


TAIL_BYTES = 8000
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def watch(argv, ids, environment=(), fds=(), stdin="", timeout_s=60, heard=None, umask=0o077):
    """Run argv with privileges dropped to ids, and tell heard(bytes) of its output as it comes.

    Standard output and standard error are one; the Result has the last part
    of them. The program sees the descriptors `fds` and, of the caller's
    environment, only what names a proxy. It and what it started in its own
    session are killed when the time is over or the caller is interrupted.
    """
    import subprocess

    path = find(argv[0])
    if path is None:
        raise NotApplicable("{} is not installed".format(argv[0]))
    proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
    process = subprocess.Popen(
        [os.fsencode(path)] + [_bytes(word) for word in argv[1:]], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=fds, cwd="/",
        env=dict(ENVIRONMENT, **dict(proxies, **dict(environment))), start_new_session=True,
        preexec_fn=_drop_to(ids, umask))
    try:
        _feed(process, _bytes(stdin))
        return Result(*_listen(process, argv[0], timeout_s, heard))
    finally:
        _end_session(process)
        process.stdout.close()


def _feed(process, data):
    try:
        process.stdin.write(data)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it ended early: its exit status tells


def _listen(process, name, timeout_s, heard):
    """Return (exit status, last part of the output, "")."""
    deadline, tail = time.monotonic() + timeout_s, b""
    while True:
        wait_s = deadline - time.monotonic()
        ready = wait_s > 0 and select.select([process.stdout], [], [], wait_s)[0]
        if not ready:
            raise AicaError("{} did not finish within {} s".format(name, timeout_s))
        part = os.read(process.stdout.fileno(), 1 << 16)
        if not part:
            break
        tail = (tail + part)[-2 * TAIL_BYTES:]
        if heard is not None:
            heard(part)
    while _runs(process):
        if time.monotonic() > deadline:
            raise AicaError("{} did not finish within {} s".format(name, timeout_s))
        time.sleep(0.02)
    _end_session(process)
    return process.returncode, _text(tail[-TAIL_BYTES:]), ""


def _runs(process):
    """True until a child has ended. It is not reaped, so that its number stays its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None


def become(argv, environment, umask):
    """Turn this process into another program, found through the PATH of `environment`."""
    os.umask(umask)
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        raise AicaError("{}: {}".format(argv[0], error.strerror))


def _drop_to(ids, umask=0o077):
    uid, gid = ids

    def drop():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(umask)
    return drop


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _text(data):
    return data.decode("utf-8", "surrogateescape")
