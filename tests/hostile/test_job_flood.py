"""A member who submits jobs of at(1) without end: nobody else waits for them at boot."""

import time

import pytest

from aica.resources import jobs

pytestmark = pytest.mark.usefixtures("root_rights")

KIM = 2001
SPOOL = "/var/spool/cron/atjobs"
MOST = 4


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("aica.app.SETTLE_S", 0)
    monkeypatch.setattr(jobs, "MOST_AT_JOBS", MOST, raising=False)


@pytest.fixture
def spool(whole):
    make_spool(whole)
    return whole


def make_spool(server):
    server.folder("/var/spool")
    server.folder("/var/spool/cron")
    server.folder(SPOOL, 0o1770, 1, 1)


def submit(server, number, size=10):
    """Put job number N into the spool, due N minutes later than the first."""
    due = int(time.time() // 60) + 100000 + number
    name = "a{:05x}{:08x}".format(number, due)
    server.write("{}/{}".format(SPOOL, name), b"#!/bin/sh\n" + b"#" * size, 0o700, KIM, KIM)
    return "at-job:kim." + name


def test_everybody_is_restored_before_anybodys_jobs(spool):
    """kim stands first in users.txt: what she submits must not keep lee from an account."""
    submit(spool, 1)
    assert spool.cli("record").code == 0
    spool.wipe()
    make_spool(spool)
    names = [name for _, name in spool.cli("recover", "--boot").rows]
    first_job = next(n for n, name in enumerate(names) if name.startswith("at-job:"))
    last_of_others = max(n for n, name in enumerate(names)
                         if name.split(":")[0] not in ("at-job", "crontab", "linger")
                         and name != "directory:/data/config/jobs")
    assert names.index("symlink:/home/park") < first_job > last_of_others


def test_so_many_jobs_of_a_user_are_kept_and_the_rest_is_said(spool):
    submitted = [submit(spool, number) for number in range(1, 3 * MOST + 1)]
    answer = spool.cli("record")
    assert answer.code == 0 and answer.ids("changed") == (
        ["directory:/data/config/jobs"] + submitted[-MOST:]), answer
    assert "at-job:kim" in answer.ids("skipped")
    assert "{} more than the {} that are kept".format(2 * MOST, MOST) in answer.out
    spool.wipe()
    make_spool(spool)
    answer = spool.cli("recover", "--boot")
    assert answer.code == 0
    assert [name for name in answer.ids("changed") if name.startswith("at-job")] == submitted[-MOST:]
    assert spool.cli("recover").ids("changed") == []


def test_a_job_as_large_as_a_disk_is_not_read_at_every_boot(spool, monkeypatch):
    large = submit(spool, 1, jobs.MOST_AT_BYTES)
    small = submit(spool, 2)
    answer = spool.cli("record")
    assert answer.code == 0 and large in answer.ids("skipped") and small in answer.ids("changed")
    assert "is larger than" in answer.out
    assert len([name for name in spool.host().names("/data/config/jobs")]) == 1
