"""The report on the disks as lines of text. Pure, and ASCII but for the names of others."""

from ..report import table
from . import message
from .df import human
from .forecast import in_words
from .usage import CACHE, CODE, DATASET, HOME, MODEL, OTHER

BAR = 20
TITLES = ((HOME, "homes"), (CACHE, "caches"), (MODEL, "models"), (DATASET, "datasets"),
          (CODE, "code"), (OTHER, "other"))


def bar(percent, width=BAR):
    """Return "[#######---]": anything used shows, and only what is full is full."""
    filled = percent * width // 100
    if 0 < percent and not filled:
        filled = 1
    filled = min(width, filled)
    return "[{}{}]".format("#" * filled, "-" * (width - filled))


def disk_lines(looks):
    """Return the table of the disks with their bars."""
    rows = [("DISK", "SIZE", "USED", "FREE", "USE", "", "INODES", "")]
    for look in looks:
        if look.figures is None:
            rows.append((look.disk, "-", "-", "-", "-", bar(0), "-", look.lost))
            continue
        blocks, inodes = look.figures
        percent = blocks.percent or 0
        rows.append((look.disk, human(blocks.size), human(blocks.used), human(blocks.free),
                     "{}%".format(percent), bar(percent),
                     "{}%".format(inodes.percent) if inodes and inodes.percent is not None else "-",
                     _until(look)))
    return table(rows, right=(1, 2, 3, 4, 6))


def _until(look):
    return message.full_in_words(look).split(" ", 1)[1] if look.full else ""


def age(seconds):
    """Return how long ago something was: "5 hours ago"."""
    if seconds < 0:
        return "by a clock that was wrong"
    if seconds < 120:
        return "just now"
    if seconds < 5400:
        return "{} minutes ago".format(int(seconds // 60))
    return in_words(seconds / 3600.0) + " ago"


def scan_lines(scan, now_s, top):
    """Return the sections of a Scan: the largest of each kind, and how they have grown."""
    lines = ["scanned {}, {} in {:,} entries{}".format(
        age(now_s - scan.when_s), human(scan.total.size_bytes), scan.total.entries,
        _problems(scan.problems))]
    for kind, title in TITLES:
        lines += _section(scan, kind, title, top)
    return lines


def _problems(problems):
    count = sum(problems.values())
    return "; {:,} could not be looked at".format(count) if count else ""


def _section(scan, kind, title, top):
    parts = sorted((part for part in scan.parts if part[0] == kind and scan.parts[part].entries),
                   key=lambda part: -scan.parts[part].size_bytes)
    if not parts:
        return []
    since = scan.since()
    rows = [(title.upper(), "SIZE", _span(scan, since))]
    rows += [("  " + (part[1] or "(the disk itself)"), human(scan.parts[part].size_bytes),
              growth(scan.growth(part))) for part in parts[:top]]
    return [""] + table(rows, right=(1, 2)) + _more(len(parts) - top)


def _more(number):
    return ["  ... and {} more (--top)".format(number)] if number > 0 else []


def _span(scan, since):
    if since is None:
        return ""
    return "IN {} DAYS".format(max(1, int(round((scan.when_s - since.when_s) / 86400.0))))


def growth(size_bytes):
    """Return "+1.5 G", "-3.0 M", "=" for none, "" if it is not known."""
    if size_bytes is None:
        return ""
    if size_bytes == 0:
        return "="
    return ("+" if size_bytes > 0 else "") + human(size_bytes)


def user_rows(scan):
    """Return (name, home bytes, bytes elsewhere, growth of the home) of everybody, largest first."""
    homes = {name: size for (kind, name), size in scan.parts.items() if kind == HOME}
    names = set(homes) | set(scan.owners)
    rows = [(name, homes[name].size_bytes if name in homes else 0, scan.owners.get(name, 0),
             scan.growth((HOME, name)) if name in homes else None) for name in names]
    return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))


def user_lines(scan, now_s, top):
    """Return the table of who holds how much: in the home, and outside of homes."""
    found = user_rows(scan)
    rows = [("USER", "HOME", "ELSEWHERE", "TOGETHER", _span(scan, scan.since()))]
    rows += [(name, human(home), human(rest), human(home + rest), growth(more))
             for name, home, rest, more in found[:top]]
    return (["scanned {}".format(age(now_s - scan.when_s)), ""]
            + table(rows, right=(1, 2, 3, 4)) + _more(len(found) - top))


def quota_lines(held, name_of, top):
    """Return the table of who holds how much by the quota, from {uid: bytes}."""
    found = sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [("USER", "HOLDS")] + [(name_of(uid) or str(uid), human(size))
                                  for uid, size in found[:top]]
    return (["by the quota of the file system, now", ""]
            + table(rows, right=(1,)) + _more(len(found) - top))


def folder_lines(path, usage, top):
    """Return the table of what a folder holds, by its entries."""
    parts = sorted(((name, size) for (_, name), size in usage.parts.items() if name),
                   key=lambda pair: -pair[1].size_bytes)
    rows = [(human(usage.total.size_bytes), "{:,}".format(usage.total.entries), path)]
    rows += [(human(size.size_bytes), "{:,}".format(size.entries), "  " + name)
             for name, size in parts[:top]]
    lines = table([("SIZE", "ENTRIES", "")] + rows, right=(0, 1))
    wrong = _problems(usage.problems)
    return lines + _more(len(parts) - top) + ([wrong[2:]] if wrong else [])
