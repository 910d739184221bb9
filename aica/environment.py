"""The environment of the members: one table of variables, rendered for sh and for PAM.

Pure text in, text out: nothing here reads a file, and nothing below /data is ever sourced
by root (the site's file is parsed, then rendered into files that live in /etc).

A value is plain text in which the marker `$HOME` stands for the home of whoever logs in.
Only what PAM's pam_env can carry is accepted from the site: a variable that existed in a
login shell but not in `ssh host command` or cron would be worse than an error message.
"""

import re
from typing import NamedTuple

BUILT_IN = "built in"
LOCAL = "global_env.local.sh"

# What [cache] shared names. By default that is conda alone: the others keep theirs where
# their programs have them, below the home.
CACHES = {
    "conda": ("CONDA_PKGS_DIRS", "{data}/cache/conda/pkgs"),
    "pip": ("PIP_CACHE_DIR", "{data}/cache/pip"),
    "uv": ("UV_CACHE_DIR", "{data}/cache/uv"),
    "npm": ("npm_config_cache", "{data}/cache/npm"),
    "yarn": ("YARN_CACHE_FOLDER", "{data}/cache/yarn"),
}

# What every member gets, whatever [cache] shared says.
ALWAYS = (
    ("CONDA_ENVS_PATH", "$HOME/conda/envs"),
    ("MODELS_DIR", "{data}/models"),
    ("TORCH_HOME", "{data}/models/torch"),
    ("HF_HOME", "{data}/models/huggingface"),
    ("HF_HUB_CACHE", "{data}/models/huggingface/hub"),
    ("HF_DATASETS_CACHE", "{data}/models/huggingface/datasets"),
    ("COMFYUI_HOME", "{data}/models/comfyui"),
    ("FLUX_HOME", "{data}/models/flux"),
)

# HF_HOME is shared. A login token in it is readable by all, saving one makes the folder
# 0700 and locks the team out (huggingface_hub), and modules/ is code that gets imported.
PRIVATE = (
    ("HF_TOKEN_PATH", "$HOME/.cache/huggingface/token"),
    ("HF_MODULES_CACHE", "$HOME/.cache/huggingface/modules"),
)

# Documented contract: what the site's file may never set.
REFUSED = ("PATH", "BASH_ENV", "ENV", "IFS", "PS4", "PROMPT_COMMAND", "HOME", "USER", "SHELL")
REFUSED_PREFIXES = ("LD_", "PYTHON")

# Not in the contract's list, and just as able to run code, change who one is, or break a login.
# fmt: off
REFUSED_TOO = frozenset((
    # who and where one is
    "LOGNAME", "USERNAME", "UID", "EUID", "GID", "EGID", "PPID", "MAIL", "PWD", "OLDPWD",
    "GROUPS", "SHLVL", "_",
    # the C library loads code or answers from files that these name
    "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN",
    "RESOLV_HOST_CONF", "GETCONF_DIR", "NIS_PATH", "TZDIR", "MALLOC_TRACE", "GLIBC_TUNABLES",
    "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES",
    # interpreters and tools run what these say
    "NODE_OPTIONS", "NODE_PATH", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS", "R_PROFILE", "LUA_INIT", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS",
    "SSH_ASKPASS", "SUDO_ASKPASS", "LESSOPEN", "LESSCLOSE",
    # shells: read-only names would abort the file that sets them
    "SHELLOPTS", "CDPATH", "GLOBIGNORE", "FPATH", "ZDOTDIR", "FIGNORE", "FUNCNEST",
    "POSIXLY_CORRECT", "PS0", "PS1", "PS2", "PS3", "OPTIND", "OPTARG", "LINENO", "SECONDS",
    "RANDOM",
    # zsh ties these to PATH and its kin, or keeps them read-only
    "path", "fpath", "cdpath", "manpath", "mailpath", "module_path", "psvar", "argv", "status",
    "pipestatus", "prompt", "options", "commands", "functions", "aliases", "parameters",
))
# fmt: on
REFUSED_TOO_PREFIXES = ("BASH", "PERL", "SUDO_", "XDG_SESSION", "XDG_RUNTIME", "DBUS_", "ZSH")

MAX_NAME = 64
# pam_env up to 1.5 reads lines into 1024 bytes and takes the rest of a longer one for another.
MAX_PAM_LINE_BYTES = 1000

_HOME = re.compile(r"\$HOME(?![A-Za-z0-9_])")
_HOME_IN_SH = re.compile(r"\$HOME(?![A-Za-z0-9_])|\$\{HOME\}")
_HERE = "\0"  # stands for the home while a value is put together; no line may contain it
_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_PIECE = re.compile(
    r"'(?P<single>[^']*)'"
    r'|"(?P<double>[^"\\]*)"'
    r"|(?P<bare>(?:\$\{HOME\}|[^\s'\"\\;&|<>(){}\[\]*?~#])+)"
)
_TAIL = re.compile(r"[ \t]+#.*")
_PAM_FORM = '{} DEFAULT="{}"'


# A HOME such as /home/kim/work or /data/users/kim is left alone: to look at it would walk
# through the link, and with a dead disk behind it the login would hang. `${HOME%/}` because a
# slash at the end makes the kernel follow the link too. `[ -O / ]`: root owns /, and asking
# so costs no process, which `id -u` would.
_PROFILE = """\
case "${{HOME-}}" in
{homes}/*/?*) ;;
{homes}/?*)
    if [ ! -O / ] && [ -L "${{HOME%/}}" ]; then
        umask 002
{exports}    fi
    ;;
esac
case $- in
*i*)
    for aica_file in {notices}; do
        if [ -r "$aica_file" ]; then
            IFS= read -r aica_notice <"$aica_file" || :
            [ -z "${{aica_notice-}}" ] || printf '%s\\n' "$aica_notice" >&2 || :
        fi
    done
    unset aica_file aica_notice
    ;;
esac
"""


class Variable(NamedTuple):
    """One environment variable; `$HOME` in the value is each user's own home."""

    name: str
    value: str
    source: str


class _Refused(ValueError):
    """Why one line of the site's file does not count."""


def builtin(data, shared=("conda",)):
    """Return the built-in Variables for the data root `data`.

    shared are the names of the programs whose cache is the team's: [cache] shared.
    """
    root = data.rstrip("/")
    caches = tuple(CACHES[name] for name in CACHES if name in shared)
    return tuple(
        Variable(name, value.format(data=root), BUILT_IN)
        for name, value in caches + ALWAYS + PRIVATE
    )


def parse_local(text):
    """Given the site's global_env.local.sh, return (Variables, problems).

    Accepted: `[export ]NAME=VALUE` with quotes, $HOME and ${HOME}; comments and empty lines.
    Each other line is one problem, "line N: ...", and never hides a good one.
    """
    variables, problems = [], []
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        try:
            variables.append(_parse_line(line))
        except _Refused as reason:
            problems.append("line {}: {}: {}".format(number, _shown(line), reason))
    return tuple(variables), tuple(problems)


def merge(builtin, local):
    """Return all Variables, the later one of a name winning, in the order of first mention."""
    # CPython 3.6 and later: a dict keeps the place of the first and the value of the last.
    return tuple({variable.name: variable for variable in builtin + local}.values())


def for_home(value, home):
    """Return a Variable's value as somebody with this home has it."""
    return _HOME.sub(lambda _found: home, value)


def render_global_env(variables):
    """Return the body of global_env.sh: exports for people and old scripts, any sh can read it."""
    return "".join(_export(variable) + "\n" for variable in variables)


def render_profile(variables, notices=("/run/aica/notice",), homes="/home"):
    """Return the body of the profile.d file, POSIX sh that forks nothing and never fails.

    `notices` are files whose first line is shown to whoever can read them, `homes` is the folder
    of the home links. Rules R6, R20 and S3: for whoever is not a member it looks at nothing but
    the link, and root gets no variable.
    """
    exports = "".join("        {}\n".format(_export(variable)) for variable in variables)
    return _PROFILE.format(
        homes=_double_quoted(homes.rstrip("/")), exports=exports,
        notices=" ".join(_double_quoted(notice) for notice in notices)
    )


def render_pam_env(variables):
    """Return the body of the conffile for pam_env, which gives cron, ssh and sudo the same."""
    return "".join(_pam_line_or_comment(variable) + "\n" for variable in variables)


def render_member_groups(groups):
    """Return the body of the file for pam_listfile: one group name a line, none twice."""
    names = sorted(set(groups))
    for name in names:
        if not name.isprintable() or name.startswith("#") or name != name.strip() or not name:
            raise ValueError("{!r} is not a group name".format(name))
    return "".join(name + "\n" for name in names)


def _parse_line(line):
    """Return the Variable that one stripped line sets; raise _Refused."""
    if not line.replace("\t", " ").isprintable():
        raise _Refused("control or invisible characters, expected plain UTF-8 text")
    match = _ASSIGNMENT.fullmatch(line)
    if match is None:
        raise _Refused("expected NAME=VALUE or export NAME=VALUE")
    name, raw = match.groups()
    _check_name(name)
    variable = Variable(name, _read_value(raw), LOCAL)
    obstacle = _pam_obstacle(variable)
    if obstacle:
        raise _Refused(obstacle)
    return variable


def _check_name(name):
    """Raise _Refused for a name that is too long or too powerful."""
    if len(name) > MAX_NAME:
        raise _Refused("the name is too long, expected at most {} letters".format(MAX_NAME))
    listed = name in REFUSED or name in REFUSED_TOO
    if listed or name.startswith(REFUSED_PREFIXES + REFUSED_TOO_PREFIXES):
        raise _Refused("{} may not be set for everybody, expected another name".format(name))


def _read_value(raw):
    """Return the value that sh would assign from `raw`, with the marker $HOME; raise _Refused."""
    if "`" in raw or "$(" in raw:
        raise _Refused("no command is run here, expected plain text and $HOME")
    text, at = "", 0
    while at < len(raw) and not _TAIL.fullmatch(raw, at):
        piece = _PIECE.match(raw, at)
        if piece is None:
            raise _Refused(_complaint(raw[at:]))
        text += _expand(piece)
        at = piece.end()
    return _place_home(text)


def _expand(piece):
    """Return the text of one piece of a word, its home expanded to a placeholder."""
    if piece.group("single") is not None:
        return piece.group("single")
    text = _HOME_IN_SH.sub(_HERE, piece.group("double") or piece.group("bare") or "")
    if "$" in text:
        raise _Refused("only $HOME is filled in; expected single quotes around any other $")
    return text


def _place_home(text):
    """Turn placeholders into the marker; raise _Refused where that would not be unambiguous."""
    if _HOME.search(text):
        raise _Refused("$HOME in single quotes stays as it is, expected double quotes")
    if re.search(_HERE + "[A-Za-z0-9_]", text):
        raise _Refused("letters right behind ${HOME}, expected / or : or the end")
    return text.replace(_HERE, "$HOME")


def _complaint(rest):
    """Say what is wrong at the beginning of `rest`, where no piece of a word could be read."""
    first = rest[0]
    if first in "'\"" and first not in rest[1:]:
        return "the quote {} is never closed, expected a second one".format(first)
    if first in '"\\':
        return "backslashes are not understood, expected single or double quotes around text"
    if first == "~":
        return "~ is not filled in, expected $HOME"
    return "{!r} outside quotes, expected quotes around the whole value".format(first)


def _pam_obstacle(variable):
    """Say why pam_env cannot carry this variable, or return ""; found by reading and trying it.

    It ends a line at the first #, knows no escape for quotes and (before 1.7) drops backslashes.
    """
    for character in '"#\\':
        if character in variable.value:
            return "PAM cannot carry {}, expected a value without it".format(character)
    if not variable.value.isprintable():
        return "control or invisible characters, expected plain UTF-8 text"
    size = len(_pam_line(variable).encode("utf-8", "replace"))
    if size > MAX_PAM_LINE_BYTES:
        return "too long, expected at most {} bytes".format(MAX_PAM_LINE_BYTES - len(_PAM_FORM))
    return ""


def _pam_line(variable):
    """Return the line for pam_env: $ and @ begin an expansion there unless escaped."""
    plain = (re.sub(r"[$@]", r"\\\g<0>", part) for part in _HOME.split(variable.value))
    return _PAM_FORM.format(variable.name, "@{HOME}".join(plain))


def _pam_line_or_comment(variable):
    """Return the line for pam_env, or a comment for what it would mangle (and what follows)."""
    obstacle = _pam_obstacle(variable)
    if obstacle:
        return "# {} is left out: {}".format(variable.name, obstacle)
    return _pam_line(variable)


def _export(variable):
    """Return one export statement that any POSIX shell reads back as the value."""
    return "export {}={}".format(variable.name, _double_quoted(variable.value))


def _double_quoted(value):
    """Return `value` in double quotes, literal but for the marker $HOME."""
    plain = (re.sub(r'[\\"$`]', r"\\\g<0>", part) for part in _HOME.split(value))
    return '"{}"'.format("$HOME".join(plain))


def _shown(text):
    """Return `text` fit for a message on a terminal: escaped, and not endless."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
