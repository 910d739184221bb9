"""When somebody was last here, as far as anything tells; what the wipe takes is kept on /data.

wtmp knows sessions with a terminal (utmp(5)), systemd-logind everybody who is
logged in now, also by an ssh command. Debian 13 has no wtmp any more, and
the one of before lies on the disk that is wiped: so `aica record` notes the
day. Days are enough for a review, and less is nobody's business.
"""

import json
import struct
import time

from ..errors import AicaError

WTMP = "/var/log/wtmp"
USERS = "/run/systemd/users"
RECORD = struct.Struct("<hxxi32s4s32s256shhiii4i20x")
USER_PROCESS = 7
HERE = ("active", "online")


def path(settings):
    """Return where the days are kept."""
    return settings.state + "/logins.json"


def read(host, settings):
    """Return {name: "YYYY-MM-DD"} of the last known logins, of those that we may see."""
    found = _kept(host, settings)
    for name, day in list(_from_wtmp(host)) + list(_here_now(host)):
        found[name] = max(day, found.get(name, ""))
    return found


def note(app):
    """Keep on /data what is known of the last logins."""
    host = app.host()
    settings = app.settings(host)
    with app.locked(host):
        before, after = _kept(host, settings), read(host, settings)
        if after != before:
            text = json.dumps(after, indent=1, sort_keys=True)
            host.write_file(path(settings), text.encode("ascii") + b"\n", 0o600)


def _kept(host, settings):
    try:
        found = json.loads(host.read_trusted(path(settings)).decode("ascii"))
        return {str(name): str(day) for name, day in found.items()}
    except (OSError, ValueError, AttributeError, AicaError):
        return {}


def _from_wtmp(host):
    """Yield (name, day) of every session in wtmp."""
    try:
        data = host.read_file(WTMP)
    except (OSError, AicaError):
        return
    for fields in RECORD.iter_unpack(data[:len(data) // RECORD.size * RECORD.size]):
        if fields[0] == USER_PROCESS:
            yield fields[4].split(b"\0")[0].decode("ascii", "replace"), _day(fields[9])


def _here_now(host):
    """Yield (name, today) of everybody who is logged in."""
    for uid in host.names(USERS):
        try:
            text = host.read_file("{}/{}".format(USERS, uid)).decode("ascii", "replace")
        except (OSError, AicaError):
            continue
        fields = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
        if fields.get("STATE") in HERE and "NAME" in fields:
            yield fields["NAME"], _day(time.time())


def _day(seconds):
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
