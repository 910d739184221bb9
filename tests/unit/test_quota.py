"""Who holds how much, by the quota of the file system."""

import pytest

from aica import command, storage
from aica.disk import quota, shown

REPORT = """\
*** Report for user quotas on device /dev/sdb1
Block grace time: 7days; Inode grace time: 7days
                        Block limits                File limits
User            used    soft    hard  grace    used  soft  hard  grace
----------------------------------------------------------------------
#0        --      20       0       0      0       2     0     0      0
#1001     --  2097152       0       0      0      17     0     0      0
#1002     +-  5242880 4194304 6291456 1732600000   90     0     0      0
broken line
"""


def test_the_report_is_read_with_its_marks():
    assert quota.parse(REPORT) == {0: 20 << 10, 1001: 2 << 30, 1002: 5 << 30}
    assert quota.parse("") == {}


@pytest.mark.parametrize("options, counted", [
    ("rw,relatime", False), ("rw,usrquota", True), ("rw,usrjquota=aquota.user,jqfmt=vfsv1", True),
    ("rw,noquota", False), ("rw,uquota", True), ("rw,gquota,prjquota", False),
])
def test_only_a_mount_that_counts_users_is_asked(options, counted):
    assert quota.is_counted(options) is counted


class Live:
    """A host that is the running system, and answers for repquota."""

    live = True

    def __init__(self, code=0, there=True):
        self.code, self.there, self.asked = code, there, []

    def has_program(self, name):
        return self.there

    def query(self, argv, timeout_s=60):
        self.asked.append(argv)
        return command.Result(self.code, REPORT, "")


@pytest.mark.parametrize("host, options, found", [
    (Live(), "rw,usrquota", {0: 20 << 10, 1001: 2 << 30, 1002: 5 << 30}),
    (Live(code=1), "rw,usrquota", None), (Live(there=False), "rw,usrquota", None),
    (Live(), "rw", None),
])
def test_without_quota_nothing_is_known(monkeypatch, host, options, found):
    monkeypatch.setattr(storage, "mounts", lambda: [storage.Mount("/data", "ext4", options)])
    assert quota.held(host, "/data") == found


def test_the_largest_stands_first_and_names_are_given_where_they_are_known():
    lines = shown.quota_lines({1001: 2 << 30, 1002: 5 << 30, 7: 1}, {1001: "kim"}.get, 2)
    assert [line.split() for line in lines[2:]] == [
        ["USER", "HOLDS"], ["1002", "5.0", "G"], ["kim", "2.0", "G"], ["...", "and", "1", "more", "(--top)"]]
