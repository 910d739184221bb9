"""What a server of the bash version has that `aica setup` takes over, and what it leaves."""

from .. import environment
from ..errors import AicaError
from . import recognise

# Folders of it on /data, and where else it kept its registry.
FOLDERS = ("scripts", "AICADataKeeper", "system")
REGISTRIES = ("system/config/users.txt", "AICADataKeeper/config/users.txt")


def registry(host, settings):
    """Return the bytes of a registry in one of the bash version's other places, or None.

    Whoever could write there may have added names: they are shown before anybody agrees.
    """
    path = registry_path(host, settings)
    return host.read_file(path) if path else None


def registry_path(host, settings):
    """Return where that registry is, "" if the site has its own or there is none."""
    if _kind(host, settings.users_txt) is not None:
        return ""
    paths = ["{}/{}".format(settings.data, place) for place in REGISTRIES]
    return next((path for path in paths if _kind(host, path) == "file"), "")


def unregistered(host, settings, entries, known, id_range):
    """Return the Passwds of people with an account here and a home on /data, and no more.

    They are gone after the next wipe unless somebody registers them.
    """
    low, high = id_range
    found = []
    for user in host.accounts().passwd.values():
        if low <= user.uid <= high and entries.get(user.name) is None \
                and user.name not in known.passwd:
            home = host.lstat("{}/{}".format(settings.users, user.name))
            if home is not None and home.kind == "folder" and home.uid == user.uid:
                found.append(user)
    return found


def words(host, settings, variables):
    """Return what people should know of what stays, one sentence each."""
    found = []
    source = registry_path(host, settings)
    if source:
        found.append("{} is made from {}, which others could write; read it before you agree: "
                     "{}".format(settings.users_txt, source, _lines(host, source)))
    left = [path for path in ("{}/{}".format(settings.data, name) for name in FOLDERS)
            if _kind(host, path) is not None]
    if left:
        found.append("of the bash version and left as it is: {}. Nothing of aica uses it; remove "
                     "it when nobody misses it".format(", ".join(left)))
    return found + _variables(host, settings, variables)


def _variables(host, settings, variables):
    """Say which variables the old global_env.sh sets that the new one does not."""
    path = settings.config + "/global_env.sh"
    text = _text(host, path)
    if not recognise.is_global_env(text, settings.data):
        return []
    ours = {variable.name: variable.value for variable in variables}
    theirs = [variable for variable in environment.parse_local(text)[0]
              if ours.get(variable.name) != variable.value]
    if not theirs:
        return []
    return ["{} also sets {}: what the site needs of it goes into {}/global_env.local.sh".format(
        path, ", ".join(variable.name for variable in theirs), settings.config)]


def _lines(host, path):
    lines = [line.strip() for line in _text(host, path).split("\n")]
    return ", ".join(line for line in lines if line and not line.startswith("#")) or "no line"


def _kind(host, path):
    try:
        info = host.lstat(path)
    except AicaError:
        return None  # a link on the way, which is not followed
    return info.kind if info is not None else None


def _text(host, path):
    try:
        return host.read_file(path).decode("utf-8", "replace")
    except (OSError, AicaError):
        return ""
