"""What lies in a tree, with du as the judge, to the byte; and what members could do about it."""

import contextlib
import ctypes
import os
import random
import resource
import shutil
import socket
import subprocess

import pytest

from aica.disk import scan, usage
from aica.disk.usage import CACHE, CODE, DATASET, HOME, MODEL, OTHER, by_child, by_place

pytestmark = pytest.mark.usefixtures("root_rights")
libc = ctypes.CDLL(None, use_errno=True)


def du(*words):
    """Return the bytes that du -x finds."""
    out = subprocess.check_output(["du", "-xs", "--block-size=1"] + [str(word) for word in words])
    return int(out.split(None, 1)[0])


def measure(path, sort=by_child):
    top = os.open(str(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        return usage.measure(top, sort)
    finally:
        os.close(top)


def fill(path, size):
    os.makedirs(os.path.dirname(str(path)), exist_ok=True)
    with open(str(path), "wb") as out:
        out.write(os.urandom(size))


@pytest.fixture
def disk(tmp_path):
    """A data disk with everything that the sorter knows, and links across all of it."""
    for place in ("users/kim/work/a", "users/kim/.cache/pip/b", "users/lee/c", "users/lee/d/e",
                  "cache/conda/pkgs/python/bin", "cache/pip/x", "dataset/faces/1", "code/tool/main",
                  "models/torch/hub/m", "models/huggingface/hub/models--org--big/blobs/1",
                  "models/huggingface/hub/datasets--org--set/blobs/1",
                  "models/huggingface/token", "models/comfyui/vae/1", "models/own/1",
                  "apps/miniconda3/bin/python", "dataset/alone", "stray"):
        fill(tmp_path / place, random.Random(place).randint(1, 300000))
    for env in ("users/kim/env", "users/lee/env", "users/lee/env2"):
        os.makedirs(str(tmp_path / env))
        os.link(str(tmp_path / "cache/conda/pkgs/python/bin"), str(tmp_path / env / "python"))
    os.link(str(tmp_path / "users/lee/c"), str(tmp_path / "users/lee/c2"))
    os.symlink("/", str(tmp_path / "users/kim/root"))
    os.symlink("x" * 2000, str(tmp_path / "code/long-link"))
    os.mkfifo(str(tmp_path / "users/lee/fifo"))
    sparse = open(str(tmp_path / "dataset/sparse"), "wb")
    os.ftruncate(sparse.fileno(), 1 << 40)
    sparse.close()
    return tmp_path


PARTS = {
    (HOME, "kim"): "users/kim", (HOME, "lee"): "users/lee", (CACHE, "conda"): "cache/conda",
    (CACHE, "pip"): "cache/pip", (MODEL, "torch"): "models/torch",
    (MODEL, "hf org/big"): "models/huggingface/hub/models--org--big",
    (DATASET, "hf org/set"): "models/huggingface/hub/datasets--org--set",
    (MODEL, "comfyui"): "models/comfyui", (MODEL, "own"): "models/own",
    (DATASET, "faces"): "dataset/faces", (DATASET, "alone"): "dataset/alone",
    (DATASET, "sparse"): "dataset/sparse", (CODE, "tool"): "code/tool", (OTHER, "apps"): "apps",
    (OTHER, "stray"): "stray",
}


def test_every_part_and_the_whole_are_what_du_says(disk):
    found = measure(disk, by_place)
    assert found.total.size_bytes == du(disk)
    for part, path in PARTS.items():
        assert found.parts[part].size_bytes == du(disk / path), part


def test_what_is_no_part_of_its_own_is_counted_too(disk):
    found = measure(disk, by_place)
    links = du(disk / "cache/conda/pkgs/python/bin") * 2  # counted in two parts more than once
    assert sum(size.size_bytes for size in found.parts.values()) == du(disk) + links
    entries = int(subprocess.check_output(["sh", "-c", 'find "$1" -printf "%i\\n" | sort -u | wc -l',
                                           "sh", str(disk)]))
    assert found.total.entries == entries


def test_a_folder_is_measured_by_its_entries(disk):
    found = measure(disk)
    assert found.total.size_bytes == du(disk)
    for name in os.listdir(str(disk)):
        assert found.parts[OTHER, name].size_bytes == du(disk / name)


def test_many_workers_see_what_one_does(disk, monkeypatch):
    """Links between the parts of different workers are still counted once."""
    for number in range(300):
        fill(disk / "users/kim/env/lib/{0:03}/{0}".format(number), 10)
        os.makedirs(str(disk / "users/lee/env/lib/{:03}".format(number)))
        for other in ("users/lee/env/lib/{0:03}/{0}", "users/kim/copy-of-{0}"):
            os.link(str(disk / "users/kim/env/lib/{0:03}/{0}".format(number)),
                    str(disk / other.format(number)))
    found = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(usage.tree.workers, "available", lambda n=workers: n)
        found.append(measure(disk, by_place))
    assert found[0] == found[1] == found[2]
    assert found[0].total.size_bytes == du(disk)
    assert found[0].parts[HOME, "kim"].size_bytes == du(disk / "users/kim")


def test_owners_are_told_for_what_lies_outside_of_homes(disk):
    for path, uid in (("dataset/faces/1", 2001), ("models/own/1", 2001), ("users/kim/work/a", 2001),
                      ("cache/conda/pkgs/python/bin", 2002)):
        os.chown(str(disk / path), uid, uid)
    owners = measure(disk, by_place).owners
    assert owners[2001] == du(disk / "dataset/faces/1") + du(disk / "models/own/1")
    assert owners[2002] == du(disk / "cache/conda/pkgs/python/bin")


def test_hostile_names_and_kinds_are_counted_and_escaped(disk, capsys):
    from aica.disk import shown
    for name in (b"a\nb", b"\x1b[2J", b"\xff\xfe", b"-rf", b" ", "한글".encode()):
        with open(os.path.join(os.fsencode(str(disk)), b"dataset", name), "wb") as out:
            out.write(b"x" * 5000)
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.closing(listener):
        os.chdir(str(disk / "dataset"))
        listener.bind("socket")
        os.chdir("/")
        found = measure(disk, by_place)
    assert found.total.size_bytes == du(disk)
    whole = scan.Scan(0, 0, found.total, scan.cut(found.parts), {}, {})
    again = scan.parse(scan.render(whole))
    assert again == whole
    lines = shown.scan_lines(again, 10, 99)
    assert all("\x1b" not in line and "\n" not in line for line in lines)


def test_other_file_systems_below_are_left_out(disk, needs):
    os.mkdir(str(disk / "code/mounted"))
    needs(libc.mount(b"none", bytes(disk / "code/mounted"), b"tmpfs", 0, b"size=1m") == 0,
          "may not mount")
    try:
        fill(disk / "code/mounted/file", 100000)
        found = measure(disk, by_place)
        assert found.total.size_bytes == du(disk)
        assert (CODE, "mounted") not in found.parts and found.problems == {}
    finally:
        libc.umount2(bytes(disk / "code/mounted"), 2)


def test_a_million_names_of_parts_fill_no_memory(disk, monkeypatch):
    monkeypatch.setattr(usage, "MOST_PARTS", 20)
    os.makedirs(str(disk / "dataset/many"))
    for number in range(100):
        os.mkdir(str(disk / "dataset" / str(number)))
    found = measure(disk, by_place)
    assert found.total.size_bytes == du(disk)
    assert len(found.parts) < 60 and (DATASET, usage.REST) in found.parts


def test_only_the_largest_names_are_kept_but_every_home():
    parts = {(DATASET, str(n)): usage.Size(n, 1) for n in range(500)}
    parts.update({(HOME, str(n)): usage.Size(n, 1) for n in range(500)})
    kept = scan.cut(parts)
    assert sum(1 for kind, _ in kept if kind == HOME) == 500
    assert sum(1 for kind, _ in kept if kind == DATASET) == scan.MOST_NAMES + 1
    assert sum(size.size_bytes for size in kept.values()) == sum(range(500)) * 2


def test_memory_stays_flat(tmp_path):
    """Ten times the files, hard-linked or not, do not take ten times the memory."""
    peaks = []
    for number, entries in enumerate((2000, 20000)):
        top = tmp_path / str(number)
        build(top, entries)
        peaks.append(peak_kb(top))
    assert peaks[1] < peaks[0] + 12000


def build(top, entries):
    made = 0
    while made < entries:
        folder = top / str(made)
        os.makedirs(str(folder))
        for name in range(100):
            path = str(folder / str(name))
            os.mknod(path, 0o100644)
            if name % 10 == 0:
                os.link(path, path + ".link")
        made += 100


def peak_kb(top):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        measure(top)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(writer, str(own).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader, "rb") as answer:
        return int(answer.read())


def test_what_members_change_meanwhile_is_no_error(disk):
    child = os.fork()
    if child == 0:
        while True:
            fill(disk / "code/churn/a/b/c", 10)
            shutil.rmtree(str(disk / "code/churn"), ignore_errors=True)
    try:
        for _ in range(30):
            assert measure(disk, by_place).total.size_bytes > 0
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
