"""Stand-ins that refuse surprises: a runner of commands, and an os that fails on purpose."""

import os

from aica.command import Result


class FakeRun:
    """Answers scripted commands, records all, and refuses any it was not told about.

    answers maps a program's name to a Result, an exit status, or a function
    of argv that returns one of these.
    """

    def __init__(self, **answers):
        self.answers = answers
        self.calls = []
        self.stdins = []

    def __call__(self, argv, stdin="", timeout_s=60, ids=None):
        self.calls.append(tuple(argv))
        self.stdins.append(stdin)
        if argv[0] not in self.answers:
            raise AssertionError("unexpected command: {}".format(argv))
        answer = self.answers[argv[0]]
        answer = answer(argv) if callable(answer) else answer
        return answer if isinstance(answer, Result) else Result(answer, "", "")


class Kill(BaseException):
    """The process dies here: not even a clean-up runs."""


class FaultyOs:
    """The os module, whose N-th changing call fails with `error` (an OSError or a Kill).

    After a Kill every further call is a Kill too: a dead process does nothing.
    `count` is how many calls there were; a run with count < at was clean.
    """

    FAILING = ("open", "write", "fchown", "fchmod", "fsync", "close", "rename", "mkdir", "chown",
               "chmod", "symlink", "unlink")

    def __init__(self, at, error, only=FAILING):
        self.at = at
        self.error = error
        self.only = only
        self.count = 0
        self.failed_call = ""

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.only:
            return real

        def call(*args, **kwargs):
            self.count += 1
            dead = isinstance(self.error, Kill) and self.count > self.at
            if self.count == self.at or dead:
                self.failed_call = self.failed_call or name
                if name == "close" and not dead:
                    real(*args)  # close(2) frees the descriptor even when it reports an error
                raise self.error
            return real(*args, **kwargs)
        return call
