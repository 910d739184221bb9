"""aica demo: build a small wiped server in a throw-away folder and recover it."""

import tempfile

from .. import command, demo
from ..app import App
from ..errors import ConfigError, NotReady
from . import show


def add_arguments(parser):
    """Nothing: the verb has the common options only."""


def run(args, app):
    """Build, recover, check, recover again. The exit status is the worst of the three."""
    for option, value in (("--root", args.root.rstrip("/")), ("--config", args.config)):
        if value:
            raise ConfigError("{} {}: the demo makes a folder and settings of its own".format(
                option, value), hint="aica demo; then any verb with --root and its folder")
    app.host()  # root only
    missing = demo.missing_tools(command.find)
    if missing:
        raise NotReady("not installed: {}".format(", ".join(missing)),
                       hint="apt install passwd (or: yum install shadow-utils)")
    root = tempfile.mkdtemp(prefix="aica-demo-")
    demo.build(root)
    there = App(root)
    show.info(args, "a wiped server lies in {}".format(root))
    codes = [_step(args, there, "recover", there.recover())]
    brief = not args.verbose
    codes += [_step(args, there, "check", there.check(), brief, dry_run=True),
              _step(args, there, "recover", there.recover(), brief)]
    show.info(args, "look around: ls -l {0}/home {0}/data/users; cat {0}/etc/passwd".format(root))
    show.info(args, "try it: python3 -m aica check --root {}".format(root))
    show.info(args, "remove it: rm -r {}".format(root))
    return show.end(args, {"runs": len(codes)}, max(codes))


def _step(args, there, verb, results, brief=False, dry_run=False):
    if not (args.json or args.quiet):
        print("\n$ aica {} --root {}".format(verb, there.root))
    return show.outcomes(args, there, results, dry_run, drift=3 if dry_run else 0, brief=brief)
