"""Disks that fail, locks that are held, and machines that are not what they were."""

import errno
import json
import os
import time

import golden
import pytest

from aica import app, files, lock, storage
from aica.host import Host


@pytest.fixture
def broken_read(monkeypatch):
    """Return the function that makes one file fail to be read with an error."""
    def break_it(path, code, times=1000):
        real = Host.read_trusted
        left = [times]

        def read(self, wanted):
            if wanted == path and left[0] > 0:
                left[0] -= 1
                raise OSError(code, os.strerror(code), path)
            return real(self, wanted)
        monkeypatch.setattr(Host, "read_trusted", read)
    return break_it


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_registry_that_cannot_be_read_is_replaced_by_its_last_good_copy(whole, broken_read, code):
    whole.wipe()
    broken_read("/data/config/users.txt", code)
    answer = whole.cli("recover")
    assert answer.code == 1, answer
    assert answer.ids("failed") == ["registry:/data/config/users.txt"]
    assert "last good copy is used" in answer.out
    assert set(whole.host().accounts().passwd) >= {"kim", "lee", "park"}


@pytest.mark.parametrize("path", ["/data/config/aica.conf", "/data/config/accounts/passwd"])
def test_what_else_cannot_be_read_fails_and_is_told_at_the_next_login(whole, broken_read, path):
    broken_read(path, errno.EIO)
    before = whole.tree(times=True)
    answer = whole.cli("recover")
    assert answer.code == 1 and path in answer.err
    assert whole.tree(times=True) == before
    assert whole.read("/run/aica/notice").count("\n") == 1
    assert json.loads(whole.read("/run/aica/status.json"))["exit"] == 1


def test_a_full_disk_keeps_what_was_there_and_the_next_run_repairs(whole, monkeypatch):
    whole.replace("/data/config/global_env.sh", "sha256", "sha256")
    whole.remove("/etc/aica/pam_env.conf")
    whole.replace("/etc/aica/member-groups", "gpu-users", "gpu-users")
    real = files._fill

    def full(handle, data, mode, uid, gid):
        if b"PAM" in data or b"pam_env" in data or b"CONDA" in data:
            os.close(handle)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data, mode, uid, gid)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_fill", full)
        answer = whole.cli("recover")
    assert answer.code == 1 and answer.ids("failed") == ["file:/etc/aica/pam_env.conf"]
    assert "No space left" in answer.out
    assert not [name for name in os.listdir(whole.path("/etc/aica")) if "tmp" in name]
    again = whole.cli("recover")
    assert again.code == 0 and again.ids("changed") == ["file:/etc/aica/pam_env.conf"]
    assert not whole.exists("/run/aica/notice")


def test_a_log_that_cannot_be_written_stops_nothing(server):
    server.remove("/var/log")
    assert server.cli("recover").code == 0
    assert golden.drift(server.cli("recover")) == []


@pytest.mark.parametrize("words", [
    ("recover",), ("record",), ("setup", "--allow-unmounted", "--yes"), ("render",),
    ("user", "register", "kim", "gpu-users"), ("user", "unregister", "kim"),
    ("user", "setup", "kim", "gpu-users"),
], ids=" ".join)
def test_one_at_a_time(whole, monkeypatch, words):
    before = whole.tree(times=True)
    status = whole.read("/run/aica/status.json")
    real = lock.hold
    with lock.hold(whole.host()):
        monkeypatch.setattr(lock, "hold", lambda host, wait_s=0, *more: real(host, 0, *more))
        answer = whole.cli(*words)
    assert answer.code == 5 and "holds the lock" in answer.err, answer
    assert whole.tree(times=True) == before
    assert whole.read("/run/aica/status.json") == status, "says nothing about the server"


def test_looking_needs_no_lock(whole):
    with lock.hold(whole.host()):
        assert whole.cli("check").code == 0
        assert whole.cli("recover", "--dry-run").code == 0
        assert whole.cli("user", "list").code == 0


def test_a_disk_that_hangs_is_not_ready_and_nothing_is_touched(whole, monkeypatch):
    real = storage.probe
    before = whole.tree(times=True)
    monkeypatch.setattr(storage, "probe", lambda path: real(path, timeout_s=0.1))
    monkeypatch.setattr(storage, "os", HangingOs())
    monkeypatch.setattr(Host, "read_trusted", _refuse_data(Host.read_trusted))
    answer = whole.cli("recover")
    assert answer.code == 5 and "does not answer" in answer.err
    assert whole.tree(times=True) == before


class HangingOs:
    """The os module on a machine whose disk does not answer."""

    @staticmethod
    def lstat(path):
        time.sleep(600)

    def __getattr__(self, name):
        return getattr(os, name)


def _refuse_data(real):
    def read(self, path):
        assert not path.startswith("/data"), "touched a disk that hangs"
        return real(self, path)
    return read


def test_a_disk_that_goes_away_during_the_run_is_not_replaced_by_the_ssd(server, monkeypatch):
    """The device number of /data changes after the probe, as umount would make it."""
    real = storage.probe
    monkeypatch.setattr(storage, "probe", lambda path: real(path) + 1)
    before = server.tree(times=True, leave_out=("/run", "/var"))
    answer = server.cli("recover")
    assert answer.code == 1 and "no longer the disk" in answer.err
    assert server.tree(times=True, leave_out=("/run", "/var")) == before


def test_on_a_network_disk_new_passwords_are_not_kept_and_that_is_said(whole, monkeypatch):
    monkeypatch.setattr(storage, "is_network", lambda path: True)
    whole.replace("/etc/shadow", "kim:$6$demo$", "kim:$6$newer$")
    answer = whole.cli("recover")
    assert answer.code == 0 and "passwords are not kept" in answer.err
    assert "$6$newer$" not in whole.read("/data/config/accounts/shadow")


def test_hashes_and_keys_that_got_to_a_network_disk_earlier_are_named(whole, monkeypatch):
    """Such as behind an automount, which looked like a disk of this server alone."""
    whole.folder("/data/config/ssh", 0o700)
    whole.write("/data/config/ssh/ssh_host_ed25519_key", "private", 0o600)
    said = ("/data/config/accounts/shadow has password hashes of earlier",
            "private SSH host keys of earlier: rm -r /data/config/ssh")
    assert not any(words in whole.cli("check").err for words in said)
    monkeypatch.setattr(storage, "is_network", lambda path: True)
    answer = whole.cli("check")
    assert all(words in answer.err for words in said), answer
    whole.replace("/data/config/aica.conf", "#keep_passwords = auto", "keep_passwords = no")
    whole.remove("/data/config/ssh")
    assert whole.cli("recover").code == 0
    assert "$6$" not in whole.read("/data/config/accounts/shadow")
    assert not any(words in whole.cli("check").err for words in said)


def test_a_kill_leaves_no_hash_behind_where_none_shall_be_kept(whole, monkeypatch):
    """It came after the older generation was written, and before that was removed again."""
    whole.replace("/data/config/aica.conf", "#keep_passwords = auto", "keep_passwords = no")
    with monkeypatch.context() as patch:
        patch.setattr(Host, "remove_file", _killed)
        with pytest.raises(KeyboardInterrupt):
            list(whole.app.recover())
    assert whole.cli("recover").code == 0
    names = os.listdir(whole.path("/data/config/accounts"))
    assert not [name for name in names if "$6$" in whole.read("/data/config/accounts/" + name)]


def _killed(self, path):
    raise KeyboardInterrupt


def test_a_bug_is_one_line_for_people_and_a_traceback_in_the_log(whole, monkeypatch):
    def bug(self):
        raise ZeroDivisionError("secret of the universe")
    monkeypatch.setattr(app.App, "check", bug)
    answer = whole.cli("check")
    assert answer.code == 70 and "a bug in aica" in answer.err
    assert "Traceback" not in answer.err
    assert "Traceback" in whole.read("/var/log/aica-recovery.log")


def test_an_editor_that_saves_during_register_wins_and_is_kept(whole, monkeypatch):
    real, saved = Host.write_file, []

    def write(self, path, data, *args, **kwargs):
        if path == "/data/config/users.txt" and not saved:
            saved.append(path)
            whole.append(path, "# saved by an editor meanwhile\n")
        return real(self, path, data, *args, **kwargs)

    whole.cli("user", "unregister", "kim")
    monkeypatch.setattr(Host, "write_file", write)
    answer = whole.cli("user", "register", "kim", "gpu-users")
    assert answer.code == 0, answer
    assert whole.read("/data/config/users.txt").endswith(
        "# saved by an editor meanwhile\nkim:gpu-users\n")
