"""A /data that is missing, comes late, goes, hangs, cannot be written or cannot be trusted."""

import os

import pytest

import team as people
from server import Server
from team import RECOVERY

FSTAB = "/srv/disk/volume /data none bind,nofail 0 0\n"
# A file server that is dead: the mount is there, and whoever looks at it waits for ever.
DEAD_SERVER = """#!/usr/bin/python3
import ctypes, os, time
device = os.open("/dev/fuse", os.O_RDWR)
options = "fd={},rootmode=40000,user_id=0,group_id=0,allow_other".format(device).encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"dead", b"/data", b"fuse", 0, options) != 0:
    raise OSError(ctypes.get_errno(), "mount")
if os.fork() == 0:
    time.sleep(1000000)
"""
DEAD_UNIT = """[Unit]
Before=aica-recovery.service
[Service]
Type=forking
ExecStart=/usr/local/sbin/dead-server
[Install]
WantedBy=multi-user.target
"""


# --- no /data ----------------------------------------------------------------------------------


def _boot_without_data(image, team, name, fstab):
    server = Server(image, name, data=team.data)
    people.add_locals(server)
    if fstab:
        server.plant("/etc/fstab", fstab)
    server.boot(data=False)
    return server


def _mount(server, command):
    server.plug_in()
    server.run(command)


@pytest.fixture(scope="module")
def late_fstab(image, team):
    """A server whose fstab names a data disk that does not come."""
    with _boot_without_data(image, team, "late-fstab", FSTAB) as one:
        yield one


@pytest.fixture(scope="module")
def late_plain(image, team):
    """A server whose image knows nothing about a data disk."""
    with _boot_without_data(image, team, "late-plain", None) as one:
        yield one


@pytest.fixture(
    params=["late_fstab", "late_plain"], ids=["with an fstab line", "without an fstab line"]
)
def no_data(request):
    """Each of the two servers, before its disk comes."""
    return request.getfixturevalue(request.param)


def test_without_data_the_recovery_fails_loudly_and_soon(no_data):
    started, ended = no_data.main_process(RECOVERY)
    assert no_data.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "5"
    assert RECOVERY in no_data.failed_units()
    assert 0 < ended - started < 5


def test_without_data_nothing_is_created_in_its_place(no_data):
    assert no_data.run(["ls", "-A", "/data"]).out == ""
    assert no_data.run("find / -xdev -name 'users.txt' -o -xdev -name miniconda3").out == ""
    assert no_data.run("getent passwd kim", check=False).code == 2


def test_without_data_root_and_local_accounts_log_in(no_data):
    assert no_data.ssh("guest", "echo in").out == "in\n"
    assert no_data.ssh("root", "echo in").out == "in\n"
    assert (
        no_data.run("echo local | su guest -c whoami", user="nobody", check=False).out == "guest\n"
    )


def test_without_data_everybody_who_logs_in_is_told(no_data):
    notice = no_data.text("/run/aica/notice").strip()
    assert len(notice.splitlines()) == 1 and "/data" in notice
    assert notice in people.terminal(no_data, "guest")
    assert notice in people.terminal(no_data, "root")


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
def test_without_data_roots_login_is_silent_and_does_not_look_there(late_plain, shell):
    """A hanging /data would hang whoever looks at it; so nobody but a member looks."""
    trace = "/tmp/trace-" + shell
    source = "{} -eu -c '. /etc/profile.d/global_envs.sh'".format(shell)
    result = late_plain.run("strace -f -o {} -e trace=file,process {}".format(trace, source))
    assert (result.out, result.err) == ("", "")
    traced = late_plain.text(trace)
    assert '"/data' not in traced
    assert "fork(" not in traced and "clone" not in traced


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
def test_without_data_a_login_shell_starts_at_once(late_plain, shell):
    result = late_plain.run("{} -l -c true </dev/null".format(shell), timeout_s=2)
    assert (result.out, result.err) == ("", "")


def test_without_data_setup_refuses(no_data):
    assert no_data.run(["aica", "setup", "--group", "gpu-users", "--yes"], check=False).code == 5
    assert no_data.run(["ls", "-A", "/data"]).out == ""


def test_a_mount_with_an_fstab_line_starts_the_recovery_by_itself(late_fstab, team):
    _mount(late_fstab, "mount /data")
    late_fstab.wait_until("systemctl is-active -q " + RECOVERY, 20, "the recovery after the mount")
    people.assert_whole(late_fstab, team)
    assert not late_fstab.exists("/run/aica/notice")
    assert "active" not in late_fstab.show("aica-recovery-retry.timer", "ActiveState").values()
    assert late_fstab.ssh("kim", "cat thesis.tex").out == "work of kim\n"


def test_a_mount_without_an_fstab_line_is_found_within_about_a_minute(late_plain, team):
    _mount(late_plain, "mount --bind /srv/disk/volume /data")
    late_plain.wait_until(
        "test -L /home/park && test ! -e /run/aica/notice", 80, "the retry after the mount"
    )
    late_plain.wait_until(
        "! systemctl is-active -q aica-recovery-retry.service", 20, "the end of the retry"
    )
    people.assert_whole(late_plain, team)
    assert "active" not in late_plain.show("aica-recovery-retry.timer", "ActiveState").values()
    assert late_plain.ssh("kim", "cat thesis.tex").out == "work of kim\n"
    assert late_plain.failed_units() == []


def test_nothing_is_written_in_place_of_a_data_that_was_unmounted(image, team):
    """People change passwords and admins run commands, and the mount point is a folder again."""
    with Server(image, "unmounted", data=team.data) as server:
        people.add_locals(server)
        server.boot()
        server.run("umount --lazy /data; echo kim:unseen | chpasswd; sleep 3")
        server.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
        for command in (
            ["recover"],
            ["check"],
            ["record"],
            ["user", "register", "guest", "gpu-users"],
        ):
            assert server.run(["aica", *command], check=False).code == 5
        for shell in ("dash", "bash", "zsh"):
            result = server.run("{} -l -c true </dev/null".format(shell), timeout_s=2)
            assert (result.out, result.err) == ("", "")
        assert server.run(["ls", "-A", "/data"]).out == ""
        server.shutdown()
        assert list(server.ssd.glob("data/*")) == []
        server.wipe()
        server.boot()
        people.assert_whole(server, team)


# --- a /data that cannot be trusted, or written -----------------------------------------------


class TestUntrustedRegistry:
    """Whoever can rename folders in /data could put a registry of their own there."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "untrusted", data=team.data) as one:
            people.add_locals(one)
            one.data.chmod(0o2777)
            one.boot()
            yield one

    def test_is_not_believed(self, server):
        assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "2"
        assert server.run("getent passwd kim lee park", check=False).out == ""
        assert server.run("ls /home").out == "guest\n"

    def test_is_named_to_everybody_who_can_repair_it(self, server):
        assert "/data" in server.text("/run/aica/notice")
        assert RECOVERY in server.failed_units()
        assert server.ssh("root", "echo in").out == "in\n"

    def test_is_left_as_it_is(self, server):
        assert server.run(["stat", "-c", "%a", "/data"]).out == "2777\n"

    def test_once_repaired_everybody_is_whole(self, server, team):
        server.run("chmod 0755 /data && systemctl start " + RECOVERY)
        people.assert_whole(server, team)


class TestReadOnlyData:
    """The data disk has errors and came up read-only: people must still get at their files."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "read-only", data=team.data) as one:
            people.add_locals(one)
            one.boot(read_only=True)
            yield one

    def test_the_team_is_whole(self, server, team):
        people.assert_whole(server, team)
        assert server.ssh("kim", "cat thesis.tex").out == "work of kim\n"

    def test_a_check_says_what_is_wrong(self, server):
        told = server.run(["aica", "check", "-q"], check=False).err
        assert "[WARNING] /data is mounted read-only" in told

    def test_nothing_else_of_ours_has_failed(self, server):
        assert [unit for unit in server.failed_units() if unit != RECOVERY] == []


@pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="this kernel has no FUSE")
class TestHangingData:
    """The disk is mounted and does not answer. Root must get in exactly now."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, image, team):
        with Server(image, "dead-disk", data=team.data) as one:
            people.add_locals(one)
            one.plant("/usr/local/sbin/dead-server", DEAD_SERVER, 0o755)
            one.plant("/etc/systemd/system/dead.service", DEAD_UNIT)
            one.change_image("systemctl", "enable", "dead.service")
            one.boot(data=False, options=["--bind=/dev/fuse"])
            yield one

    def test_hangs_whoever_looks(self, server):
        assert server.run("timeout -s KILL 1 ls /data", check=False).code != 0
        assert "dead /data fuse" in server.text("/proc/mounts")

    def test_the_recovery_gives_up_soon(self, server):
        started, ended = server.main_process(RECOVERY)
        assert server.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "5"
        assert RECOVERY in server.failed_units()
        assert ended - started < 21

    @pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
    def test_roots_login_shell_starts_at_once(self, server, shell):
        result = server.run("exec {} -l -c true </dev/null".format(shell), timeout_s=2)
        assert (result.out, result.err) == ("", "")

    @pytest.mark.parametrize("user", ["root", "guest"])
    def test_root_and_local_accounts_log_in_and_are_told(self, server, user):
        assert server.ssh(user, "echo in", timeout_s=10).out == "in\n"
        notice = server.text("/run/aica/notice").strip()
        assert notice in people.terminal(server, user, timeout_s=10)

    def test_a_command_says_so_instead_of_hanging(self, server):
        assert server.run(["aica", "check"], check=False, timeout_s=45).code == 5

    def test_no_process_of_ours_is_left_hanging(self, server):
        server.wait_until("! pgrep -f '^/usr/bin/python3 -I /usr/s?bin/aica'", 45, "the last of us")
