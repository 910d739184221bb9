"""Desired state: the folders of /data, from the chain of trust to what members share. Pure."""

from .. import settings_template
from ..resources.directory import Directory, SharedDirectory
from ..resources.file import SeedFile
from ..resources.own_files import ForeignFiles
from ..resources.shared_tree import OpenToAll, SharedSecrets, SharedTree, Stray
from ..tree.own_files import Order

SHARED = (
    "cache/conda/pkgs", "cache/pip", "cache/npm", "cache/yarn", "cache/python", "cache/uv",
    "models/torch", "models/huggingface", "models/huggingface/hub", "models/huggingface/datasets",
    "models/comfyui", "models/flux", "dataset", "code",
)
# Folders above the shared ones: what lies below them is renamed by root only.
TRUNKS = ("cache", "cache/conda", "models", "apps")


def chain(settings):
    """The chain of trust on /data: what lies here is obeyed by root."""
    public = [Directory(path, 0o755) for path in (settings.data, settings.config, settings.users)]
    return public + [Directory(path, 0o700) for path in (settings.vault, settings.state)]


def storage(site):
    """The site's file, which marks the disk, and the registry: written once."""
    settings = site.settings
    return [
        SeedFile(settings.site_conf, settings_template.render(settings).encode("utf-8"), 0o644),
        SeedFile(settings.users_txt, site.registry_data, 0o644),
    ]


def shared(site):
    """The shared caches, models, datasets and code."""
    settings = site.settings
    if settings.group not in site.vault.group:
        return []
    gid = site.vault.group[settings.group].gid
    trunks = [Directory("{}/{}".format(settings.data, path), 0o755) for path in TRUNKS]
    shared = [SharedDirectory("{}/{}".format(settings.data, path), settings.group, gid,
                              _nested(path))
              for path in SHARED]
    return trunks + shared


def _nested(path):
    return any(path.startswith(other + "/") for other in SHARED)


def shared_trees(site, shallow=0, tick=None):
    """Everything that members keep in the shared folders: slow, so never walked at boot."""
    if site.settings.group not in site.vault.group:
        return []
    gid = site.vault.group[site.settings.group].gid
    tops = ["{}/{}".format(site.settings.data, path) for path in SHARED if not _nested(path)]
    return [SharedTree(top, top, gid, shallow, tick) for top in tops]


def sharing(site, shallow=0, tick=None):
    """What `aica check` wants to know of the shared folders beyond their own modes."""
    trees = shared_trees(site, shallow, tick)
    return (strays(site) + [OpenToAll(site.settings.data)] + trees
            + [SharedSecrets(tree) for tree in trees] + foreign_files(site, shallow))


def foreign_files(site, shallow=0):
    """What lies in the homes and is somebody else's, for each registered and recorded user."""
    named = {user.uid: user.name for user in site.vault.passwd.values()}
    known = [site.vault.passwd[name] for name in site.registry.names()
             if name in site.vault.passwd]
    return [ForeignFiles(user.name, "{}/{}".format(site.settings.users, user.name),
                         Order(user.uid, user.gid, shallow=shallow), named) for user in known]


def strays(site):
    """What programs put into a shared HF_HOME, and one must not find there."""
    home = site.settings.data + "/models/huggingface/"
    login = "everybody who can read it can act as its owner at huggingface.co"
    again = "its owner should revoke it and run: hf auth login; then remove {0}"
    return [Stray(home + name, login, again.format(home + name))
            for name in ("token", "stored_tokens")] + [
        Stray(home + "modules", "Python imports code from it, whoever wrote it",
              "programs started with aica's environment use ~/.cache; then remove {}modules".format(
                  home))]
