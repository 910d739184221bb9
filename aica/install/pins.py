"""What is known of the installers of conda: versions, checksums, what they need. Pure.

A site raises them in aica.conf ([conda] version, sha256_x86_64, ...), without
waiting for a release of ours.
"""

import re
from typing import Dict, NamedTuple, Tuple

from ..errors import ConfigError

MINICONDA = "miniconda"
MINIFORGE = "miniforge"
TERMS = "https://www.anaconda.com/legal"


class Pin(NamedTuple):
    """One variant. url has {version}, {arch} and {base}; glibc is what it needs at least."""

    base: str
    url: str
    version: str
    sha256: Dict[str, str]
    glibc: Tuple[int, int]


PINS = {
    MINICONDA: Pin(
        "https://repo.anaconda.com/miniconda", "{base}/Miniconda3-{version}-Linux-{arch}.sh",
        "py313_26.1.1-1",
        {"x86_64": "f6dfb5b59614fd7b2956b240b2575a9d58203ec7f7a99f85128158a0fdc5c1d7",
         "aarch64": "07c82b5aec04d5f0f3e4b246835b6bc85e104821cbcb0a059c7ea80f028503f4"},
        (2, 28)),
    MINIFORGE: Pin(
        "https://github.com/conda-forge/miniforge/releases/download",
        "{base}/{version}/Miniforge3-{version}-Linux-{arch}.sh", "25.11.0-1",
        {"x86_64": "be1bad9d4e67a8753eb76fb4940e9a08036786675c7adf060627e55791bf110d",
         "aarch64": "43a3783f9e121088f1c92b131b4305b9ebf159424ad2543dfcfc0f1952b5e127"},
        (2, 17)),
}


class Installer(NamedTuple):
    """An installer to be used. path is a local file, else url is fetched. sha256 is known.

    version is conda's, "" if the name does not say it; glibc () if unknown.
    """

    variant: str
    name: str
    url: str
    path: str
    sha256: str
    version: str
    glibc: Tuple = ()


def pinned(settings, variant, arch):
    """Return the Installer that the site, or this release, has chosen for an architecture.

    Raise ConfigError where no checksum is known: nothing is run unverified.
    """
    pin = PINS[variant]
    own = bool(settings.conda_version) and variant == _meant_by(settings)
    version = settings.conda_version if own else pin.version
    known = {"x86_64": settings.conda_sha256_x86_64, "aarch64": settings.conda_sha256_aarch64} \
        if own else pin.sha256
    if not known.get(arch):
        raise ConfigError(
            "no sha256 is known of {} {} for {}".format(variant, version, arch),
            hint="[conda] sha256_{} in aica.conf, or --url URL --sha256 HEX".format(arch))
    url = pin.url.format(base=settings.conda_url or pin.base, version=version, arch=arch)
    return Installer(variant, name_of(url), url, "", known[arch], conda_version(version),
                     () if own else pin.glibc)


def _meant_by(settings):
    """Return the variant that [conda] version speaks of: only Miniconda's begin with a Python."""
    if settings.conda_install in PINS:
        return settings.conda_install
    return MINICONDA if settings.conda_version.startswith("py") else MINIFORGE


def given(variant, url, path, sha256):
    """Return the Installer that an admin names by URL or by file, with its checksum."""
    name = name_of(url or path)
    return Installer(variant, name, url, path, sha256, conda_version(name))


def name_of(place):
    """Return a plain file name for what a URL or path names."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", place.rstrip("/").rsplit("/", 1)[-1]).lstrip(".-")
    return name if name.endswith(".sh") else (name or "installer") + ".sh"


def variant_of(sha256):
    """Return the variant that a checksum is of, "" if it is of none that is known."""
    return next((variant for variant, pin in PINS.items() if sha256 in pin.sha256.values()), "")


def conda_version(text):
    """Return conda's version in a name such as Miniconda3-py313_26.1.1-1-Linux-x86_64.sh."""
    found = re.search(r"(\d+\.\d+\.\d+)", text)
    return found.group(1) if found else ""


def check_glibc(installer, present):
    """Raise ConfigError if the C library, (major, minor) or () if unknown, is too old."""
    if installer.glibc and present and present < installer.glibc:
        raise ConfigError(
            "{} needs glibc {}.{}, this system has {}.{}".format(
                installer.name, *(installer.glibc + present)),
            hint="aica install miniconda --variant miniforge"
            if installer.variant == MINICONDA and PINS[MINIFORGE].glibc <= present
            else "an older installer: --url URL --sha256 HEX")
