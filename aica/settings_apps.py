"""What aica.conf may say about shared caches, conda, uv and the menu: parsers of its values.

Pure. A parser returns the value of a key, or raises ValueError with what was
expected; settings.py puts the parts together.
"""

import re

INSTALL = ("no", "miniforge", "miniconda")
THEMES = ("auto", "dark", "light", "none")
CACHES = ("conda", "pip", "uv", "npm", "yarn")


def apps_of(settings):
    """Return the folder of conda and uv."""
    return settings.data + "/apps"


def prefix_of(settings):
    """Return where conda lies: it bakes this into its files."""
    return apps_of(settings) + "/miniconda3"


def uv_of(settings):
    """Return where uv lies, one folder a version."""
    return apps_of(settings) + "/uv"


def _caches(value):
    words = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if set(words) - set(CACHES):
        raise ValueError("some of: " + ", ".join(CACHES))
    return words


def _matching(pattern, words):
    def parse(value):
        if value and not re.match(pattern + r"\Z", value):
            raise ValueError(words)
        return value
    return parse


_version = _matching(r"[A-Za-z0-9][A-Za-z0-9._-]*", "a version as in the name of the file")
_sha256 = _matching(r"[0-9a-f]{64}", "64 hexadecimal digits, in lower case")
# It gets into YAML and into requests: plain characters only, and no password.
_url = _matching(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~%+-]*)*",
                 "http:// or https:// and a plain path")


def _theme(value):
    if value not in THEMES:
        raise ValueError("one of: " + ", ".join(THEMES))
    return value


def _conda_channels(value):
    channel = _matching(r"[A-Za-z0-9._:/~%+-]+", "channels of conda, by name or URL")
    return tuple(channel(word) for word in value.replace(",", " ").split())


CACHE = {"shared": ("cache_shared", _caches)}
CONDA = {"channels": ("conda_channels", _conda_channels), "version": ("conda_version", _version),
         "url": ("conda_url", _url), "sha256_x86_64": ("conda_sha256_x86_64", _sha256),
         "sha256_aarch64": ("conda_sha256_aarch64", _sha256)}
UV = {"version": ("uv_version", _version), "index": ("uv_index", _url)}
TUI = {"theme": ("tui_theme", _theme)}
