"""What a program does first if its caller is an enemy: a member, through sudo.

sudo takes care of the arguments, the environment and the user; whatever else
a process inherits is still the caller's: limits, umask, current folder,
signals, timers, priority, descriptors. All of it is made ordinary before
anything is opened.
"""

import contextlib
import os
import resource
import signal
from typing import NamedTuple

# name of the limit -> (soft, hard), None for as much as there can be
LIMITS = (
    ("RLIMIT_CPU", None), ("RLIMIT_FSIZE", None), ("RLIMIT_DATA", None), ("RLIMIT_AS", None),
    ("RLIMIT_RSS", None), ("RLIMIT_STACK", (8 << 20, resource.RLIM_INFINITY)),
    ("RLIMIT_NOFILE", (1024, 4096)), ("RLIMIT_CORE", (0, 0)),
)
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}
# What a terminal could stop us with while we hold the lock.
IGNORED = ("SIGPIPE", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGXFSZ", "SIGUSR1", "SIGUSR2",
           "SIGALRM", "SIGVTALRM", "SIGPROF")
ENDING = ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGXCPU")
ORDINARY = ("SIGCHLD", "SIGCONT", "SIGWINCH", "SIGURG")


class Caller(NamedTuple):
    """Who called through sudo. is_member is False for root itself only."""

    is_member: bool = False
    name: str = ""
    uid: str = ""


def enter(environ=os.environ):
    """Make ordinary what was inherited; return the Caller. Call it before anything else."""
    os.chdir("/")
    os.umask(0o022)
    caller = caller_of(environ)
    environ.clear()
    environ.update(ENVIRONMENT)
    _reset_limits()
    _close_all_but_three()
    _reset_signals()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    return caller


def caller_of(environ):
    """Return the Caller that sudo names. What is not surely root is a member."""
    uid = environ.get("SUDO_UID")
    if uid == "0" or not any(name.startswith("SUDO_") for name in environ):
        return Caller()
    return Caller(True, environ.get("SUDO_USER", "?")[:64], (uid or "?")[:20])


def _reset_limits():
    """Limits that are too tight are only a way to kill us at a chosen moment."""
    for name, wanted in LIMITS:
        what = getattr(resource, name)
        soft, hard = wanted or (resource.RLIM_INFINITY,) * 2
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (soft, hard))
            continue
        with contextlib.suppress(ValueError, OSError):  # not allowed to raise it: all there is
            most = resource.getrlimit(what)[1]
            resource.setrlimit(what, (most, most))


def _close_all_but_three():
    for number in os.listdir("/proc/self/fd"):
        if int(number) > 2:
            with contextlib.suppress(OSError):
                os.close(int(number))
    handle = 0
    while handle < 3:  # a file that we open must not get the number of a closed stream
        handle = os.open(os.devnull, os.O_RDWR)
    os.close(handle)


def _reset_signals():
    signal.alarm(0)
    for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    for name in IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for name in ORDINARY:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    for name in ENDING:
        signal.signal(getattr(signal, name), _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _end(number, _frame):
    raise SystemExit(128 + number)
