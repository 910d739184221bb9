"""What an admin sends to a new colleague. No password is in it."""

import base64
import binascii
import os

from .. import ssh_keys
from ..errors import AicaError

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


def letter(app, name, has_key):
    """Return the lines to send to somebody who was just added."""
    host = app.host(read_only=True)
    settings = app.settings(host)
    lines = ["Your account on {0}: ssh {1}@{0}".format(_hostname(host), name)]
    print_of = _fingerprint(host)
    if print_of:
        lines.append("At the first login ssh shows the server's key, ED25519: " + print_of)
    if not has_key:
        lines.append("You get the password by another way.")
    lines += ["Your home, {}/{}, is kept on {} and survives every reboot; what you put elsewhere "
              "on the system disk does not.".format(settings.home, name, settings.data),
              "For everybody: {0}/models, {0}/dataset, {0}/code. env shows where programs "
              "look.".format(settings.data)]
    return lines + (["Help: " + settings.contact] if settings.contact else [])


def _hostname(host):
    if host.live:
        return os.uname().nodename
    try:
        return host.read_file("/etc/hostname").decode("ascii", "replace").strip()
    except (OSError, AicaError):
        return "SERVER"


def _fingerprint(host):
    """Return the fingerprint of the server's ED25519 key, "" if it has none."""
    try:
        return ssh_keys.fingerprint(base64.b64decode(host.read_file(HOST_KEY).split()[1]))
    except (OSError, AicaError, IndexError, binascii.Error):
        return ""
