"""Logs and settings: what happened, and where each value comes from."""

from ... import settings as config
from ...app import LOG
from ..base import Menu, Opens
from ..reading import Text
from ..view import Item
from ..words import _, tr

SHOWN_LINES = 1000


def logs(app):
    """Return the menu of logs."""
    return Menu(_("Logs"), [
        Item(path, "", value=Opens(lambda path=path: log(app, path), "less " + path))
        for path in (LOG, "/var/log/aica-disk-alert.log")])


def log(app, path):
    """Return the screen of one log, the newest line first."""
    return Text(path, command="less " + path, load=lambda: lines(app, path))


def lines(app, path):
    """Return the last lines of a log as blocks, the newest first."""
    try:
        data = app.host(read_only=True, need_root=False).read_file(path)
    except FileNotFoundError:
        return [(tr("There is no log yet."), "muted")]
    found = data.decode("utf-8", "replace").split("\n")[-SHOWN_LINES - 1:-1]
    return [(line, "error" if "[ERROR]" in line or " failed " in line else "text")
            for line in reversed(found)]


def settings(app):
    """Return the screen of all settings."""
    return Text(_("Settings"), load=lambda: values(app), command="man aica.conf")


def values(app):
    """Yield every setting with its value and where that comes from."""
    host = app.host(read_only=True, need_root=False)
    found, built_in = app.settings(host), config.Settings()
    for path, sections in ((config.ETC_CONF, config.ETC_KEYS), (found.site_conf, config.SITE_KEYS)):
        yield path, "title"
        for section, names in sorted(sections.items()):
            for key, (field, _parse) in sorted(names.items()):
                value = getattr(found, field)
                own = value != getattr(built_in, field)
                words = "  [{}] {} = {}".format(section, key, shown(value))
                yield words + ("" if own else "  " + tr("(default)")), "text" if own else "muted"


def shown(value):
    """Return a setting's value as it is written in the file. Pure."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
