"""One verb per file: add_arguments() describes it, run(args, app) -> exit status does it.

A command is glue: it calls a use case, shows Outcomes, asks questions.
"""

# The module of a verb has its name, and is imported when it is that verb's turn: see parser.py.
VERBS = {
    "setup": "first installation on a server: group, folders, environment, units",
    "recover": "make the server whole: accounts, homes, folders, environment",
    "check": "is it as it should be? exit status 3 if something drifted",
    "permissions": "the shared trees: folders g+rwxs, files g+rwX, the site's group",
    "clean": "remove from the shared caches what nobody uses",
    "user": "add, remove, list and repair users",
    "alert": "look at the disks and tell whoever must know; hourly from cron",
    "disk": "who and what fills the disks, and until when",
    "backup": "copy all homes and /data/config to the backup disk; list; bring back",
    "bootstrap": "put the package on /data, for images that come back without it",
    "install": "install conda or uv for everybody, or what is missing of them",
    "env": "your environment: variables, caches, conda environments, and what is wrong with it",
    "volatile": "what the next reboot would lose, and what keeps it; exit status 3 if anything",
    "record": "record changed passwords, shells and groups of registered users",
    "render": "write the generated files below /etc; the package runs it",
    "demo": "build a throw-away wiped server in a folder, recover it, show it",
    "tui": "the menu: everything for admins as root, one's own things for members",
}
