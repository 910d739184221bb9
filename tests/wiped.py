"""A server in a throw-away folder, and what tests do with one."""

import contextlib
import importlib
import io
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile

import snapshot

import aica.cli
from aica import demo, seen, to_keep
from aica.app import App
from aica.engine import converge
from aica.host import Host

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Answer:
    """What the command line answered. rows are its outcome lines as (status, id)."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "exit {}\n{}{}".format(self.code, self.out, self.err)

    @property
    def rows(self):
        """The outcome lines, in order, as (status, resource id)."""
        words = [line.split(None, 2) for line in self.out.split("\n")]
        return [(w[0], w[1]) for w in words
                if len(w) > 1 and w[0] in STATUSES and ":" in w[1]]

    def ids(self, *statuses):
        """Return the ids of the outcomes that ended in one of these statuses."""
        return [name for status, name in self.rows if status in statuses]

    @property
    def objects(self):
        """The lines of --json output."""
        return [json.loads(line) for line in self.out.splitlines()]


STATUSES = ("ok", "planned", "changed", "blocked", "failed", "skipped")


@contextlib.contextmanager
def throw_away_folder(above=None):
    """Yield the path of a new folder that everybody may enter; it is gone afterwards.

    above: where it lies. Below /tmp none is root's alone; below /root one is.
    """
    folder = os.path.realpath(tempfile.mkdtemp(prefix="aica-test-", dir=above))
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Server:
    """A server below `root`. Paths are those of the server: "/etc/passwd"."""

    def __init__(self, root):
        self.root = root
        self.app = App(root)

    def wiped(self):
        """Build the demo's wiped server; return self."""
        demo.build(self.root)
        return self

    def become(self, model):
        """Become a copy of another server, down to owners, modes and times."""
        shutil.rmtree(self.root)
        subprocess.check_call(["cp", "-a", "-T", model.root, self.root])
        # The copy is the same boot; an offline root is told from another by its /etc.
        old, new = (seen.boot_of(server.host()) for server in (model, self))
        for path in (seen.PATH, to_keep.PATH):
            if self.exists(path):
                text = json.loads(self.read(path))
                assert text["boot"] == old
                self.write(path, json.dumps(dict(text, boot=new)), self.stat(path)[0])

    def wipe(self):
        """Throw the system disk away: only /data stays, the image comes back."""
        with throw_away_folder() as folder:
            demo.build(folder)
            for name in os.listdir(self.root):
                if name != "data":
                    shutil.rmtree(self.path("/" + name))
            for name in os.listdir(folder):
                if name != "data":
                    subprocess.check_call(["cp", "-a", folder + "/" + name, self.root])

    def path(self, path):
        """Return where a path of the server lies on this machine."""
        assert path.startswith("/")
        return self.root + path

    def host(self, run=None):
        """Return a Host of the server, with another runner of commands if one is given."""
        return Host(self.root, run) if run else Host(self.root)

    def converge(self, resources, dry_run=False):
        """Return the Outcomes of bringing the server to what the resources say."""
        return list(converge(resources, self.host(), dry_run))

    def read(self, path):
        """Return a file as text."""
        with open(self.path(path), encoding="utf-8", errors="surrogateescape", newline="") as text:
            return text.read()

    def write(self, path, text, mode=0o644, uid=0, gid=0):
        """Write a file, and the folders above it."""
        target = self.path(path)
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        with open(target, "wb") as new:
            new.write(data)
        os.chown(target, uid, gid)
        os.chmod(target, mode)

    def append(self, path, text):
        """Append to a file."""
        with open(self.path(path), "ab") as old:
            old.write(text.encode("utf-8"))

    def replace(self, path, before, after):
        """Replace a text in a file, which must be there."""
        text = self.read(path)
        assert before in text, "{} is not in {}".format(before, path)
        with open(self.path(path), "wb") as new:
            new.write(text.replace(before, after).encode("utf-8", "surrogateescape"))

    def folder(self, path, mode=0o755, uid=0, gid=0):
        """Create a folder."""
        os.mkdir(self.path(path))
        os.chown(self.path(path), uid, gid)
        os.chmod(self.path(path), mode)

    def link(self, path, target):
        """Create a symlink; the target is the server's own path, never prefixed."""
        os.symlink(target, self.path(path))

    def remove(self, path):
        """Remove a file, a link or a whole folder."""
        target = self.path(path)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        else:
            os.unlink(target)

    def exists(self, path):
        """True if something stands there, a dangling link too."""
        return os.path.lexists(self.path(path))

    def stat(self, path):
        """Return (mode, uid, gid) of an entry, not followed."""
        info = os.lstat(self.path(path))
        return info.st_mode & 0o7777, info.st_uid, info.st_gid

    def tree(self, times=False, leave_out=snapshot.VOLATILE):
        """Return the whole server as a value."""
        return snapshot.tree(self.root, leave_out, times)

    def cli_as(self, uid, *words, root=""):
        """Run the command line in a child that has dropped all rights; return its Answer.

        root: the system that it works on, if that is not this server.
        """
        _import_everything()
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        child = os.fork()
        if child == 0:
            _become(uid, out, err, list(words) + ["--root", root or self.root])
        code = os.waitpid(child, 0)[1]
        out.seek(0), err.seek(0)
        with out, err:
            return Answer(code >> 8, _text(out.read()), _text(err.read()))

    def cli(self, *words):
        """Run the command line on this server, in this process, and return its Answer."""
        out, err = io.BytesIO(), io.BytesIO()
        streams = sys.stdin, sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (io.TextIOWrapper(stream, "utf-8") for stream in (out, err))
        sys.stdin = open(os.devnull)
        try:
            code = aica.cli.main(list(words) + ["--root", self.root])
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            texts = _text(out.getvalue()), _text(err.getvalue())
            sys.stdin.close()
            sys.stdin, sys.stdout, sys.stderr = streams
        return Answer(code, *texts)

    def program(self, *words, **environment):
        """Run the program as people do: a process of its own. Slower than cli()."""
        argv = [sys.executable, "-m", "aica"] + list(words) + ["--root", self.root]
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=REPOSITORY, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **environment))
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, _text(out), _text(err))


def _import_everything():
    """Afterwards a child without rights needs to read no file of ours: it may not be able to."""
    for module in pkgutil.walk_packages(aica.__path__, "aica."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _become(uid, out, err, argv):
    code = 99
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        sys.stdout, sys.stderr = io.open(1, "w", closefd=False), io.open(2, "w", closefd=False)
        code = aica.cli.main(argv)
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code)


def _text(data):
    return data.decode("utf-8", "surrogateescape")
