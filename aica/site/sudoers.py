"""Desired state: what members may run as root, word for word. Pure."""

from ..resources.file import SudoersFile

SUDOERS = "/etc/sudoers.d/aica-datakeeper"
CLEAN_CACHE = "/usr/sbin/aica-clean-cache"
CLEAN_TARGETS = ("--all", "--conda", "--pip", "--torch", "--hf")


def rules(site, needs=()):
    """The rules that let members clean caches and look at the disks, word for word.

    needs: the group, where it is looked at too. Somebody else's group of that
    name must not get rights.
    """
    return [SudoersFile(SUDOERS, render(site.settings),
                        "files of your own in /etc/sudoers.d", 0o440, needs)]


def render(settings):
    """Return the body of our sudoers file.

    Arguments are pinned: df with any argument would tell what exists inside
    other people's homes, and a program of ours takes no path from a member.
    """
    clean = ['{} ""'.format(CLEAN_CACHE), CLEAN_CACHE + " --help"]
    for target in CLEAN_TARGETS:
        clean += ["{} {}{}".format(CLEAN_CACHE, target, more)
                  for more in ("", " --dry-run", " --yes")]
    look = ["/usr/bin/df -h {}".format(path) for path in (settings.data, settings.backup)]
    return (
        "Cmnd_Alias AICA_CLEAN = \\\n    {}\n".format(", \\\n    ".join(clean))
        + "Cmnd_Alias AICA_DF = \\\n    {}\n".format(", \\\n    ".join(look))
        + "%{} ALL=(root) NOPASSWD: AICA_CLEAN, AICA_DF\n".format(settings.group))
