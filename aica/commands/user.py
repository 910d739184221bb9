"""aica user: who is on this server."""

from ..disk.df import human
from ..errors import ConfigError
from ..people import adopting, homes, registering, review, setting_up
from . import options, show, user_add, user_permissions, user_remove


def add_arguments(parser):
    """Describe the verb and its actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.required = True
    user_add.add_arguments(
        _action(actions, "add", "make an account with home, key or password, and register it"))
    setup = _action(actions, "setup", "give an account its group, home on /data and home link; "
                                      "a home with content moves there", group=True)
    setup.add_argument("--while-running", action="store_true",
                       help="move the home although processes of the user are running")
    _action(actions, "register", "restore this account at every boot from now on", group=True)
    _action(actions, "unregister", "no longer restore it; its ids stay reserved")
    user_remove.add_arguments(
        _action(actions, "remove", "somebody leaves: no account, ids reserved, home set aside"))
    user_permissions.add_arguments(
        _action(actions, "fix-permissions", "modes of somebody's own files; whose files lie there"))
    adopt = _action(actions, "adopt", "record the ids of an account, or of the owner of a home")
    adopt.add_argument("--group", default="", metavar="GROUP",
                       help="register the user too, with this group")
    adopt.add_argument("--yes", action="store_true", help="do not ask")
    _action(actions, "show", "what is known of one user")
    everybody = _action(actions, "list", "everybody registered, folders of nobody, what is wrong",
                        name=False)
    everybody.add_argument("--sizes", action="store_true",
                           help="count now how large each home is, which takes as long as du")
    home = _action(actions, "home", "put the top of a home and the link to it right")
    home.add_argument("--create", action="store_true",
                      help="make a new home, from /etc/skel, if it is missing")
    _action(actions, "conda", "give a user a ~/.condarc and ~/conda/envs where they are missing")


def _action(actions, name_of_action, text, name=True, group=False):
    action = actions.add_parser(name_of_action, help=text, description=text,
                                parents=[options.common()])
    if name:
        action.add_argument("name", metavar="NAME", help="user name")
    if group:
        action.add_argument("group", metavar="GROUP", help="the site's group or an allowed one")
    return action


def run(args, app):
    """Do the action and show its outcomes."""
    return ACTIONS[args.action](args, app)


def _setup(args, app):
    code = show.outcomes(args, app, setting_up.set_up(app, args.name, args.group,
                                                       args.while_running))
    step = setting_up.next_step(app, args.name, args.group) if code == 0 else ""
    if step:
        show.info(args, "next: " + step)
    return code


def _register(args, app):
    return show.outcomes(args, app, registering.register(app, args.name, args.group))


def _unregister(args, app):
    code = show.outcomes(args, app, registering.unregister(app, args.name))
    if code == 0:
        show.info(args, "the account lives until it is removed or the SSD is wiped; "
                        "its ids stay reserved")
    return code


def _adopt(args, app):
    adoption = adopting.plan_adoption(app, args.name, args.group)
    show.info(args, "found {}".format(adoption.words))
    if not show.confirm(args, "Record this for {}: {}?".format(args.name, adoption.words)):
        show.info(args, "nothing was changed")
        return 0
    return show.outcomes(args, app, adopting.adopt(app, adoption))


def _list(args, app):
    found, problems = review.rows(app, args.sizes)
    show.rows(args, found if args.json else [_readable(row) for row in found])
    if not found:
        show.info(args, "nobody is registered: aica user add NAME")
    folder, number = review.removed_homes(app)
    if number:
        show.info(args, "homes of those who left, in {}: {}".format(folder, number))
    for problem in problems:
        show.warning(args, "users.txt {}".format(problem))
    return show.end(args, {"rows": len(found)}, 1 if problems else 0)


def _readable(row):
    return row._replace(size=None if row.size is None else human(row.size))


def _home(args, app):
    return show.outcomes(args, app, homes.home(app, args.name, args.create))


def _conda(args, app):
    return show.outcomes(args, app, homes.conda(app, args.name))


def _show(args, app):
    found = [row for row in review.rows(app)[0]
             if row.name == args.name and row.group is not None]
    if not found:
        raise ConfigError("{!r} is not registered".format(args.name), hint="aica user list")
    if args.json:
        show.rows(args, found)
    else:
        show.fields(found[0])
    return show.end(args, {"rows": len(found)}, 0)


ACTIONS = {"add": user_add.run, "setup": _setup, "register": _register,
           "unregister": _unregister, "adopt": _adopt, "remove": user_remove.run,
           "fix-permissions": user_permissions.run, "home": _home, "conda": _conda,
           "list": _list, "show": _show}
