"""What counts as the bash version's: only what is its from the first line to the last."""

import pytest

from aica.bash_version import recognise

CLEAN = "/data/scripts/ops-clean-cache.sh"
ALERT = "/data/scripts/ops-disk-alert.sh"
RULES = ("Cmnd_Alias CACHE_MGMT = {}\nCmnd_Alias DISK_CHECK = /usr/bin/df\n"
         "%gpu-users ALL=(ALL) NOPASSWD: CACHE_MGMT, DISK_CHECK\n".format(CLEAN))


@pytest.mark.parametrize("text, theirs", [
    (RULES, True), ("# ours\n" + RULES, True),
    ("%gpu-users ALL=(root) NOPASSWD: {}\n".format(CLEAN), True),
    (RULES + "kim ALL=(ALL:ALL) ALL\n", False), (RULES + "Defaults !requiretty\n", False),
    (RULES.replace("/usr/bin/df", "/usr/bin/vi"), False),
    ("%gpu-users ALL=(ALL) NOPASSWD: /usr/bin/df\n", False),
])
def test_sudo_rules(text, theirs):
    assert recognise.is_rule(text, "/data") is theirs


@pytest.mark.parametrize("text, theirs", [
    ("0 * * * * root {} --threshold 80\n".format(ALERT), True),
    ("#!/bin/sh\nset -e\nexec bash {} --threshold 80 >> /var/log/x 2>&1\n".format(ALERT), True),
    ("0 3 * * * root /usr/local/sbin/db-backup && {}\n".format(ALERT), False),
    ("cd /srv && ./backup-everything\n{}\n".format(ALERT), False),
    ("0 3 * * * root /usr/local/sbin/db-backup # {}\n".format(ALERT), False),
    ("0 3 * * * root {} ; /usr/local/sbin/more\n".format(ALERT), False),
    ("export X=$(/usr/local/sbin/more)\n{}\n".format(ALERT), False),
])
def test_jobs(text, theirs):
    assert recognise.is_job(text, "/data") is theirs


@pytest.mark.parametrize("text, theirs", [
    ("[Service]\nExecStart=/data/AICADataKeeper/scripts/ops-recovery.sh\n", True),
    ("[Service]\nExecStart=/bin/bash /data/scripts/ops-recovery.sh --all\n", True),
    ("[Service]\nExecStart=/data/scripts/ops-recovery.sh\nExecStartPost=/opt/own\n", False),
    ("[Service]\nExecStart=/opt/own /data/scripts/ops-recovery.sh\n", False),
])
def test_units(text, theirs):
    assert recognise.is_unit(text, "/data") is theirs
