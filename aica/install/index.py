"""A Python package index, as pip would use it: which one, and which wheel of uv is for us.

The index is asked through download.py. Formats: PEP 503 (HTML), PEP 691
(JSON), PEP 427 and 600 (names of wheels).
"""

import configparser
import json
import os
import re
from html.parser import HTMLParser
from typing import NamedTuple, Tuple
from urllib.parse import unquote, urljoin, urlsplit

from ..errors import AicaError, ConfigError
from .download import shown

DEFAULT = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
PIP_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/root/.pip/pip.conf",
             "/root/.config/pip/pip.conf")
LOCAL = ("localhost", "127.0.0.1", "::1")


class Wheel(NamedTuple):
    """One file of uv in an index. sha256 is "" if the index does not tell it."""

    name: str
    url: str
    sha256: str
    version: str
    platforms: Tuple[str, ...]


def choose_index(host, own):
    """Return (URL, where that is said) of the index: the site's, or the one that pip uses.

    Raise ConfigError for one whose checksums anybody on the way could change.
    """
    trusted = ()
    url, where = own, "[uv] index"
    if not own:
        url, where, trusted = _of_pip(host)
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in LOCAL + trusted
    if not (parts.scheme == "https" or plain) or not parts.hostname:
        raise ConfigError("{} ({}): expected https, or a trusted-host of pip's".format(shown(url), where),
                          hint="aica install uv --from WHEEL")
    return url.rstrip("/"), where


def _of_pip(host):
    """Return (URL, where, trusted hosts): pip's configuration(7): later files win."""
    found = {}
    for path in PIP_FILES:
        for key, value in _pip_settings(host, path).items():
            found[key] = (value, path)
    if os.environ.get("PIP_INDEX_URL"):
        found["index-url"] = (os.environ["PIP_INDEX_URL"], "PIP_INDEX_URL")
    url, where = found.get("index-url", (DEFAULT, "pip's own default"))
    return url.strip(), where, tuple(found.get("trusted-host", ("", ""))[0].split())


def _pip_settings(host, path):
    try:
        text = host.read_trusted(path).decode("utf-8", "replace")
    except (OSError, AicaError):
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}  # pip itself would say so
    pairs = [pair for name in ("global", "install") if parser.has_section(name)
             for pair in parser.items(name)]
    return {key.replace("_", "-"): value for key, value in pairs}


class _Links(HTMLParser):
    """The links of a page of a simple index."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        """Keep the target of an <a>, unless it is yanked."""
        values = dict(attrs)
        if tag == "a" and values.get("href") and "data-yanked" not in values:
            self.found.append(values["href"])


def read_page(data, url):
    """Return the Wheels of uv that a page of an index, fetched from url, names."""
    text = data.decode("utf-8", "replace")
    try:
        files = json.loads(text)["files"]
        pairs = [(one["url"], one.get("hashes", {}).get("sha256", "")) for one in files
                 if not one.get("yanked")]
    except ValueError:
        links = _Links()
        links.feed(text)
        pairs = [(link.partition("#")[0], _hash_in(link)) for link in links.found]
    except (KeyError, TypeError, AttributeError):
        raise AicaError("{}: not a page of a Python index".format(shown(url)))
    wheels = [parse_wheel(urljoin(url, link), sha256) for link, sha256 in pairs]
    return [wheel for wheel in wheels if wheel is not None]


def _hash_in(link):
    found = re.search(r"#.*\bsha256=([0-9a-f]{64})", link)
    return found.group(1) if found else ""


def parse_wheel(url, sha256=""):
    """Return the Wheel that a URL or path names, None if it is none of uv's."""
    name = unquote(urlsplit(url).path).rsplit("/", 1)[-1]
    found = re.match(r"uv-([0-9]+(?:\.[0-9]+){1,3}[0-9A-Za-z.+]*)-py3-none-([A-Za-z0-9_.]+)\.whl\Z", name)
    if not found or not re.match(r"([0-9a-f]{64})?\Z", sha256):
        return None
    return Wheel(name, url, sha256, found.group(1), tuple(found.group(2).split(".")))


def choose_wheel(wheels, arch, glibc, version=""):
    """Return the Wheel for this system: of a version, or of the newest that is final.

    glibc is (major, minor), () where there is none: then a static one, made
    for musl, does. Raise AicaError if none fits.
    """
    fitting = [wheel for wheel in wheels if _rank(wheel, arch, glibc) is not None
               and (wheel.version == version if version else _is_final(wheel.version))]
    if not fitting:
        raise AicaError("the index has no uv{} for {} with glibc {}".format(
            " " + version if version else "", arch, ".".join(map(str, glibc)) or "(none)"),
            hint="aica install uv --from WHEEL")
    return max(fitting, key=lambda wheel: (as_numbers(wheel.version), _rank(wheel, arch, glibc)))


def _is_final(version):
    return re.match(r"[0-9]+(\.[0-9]+)*\Z", version) is not None


def as_numbers(version):
    """Return "0.13.9" as (0, 13, 9)."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))


def _rank(wheel, arch, glibc):
    """Return how well a wheel fits, None if not at all."""
    ranks = []
    for platform in wheel.platforms:
        many = re.match(r"manylinux_(\d+)_(\d+)_(.+)\Z", platform.replace(
            "manylinux2014_", "manylinux_2_17_"))
        if many and many.group(3) == arch and glibc >= tuple(map(int, many.groups()[:2])):
            ranks.append(1)
        elif re.match(r"musllinux_\d+_\d+_{}\Z".format(re.escape(arch)), platform):
            ranks.append(0)
    return max(ranks) if ranks else None
