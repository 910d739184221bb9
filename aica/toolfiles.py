"""Text of the files below /etc for conda, pip, uv and npm. Pure.

They work where no environment comes along (systemd units, notebooks), and
nothing is ever written into anybody's own .condarc or .bashrc.
"""

# As in the profile of environment.py: whoever is not a member is not concerned, nothing below
# /data is looked at, nothing is forked. conda.sh itself is read when conda is first used.
_HOOK = """\
case "${{HOME-}}" in
{homes}/*/?*) ;;
{homes}/?*)
    if [ ! -O / ] && [ -L "${{HOME%/}}" ] && ! command -v conda >/dev/null 2>&1; then
        conda() {{
            if [ ! -r {prefix}/etc/profile.d/conda.sh ]; then
                printf '%s\\n' 'conda: {prefix} is not there' >&2
                return 127
            fi
            unset -f conda
            . {prefix}/etc/profile.d/conda.sh && conda "$@"
        }}
    fi
    ;;
esac
"""


def condarc(packages, channels, no_lock=False):
    """Return the body of /etc/conda/.condarc.

    packages is the team's package cache, "" if it has none. conda takes the
    first folder that can be written, so the user's own comes behind it. The
    second folder of environments is the one that older set-ups made.
    """
    lists = [("channels", channels),
             ("pkgs_dirs", ([packages] if packages else []) + ["~/.conda/pkgs"]),
             ("envs_dirs", ["~/conda/envs", "~/.conda/envs"])]
    lines = []
    for key, values in lists:
        if values:
            lines += [key + ":"] + ["  - " + value for value in values]
    lines.append("auto_activate_base: false")
    if no_lock:
        lines += ["# Locks do not work on the file system of the package cache.", "no_lock: true"]
    return "\n".join(lines) + "\n"


def hook(prefix, homes="/home"):
    """Return the body of the profile.d file that gives members the command conda: POSIX sh."""
    return _HOOK.format(prefix=prefix, homes=homes.rstrip("/"))


def shared_cache(name, folder):
    """Return (path, body) of the file that tells a program of its shared cache, or None."""
    files = {
        "pip": ("/etc/pip.conf", "[global]\ncache-dir = {}\n"),
        "uv": ("/etc/uv/uv.toml", 'cache-dir = "{}"\n'),
        "npm": ("/etc/npmrc", "cache={}\n"),
    }
    if name not in files:
        return None  # yarn reads no file below /etc, conda has .condarc
    path, text = files[name]
    return path, text.format(folder)
