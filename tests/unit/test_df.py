"""df's arithmetic, with df itself as the judge."""

import ctypes
import os
import subprocess

import pytest

from aica.disk import df
from aica.disk.df import Space, human


@pytest.fixture
def tmpfs(tmp_path, root_rights, needs):
    """A file system that nobody else writes to, a third full."""
    libc = ctypes.CDLL(None, use_errno=True)
    needs(libc.mount(b"none", bytes(tmp_path), b"tmpfs", 0, b"size=3m,nr_inodes=99") == 0,
          "may not mount")
    (tmp_path / "file").write_bytes(b"x" * 1000001)
    yield str(tmp_path)
    libc.umount2(bytes(tmp_path), 2)


def by_df(path, *options):
    out = subprocess.check_output(["df", "-P"] + list(options) + [path]).decode()
    return out.splitlines()[-1].split()


def test_df_says_the_same(tmpfs):
    space = os.statvfs(tmpfs)
    found = df.figures(space.f_frsize, space.f_blocks, space.f_bfree, space.f_bavail,
                       space.f_files, space.f_ffree)
    assert [str(n) for n in found.blocks] + ["{}%".format(found.blocks.percent)] == by_df(
        tmpfs, "-B1")[1:5]
    assert [str(n) for n in found.inodes] + ["{}%".format(found.inodes.percent)] == by_df(
        tmpfs, "-i")[1:5]


@pytest.mark.parametrize("used, free, percent", [
    (0, 100, 0), (1, 999, 1), (80, 20, 80), (801, 199, 81), (100, 0, 100), (105, -5, 105)])
def test_percents_are_rounded_up(used, free, percent):
    assert Space(100, used, free).percent == percent


def test_what_cannot_be_filled_has_no_percentage():
    assert Space(0, 0, 0).percent is None


def test_roots_reserve_is_neither_used_nor_free():
    found = df.figures(4096, 1000, 50, 0, 0, 0)
    assert (found.blocks.percent, found.inodes) == (100, None)


def test_less_than_nothing_free_arrives_unsigned():
    assert df.figures(1, 100, 10, (1 << 64) - 10, 0, 0).blocks.free == -10


@pytest.mark.parametrize("size, text", [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 K"), (1536, "1.5 K"), (10 * 1024, "10 K"),
    (1 << 40, "1.0 T"), (50 << 40, "50 T"), (-3 << 20, "-3.0 M")])
def test_sizes_are_short(size, text):
    assert human(size) == text
