"""Desired state: the programs that are told of alarms, back from /data. Pure."""

from ..resources.channel import Channel


def channels(site):
    """The channels that the site lists."""
    settings = site.settings
    return [Channel(name, "{}/{}".format(settings.channels, name))
            for name in settings.alert_restore]
