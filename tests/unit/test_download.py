"""A file from the network: whole, verified, and fetched by nobody in particular."""

import os
import ssl
import subprocess
import time

import pytest
from installers import serving, sha256

from aica import command
from aica.errors import AicaError
from aica.host import Host
from aica.install import download, fetch, worker

DATA = bytes(range(256)) * 8192  # 2 MiB
IDS = (1000, 60000)


@pytest.fixture
def web(monkeypatch):
    """A web server with one file, asked directly whatever proxy this machine has."""
    for name in command.PROXIES:
        monkeypatch.delenv(name, raising=False)
    with serving({"/file.sh": DATA}) as server:
        yield server


@pytest.fixture
def part(server, needs):
    """(host, uid, descriptor of an empty file) on a server in a folder."""
    needs(command.find("python3"), "needs the system's python3")
    host = server.host()
    handle = host.open_own("/etc/file.part")
    yield host, worker.choose(host, IDS), handle
    os.close(handle)


def order(web, sha=sha256(DATA), path="/file.sh", **more):
    one = download.Order(web.url + path, sha)
    one.pause_s, one.idle_s = 0.01, 1
    for name, value in more.items():
        setattr(one, name, value)
    return one


def content(handle):
    return os.pread(handle, len(DATA) + 1, 0)


def test_it_is_fetched_and_verified(web, part):
    host, uid, handle = part
    told = []
    found = download.fetch(host, uid, order(web), handle, lambda *n: told.append(n))
    assert found == sha256(DATA) and content(handle) == DATA
    assert told[0][1] == len(DATA) and told[0][0] <= len(DATA)


@pytest.mark.parametrize("mood", ["no length", "slow"])
def test_servers_differ(web, part, mood):
    web.moods.append(mood)
    download.fetch(part[0], part[1], order(web), part[2])
    assert content(part[2]) == DATA


@pytest.mark.parametrize("moods", [["cut 1000000"], ["status 503"], ["stall"], ["status 429"],
                                   ["cut 10", "cut 500000", "status 500"]])
def test_a_cut_connection_goes_on_where_it_ended(web, part, moods):
    web.moods.extend(moods)
    download.fetch(part[0], part[1], order(web), part[2])
    assert content(part[2]) == DATA and len(web.asked) == len(moods) + 1
    if moods[0].startswith("cut"):
        assert web.asked[1][1] == "bytes={}-".format(moods[0].split()[1])


def test_a_server_that_cannot_go_on_begins_anew(web, part):
    web.moods += ["cut 1000000", "no ranges"]
    download.fetch(part[0], part[1], order(web), part[2])
    assert content(part[2]) == DATA


@pytest.mark.parametrize("left", [b"of another file", DATA + b"and more"])
def test_what_another_run_left_is_believed_only_if_the_whole_is_right(web, part, left):
    os.write(part[2], left)
    download.fetch(part[0], part[1], order(web), part[2])
    assert content(part[2]) == DATA


def test_it_gives_up_and_keeps_what_came_for_the_next_time(web, part):
    web.moods += ["cut 1000"] + ["status 503"] * 9
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], order(web), part[2])
    assert "503" in str(caught.value) and web.url in str(caught.value)
    assert len(content(part[2])) == 1000 and len(web.asked) == download.TRIES
    assert "goes on where this ended" in caught.value.hint


def test_a_server_that_says_nothing_is_left_after_a_while(web, part):
    web.moods += ["stall"] * 9
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], order(web, idle_s=0.2), part[2])
    assert "no answer in time" in str(caught.value)


def test_what_has_the_wrong_checksum_is_thrown_away(web, part):
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], order(web, "0" * 64), part[2])
    assert sha256(DATA) in str(caught.value) and "0" * 64 in str(caught.value)
    assert content(part[2]) == b""


def test_what_is_not_there_is_not_asked_for_again(web, part):
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], order(web, path="/gone"), part[2])
    assert "404" in str(caught.value) and len(web.asked) == 1


def test_more_than_was_agreed_is_not_taken(web, part):
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], order(web, limit_bytes=100000), part[2])
    assert "larger than 100000" in str(caught.value)


def test_a_full_disk_is_told_as_what_it_is(web, part, needs):
    host, uid, _ = part
    needs(os.path.exists("/dev/full"), "needs /dev/full")
    handle = os.open("/dev/full", os.O_RDWR)
    try:
        with pytest.raises(AicaError) as caught:
            download._fill(host, uid, order(web), handle, None)
    finally:
        os.close(handle)
    assert "cannot be written: No space left on device" in str(caught.value)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_server_cannot_send_us_elsewhere_than_to_the_web(web, part, target):
    web.moods += ["to " + target] * 9
    with pytest.raises(AicaError):
        download.fetch(part[0], part[1], order(web, ""), part[2])
    assert content(part[2]) == b""


def test_a_password_goes_to_its_own_host_only_and_into_no_message_and_no_argument(web, part):
    one = order(web, path="/gone")
    one.url = one.url.replace("//", "//kim:s%40cret@")
    web.moods.append("to {}/elsewhere".format(web.url.replace("127.0.0.1", "localhost")))
    with pytest.raises(AicaError) as caught:
        download.fetch(part[0], part[1], one, part[2])
    assert "404" in str(caught.value) and "cret" not in str(caught.value)
    assert [asked[3] for asked in web.asked] == ["Basic a2ltOnNAY3JldA==", ""]


def test_the_arguments_of_the_child_tell_nothing(part):
    ran = []

    class Host:
        def watch(self, argv, *_ids, **words):
            ran.append((argv, words["stdin"]))
            words["heard"](b"done\n")
            return command.Result(0, "", "")
    download._fill(Host(), 1, download.Order("https://kim:secret@a.example/x"), part[2], None)
    assert ran[0][0] == ["python3", "-I", "-"] and b"secret" in ran[0][1]


def test_tls_is_never_left_for_less():
    class Request:
        full_url = "https://a.example/x"

    with pytest.raises(fetch.Never):
        fetch.Careful().redirect_request(Request, None, 302, "", {}, "http://a.example/x")


def test_a_certificate_that_does_not_hold_is_not_tried_again():
    assert fetch._judge(ssl.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] no"))[0] == "never"
    assert fetch._judge(ConnectionResetError("reset"))[0] == "again"


def test_the_child_is_nobody_and_has_nothing_else_open(part, tmp_path):
    """What could be done with a hole in the child: the one file, nothing else."""
    host, uid, handle = part
    secret = os.open(str(tmp_path / "secret"), os.O_RDWR | os.O_CREAT, 0o600)
    probe = ("import os;"
             "print(os.getuid(), os.getgid(), os.getgroups(), oct(os.umask(0)), os.getcwd());"
             "print(sorted(int(n) for n in os.listdir('/proc/self/fd')));"
             "print(sorted(os.environ))")
    said = host.watch(["python3", "-I", "-"], (uid, uid), stdin=probe, fds=(handle,)).out
    os.close(secret)
    first, second, third = said.strip().split("\n")
    assert first == "{0} {0} [] 0o77 /".format(uid)
    assert set(eval(second)) <= {0, 1, 2, 3, handle} and secret not in {0, 1, 2, 3}
    assert set(eval(third)) <= {"PATH", "LC_ALL", "HOME", "LC_CTYPE"}


# -- nobody in particular -----------------------------------------------


def test_nobody_is_a_number_that_nobody_has(server):
    server.append("/etc/passwd", "".join(
        "a{0}:x:{0}:{0}::/:/bin/sh\n".format(n) for n in range(60600, 60690)))
    server.append("/etc/group", "b:x:60691:\n")
    assert worker.choose(server.host(), IDS) in {60690} | set(range(60692, 60700))
    with pytest.raises(AicaError) as caught:
        worker.choose(server.host(), (1000, 70000))
    assert "no uid between 60600 and 60699 is free" in str(caught.value)
    with pytest.raises(AicaError):
        worker.choose(server.host(), IDS, prefer=60600)
    assert worker.choose(server.host(), IDS, prefer=60699) == 60699


def test_a_number_that_something_runs_as_is_not_taken(server):
    host, uid = server.host(), 60650
    sleeping = subprocess.Popen(["sleep", "20"], preexec_fn=lambda: os.setuid(uid))
    try:
        assert sleeping.pid in worker.processes_of(uid)
        with pytest.raises(AicaError):
            worker.choose(host, IDS, prefer=uid)
    finally:
        sleeping.kill()
        sleeping.wait()


# -- running something without rights -----------------------------------


def test_what_takes_too_long_is_ended_with_all_that_it_started(root_rights):
    with pytest.raises(AicaError) as caught:
        command.watch(["sh", "-c", "sleep 30 & sleep 30"], (60651, 60651), timeout_s=0.3)
    assert "within 0.3 s" in str(caught.value)
    deadline = time.monotonic() + 5
    while worker.processes_of(60651) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.processes_of(60651) == []


def test_output_comes_while_it_is_made_and_its_end_is_kept(root_rights):
    heard = []
    result = command.watch(["sh", "-c", "echo one; echo two >&2; exit 3"], (60652, 60652),
                           heard=heard.append)
    assert (result.code, result.out) == (3, "one\ntwo\n") and b"".join(heard) == b"one\ntwo\n"
    long = command.watch(["sh", "-c", "yes | head -c 100000; echo end"], (60652, 60652))
    assert len(long.out) <= command.TAIL_BYTES and long.out.endswith("end\n")


def test_the_host_watches_through_the_same_door(server):
    assert isinstance(server.host(), Host)
    assert server.host().watch(["id", "-u"], (60653, 60653)).out == "60653\n"
