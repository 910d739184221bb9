"""One verb per file: add_parser() describes it, run(args, app) -> exit status does it.

A command is glue: it calls a use case, shows Outcomes, asks questions.
"""

VERBS = ("setup", "recover", "check", "permissions", "clean", "user", "alert", "disk", "backup",
         "bootstrap", "install", "env", "volatile", "record", "render", "demo", "tui")
