"""`aica volatile` on a server with one loss of each kind: its advice is followed, and nothing is lost."""

import json
import shlex
import subprocess

import pytest

import team as people
from server import Server
from team import GROUP, RECOVERY

HELLO = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
# What the harness itself mounts is written down, so that it is nobody's loss.
FSTAB = "/none /srv/keys none bind,noauto 0 0\n"
BIG = "/data/dataset /mnt/big none bind,nofail,x-systemd.requires-mounts-for=/data 0 0\n"
DROP_IN = "/etc/systemd/system/cron.service.d/own.conf"
EXPECTED = {
    "account:guest2", "home:/home/guest2", "folder:/opt/own", "file:/srv/notes",
    "folder:/root/work", "file:/usr/local/bin/tool", "config:/etc/adduser.conf",
    "config:/etc/ssh/sshd_config.d/own.conf", "config:" + DROP_IN, "package:tiny", "unit:hello.service",
    "crontab:root", "crontab:guest2", "mount:/mnt/big", "volume:db",
}


def make_image(server):
    """The image of every life: guest, a unit that nothing enables, the mount point."""
    people.add_locals(server)
    server.plant("/etc/systemd/system/hello.service", HELLO)
    server.plant("/etc/fstab", FSTAB)
    server.plant("/mnt/big/.keep", "")


def findings(server):
    """Return ({id: finding}, exit status) of what `aica volatile` says."""
    answer = server.run(["aica", "volatile", "--json"], check=False)
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.err == "" and rows[-1]["exit"] == answer.code, answer
    return {"{kind}:{name}".format(**row): row for row in rows[:-1]}, answer.code


@pytest.fixture(scope="module")
def tiny(work):
    """A package that the image does not have."""
    root = work / "tiny"
    (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n")
    (root / "usr" / "share" / "tiny").mkdir(parents=True, exist_ok=True)
    (root / "usr" / "share" / "tiny" / "file").write_text("tiny\n")
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", str(root), str(work / "tiny.deb")],
                   check=True, stdout=subprocess.DEVNULL)
    return work / "tiny.deb"


@pytest.fixture(scope="module")
def server(image, team, tiny):
    """A server after a wipe, before anybody did anything by hand."""
    with Server(image, "losses", data=team.data) as one:
        make_image(one)
        (one.data / "tiny.deb").write_bytes(tiny.read_bytes())
        one.boot()
        yield one


def lose(server):
    """One of each kind, as people do it."""
    server.run("adduser --disabled-password --gecos '' --uid 1950 guest2 && usermod -aG {} guest2"
               .format(GROUP))
    server.run("su - guest2 -c 'echo work of guest2 > thesis.tex'")
    server.run("crontab -u guest2 -", stdin="@daily guest2\n")
    server.run("crontab -", stdin="@daily root\n")
    server.run("su - kim -c 'at now + 2 days'", stdin="echo later > ~/later\n")
    server.run("mkdir -p /opt/own/bin /root/work; echo own > /opt/own/bin/x; echo n > /srv/notes;"
               "echo w > /root/work/w; printf '#!/bin/sh\\necho tool\\n' > /usr/local/bin/tool;"
               "chmod 755 /usr/local/bin/tool; echo '# ours' >> /etc/adduser.conf;"
               "echo 'MaxAuthTries 4' > /etc/ssh/sshd_config.d/own.conf;"
               "mkdir /etc/systemd/system/cron.service.d;"
               "printf '[Service]\\nEnvironment=OWN=yes\\n' > " + DROP_IN + ";"
               "dpkg -i /data/tiny.deb; systemctl enable hello.service;"
               "mount --bind /data/dataset /mnt/big;"
               "mkdir -p /var/lib/docker/volumes/db/_data; echo r > /var/lib/docker/volumes/db/_data/r")


def test_after_a_wipe_nothing_would_be_lost(server):
    assert findings(server) == ({}, 0)


def test_one_of_each_kind_is_listed_and_check_says_it(server):
    lose(server)
    server.wait_until("test -n \"$(ls /data/config/jobs | grep kim.at)\"", 30, "the record")
    found, code = findings(server)
    assert (set(found), code) == (EXPECTED, 3)
    check = server.run(["aica", "check", "--quiet"], check=False)
    assert "the next wipe would lose {} things".format(len(EXPECTED)) in check.err


def test_what_follows_the_advice_survives_and_nothing_is_listed(server):
    """Last: it goes on in another life of this server."""
    again, listed = [], []
    server.run(["loginctl", "terminate-user", "guest2"], check=False)  # nobody's home moves meanwhile
    server.wait_until("! pgrep -u guest2", 20, "the end of guest2's session")
    for finding in findings(server)[0].values():
        keep = finding["keep"]
        if keep.startswith(("aica ", "install ")):
            server.run(keep)
        elif keep.startswith("add "):
            listed.append(keep.split()[1])
        elif keep.startswith("no wipe leaves it"):
            again.append(keep.split("rc.local): ")[1])
    people.list_files(server, *listed)
    server.run(["aica", "record"])
    assert set(findings(server)[0]) == {"package:tiny", "unit:hello.service", "mount:/mnt/big"}
    assert sorted(again) == ["apt-get install -y tiny", "systemctl enable --now hello.service"]
    server.shutdown()
    server.wipe()
    make_image(server)
    server.plant("/etc/fstab", FSTAB + BIG)
    # Without a network, apt-get has to be dpkg.
    server.plant("/etc/rc.local", "#!/bin/sh\n" + "\n".join(again).replace(
        "apt-get install -y tiny", "dpkg -i /data/tiny.deb") + "\n", 0o755)
    server.boot()
    assert server.failed_units() == []
    assert findings(server) == ({}, 0)
    assert_nothing_is_lost(server)


def assert_nothing_is_lost(server):
    assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "0"
    assert server.run("su - guest2 -c 'cat thesis.tex; id -u'").out == "work of guest2\n1950\n"
    assert server.run("crontab -l -u guest2").out == "@daily guest2\n"
    assert server.run(["/usr/local/bin/tool"]).out == "tool\n"
    assert server.run("tail -1 /etc/adduser.conf; cat /etc/ssh/sshd_config.d/own.conf").out == \
        "# ours\nMaxAuthTries 4\n"
    assert server.run("cat /usr/share/tiny/file; systemctl is-active hello").out == \
        "tiny\nactive\n"
    # systemd had read its units before this one was back.
    assert "OWN=yes" in server.show("cron.service", "Environment")["Environment"]
    assert server.run("mountpoint -q /mnt/big && echo yes").out == "yes\n"
    for path, text in (("/opt/own/bin/x", "own\n"), ("/srv/notes", "n\n"), ("/root/work/w", "w\n"),
                       ("/var/spool/cron/crontabs/root", "@daily root\n"),
                       ("/var/lib/docker/volumes/db/_data/r", "r\n")):
        assert server.text("/data/saved" + path).endswith(text)
    assert server.run(["stat", "-c", "%a %U", "/data/saved"]).out == "700 root\n"
    assert_the_job_waits(server)


def assert_the_job_waits(server):
    """kim's job of at is known to atd with its old number; a new one gets another."""
    queue = server.run("su - kim -c atq").out.split("\n")
    assert len(queue) == 2 and queue[0].endswith(" kim")
    number = queue[0].split()[0]
    assert "echo later" in server.run("at -c {}".format(shlex.quote(number))).out
    server.run("su - kim -c 'at now + 3 days'", stdin="true\n")
    numbers = server.run("su - kim -c atq | cut -f1").out.split()
    assert len(set(numbers)) == 2
    assert server.run("systemctl is-active atd").out == "active\n"


def test_a_job_that_is_put_back_runs_at_its_time(server):
    """The other tests leave it two days: here its file is given another minute, as time passes."""
    server.run("cd /var/spool/cron/atjobs && for job in a*; do mv $job "
               "$(echo $job | cut -c1-6)$(printf %08x $(($(date +%s) / 60))); done; touch .; "
               "systemctl kill -s HUP atd")
    server.wait_until("test -e /data/users/kim/later", 30, "kim's job")
    assert server.text("/data/users/kim/later") == "later\n"
