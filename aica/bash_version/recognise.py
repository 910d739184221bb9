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

_BOILERPLATE = re.compile(r"(#.*|(set|umask|exit|SHELL|PATH|MAILTO|export|cd)\b[^;&|`$()]*|)\Z")
# Behind its script: words, and where the output goes. Nothing that starts something else.
_ARGUMENTS = r"(\s+[^\s;&|`$()<>]+)*(\s*(\d?>>?\s*[^\s;&|`$()]+|2>&1))*\s*(#.*)?\Z"
_MAY_RUN = r"%\S+\s+ALL\s*=\s*(\([^)]*\)\s*)?NOPASSWD\s*:\s*(.+)\Z"
_DF = r"(/usr)?/bin/df\b[^,]*"
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
    """True for its sudo rules: a script of it, and df, may be run by a group, and nothing else."""
    lines = [line.strip() for line in _active(text)]
    aliases = [re.match(r"Cmnd_Alias\s+(\w+)\s*=\s*(.+)\Z", line) for line in lines]
    names = {alias.group(1) for alias in aliases if alias}
    rules = [re.match(_MAY_RUN, line) for line, alias in zip(lines, aliases) if not alias]
    if not all(rules):
        return False
    commands = [word.strip() for found in [alias.group(2) for alias in aliases if alias]
                + [rule.group(2) for rule in rules] for word in found.split(",")]
    ours = script(data) + r"[^,]*\Z"
    return any(re.search(script(data), line) for line in lines) and all(
        word in names or re.match(ours, word) or re.match(_DF + r"\Z", word) for word in commands)


def is_unit(text, data):
    """True for its aica-recovery.service: it starts one of its scripts."""
    runs = [line for line in _active(text) if re.match(r"\s*Exec\w+\s*=", line)]
    ours = r"\s*Exec\w+\s*=\s*[-@:+!]*" + _STARTERS + script(data) + _ARGUMENTS
    return bool(runs) and all(re.match(ours, line) for line in runs)


def is_job(text, data):
    """True for a cron file or script that does nothing but start its scripts."""
    lines = [line.strip() for line in _active(text)]
    ours = r"(?:{}(?:root\s+)?)?{}{}{}".format(_TIMES, _STARTERS, script(data), _ARGUMENTS)
    begun = [bool(re.match(ours, line)) for line in lines]
    return any(begun) and all(
        ours_ or _BOILERPLATE.match(line) for ours_, line in zip(begun, lines))


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
