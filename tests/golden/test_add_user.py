"""`aica user add`: somebody new is complete, comes back after a wipe, or is not there at all."""

import json
import os
import pty
import re
import signal
import sys

import golden
import pytest
from fakes import Kill
from wiped import REPOSITORY, Server, throw_away_folder

from aica import demo
from aica.host import CHANGING, Host

KEY = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0hU7Cq5cJX9m0q3Q3m8m4b0lZ4Kq9m9m9m9m9m9m "
       "choi@laptop")
LITTER = re.compile(r"/etc/(passwd|shadow|group|gshadow|subuid|subgid)([-+]|\.lock|\.[0-9]+)\Z"
                    r"|/etc/\.pwd\.lock\Z|/data/config/accounts/\w+-\Z")


@pytest.fixture
def key(tmp_path):
    """A file with a public key."""
    path = tmp_path / "choi.pub"
    path.write_text(KEY + "\n")
    return str(path)


def state(server):
    """Return all that a failed command must leave as it was."""
    return {path: entry for path, entry in server.tree().items() if not LITTER.match(path)}


def add(server, key, *more):
    return server.cli("user", "add", "choi", "--ssh-key", key, *more)


def test_everything_of_a_new_user_is_there_and_comes_back(whole, key):
    answer = add(whole, key, "--full-name", "최민호")
    assert answer.code == 0 and answer.ids("failed", "blocked", "skipped") == [], answer
    assert "ssh choi@" in answer.out
    before = whole.host().accounts()
    user = before.passwd["choi"]
    assert (user.gecos, user.home, user.shell) == ("최민호", "/home/choi", "/bin/bash")
    assert user.uid == user.gid == before.group["choi"].gid == 2004
    assert before.groups_of("choi") == ("gpu-users",)
    assert before.shadow["choi"].hash == "*"
    assert before.subuid["choi"] == before.subgid["choi"] == ("296608:65536",)
    assert whole.stat("/data/users/choi") == (0o750, 2004, 2004)
    assert whole.stat("/data/users/choi/.profile") == (0o644, 2004, 2004)
    assert whole.stat("/data/users/choi/.ssh") == (0o700, 2004, 2004)
    assert whole.stat("/data/users/choi/.ssh/authorized_keys") == (0o600, 2004, 2004)
    assert whole.read("/data/users/choi/.ssh/authorized_keys") == KEY + "\n"
    assert os.readlink(whole.path("/home/choi")) == "/data/users/choi"
    assert whole.read("/data/config/users.txt").endswith("park:gpu-users\nchoi:gpu-users\n")
    assert whole.read("/data/config/state/users.txt") == whole.read("/data/config/users.txt")
    assert os.listdir(whole.path("/data/config/state")) == ["users.txt"]
    assert golden.drift(whole.cli("check")) == []
    whole.wipe()
    assert whole.cli("recover").code == 0
    after = whole.host().accounts()
    for part in ("passwd", "shadow", "subuid", "subgid"):
        assert getattr(after, part)["choi"] == getattr(before, part)["choi"]
    assert golden.drift(whole.cli("check")) == []


def test_the_options_say_what_the_account_is(whole, key):
    whole.write("/etc/shells", "/bin/sh\n/bin/zsh\n")
    answer = add(whole, key, "--uid", "3000", "--shell", "/bin/zsh", "--group", "gpu-users")
    assert answer.code == 0, answer
    user = whole.host().accounts().passwd["choi"]
    assert (user.uid, user.gid, user.shell) == (3000, 3000, "/bin/zsh")


def test_a_uid_that_somebody_ever_had_is_not_given_again(whole, key):
    whole.folder("/data/users/ghost", 0o700, 2004, 2004)
    whole.append("/etc/group", "project:x:2005:\n")
    assert add(whole, key).code == 0
    assert whole.host().accounts().passwd["choi"].uid == 2006


@pytest.mark.parametrize("words, code, said", [
    (("root",), 2, "system account"),
    (("Choi",), 2, "not a valid user name"),
    (("../x",), 2, "not a valid user name"),
    (("docker",), 2, "system account or group"),
    (("video",), 2, "system account or group"),
    (("choi", "--group", "docker"), 2, "not allowed"),
    (("choi", "--uid", "0"), 2, "the range for people"),
    (("choi", "--uid", "999"), 2, "the range for people"),
    (("choi", "--uid", "2002"), 4, "reserved for lee"),
    (("choi", "--uid", "2002"), 4, "or leave out --uid"),
    (("choi", "--uid", "5"), 2, "or leave out --uid"),
    (("choi", "--uid", "x"), 2, "'x': expected a number"),
    (("choi", "--full-name", "a:b"), 2, "--full-name"),
    (("choi", "--full-name", "umask=0"), 2, "--full-name"),
    (("choi", "--shell", "bash"), 2, "absolute path"),
    (("kim",), 4, "is registered already"),
])
def test_what_cannot_be_is_refused_before_anything_is_done(whole, key, words, code, said):
    before = whole.tree(times=True)
    answer = whole.cli("user", "add", *(words + ("--ssh-key", key)))
    assert answer.code == code and said in answer.err, answer
    assert whole.tree(times=True) == before


@pytest.mark.parametrize("path, kind", [("/home/choi", "folder"), ("/data/users/choi", "folder"),
                                        ("/home/choi", "file"), ("/data/users/choi", "link")])
def test_what_stands_in_the_way_stays(whole, key, path, kind):
    if kind == "folder":
        whole.folder(path)
    elif kind == "file":
        whole.write(path, "precious")
    else:
        whole.link(path, "/etc")
    before = whole.tree(times=True)
    answer = add(whole, key)
    assert answer.code == 4 and path in answer.err, answer
    assert whole.tree(times=True) == before


def test_an_account_that_is_there_is_not_taken_for_a_new_one(whole, key):
    whole.append("/etc/passwd", "choi:x:2010:2010::/home/choi:/bin/bash\n")
    answer = add(whole, key)
    assert answer.code == 4 and "aica user setup choi gpu-users" in answer.err


@pytest.mark.parametrize("text, said", [
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "private key"),
    ("", "no public key"), ("# nothing\n", "no public key"),
    ("---- BEGIN SSH2 PUBLIC KEY ----\n", "ssh-keygen -i"),
    ("command=\"x\" " + KEY, "no type of key"), (KEY[:60], "cut off"), (KEY + "\x1b[2J", "control"),
    ("ssh-rsa " + KEY.split()[1], "cut off"), ("ssh-dss AAAA", "no type of key"),
    (KEY + "\nroot::0:0:::\n", "line 2"),
])
def test_only_a_whole_public_key_is_taken(whole, tmp_path, text, said):
    path = tmp_path / "key"
    path.write_text(text)
    before = whole.tree(times=True)
    answer = add(whole, str(path))
    assert answer.code == 2 and said in answer.err, answer
    assert whole.tree(times=True) == before


def test_without_a_terminal_no_password_is_made_up(whole):
    before = whole.tree(times=True)
    answer = whole.cli("user", "add", "choi")
    assert answer.code == 2 and "--ssh-key" in answer.err and "--password-stdin" in answer.err
    assert whole.tree(times=True) == before


# -- passwords ------------------------------------------------------------


def on_a_terminal(server, command, typed=""):
    """Run shell text with a terminal of its own; return (exit status, what the terminal saw)."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(REPOSITORY)
        aica = "{} -m aica --root {}".format(sys.executable, server.root)
        os.execv("/bin/sh", ["sh", "-c", command.format(aica=aica, root=server.root)])
    os.write(terminal, typed.encode("ascii"))
    seen = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    os.close(terminal)
    return os.waitpid(child, 0)[1] >> 8, seen.decode("utf-8")


@pytest.mark.parametrize("more", ["", "--json", "-q"])
def test_a_one_time_password_is_seen_on_the_terminal_alone(whole, more):
    code, seen = on_a_terminal(whole, "{aica} user add choi " + more + " >{root}/out 2>&1")
    assert code == 0, whole.read("/out")
    password = re.search(r"\n +(\w{4}-\w{4}-\w{4}-\w{4})\r?\n", seen).group(1)
    line = whole.host().accounts().shadow["choi"]
    assert line.hash.startswith(("$6$", "$y$")) and line.last_change == "0"
    texts = [whole.read("/out"), whole.read("/var/log/aica-recovery.log"),
             whole.read("/data/config/accounts/shadow"), whole.read("/etc/shadow")]
    assert not any(password in text for text in texts)
    whole.remove("/out")
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert whole.host().accounts().shadow["choi"] == line, "it must still be changed"


def test_a_given_password_is_set_and_never_shown(whole):
    code, seen = on_a_terminal(
        whole, "printf 's3cret:한글 x\\n' | {aica} -v user add choi --password-stdin")
    assert code == 0, seen
    line = whole.host().accounts().shadow["choi"]
    assert line.hash.startswith(("$6$", "$y$")) and line.last_change != "0"
    assert "s3cret" not in seen + whole.read("/var/log/aica-recovery.log")
    assert golden.drift(whole.cli("check")) == []


@pytest.mark.parametrize("text", ["", "\\n", "a\\nb\\n", "a\\tb\\n"])
def test_a_password_that_is_none_is_refused(whole, text):
    code, seen = on_a_terminal(
        whole, "printf '{}' | {{aica}} user add choi --password-stdin".format(text))
    assert code == 2 and "--password-stdin" in seen
    assert "choi" not in whole.host().accounts().passwd


def test_a_password_that_nobody_could_be_shown_undoes_everything(whole):
    before = state(whole)
    whole.cli("user", "list")
    from aica.people import adding

    def fail():
        raise OSError(5, "the terminal is gone")
    with pytest.raises(OSError):
        list(adding.add(whole.app, adding.Request("choi", password="x", must_change=True), fail))
    assert state(whole) == before


# -- all or nothing -------------------------------------------------------


class Nth:
    """Counts the changing calls of all hosts; what() happens at the N-th."""

    def __init__(self, monkeypatch, at, what, only=CHANGING, dead=False):
        self.count, self.at, self.what, self.dead, self.called = 0, at, what, dead, ""
        for name in only:
            monkeypatch.setattr(Host, name, self._counted(name, getattr(Host, name)))

    def _counted(self, name, method):
        def counted(host, *args, **kwargs):
            if name not in ("lock_file", "sweep", "append_log"):
                self.count += 1
                if self.count == self.at or (self.dead and self.count > self.at):
                    self.called = self.called or name
                    self.what()
            return method(host, *args, **kwargs)
        return counted


def raising(error):
    def what():
        raise error
    return what


def test_a_failure_at_any_step_leaves_nothing(whole, key):
    before = state(whole)
    for number in range(1, 99):
        with pytest.MonkeyPatch.context() as patch:
            nth = Nth(patch, number, raising(OSError(28, "No space left on device")))
            answer = add(whole, key)
        if nth.count < number:
            break
        assert answer.code == 1, answer
        if nth.called != "remove_file":  # the journal's end: all was done before
            assert state(whole) == before, (number, nth.called)
        else:
            assert state(whole) == before
    else:
        raise AssertionError("never clean")
    assert answer.code == 0 and number > 15
    assert golden.drift(whole.cli("check")) == []


def test_killed_at_any_step_a_second_run_completes_it(whole, key):
    with throw_away_folder() as folder:
        model = Server(folder)
        model.become(whole)
        for number in range(1, 99):
            whole.become(model)
            with pytest.MonkeyPatch.context() as patch:
                nth = Nth(patch, number, raising(Kill()), dead=True)
                try:
                    answer = add(whole, key)
                except Kill:
                    answer = None
            again = add(whole, key)
            registered = again.code == 4 and "registered already" in again.err
            assert again.code == 0 or registered, (number, nth.called, again)
            user = whole.host().accounts().passwd["choi"]
            assert (user.uid, user.gid) == (2004, 2004)
            assert whole.read("/data/users/choi/.ssh/authorized_keys") == KEY + "\n"
            assert os.listdir(whole.path("/data/config/state")) == ["users.txt"]
            assert not whole.exists("/data/users/.aica-new.choi")
            assert not whole.exists("/data/users/.removed")
            if answer is not None:
                break
        else:
            raise AssertionError("never clean")
        assert number > 15


def cut_off(server, key, at):
    """Kill a `user add choi` at a changing call."""
    with pytest.MonkeyPatch.context() as patch:
        Nth(patch, at, raising(Kill()), dead=True)
        with pytest.raises(Kill):
            add(server, key)
    assert server.exists("/data/config/state/adding-choi.json")


def test_a_kill_and_a_wipe_later_the_same_command_takes_away_what_is_left(whole, key):
    cut_off(whole, key, 12)
    assert whole.exists("/data/users/choi")
    whole.wipe()
    assert whole.cli("recover").code == 0
    assert "choi" not in whole.host().accounts().passwd
    assert whole.cli("user", "add", "jung", "--ssh-key", key).code == 0
    assert whole.exists("/data/users/choi"), "another name is another matter"
    assert "cut off" in whole.cli("user", "list").out
    again = add(whole, key)
    assert again.code == 0 and "cut off" in again.err, again
    assert not whole.exists("/data/config/state/adding-choi.json")


def test_what_was_cut_off_can_be_removed_too(whole, key):
    cut_off(whole, key, 14)
    assert whole.cli("user", "remove", "choi", "--yes").code == 0
    assert not whole.exists("/data/config/state/adding-choi.json")
    assert not whole.exists("/data/users/choi")
    assert "choi" not in whole.host().accounts().passwd


def test_an_account_that_an_admin_made_after_a_reboot_is_not_taken_for_a_rest(whole, key):
    cut_off(whole, key, 12)
    path = "/data/config/state/adding-choi.json"
    found = json.loads(whole.read(path))
    whole.write(path, json.dumps(dict(found, boot=["another", 1])), 0o600)
    before = state(whole)
    answer = add(whole, key)
    assert answer.code == 4 and "aica user remove choi" in answer.err, answer
    assert state(whole) == before


def test_ctrl_c_and_sigterm_wait_for_the_step_and_undo_all(whole, key):
    before = state(whole)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        child = os.fork()  # a process with one thread, as the program is
        if child == 0:
            with pytest.MonkeyPatch.context() as patch:
                Nth(patch, 3, lambda number=number: os.kill(os.getpid(), number))
                os._exit(add(whole, key).code)
        assert os.waitpid(child, 0)[1] >> 8 == code
        assert state(whole) == before


def test_a_home_that_was_used_before_the_second_run_is_moved_and_not_emptied(whole, key):
    with pytest.MonkeyPatch.context() as patch:
        Nth(patch, 14, raising(Kill()), dead=True)
        with pytest.raises(Kill):
            add(whole, key)
    assert whole.exists("/data/users/choi/.ssh/authorized_keys")
    whole.write("/data/users/choi/thesis.tex", "years", 0o600, 2004, 2004)
    assert add(whole, key).code == 0
    kept, = os.listdir(whole.path("/data/users/.removed"))
    assert whole.read("/data/users/.removed/{}/thesis.tex".format(kept)) == "years"
    assert whole.stat("/data/users/.removed") == (0o700, 0, 0)


# -- those who return -----------------------------------------------------


def test_the_name_of_somebody_who_left_is_not_given_to_another(whole, key):
    whole.cli("user", "unregister", "kim")
    whole.wipe()
    whole.remove("/home/kim")
    assert whole.cli("recover").code == 0
    answer = whole.cli("user", "add", "kim", "--ssh-key", key)
    assert answer.code == 4 and "aica user add kim --uid 2001" in answer.err
    wrong = whole.cli("user", "add", "choi", "--ssh-key", key, "--uid", "2001")
    assert wrong.code == 4 and "reserved for kim" in wrong.err
    back = whole.cli("user", "add", "kim", "--ssh-key", key, "--uid", "2001")
    assert back.code == 0, back
    assert whole.read("/data/users/kim/notes.txt") == "the only copy\n"
    found = whole.host().accounts()
    assert found.passwd["kim"].uid == 2001 and found.shadow["kim"].hash == "*"
    assert demo.PASSWORD not in whole.read("/data/config/accounts/shadow").split("kim:")[1].split(
        "\n")[0], "the old password does not come back"
    assert golden.drift(whole.cli("check")) == []


def test_who_returns_gets_no_subordinate_gids_by_the_record_of_the_uids(whole, key):
    """The range of kim's subordinate uids is lee's among the gids: files of lee's containers."""
    assert whole.cli("user", "remove", "kim", "--yes").code == 0
    for name, kim, lee in (("subuid", "400000", "500000"), ("subgid", "600000", "400000")):
        whole.write("/data/config/accounts/" + name, "kim:{}:65536\nlee:{}:65536\n".format(
            kim, lee), 0o600)
        whole.write("/etc/" + name, "")
    assert whole.cli("user", "add", "kim", "--ssh-key", key, "--uid", "2001").code == 0
    present = whole.host().accounts()
    assert present.subuid["kim"] == ("400000:65536",)
    assert present.subgid["kim"] == ("600000:65536",)


def test_a_failed_return_leaves_home_and_record_alone(whole, key):
    whole.cli("user", "unregister", "kim")
    whole.wipe()
    whole.remove("/home/kim")
    assert whole.cli("recover").code == 0
    before = state(whole)
    with pytest.MonkeyPatch.context() as patch:
        Nth(patch, 6, raising(OSError(28, "No space left on device")))
        answer = whole.cli("user", "add", "kim", "--ssh-key", key, "--uid", "2001")
    assert answer.code == 1
    assert state(whole) == before


def test_what_another_server_on_the_same_disk_is_adding_is_not_undone(whole, key, monkeypatch):
    from aica.app import App
    monkeypatch.setattr(App, "share", lambda app, host, settings: host.share(
        settings.state + "/lock"))
    with pytest.MonkeyPatch.context() as patch:
        Nth(patch, 16, raising(Kill()), dead=True)
        with pytest.raises(Kill):
            add(whole, key)
    whole.write("/run/aica/instance", "another boot, or another server")
    path = "/data/config/state/adding-choi.json"
    assert whole.exists(path) and whole.exists("/data/users/choi")
    other = whole.cli("user", "add", "jung", "--ssh-key", key)
    assert other.code == 0 and whole.exists("/data/users/choi"), other
    same = add(whole, key)
    assert same.code == 5 and "another server is adding choi" in same.err
    found = json.loads(whole.read(path))
    whole.write(path, json.dumps(dict(found, began=found["began"] - 3601)), 0o600)
    assert add(whole, key).code == 0 and not whole.exists(path)


@pytest.mark.parametrize("line", ["choi:docker", "choi:gpu-users:x"])
def test_a_line_of_an_admins_that_was_not_accepted_is_not_lost(whole, key, line):
    whole.append("/data/config/users.txt", line + "\n")
    before = state(whole)
    answer = add(whole, key)
    assert answer.code == 4 and line in answer.err, answer
    assert state(whole) == before


def test_a_name_in_hangul_arrives_whole_in_the_c_locale(whole, key):
    answer = whole.program("user", "add", "choi", "--ssh-key", key, "--full-name", "최민호",
                           LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert answer.code == 0, answer
    assert whole.host().accounts().passwd["choi"].gecos == "최민호"


def test_where_no_password_is_kept_that_is_said(whole):
    whole.append("/data/config/aica.conf", "")
    whole.replace("/data/config/aica.conf", "#keep_passwords = auto", "keep_passwords = no")
    code, seen = on_a_terminal(whole, "echo secret | {aica} user add choi --password-stdin")
    assert code == 0 and "after a wipe choi needs an SSH key" in seen.replace("\r\n", " "), seen
    assert "choi:!:" in whole.read("/data/config/accounts/shadow")


def test_closed_streams_break_nothing(whole, key):
    code, _ = on_a_terminal(whole, "{aica} user add choi --password-stdin <&-")
    assert code == 2
    code, _ = on_a_terminal(whole, "{aica} user remove kim <&-")
    assert code == 2


def test_records_that_cannot_be_written_stop_it_before_anything_is_done(whole, key):
    whole.append("/data/config/accounts/passwd", "a line of an admin's\n")
    before = state(whole)
    answer = add(whole, key)
    assert answer.code == 4 and "no account records" in answer.err, answer
    assert state(whole) == before
