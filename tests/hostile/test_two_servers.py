"""Several servers on one /data: no line is lost, no id given twice, no server waits for a dead one."""

import os
import subprocess
import sys
import threading

import pytest
from wiped import REPOSITORY, Server, throw_away_folder

from aica import vault
from aica.errors import NotReady
from aica.host import shared_lock
from aica.resources.records import AccountRecords

PAIRS = 8
LOCK = "/data/config/state/lock"
ACCOUNT = "{0}:x:{1}:{1}::/home/{0}:/bin/bash\n"
# A registration that lost the race to another server says so; people repeat it. The moment
# between looking and replacing is made long enough for the other one.
REGISTER = """
import os, sys, time
sys.path.insert(0, {repository!r})
from aica.cli import main
rename = os.rename
os.rename = lambda *names, **folders: (time.sleep(0.02), rename(*names, **folders))
for name in sys.argv[2:]:
    while main(["user", "register", name, "gpu-users", "--root", sys.argv[1]]) == 1:
        pass
"""
TWO_AT_ONCE = """
set -eu
mount --bind "$1/data" "$2/data"
"$PYTHON" "$REGISTER" "$1" $FIRST >"$1/out" 2>&1 &
"$PYTHON" "$REGISTER" "$2" $SECOND >"$2/out" 2>&1
wait
"""


@pytest.fixture
def pair(whole):
    """Two servers with one /data (bound into the second one for the commands of a test)."""
    whole.replace("/data/config/aica.conf", "[storage]\n", "[storage]\nseveral_hosts = yes\n")
    with throw_away_folder() as folder:
        other = Server(folder)
        other.become(whole)
        yield whole, other


def _add_account(server, name, uid):
    server.append("/etc/passwd", ACCOUNT.format(name, uid))
    server.append("/etc/group", "{}:x:{}:\n".format(name, uid))
    server.append("/etc/shadow", "{}:!:19000:0:99999:7:::\n".format(name))


def test_no_id_is_given_twice_and_no_line_is_lost(pair, tmp_path, needs):
    names = [["{}{}".format(host, n) for n in range(PAIRS)] for host in ("left", "right")]
    for server, group in zip(pair, names):
        for n, name in enumerate(group):
            _add_account(server, name, 3000 + n)  # the same ids on both
    script = tmp_path / "register.py"
    script.write_text(REGISTER.format(repository=REPOSITORY))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", TWO_AT_ONCE, "sh", pair[0].root, pair[1].root],
        env=dict(os.environ, PYTHON=sys.executable, REGISTER=str(script),
                 FIRST=" ".join(names[0]), SECOND=" ".join(names[1])))
    needs(done.returncode == 0, "needs the right to mount")
    known = vault.read(pair[0].host(), "/data/config/accounts")
    uids = [user.uid for user in known.passwd.values()]
    assert len(uids) == len(set(uids))
    registered = [line.split(":")[0] for line in pair[0].read("/data/config/users.txt").split("\n")
                  if line.startswith(("left", "right"))]
    assert len(registered) == PAIRS == len(set(registered))
    assert set(registered) <= set(known.passwd)
    for n in range(PAIRS):
        assert len({"left{}".format(n), "right{}".format(n)} & set(registered)) == 1
    assert not pair[0].exists(LOCK)


def test_one_server_waits_for_the_other(whole, monkeypatch):
    # Two servers see one folder: here two threads, which take themselves for servers.
    monkeypatch.setattr(shared_lock, "instance", lambda host: threading.current_thread().name)
    order = []

    def second():
        with shared_lock.hold(whole.host(), LOCK):
            order.append("second")

    thread = threading.Thread(target=second)
    with shared_lock.hold(whole.host(), LOCK):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_the_lock_of_another_server_is_never_taken(whole):
    whole.write(LOCK, "0123 elsewhere\n")
    with pytest.raises(NotReady) as caught:
        with shared_lock.hold(whole.host(), LOCK, wait_s=0.1):
            pass
    assert "elsewhere" in str(caught.value)
    assert caught.value.hint.endswith("rm " + LOCK)
    assert whole.exists(LOCK)


def test_a_lock_that_this_server_left_when_it_was_killed_is_taken_over(whole):
    host = whole.host()
    with shared_lock.hold(host, LOCK):
        left = whole.read(LOCK)
    whole.write(LOCK, left)
    with shared_lock.hold(host, LOCK, wait_s=0.1):
        assert whole.read(LOCK) == left
    assert not whole.exists(LOCK)


def test_what_another_server_writes_now_is_not_swept(whole):
    whole.write("/data/config/.aica-tmp.users.txt.1.abcd", "half")
    host = whole.host()
    host.share(LOCK)
    host.sweep("/data/config")
    assert whole.exists("/data/config/.aica-tmp.users.txt.1.abcd")
    os.utime(whole.path("/data/config/.aica-tmp.users.txt.1.abcd"), (1, 1))
    host.sweep("/data/config")
    assert not whole.exists("/data/config/.aica-tmp.users.txt.1.abcd")


def test_a_record_made_from_old_records_is_not_written(whole):
    whole.cli("check")
    host, folder = whole.host(), "/data/config/accounts"
    known = vault.read(host, folder)
    wanted = vault.reserve(known, known.passwd["kim"]._replace(name="gone", uid=7777))
    whole.append(folder + "/passwd", "late:x:7778:7778::/home/late:/bin/sh\n")
    outcome = whole.converge([AccountRecords(folder, wanted, based_on=known)])[0]
    assert outcome.status == "failed" and "by another server" in outcome.message
    assert "late:x:7778" in whole.read(folder + "/passwd")
