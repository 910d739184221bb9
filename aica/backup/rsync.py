"""What is said to rsync, and what it answers. Pure.

The reading side is rsync's own daemon, started for one copy through a pipe:
it locks itself into the home (chroot) before it reads anything. A member who
swaps a folder for a link while root reads gains nothing: outside of the home
there is nothing to be found. (CVE-2024-12747 and its kin: an rsync of root
that reads by path can be led out of the tree.)

The writing side is led by what lies in earlier copies: where a member had a
link to /etc yesterday and has a folder with a file `shadow` today, of the
right size and time, --link-dest finds /etc/shadow "unchanged" and takes it.
Therefore links are stored with /rsyncd-munged/ in front (--munge-links): in a
copy they lead nowhere.
"""

import re
from typing import Dict, NamedTuple, Tuple

MODULE = "home"
# Path names that mean themselves in rsyncd.conf.
PLAIN = re.compile(r"(/[A-Za-z0-9._@+ -]*[A-Za-z0-9._@+-])+\Z")
VANISHED = 24
PARTIAL = 23
# Writing failed, or somebody stopped it: nothing is learned by going on.
FATAL = (11, 20)
PROBLEMS = 5

CONFIG = """\
use chroot = yes
uid = 0
gid = 0
read only = yes
list = no
numeric ids = yes
munge symlinks = no
reverse lookup = no
log file = /dev/null
[{module}]
path = {path}
"""


class Stats(NamedTuple):
    """What --stats says. entries: how many of each of reg, dir, link, dev, special."""

    entries: Dict[str, int]
    size_bytes: int
    new_files: int
    new_bytes: int

    @property
    def total(self):
        """The number of entries of all kinds, the top folder included."""
        return sum(self.entries.values())


class Need(NamedTuple):
    """What a copy takes on the backup disk."""

    size_bytes: int
    inodes: int


class Answer(NamedTuple):
    """How rsync ended: its exit code, what it complained of, how much vanished meanwhile."""

    code: int
    problems: Tuple[str, ...]
    vanished: int


def config_text(path):
    """Return the daemon's configuration for reading below a folder. Raise ValueError."""
    if not PLAIN.match(path):
        raise ValueError("a name of letters, digits, spaces and any of ._@+-")
    return CONFIG.format(module=MODULE, path=path)


def copy_argv(config, target, exclude=(), bases=(), dry_run=False, checksum=False):
    """Return the argv that copies what the daemon of `config` (a path) reads to `target`.

    bases are folders of earlier copies: what is the same there is linked.
    """
    daemon = "sh -c 'exec rsync --server --daemon --config={} .' sh".format(config)
    # -S: a sparse file stays one. -x: what is mounted inside is not the home's.
    argv = ["rsync", "-aHAXSWx", "--munge-links", "--numeric-ids", "--stats",
            "--no-human-readable", "-e", daemon]
    argv += ["--dry-run"] if dry_run else []
    argv += ["--checksum"] if checksum else []
    argv += ["--exclude=" + pattern for pattern in exclude]
    argv += ["--link-dest=" + base for base in bases]
    return argv + ["localhost::{}/".format(MODULE), target]


def quiet_argv(argv, has_ionice=True):
    """Return argv at a priority that leaves disks and processors to the people who work."""
    return ["nice", "-n", "19"] + (["ionice", "-c", "3"] if has_ionice else []) + list(argv)


def exclude_argument(path):
    """Return the pattern that means exactly this path below the home, whatever is in its name."""
    if re.search(r"[*?[]", path):
        path = re.sub(r"([\\*?[])", r"\\\1", path)
    return "/" + path.lstrip("/")


def parse_stats(text):
    """Return the Stats in what rsync printed. Raise ValueError if there are none."""
    entries = re.search(r"^Number of files: ([0-9]+)(?: \((.*)\))?$", text, re.M)
    if entries is None:
        raise ValueError("no statistics")
    kinds = dict(pair.split(": ") for pair in (entries.group(2) or "").split(", ") if pair)
    return Stats({kind: int(number) for kind, number in kinds.items()},
                 _number(text, "Total file size"), _number(text, "Number of regular files transferred"),
                 _number(text, "Total transferred file size"))


def _number(text, label):
    found = re.search(r"^{}: ([0-9]+)".format(label), text, re.M)
    if found is None:
        raise ValueError("no " + label)
    return int(found.group(1))


def need(stats, linked):
    """Return what a copy takes at most. linked: there is an earlier one to link to.

    Folders are always new; links and the like are linked where there is an
    earlier copy. A new file wastes half a block on average, a folder takes one.
    """
    others = 0 if linked else sum(stats.entries.get(kind, 0) for kind in ("link", "dev", "special"))
    inodes = stats.new_files + stats.entries.get("dir", 0) + others
    return Need(stats.new_bytes + 4096 * inodes, inodes)


def longest_s(stats, reads_all=False):
    """Return for how long a copy is waited for, in seconds: far longer than a disk that works takes.

    reads_all: also what is not new is read, to compare its content.
    A member can have every file that root opens take 45 s (leases: fcntl(2)), and whoever
    comes after in the alphabet would never be copied.
    """
    size_bytes = max(stats.new_bytes, stats.size_bytes if reads_all else 0)
    return 3600 + stats.total // 200 + stats.new_files // 20 + size_bytes // (4 << 20)


def answer(code, err):
    """Return the Answer of a run that copied."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    vanished = sum(" has vanished: " in line for line in lines)
    problems = [line for line in lines if " has vanished: " not in line
                and not line.startswith("rsync warning: some files vanished")]
    return Answer(code, tuple(problems), vanished)


def shown(found):
    """Return the first complaints of an Answer, as one text."""
    lines = [line for line in found.problems if not line.startswith("rsync error:")]
    lines = lines or list(found.problems)
    more = len(lines) - PROBLEMS
    return "; ".join(lines[:PROBLEMS]) + ("; and {} more".format(more) if more > 0 else "")
