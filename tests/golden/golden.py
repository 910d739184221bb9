"""Compare with a file of expected text; AICA_GOLDEN=write renews the files."""

import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected")


def check(name, text):
    """Assert that text is what the file says."""
    path = os.path.join(FOLDER, name)
    if os.environ.get("AICA_GOLDEN") == "write":
        os.makedirs(FOLDER, exist_ok=True)
        with open(path, "w", encoding="utf-8") as new:
            new.write(text)
    with open(path, encoding="utf-8") as expected:
        assert text.split("\n") == expected.read().split("\n"), \
            "look at the difference; if it is right: AICA_GOLDEN=write python3 -m pytest tests/golden"


def listing(server):
    """Return the whole server as text: mode, owner, path, link target; and its account files."""
    lines = []
    for path, entry in sorted(server.tree().items()):
        mode, uid, gid, content = entry[1], entry[2], entry[3], entry[4]
        target = " -> " + content if os.path.islink(server.path(path)) else ""
        lines.append("{} {}:{} {}{}".format(mode[2:].rjust(4, "0"), uid, gid, path, target))
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid"):
        lines += ["", "== /etc/" + name] + server.read("/etc/" + name).split("\n")
    return "\n".join(lines) + "\n"


def lines(answer, *statuses):
    """Return the outcome lines, without their hints, that ended in one of the statuses."""
    return [line for line in answer.out.split("\n") if line.split("  ", 1)[0].strip() in statuses]


ABSENT = ("unit", "pam", "conda-base", "uv")  # what a throw-away folder cannot have, or has not yet
WRONG = ("planned", "changed", "blocked", "failed")


def drift(answer):
    """Return the ids of everything that is not ok or skipped for want of a program."""
    return ["{} {}".format(status, name) for status, name in answer.rows
            if status in WRONG or (status == "skipped" and name.split(":")[0] not in ABSENT)]
