"""aica disk: who and what fills the disks, and until when."""

import argparse
import json
import os
import time

from ..disk import message, overview, probe, scan, shown
from ..disk.alert import Disks
from ..errors import ConfigError, NotReady
from . import show
from .progress import Progress

TOP = 10


def add_arguments(parser):
    """Describe the verb."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--by-user", action="store_true",
                      help="how much each user holds, in the home and elsewhere")
    what.add_argument("--path", metavar="P", help="measure this folder now, by its entries")
    what.add_argument("--scan", action="store_true",
                      help="look through the data disk now; a timer does it every night")
    parser.add_argument("--top", type=_positive, default=TOP, metavar="N",
                        help="so many rows of each kind (default: {})".format(TOP))


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("{!r}: expected a number from 1 on".format(text))
    return int(text)


def run(args, app):
    """Show what was asked for."""
    if args.path is not None:
        return _path(args, app)
    if args.scan:
        return _scan(args, app)
    progress = Progress(args)
    found = overview.overview(app, progress, own=not args.by_user)
    progress.clear()
    show.warnings(args, app)
    _show_disks(args, found)
    if args.by_user and found.held is not None:
        _show_quota(args, app, found.held)
    if found.last is not None:
        _show_scan(args, found.last)
    elif found.looks[0].figures is not None:
        # A member has no sudo for it: whoever may, reads how.
        now = ", or now: aica disk --scan" if os.geteuid() == 0 else ""
        show.info(args, "what fills {} is known after the nightly scan{}".format(
            found.looks[0].disk, now))
    if found.lost:
        show.error(args, "{} {}".format(found.data, found.lost),
                   _mount(found.data))
    return _end(args, NotReady.exit_status if found.lost else 0)


def _scan(args, app):
    progress = Progress(args, _entries(app))
    last, problem = scan.run(app, progress)
    progress.clear()
    show.warnings(args, app)
    if not args.quiet:
        _show_scan(args, last)
    if problem:
        show.error(args, problem)
    return _end(args, 1 if problem else 0)


def _entries(app):
    """Return how many entries there are about on the data disk, 0 if that is not known."""
    host = app.host()
    data = app.etc_settings(host).data
    figures = probe.look(host, (data,), locks=False)[data].figures
    return figures.inodes.used if figures and figures.inodes else 0


def _path(args, app):
    path = os.path.abspath(args.path)
    host = app.host(need_root=False)
    _require_data(app, host, path)
    seen = probe.look(host, (path,), locks=False)[path]
    if host.live and seen.state == probe.OK:
        path = os.path.realpath(path)
    if seen.state != probe.HANGING and not (
            os.path.isdir(path) if host.live else host.is_folder(path)):
        raise ConfigError("--path {}: there is no such folder".format(args.path))
    progress = Progress(args)
    found = scan.of_folder(app, path, progress)
    progress.clear()
    if args.json:
        for (_, name), size in sorted(found.parts.items(), key=lambda item: -item[1].size_bytes):
            print(json.dumps({"name": name, "size_bytes": size.size_bytes,
                              "entries": size.entries}))
        print(json.dumps({"path": path, "size_bytes": found.total.size_bytes,
                          "entries": found.total.entries, "problems": found.problems}))
    else:
        _lines(shown.folder_lines(path, found, args.top))
    return _end(args, 1 if found.problems else 0)


def _require_data(app, host, path):
    """Raise NotReady for a path on the data disk if that is not there: its place is on the SSD."""
    disks = Disks(app, host, locks=False)
    data = disks.settings.data
    if (path + "/").startswith(data + "/") and disks.lost(data):
        raise NotReady("{} {}".format(data, disks.lost(data)), hint=_mount(data))


def _mount(data):
    return "mount it: mount {}; if it does not answer: dmesg | tail".format(data)


def _show_disks(args, found):
    if args.json:
        for look, state in zip(found.looks, found.states):
            print(json.dumps(message.facts(look, state, "", (), ())))
        if found.own is not None:
            print(json.dumps(dict(found.own._asdict(), kind="own", name=found.own_home)))
        return
    _lines(shown.disk_lines(found.looks) + [""])
    if found.own is not None:
        _lines(["your home {}: {} in {:,} entries, now".format(
            found.own_home, shown.human(found.own.size_bytes), found.own.entries), ""])


def _show_quota(args, app, held):
    name_of = app.host(read_only=True).accounts().name_of_uid
    if args.json:
        for uid, size_bytes in sorted(held.items()):
            print(json.dumps({"user": name_of(uid) or str(uid), "quota_bytes": size_bytes}))
        return
    _lines(shown.quota_lines(held, name_of, args.top) + [""])


def _show_scan(args, last):
    now_s = time.time()
    if args.json:
        users = [dict(zip(("user", "home_bytes", "elsewhere_bytes", "growth_bytes"), row))
                 for row in shown.user_rows(last)]
        for row in users if args.by_user else overview.part_rows(last):
            print(json.dumps(row))
        print(json.dumps({"scanned": int(last.when_s), "age_s": int(now_s - last.when_s),
                          "size_bytes": last.total.size_bytes, "entries": last.total.entries}))
        return
    lines = shown.user_lines if args.by_user else shown.scan_lines
    _lines(lines(last, now_s, args.top))


def _lines(lines):
    for line in lines:
        print(line)


def _end(args, code):
    return show.end(args, {}, code)
