"""The arithmetic of df(1): what statvfs(3) says, as people read it. Pure."""

from typing import NamedTuple, Optional

# A file system that is over-full says so by a number below zero, which arrives unsigned.
SIGN = 1 << 63


class Space(NamedTuple):
    """How full something is. Bytes, or inodes; `free` is what users may still take."""

    size: int
    used: int
    free: int

    @property
    def percent(self):
        """Return used / (used + free), rounded up as df does; None if there is nothing to fill."""
        whole = self.used + self.free
        return -(-self.used * 100 // whole) if whole > 0 and self.size > 0 else None


class Figures(NamedTuple):
    """What is known of one file system. inodes is None where they cannot run out (btrfs)."""

    blocks: Space
    inodes: Optional[Space]


def figures(unit_bytes, blocks, bfree, bavail, files, ffree):
    """Return the Figures for the fields of a statvfs result.

    Blocks that are kept for root are neither used nor free to users; inodes
    are kept for nobody.
    """
    space = Space(blocks * unit_bytes, (blocks - bfree) * unit_bytes, _signed(bavail) * unit_bytes)
    return Figures(space, Space(files, files - ffree, ffree) if files else None)


def _signed(number):
    return number - 2 * SIGN if number >= SIGN else number


UNITS = ("B", "K", "M", "G", "T", "P")


def human(size_bytes):
    """Return a size in at most five characters, by powers of 1024: 0 B, 1.5 G, 980 M."""
    value, unit = float(abs(size_bytes)), 0
    # 999.5 would be shown as 1000.
    while value >= 999.5 and unit < len(UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 1 if unit and value < 9.95 else 0
    sign = "-" if size_bytes < 0 else ""
    return "{}{:.{}f} {}".format(sign, value, digits, UNITS[unit])
