"""aica user remove: somebody leaves; nothing of theirs is deleted."""

from ..disk.df import human
from ..people import removing
from . import show


def add_arguments(action):
    """Describe the options."""
    action.add_argument("--keep-home", action="store_true",
                        help="leave the home where it is")
    action.add_argument("--end-processes", action="store_true",
                        help="end the processes that are still running")
    action.add_argument("--yes", action="store_true", help="do not ask for the name")


def run(args, app):
    """Show what there is, ask for the name, remove."""
    found = removing.plan_removal(app, args.name, args.keep_home, args.end_processes)
    if not args.json:
        show.plain(args, list(words(found, args)))
    if not show.confirm_name(args, args.name, "Remove {0}? Type {0} to agree: ".format(args.name)):
        show.info(args, "nothing was changed")
        return 0
    code = show.outcomes(args, app, removing.remove(
        app, args.name, args.keep_home, args.end_processes))
    if code == 0:
        show.info(args, "uid {} stays reserved; the files of {} in the shared folders stay "
                        "theirs".format(found.uid, args.name))
    return code


def words(found, args):
    """Yield what an admin should know, a line each."""
    account = {"local": "account", "directory": "account of a directory service, which stays",
               "none": "no account here"}[found.account]
    yield "{}: {}, uid {}, {}".format(found.name, account, found.uid,
                                      "registered" if found.registered else "not registered")
    if found.home:
        size = "not a folder" if found.size_bytes is None else "{}{}".format(
            "" if found.size_complete else "more than ", human(found.size_bytes))
        yield "home: {}, {}; {}".format(found.home, size, "stays there" if args.keep_home else
                                        "will be moved to .removed beside it, not deleted")
    else:
        yield "home: none"
    yield "last login: {}".format(found.last_login or "not known")
    yield "running: {}".format(", ".join(found.processes) + "; will be ended"
                               if found.processes else "nothing")
    if found.jobs:
        yield "{}: taken away, a copy stays on the data disk".format(" and ".join(found.jobs))
