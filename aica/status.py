"""How the last recovery of this boot ended: /run/aica/status.json and the login notice."""

import json
import time

from .change import BLOCKED, CHANGED, FAILED, SKIPPED
from .errors import AicaError
from .report import escape, summary

PATH = "/run/aica/status.json"
NOTICE = "/run/aica/notice"
MAINTENANCE = "/run/aica/maintenance.json"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
PROBLEMS = 20


def boot_of(host):
    """Return what tells this boot from another for files below /run.

    On a live system nothing is needed: its /run is empty at boot. (The
    kernel's id would not do: in a container a service with
    ProtectKernelTunables= sees another one than a shell.) The run folder of
    an offline root is an ordinary one, so there the kernel's id is kept.
    """
    if host.live:
        return "live"
    with open(BOOT_ID, encoding="ascii") as line:
        return line.read().strip()


def load(host, path=PATH):
    """Return the status of this boot as a mapping; {} if there is none that can be believed."""
    try:
        found = json.loads(host.read_trusted(path).decode("ascii"))
    except (OSError, ValueError, AicaError):
        return {}
    believed = isinstance(found, dict) and found.get("boot") == boot_of(host)
    return found if believed else {}


def compose(outcomes, exit_code, error="", contact=""):
    """Return the status after a run: what is shown to people and to other programs.

    contact says whom people should tell, as the site put it.
    """
    problems = ["{} {}".format(o.resource, o.message.split("\n", 1)[0])
                for o in outcomes if o.status in (FAILED, BLOCKED)]
    problems = ([error] if error else []) + problems
    return {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "exit": exit_code,
        "state": STATES.get(exit_code, "bug"),
        "summary": dict(summary(outcomes)),
        "problems": [escape(problem) for problem in problems[:PROBLEMS]],
        "more_problems": max(0, len(problems) - PROBLEMS),
        "contact": escape(contact),
    }


# What a member needs to get in, and to be at home there.
OWN = ("account", "home", "symlink")


def people(outcomes):
    """Return whose accounts were restored in a run, and who is not whole after it."""
    own = [outcome for outcome in outcomes if outcome.kind in OWN]
    whose = {outcome.resource: escape(outcome.name.rsplit("/", 1)[-1]) for outcome in own}
    wrong = {whose[o.resource] for o in own if o.status in (FAILED, BLOCKED, SKIPPED)}
    made = {whose[o.resource] for o in own if o.kind == "account" and o.status == CHANGED}
    return {"restored": sorted(made), "blocked_users": sorted(wrong)}


def unfinished():
    """Return the status of a recovery that has begun."""
    return dict(compose((), 70, "a recovery has begun and did not say how it ended"),
                state="unfinished")


STATES = {0: "ok", 1: "failed", 2: "configuration", 4: "blocked", 5: "not-ready"}


def notice_line(status):
    """Return the one line that is shown at every login, "" if all is well."""
    if status["exit"] == 0:
        return ""
    problems = status["problems"]
    first = problems[0] if problems else status["state"]
    more = len(problems) + status["more_problems"] - 1
    rest = " (and {} more)".format(more) if more > 0 else ""
    whom = " ({})".format(status["contact"][:100]) if status["contact"] else ""
    return ("AICA DataKeeper: this server is not whole: {}{}. "
            "An admin{} should run: aica check -q".format(first[:300], rest, whom))


def save(host, status):
    """Write status.json, and the notice or its absence."""
    _write(host, PATH, status)
    line = notice_line(status)
    if line:
        host.write_file(NOTICE, (line + "\n").encode("ascii", "backslashreplace"), 0o644)
    elif host.lstat(NOTICE) is not None:
        host.remove_file(NOTICE)


def save_maintenance(host, status):
    """Write how the shared trees were found; it is no reason to greet everybody with a notice."""
    _write(host, MAINTENANCE, status)


def _write(host, path, value):
    host.make_parents(path)
    value = dict(value, boot=boot_of(host))
    text = json.dumps(value, indent=1, sort_keys=True) + "\n"
    host.write_file(path, text.encode("ascii"), 0o644)
