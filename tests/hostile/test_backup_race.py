"""What members can do to a home while root copies it: nothing from outside gets into the copy."""

import os
import time

from attacks import attacker, libc

from aica import command
from aica.app import App
from aica.backup.run import Backup

KIM = 2001
RACE_S = 20 if os.environ.get("CI") else 4


def test_a_folder_that_trades_places_with_a_link_leads_nowhere(whole, needs):
    """CVE-2024-12747 and its kin: rsync looked at a file, and reads what a link leads to."""
    needs(command.find("rsync"), "needs rsync")
    needs(hasattr(libc, "renameat2"), "needs renameat2 in the C library")
    whole.folder("/backup")
    whole.folder("/srv", 0o700)
    names = ["f{}".format(number) for number in range(200)]
    home, pairs = "/data/users/kim", []
    for place, text in (("/srv", "the secret of root"), (home + "/a", "kim's own text now")):
        if place != "/srv":
            whole.folder(place, 0o755, KIM, KIM)
        for name in names:
            whole.write("{}/{}".format(place, name), text, 0o644, KIM, KIM)
    whole.link(home + "/link", whole.path("/srv"))
    pairs.append((home + "/a", home + "/link"))
    whole.link(home + "/other", whole.path("/srv/f1"))
    whole.write(home + "/file", "kim's own text now", 0o644, KIM, KIM)
    pairs.append((home + "/file", home + "/other"))
    deadline, passes = time.monotonic() + RACE_S, 0
    with attacker(*[tuple(os.fsencode(whole.path(path)) for path in pair) for pair in pairs]):
        while time.monotonic() < deadline or passes < 2:
            outcomes = list(Backup(App(whole.root), ["kim"]).run())
            assert outcomes[0].status in ("ok", "changed")
            passes += 1
    texts = set()
    for folder, _, files in os.walk(whole.path("/backup/users")):
        for name in files:
            if "/users/kim" in folder and not os.path.islink(os.path.join(folder, name)):
                with open(os.path.join(folder, name), "rb") as file:
                    texts.add(file.read()[:20])
    assert b"the secret of root" not in texts and b"kim's own text now" in texts
