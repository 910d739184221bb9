"""Desired state: conda and uv, as far as a recovery restores them. Pure.

What they consist of lies on /data and stays; what leads to it is on the
system disk. Installing is for `aica install`, never for a boot.
"""

from .. import settings_apps, toolfiles
from ..resources.conda import CondaFile, CondaPrefix, CondaRc
from ..resources.file import ManagedFile
from ..resources.uv import PROGRAMS, UvFolder, UvLink

CONDARC = "/etc/conda/.condarc"
HOOK = "/etc/profile.d/aica_conda.sh"
LINKS = "/usr/local/bin/"
LATER = " yet: aica-install.service installs it"


def work_of(settings):
    """Return the folder for downloads, and for the note of an installation that runs."""
    return settings_apps.apps_of(settings) + "/.aica-install"


def note_of(settings):
    """Return where an installation of conda that runs, or was killed, has said how far it is."""
    return work_of(settings) + "/miniconda3.json"


def conda(site):
    """The prefix, looked at, if it is there or wanted; and what makes it everybody's."""
    settings = site.settings
    wanted, found = settings.conda_install != "no", "conda" in site.kept.apps
    resources = []
    if wanted or found:
        resources.append(CondaPrefix(settings_apps.prefix_of(settings), note_of(settings),
                                     LATER if wanted else ""))
    if found:
        resources += conda_files(settings, needs=[resources[0].id])
    return resources + cache_files(settings)


def conda_files(settings, needs=()):
    """The system-wide configuration of conda, and the command for members' login shells."""
    prefix = settings_apps.prefix_of(settings)
    packages = settings.data + "/cache/conda/pkgs" if "conda" in settings.cache_shared else ""

    def condarc(no_lock):
        return toolfiles.condarc(packages, settings.conda_channels, no_lock)

    return [
        CondaRc(CONDARC, condarc, "[conda] and [cache] in " + settings.site_conf, prefix,
                settings.site_conf, needs),
        CondaFile(HOOK, toolfiles.hook(prefix, settings.home), settings.site_conf, prefix, needs),
    ]


def cache_files(settings):
    """The files of the other programs whose cache the site shares."""
    pairs = [toolfiles.shared_cache(name, "{}/cache/{}".format(settings.data, name))
             for name in settings.cache_shared]
    return [ManagedFile(path, body, "[cache] shared in " + settings.site_conf)
            for path, body in filter(None, pairs)]


def uv(site):
    """The folder, looked at, if it is there or wanted; and the links that every PATH finds."""
    settings, found = site.settings, "uv" in site.kept.apps
    resources = []
    if settings.uv_install or found:
        resources.append(UvFolder(settings_apps.uv_of(settings), LATER if settings.uv_install else ""))
    return resources + (uv_links(settings, [resources[0].id]) if found else [])


def uv_links(settings, needs=()):
    """The links in /usr/local/bin."""
    return [UvLink(LINKS + name, settings_apps.uv_of(settings), needs) for name in PROGRAMS]
