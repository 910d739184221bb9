"""aica check: is this server as it should be?"""

from .. import maintenance, report
from ..errors import ConfigError
from . import show
from .progress import Progress

KINDS = (
    "registry", "host-key", "ssh-server", "kept-file", "group", "vault", "account", "membership",
    "subids", "home", "label", "symlink", "crontab", "at-job", "linger", "directory", "file",
    "conda-base", "uv", "sudoers", "channel", "pam", "unit", "selinux", "way-in", "umask",
    "ssh-login", "root-hole", "stray", "world-writable", "shared-tree", "secret", "foreign-files",
    "backup",
)


def add_arguments(parser):
    """Describe the verb."""
    parser.add_argument("--only", action="append", default=[], metavar="KIND[:NAME]",
                        help="show only this kind of thing, or this one thing (may be "
                             "repeated): " + ", ".join(KINDS))
    parser.add_argument("--deep", action="store_true",
                        help="look at everything in the shared trees, which may take hours")


def run(args, app):
    """Check and show every outcome."""
    for wanted in args.only:
        if wanted.split(":", 1)[0] not in KINDS:
            raise ConfigError("--only {}: expected one of {}".format(wanted, ", ".join(KINDS)))
    progress = Progress(args)
    found = progress.over(maintenance.check(app, args.deep, progress))
    missing = {wanted for wanted in args.only if ":" in wanted}
    return show.outcomes(args, app, _only(found, args.only, missing), dry_run=True,
                         drift=report.EXIT_DRIFT)


def _only(found, only, missing):
    """Yield the outcomes that are wanted. Raise ConfigError if one of `missing` is none of all."""
    for outcome in found:
        missing.discard(outcome.resource)
        if not only or _wanted(outcome, only):
            yield outcome
    if missing:  # before a summary that would say that all is well
        raise ConfigError("--only {}: there is no such thing here".format(sorted(missing)[0]),
                          hint="aica check --only {}".format(sorted(missing)[0].split(":")[0]))


def _wanted(outcome, only):
    return outcome.kind in only or outcome.resource in only
