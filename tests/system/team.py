"""A team that works on a server, and how to see whether it is whole again."""

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from image import KIND
from sandbox import ServerError, describe
from server import Server

GROUP = "gpu-users"
RECOVERY = "aica-recovery.service"
MEMBERS = ("kim", "lee", "park")
GECOS = {"kim": "김철수,,,", "lee": "Lee,Room 2,,", "park": ""}
# The order is not the alphabet's and one uid is out of line: whoever guesses ids, guesses wrong.
UIDS = {"park": "1500", "lee": "1001", "kim": "1002"}
# What a member's environment must hold, word for word, in every way in.
ENVIRONMENT = {
    "CONDA_PKGS_DIRS": "/data/cache/conda/pkgs",
    "CONDA_ENVS_PATH": "/home/{user}/conda/envs",
    "MODELS_DIR": "/data/models",
    "TORCH_HOME": "/data/models/torch",
    "HF_HOME": "/data/models/huggingface",
    "HF_HUB_CACHE": "/data/models/huggingface/hub",
    "HF_DATASETS_CACHE": "/data/models/huggingface/datasets",
    "COMFYUI_HOME": "/data/models/comfyui",
    "FLUX_HOME": "/data/models/flux",
}
LOOK = "/usr/local/bin/look"
# A file that a member makes in a shared folder, and removes again: who may change it?
LOOK_TEXT = """\
#!/bin/sh
umask
env
cd /data/models/torch 2>/dev/null && touch "new.$$" 2>/dev/null || exit 0
stat -c 'NEW_FILE=%a %U:%G' "new.$$"
rm "new.$$"
"""
IN_THE_OWN_HOME = ("HF_TOKEN_PATH", "HF_MODULES_CACHE")


class Team(NamedTuple):
    """What a team had when its server was shut down."""

    data: Path  # a copy of /data
    accounts: dict  # name -> account()
    said: dict  # what the commands of the first life printed, by command


class Seen(NamedTuple):
    """What a process finds when it came in by some way."""

    umask: str
    env: dict


def add_locals(server):
    """Before a boot: let the image bring an account that nobody registered, and root's key."""
    server.change_image(
        "useradd", "--create-home", "--uid", "1900", "--shell", "/bin/bash", "guest"
    )
    server.change_image("sh", "-c", "echo guest:local | chpasswd")
    for home in ("/home/guest", "/root"):
        server.plant(home + "/.ssh/authorized_keys", server.image.public_key(), 0o600)
    server.change_image("chown", "-R", "guest:guest", "/home/guest/.ssh")


def cron_probe(*users):
    """Return a file for /etc/cron.d; one unknown user in it and cron ignores all of it."""
    job = "@reboot {0} cd /var/tmp && {1} > {0}.new && mv {0}.new cron-{0}\n"
    return "".join(job.format(user, LOOK) for user in users)


def plant_look(server):
    """Before a boot: put the program there that says how it looks where it was started."""
    server.plant(LOOK, LOOK_TEXT, 0o755)
    server.plant("/etc/at.deny", "")  # the distribution's names guest


def first_life(image):
    """Set a server up, let the team work on it, shut it down. Return the Team."""
    with Server(image, "first-life") as server:
        add_locals(server)
        server.boot()
        said = {"setup": server.run(["aica", "setup", "--group", GROUP, "--skip", "conda,uv", "--yes"]).out}
        for name in UIDS:
            said.update(_onboard(server, name))
        _work(server)
        accounts = {name: account(server, name) for name in MEMBERS}
        server.shutdown()
        kept = image.work / "servers" / "kept-data"
        subprocess.run(["cp", "-a", "--reflink=auto", str(server.data), str(kept)], check=True)
    return Team(kept, accounts, said)


def _onboard(server, name):
    """The documented way of a new member, command for command."""
    gecos = ["--gecos", GECOS[name]]
    server.run(["adduser", "--disabled-password", "--uid", UIDS[name]] + gecos + [name])
    server.run(["chpasswd"], stdin="{0}:first-{0}\n".format(name))
    server.run(["usermod", "-aG", GROUP + (",video" if name == "kim" else ""), name])
    said = {}
    for verb in ("setup", "register"):
        said[verb + " " + name] = server.run(["aica", "user", verb, name, GROUP]).out
    return said


def _work(server):
    """What a team does in a day, most of it behind our back."""
    for name in MEMBERS:
        server.run(
            "su - {} -c 'umask 077 && mkdir .ssh && cat > .ssh/authorized_keys'".format(name),
            stdin=server.image.public_key(),
        )
        server.run("su - {0} -c 'echo work of {0} > thesis.tex; touch .zshrc'".format(name))
        server.run("su - {0} -c 'echo weights > /data/models/torch/{0}.bin'".format(name))
    server.run("chmod 700 /data/users/park")  # narrower than ours: somebody wanted it so
    server.run(["chage", "-M", "90", "-W", "14", "park"])
    server.run(["usermod", "-aG", "video", "lee"])  # after the registration
    server.run(["passwd", "kim"], stdin="second-kim\nsecond-kim\n")
    server.run("for i in $(seq 20); do echo lee:burst-$i | chpasswd; sleep 0.1; done")
    server.run(["chsh", "-s", "/bin/zsh", "park"])


def list_files(server, *paths):
    """List files in [keep] of the site's settings, as an editor would."""
    conf = server.data / "config" / "aica.conf"
    text = conf.read_text(encoding="utf-8")
    assert "\n[keep]\n" in text
    lines = "\n[keep]\nfiles = " + "\n    ".join(paths) + "\n"
    conf.write_text(text.replace("\n[keep]\n", lines), encoding="utf-8")


# --- looking -----------------------------------------------------------------------------------


def account(server, name):
    """Return everything about an account that must survive, as text by topic."""
    looks = {
        "passwd": "grep ^{0}: /etc/passwd",
        "shadow": "grep ^{0}: /etc/shadow",
        "private group": "grep ^{0}: /etc/group",
        "subuid": "grep ^{0}: /etc/subuid",
        "subgid": "grep ^{0}: /etc/subgid",
        "groups": "id -nG {0} | tr ' ' '\\n' | sort",
        "link": "readlink /home/{0}; stat -c %F /home/{0}",
        "home": "stat -c '%u:%g %a' /data/users/{0}",
        "files": "cd /data/users/{0} && find . -type f -printf '%p %u %g %m %s %T@\\n' | sort",
    }
    return {topic: server.run(command.format(name)).out for topic, command in looks.items()}


def assert_whole(server, team, names=MEMBERS):
    """Assert that each account is what it was."""
    for name in names:
        assert account(server, name) == team.accounts[name]


def terminal(server, user, timeout_s=60):
    """Return what the terminal shows at an interactive login."""
    return server.ssh(user, stdin="exit\n", timeout_s=timeout_s).out


def outcomes(server, *command):
    """Run an aica command with --json; return ({resource: outcome}, summary, exit status)."""
    result = server.run(["aica"] + list(command) + ["--json"], check=False)
    try:
        rows = [json.loads(line) for line in result.out.splitlines()]
        by_name = {row["resource"]: row for row in rows if "resource" in row}
        return by_name, rows[-1]["summary"], result.code
    except (ValueError, LookupError) as error:
        raise ServerError(
            "{} does not speak JSON ({}): {}".format(command, error, describe(result))
        ) from error


def statuses(by_name):
    """Return {status: [resources]} of what outcomes() returned, without the ok ones.

    Nor what cannot apply: sudo-i has no PAM file of its own on Debian 11, the .rpm no PAM profile.
    """
    cannot = {"way-in:sudo-i"} | ({"pam:aica-datakeeper"} if KIND == "rpm" else set())
    found = {}
    for name, row in by_name.items():
        if row["status"] != "ok" and (row["status"] != "skipped" or name not in cannot):
            found.setdefault(row["status"], []).append(name)
    return found


def tree(server, *folders):
    """Return a line for everything below the folders that tells of any write, touch or chmod."""
    return server.run(
        ["find"] + list(folders) + ["-xdev", "-printf", "%p %i %y %m %U:%G %s %T@ %C@ %l\\n"]
    ).out.splitlines()


# --- the ways in ---------------------------------------------------------------------------------


def come_in(server, way, user):
    """Come in as `user` by one of WAYS; return what is Seen there."""
    return parse_look({**WAYS, **WITHOUT_PAM}[way](server, user))


def parse_look(text):
    """Return what LOOK printed as Seen."""
    umask, *lines = text.splitlines()
    env = dict(re.match(r"(\w+)=(.*)", line).groups() for line in lines if re.match(r"\w+=", line))
    return Seen(umask, env)


def _interactive(server, user):
    # Into a file: a terminal would mix in the prompt, the motd and the echo.
    spy = "/tmp/spy-" + user
    server.ssh(user, stdin="{} > {}; exit\n".format(LOOK, spy))
    return server.text(spy)


def _cron(server, user):
    # Jobs at @reboot run when the daemon starts: no waiting for the next minute.
    server.wait_until("test -e /var/tmp/cron-" + user, 20, "the cron job of " + user)
    return server.text("/var/tmp/cron-" + user)


def _at(server, user):
    # at keeps the umask and the environment of whoever hands the job in: here, of an ssh command.
    spy = "/var/tmp/at-" + user
    job = "{0} > {1}.new && mv {1}.new {1}".format(LOOK, spy)
    server.ssh(user, "rm -f {}; echo '{}' | at -q a now".format(spy, job))
    server.wait_until("test -e " + spy, 30, "the at job of " + user)
    return server.text(spy)


def _unit_of_the_user(server, user):
    """A service that is started by name, as a unit file of the user's would be."""
    spy = "/var/tmp/unit-" + user
    folder = ".config/systemd/user" if user != "root" else "/root/.config/systemd/user"
    server.ssh(
        user,
        "rm -f {2}; mkdir -p {0} && printf '[Service]\nType=oneshot\nExecStart={1}\n"
        "StandardOutput=file:{2}\n' > {0}/look.service && systemctl --user daemon-reload && "
        "systemctl --user start look.service".format(folder, LOOK, spy),
    )
    return server.text(spy)


def _run(*before):
    return lambda server, user: server.run([word.format(user=user) for word in before] + [LOOK]).out


WAYS = {
    "an interactive ssh login": _interactive,
    "an ssh command": lambda server, user: server.ssh(user, LOOK).out,
    "su - -c": _run("su", "-", "{user}", "-c"),
    "su - with a shell": lambda server, user: server.run(["su", "-", user], stdin=LOOK + "\n").out,
    "su -c": _run("su", "{user}", "-c"),
    "sudo -u": _run("sudo", "-u", "{user}"),
    "sudo -iu": _run("sudo", "-iu", "{user}"),
    "cron": _cron,
    "at": _at,
    "systemd-run with PAM": _run(
        "systemd-run", "-q", "--wait", "--pipe", "-p", "PAMName=login", "-p", "User={user}"
    ),
    "the user manager": lambda server, user: (
        server.ssh(user, "systemd-run --user -q --wait --pipe " + LOOK).out
    ),
    "a unit of the user": _unit_of_the_user,
}
# EL has no pam-auth-update, hence the .rpm no PAM profile: /etc/profile.d is all that is ours.
LOGIN_SHELLS = ("an interactive ssh login", "su - -c", "su - with a shell", "sudo -iu")
COVERED = tuple(WAYS) if KIND == "deb" else LOGIN_SHELLS
# Nothing that is ours runs in these: they are shown, so that nobody relies on them.
WITHOUT_PAM = {
    "systemd-run --uid": _run("systemd-run", "-q", "--wait", "--pipe", "--uid={user}"),
    "runuser -u": _run("runuser", "-u", "{user}", "--"),
    "setpriv": lambda server, user: server.run([LOOK], user=user).out,
}
