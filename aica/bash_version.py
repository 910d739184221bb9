"""How to recognise what the bash version of this program left on a server. Pure.

It ran scripts below /data as root, through sudo, cron and a unit, while the
group could write there: each of these is a way to root. Whole files are only
recognised by the paths of those scripts; nothing else counts as its work.
"""

import re

SCRIPTS = (
    "install-miniconda", "install-global-env", "install-uv", "ops-setup-global", "ops-recovery",
    "ops-disk-alert", "ops-clean-cache", "system-permissions", "system-sudoers", "user-create-home",
    "user-create-home-v2", "user-setup-conda", "user-fix-permissions", "user-setup",
    "user-register", "verify-global-env",
)
# Folders of it on /data, and where else it kept its registry.
FOLDERS = ("scripts", "AICADataKeeper", "system")
REGISTRIES = ("system/config/users.txt", "AICADataKeeper/config/users.txt")
LABEL = "bash-version"

_BOILERPLATE = re.compile(r"(#.*|(set|umask|exit|SHELL|PATH|MAILTO|export|cd)\b.*|)\Z")
_STARTERS = r"(?:exec\s+|sudo\s+|(?:/usr)?(?:/bin/)?(?:env\s+)?(?:bash|sh|dash|python3)\s+)*"
_TIMES = r"(?:@\w+|(?:\S+\s+){4}\S+)\s+"


def script(data):
    """Return a pattern of the paths of its scripts, for a data folder."""
    return r"{}/(?:[\w.-]+/)*(?:{})\.sh".format(re.escape(data), "|".join(SCRIPTS))


def is_profile(text, data):
    """True for its /etc/profile.d/global_envs.sh, which sources a file below /data."""
    wanted = r"{}/(?:[\w.-]+/)*config/global_env\.sh".format(re.escape(data))
    return any(re.search(wanted, line) for line in _active(text))


def is_global_env(text, data):
    """True for its global_env.sh, which exported the variables."""
    wanted = r"\s*export\s+(HF_HOME|CONDA_PKGS_DIRS|TORCH_HOME)=[\"']?" + re.escape(data) + "/"
    return any(re.match(wanted, line) for line in _active(text))


def is_rule(text, data):
    """True for its sudo rules: a script of it may be run as root."""
    return any(re.search(script(data), line) for line in _active(text))


def is_unit(text, data):
    """True for its aica-recovery.service: it starts one of its scripts."""
    return any(re.match(r"\s*Exec\w+\s*=.*" + script(data), line) for line in _active(text))


def is_job(text, data):
    """True for a cron file or script that does nothing but start its scripts."""
    lines = [line.strip() for line in _active(text)]
    return any(re.search(script(data), line) for line in lines) and all(
        re.search(script(data), line) or _BOILERPLATE.match(line) for line in lines)


def _active(text):
    """Return the lines that are no comment, continued ones joined."""
    lines = text.replace("\\\n", " ").split("\n")
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


# -- what root runs, whoever wrote it ------------------------------------


def commands_of_sudoers(text, data):
    """Return the paths below data that a sudoers file lets people run."""
    return _all(r"[=:,!]\s*({}/[^\s,:]+)".format(re.escape(data)), text)


def commands_of_unit(text, data):
    """Return the paths below data that a unit runs as root."""
    if re.search(r"^\s*User\s*=\s*(?!root\s*$|0\s*$)\S", text, re.M):
        return []
    return _all(r"^\s*Exec\w+\s*=\s*[-@:+!|]*\s*{}({}/\S+)".format(_STARTERS, re.escape(data)), text)


def commands_of_crontab(text, data, with_user=True):
    """Return the paths below data that a crontab runs as root."""
    user = r"root\s+" if with_user else ""
    return _all(r"^\s*{}{}{}({}/\S+)".format(_TIMES, user, _STARTERS, re.escape(data)), text)


def commands_of_script(text, data):
    """Return the paths below data with which a line of a shell script begins."""
    return _all(r"^\s*{}({}/\S+)".format(_STARTERS, re.escape(data)), text)


def sourced(text, data):
    """Return the files below data that a shell script reads in."""
    return _all(r"(?:^|[;&{{])\s*(?:\.|source)\s+[\"']?({}/[^\s\"';&]+)".format(re.escape(data)), text)


def _all(pattern, text):
    found = [path.rstrip(";&|") for line in _active(text) for path in re.findall(pattern, line)]
    return list(dict.fromkeys(found))
