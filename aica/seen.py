"""What this boot saw right: the accounts from which the vault may learn, and how they looked.

The vault follows what people change on the running server. To tell a change
from what the image brought, the look of every account is kept from the moment
when it was last seen to be as recorded; only a difference from that is news.
"""

import json
import os

from . import status
from .change import CHANGED, OK
from .errors import AicaError
from .vault import look_of

PATH = "/run/aica/accounts.json"


def load(host):
    """Return {name: look} of the accounts that were seen right in this boot."""
    try:
        found = json.loads(host.read_trusted(PATH).decode("ascii"))
        believed = found["boot"] == boot_of(host)
        return dict(found["accounts"]) if believed else {}
    except (OSError, ValueError, TypeError, KeyError, AicaError):
        return {}


def boot_of(host):
    """As status.boot_of(); an offline root with another /etc is another boot too."""
    return [status.boot_of(host), 0 if host.live else os.stat(host.real("/etc")).st_ino]


def note(host, outcomes, desired):
    """Remember how the accounts among the outcomes of a run look, if they ended right.

    desired is the Site of that run. A password that was changed since must
    still be news to the next look, therefore the lines are noted as the vault
    has them (that is what "right" was measured by), and the rest of an
    account that was known before as it was read at the beginning.
    """
    right, before = _right(outcomes), load(host)
    wrong = {o.name for o in outcomes if o.kind == "account"} - right
    after = {name: look for name, look in before.items() if name not in wrong}
    present = host.accounts()
    for name in right:
        after[name] = _look(present, name, desired)
    _save(host, before, after)


def _look(present, name, desired):
    look = dict(desired.looks.get(name) or look_of(present, name))
    recorded = look_of(desired.vault, name)
    look["passwd"] = recorded["passwd"]
    if desired.keep_passwords:
        look["shadow"] = recorded["shadow"]
    return look


def note_followed(host, desired):
    """Remember what the vault has just learned: only what comes after is news."""
    before = load(host)
    _save(host, before, dict(before, **desired.looks))


def _right(outcomes):
    fine = {o.resource for o in outcomes if o.status in (OK, CHANGED)}
    return {o.name for o in outcomes if o.kind == "account" and o.resource in fine
            and "membership:" + o.name in fine}


def _save(host, before, after):
    if after == before:
        return
    host.make_parents(PATH)
    text = json.dumps({"boot": boot_of(host), "accounts": after}, indent=1, sort_keys=True)
    host.write_file(PATH, text.encode("ascii") + b"\n", 0o600)
