"""The harness itself: without these, a green system test proves nothing. Needs no package."""

import os
import time

import pytest

import sandbox
import server as servers
from sandbox import ServerError
from server import Server


@pytest.fixture(scope="module")
def server(distribution):
    """A plain server without our package."""
    with Server(distribution, "harness") as one:
        one.boot()
        yield one


def _reboot(server):
    server.shutdown()
    server.wipe()
    server.boot()


def test_a_server_boots_with_systemd_and_its_own_loopback(server):
    assert server.run(["cat", "/proc/1/comm"]).out.strip() == "systemd"
    assert server.failed_units() == []
    assert "127.0.0.1/8" in server.run(["ip", "addr", "show", "lo"]).out
    assert "eth" not in server.run(["ip", "link"]).out


def test_data_is_a_mount_point_with_a_device_of_its_own(server):
    assert server.run(["mountpoint", "/data"]).code == 0
    root, data = server.run(["stat", "-c", "%d", "/", "/data"]).out.split()
    assert root != data
    assert server.run(["stat", "-c", "%u:%g %a", "/data"]).out.strip() == "0:0 755"


def test_a_failing_command_raises_with_its_output(server):
    with pytest.raises(ServerError, match="(?s)exit 3.*so it is"):
        server.run("echo so it is; exit 3")
    assert server.run("exit 3", check=False).code == 3


def test_a_hanging_command_is_ended_inside_the_server(server):
    assert server.run("sleep 1234", check=False, timeout_s=1).code == 124
    assert server.run("pgrep -f 'sleep 123[4]'", check=False).code == 1


def test_a_user_can_be_impersonated_and_logs_in_with_a_key(server):
    server.run(["useradd", "-m", "visitor"])
    server.run(
        "install -d -m 700 -o visitor ~visitor/.ssh && cat > ~visitor/.ssh/authorized_keys",
        stdin=server.image.public_key(),
    )
    assert server.run("whoami", user="visitor").out == "visitor\n"
    assert server.ssh("visitor", "whoami").out == "visitor\n"
    assert "tty is /dev/pts/" in server.ssh("visitor", stdin="echo tty is $(tty)\nexit\n").out
    assert server.ssh("nobody-here", "true", check=False).code == 255


def test_a_wipe_loses_the_ssd_and_nothing_of_data(server):
    server.run(
        "useradd wiped && touch /etc/wiped && rm /etc/adduser.conf && echo kept > /data/kept"
    )
    _reboot(server)
    assert server.run("id wiped", check=False).code == 1
    assert not server.exists("/etc/wiped")
    assert server.exists("/etc/adduser.conf")
    assert server.text("/data/kept") == "kept\n"
    assert (server.data / "kept").read_text() == "kept\n"


def test_a_shutdown_runs_the_services_stop_commands_and_a_power_cut_does_not(server):
    service = "systemd-run -q -p RemainAfterExit=yes -p ExecStop='touch /data/stopped' true"
    server.run(service)
    server.shutdown()
    assert (server.data / "stopped").exists()
    (server.data / "stopped").unlink()
    server.boot()
    server.run(service + "; touch /etc/written")
    server.power_cut()
    assert not (server.data / "stopped").exists()
    server.boot()
    assert server.exists("/etc/written")


def test_an_image_can_be_changed_and_files_planted_while_the_server_is_off(server):
    with pytest.raises(ServerError, match="still running"):
        server.wipe()
    server.shutdown()
    server.wipe()
    server.change_image("useradd", "--uid", "1000", "ubuntu")
    server.plant("/etc/deep/down/file", "한글\n", 0o640)
    server.boot()
    assert server.run(["id", "-u", "ubuntu"]).out == "1000\n"
    assert server.text("/etc/deep/down/file") == "한글\n"
    assert server.run(["stat", "-c", "%U %a", "/etc/deep/down/file"]).out == "root 640\n"


@pytest.mark.parametrize(
    "fstab", [True, False], ids=["with an fstab line", "without an fstab line"]
)
def test_a_data_disk_can_come_late(server, fstab):
    server.shutdown()
    server.wipe()
    if fstab:
        server.plant("/etc/fstab", "/srv/disk/volume /data none bind,nofail 0 0\n")
    server.boot(data=False)
    assert server.failed_units() == (["data.mount"] if fstab else [])
    assert server.run(["mountpoint", "/data"], check=False).code != 0
    assert server.run(["ls", "-A", "/data"]).out == ""
    server.plug_in()
    server.run("mount /data" if fstab else "mount --bind /srv/disk/volume /data")
    assert server.text("/data/kept") == "kept\n"
    server.wait_until("systemctl is-active data.mount", 5, "data.mount")
    assert server.run("stat -c %d / /data | uniq | wc -l").out.strip() == "2"


def test_nothing_is_left_when_a_server_is_gone(distribution):
    with Server(distribution, "gone") as one:
        one.boot(wait=False)
        folder, leader = one.folder, one.leader
    assert not folder.exists()
    with open("/proc/self/mounts") as mounts:
        assert str(folder) not in mounts.read()
    time.sleep(0.2)
    assert not os.path.exists("/proc/{}".format(leader))
    assert one not in servers.running


def test_a_second_run_cannot_use_the_same_work_folder(work, distribution):
    with pytest.raises(ServerError, match="another run"):
        with sandbox.exclusive(work):
            pass
