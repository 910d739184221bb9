"""uv from an index or out of a wheel: verified, never run as root, restored after a wipe."""

import os

import pytest
import wheels
from installers import serving, sha256

from aica import command
from aica.errors import AicaError, ConfigError
from aica.install import actions, download, index

UV = "/data/apps/uv"
LINK = "/usr/local/bin/uv"


@pytest.fixture
def web(monkeypatch, whole):
    """An index on this machine alone that pip of the server is configured for."""
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    for name in command.PROXIES + ("PIP_INDEX_URL",):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        whole.write("/etc/pip.conf", "[global]\nindex-url = {}/simple\n".format(server.url))
        stock(server, {wheels.name(v): wheels.wheel(v) for v in ("0.9.10", "0.13.9", "0.14.0rc1")})
        yield server


def stock(server, files, page=wheels.page_json):
    server.files = {"/files/" + name: data for name, data in files.items()}
    server.files["/simple/uv/"] = page(files)


def test_the_newest_final_version_is_installed_and_linked(whole, web):
    answer = whole.cli("install", "uv")
    assert answer.code == 0, answer
    assert answer.ids("changed") == ["uv:/data/apps/uv", "symlink:" + LINK, "symlink:" + LINK + "x"]
    assert os.readlink(whole.path(UV + "/current")) == "0.13.9"
    assert os.readlink(whole.path(LINK)) == UV + "/current/uv"
    for path, mode in ((UV, 0o755), (UV + "/0.13.9", 0o755), (UV + "/0.13.9/uv", 0o755)):
        assert whole.stat(path) == (mode, 0, 0)
    assert whole.host().names(UV + "/0.13.9") == ("uv", "uvx")
    assert whole.host().names("/data/apps/.aica-install") == ()
    assert not whole.exists("/etc/evil")
    assert "json" in web.asked[0][2]


def test_a_second_time_nothing_is_fetched(whole, web):
    whole.cli("install", "uv")
    before, asked = whole.tree(times=True), len(web.asked)
    answer = whole.cli("install", "uv")
    assert answer.code == 0 and answer.ids("changed") == []
    assert whole.tree(times=True) == before and len(web.asked) == asked


def test_another_version_by_name_both_ways(whole, web):
    whole.cli("install", "uv")
    assert whole.cli("install", "uv", "--version", "0.9.10").code == 0
    assert os.readlink(whole.path(UV + "/current")) == "0.9.10"
    assert whole.cli("install", "uv", "--version", "0.14.0rc1").code == 0
    assert os.readlink(whole.path(UV + "/current")) == "0.14.0rc1"
    assert whole.exists(UV + "/0.13.9/uv"), "nothing is ever removed"


def test_after_a_wipe_the_recovery_brings_the_links_back_without_network(whole, web):
    whole.cli("install", "uv")
    whole.wipe()
    asked = len(web.asked)
    answer = whole.cli("recover")
    assert {"symlink:" + LINK, "symlink:" + LINK + "x"} <= set(answer.ids("changed"))
    assert os.readlink(whole.path(LINK)) == UV + "/current/uv" and len(web.asked) == asked


def test_without_uv_a_recovery_makes_no_link_and_says_only_what_is_wanted(whole):
    assert "uv:/data/apps/uv" not in whole.cli("recover").out
    whole.replace("/data/config/aica.conf", "#install = no\n# This version",
                  "install = yes\n# This version")
    answer = whole.cli("recover")
    assert "uv:/data/apps/uv" in answer.ids("skipped") and answer.code == 0
    assert "aica-install.service installs it" in answer.out
    assert not whole.exists(LINK)


def test_an_old_index_speaks_html(whole, web):
    stock(web, {wheels.name("0.13.9"): wheels.wheel("0.13.9")}, wheels.page_html)
    assert whole.cli("install", "uv").code == 0


def failing(whole, web, *words):
    answer = whole.cli("install", "uv", *words)
    assert answer.code in (1, 2), answer
    assert not whole.exists(LINK) and not whole.exists(UV + "/current")
    return answer.out + answer.err


def test_a_wheel_with_another_checksum_is_not_unpacked(whole, web):
    web.files["/files/" + wheels.name("0.13.9")] = wheels.wheel("0.13.9", says="evil")
    assert "its sha256 is" in failing(whole, web)
    assert not whole.exists(UV)


def test_an_index_without_checksums_needs_one_by_hand(whole, web):
    data = wheels.wheel("0.13.9")
    stock(web, {wheels.name("0.13.9"): data}, lambda f: wheels.page_html(f, with_hash=False))
    assert "tells no sha256" in failing(whole, web)
    assert whole.cli("install", "uv", "--sha256", sha256(data)).code == 0


def test_what_does_not_start_does_not_count(whole, web):
    stock(web, {wheels.name("0.13.9"): wheels.wheel("0.13.9", says="0.13.8")})
    assert "does not run here" in failing(whole, web)


@pytest.mark.parametrize("data", [b"no zip", wheels.wheel("0.13.9", leave_out=("uvx",)),
                                  wheels.wheel("0.13.9")[:-100]],
                         ids=["no zip", "a program is missing", "cut off"])
def test_a_broken_wheel_is_said_to_be_one(whole, web, data):
    stock(web, {wheels.name("0.13.9"): data})
    assert "is broken" in failing(whole, web)


@pytest.mark.parametrize("words, said", [
    (("--version", "9.9"), "the index has no uv 9.9"),
    (("--version", "../../x"), "expected one such as 0.13.9"),
    (("--sha256", "abc"), "expected 64 hexadecimal digits"),
    (("--from", "/nowhere.whl"), "expected a wheel"),
    (("--from", "/uv-1.0-py3-none-any.whl"), "No such file"),
])
def test_wrong_words_are_answered_with_what_is_expected(whole, web, words, said):
    assert said in failing(whole, web, *words)


def test_an_index_that_anybody_on_the_way_could_change_is_refused(whole, web):
    whole.write("/etc/pip.conf", "[global]\nindex-url = http://mirror.example/simple\n")
    text = failing(whole, web)
    assert "http://mirror.example/simple (/etc/pip.conf): expected https" in text


def test_a_dry_run_fetches_nothing(whole, web):
    before = whole.tree(times=True)
    answer = whole.cli("install", "uv", "--dry-run")
    assert answer.ids("planned") == ["uv:/data/apps/uv"] and answer.code == 0
    assert whole.tree(times=True) == before and web.asked == []


# -- a wheel that an admin brings ----------------------------------------


@pytest.fixture
def local(whole):
    path = "/" + wheels.name("0.13.9")
    whole.write(path, wheels.wheel("0.13.9"))
    return whole.path(path)


def test_a_wheel_of_roots_needs_no_network(whole, local):
    assert whole.cli("install", "uv", "--from", local).code == 0
    assert os.readlink(whole.path(UV + "/current")) == "0.13.9"


@pytest.mark.parametrize("spoil", [lambda p: os.chown(p, 2001, 2001), lambda p: os.chmod(p, 0o664)])
def test_a_wheel_that_others_can_write_needs_its_checksum(whole, local, spoil):
    spoil(local)
    answer = whole.cli("install", "uv", "--from", local)
    assert answer.code == 2 and "others than root can write it" in answer.err
    assert whole.cli("install", "uv", "--from", local, "--sha256", "0" * 64).code == 2
    with open(local, "rb") as data:
        right = sha256(data.read())
    assert whole.cli("install", "uv", "--from", local, "--sha256", right).code == 0


def test_a_wheel_of_another_version_than_was_said_is_refused(whole, local):
    answer = whole.cli("install", "uv", "--from", local, "--version", "0.13.8")
    assert answer.code == 2 and "it is uv 0.13.9, not 0.13.8" in answer.err


# -- what a recovery finds ------------------------------------------------


@pytest.mark.parametrize("spoil, words", [
    (lambda s: os.chmod(s.path(UV + "/0.13.9/uv"), 0o775), "not root's alone"),
    (lambda s: os.chown(s.path(UV + "/0.13.9"), 2001, 0), "not root's alone"),
    (lambda s: s.remove(UV + "/0.13.9/uvx"), "is missing"),
    (lambda s: (s.remove(UV + "/0.13.9/uv"), os.mkfifo(s.path(UV + "/0.13.9/uv"), 0o755)),
     "is a fifo of uid 0"),
    (lambda s: (s.remove(UV + "/current"), s.link(UV + "/current", "/data/users/kim")),
     "expected a link to a version"),
])
def test_a_uv_that_others_may_have_changed_is_blocked_and_not_linked(whole, local, spoil, words):
    whole.cli("install", "uv", "--from", local)
    whole.remove(LINK)
    spoil(whole)
    answer = whole.cli("recover")
    assert answer.code == 4 and words in answer.out
    assert not whole.exists(LINK)


def test_something_else_in_usr_local_is_left_there(whole, local):
    whole.write(LINK, "mine", 0o755)
    answer = whole.cli("install", "uv", "--from", local)
    assert answer.code == 4 and "symlink:" + LINK in answer.ids("blocked")
    assert whole.read(LINK) == "mine"


def test_a_wrong_setting_of_one_does_not_keep_the_other_from_being_installed(whole, web):
    whole.replace("/data/config/aica.conf", "#install = no\n# This version",
                  "install = yes\n# This version")
    whole.replace("/data/config/aica.conf", "#install = no\n# Where", "install = miniforge\n# Where")
    whole.replace("/data/config/aica.conf", "#version =\n#url", "version = 9.9.9-0\n#url")
    answer = whole.cli("install", "missing")
    assert answer.code == 1 and answer.ids("failed") == ["conda-base:/data/apps/miniconda3"]
    assert "no sha256 is known" in answer.out and whole.exists(LINK)
    whole.cli("recover")
    again = whole.cli("install", "missing", "--dry-run")
    assert again.ids("planned", "changed") == []


def test_nothing_is_missing_where_nothing_is_wanted(whole, web):
    answer = whole.cli("install", "missing")
    assert answer.code == 0 and answer.rows == [] and web.asked == []


def test_conda_is_for_the_running_system_only(whole):
    answer = whole.cli("install", "miniconda", "--variant", "miniforge", "--yes")
    assert answer.code == 2 and "running system only" in answer.err


# -- indexes and wheels ---------------------------------------------------


def test_what_pip_is_configured_for_is_asked(whole, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    assert index.choose_index(whole.host(), "")[0] == index.DEFAULT
    whole.write("/etc/pip.conf", "[global]\nindex-url = https://a.example/simple/\n")
    assert index.choose_index(whole.host(), "") == ("https://a.example/simple", "/etc/pip.conf")
    whole.write("/root/.config/pip/pip.conf",
                "[global]\nindex_url = http://b.example/s\ntrusted-host = b.example\n")
    assert index.choose_index(whole.host(), "")[0] == "http://b.example/s"
    monkeypatch.setenv("PIP_INDEX_URL", "https://c.example/simple")
    assert index.choose_index(whole.host(), "")[0] == "https://c.example/simple"
    assert index.choose_index(whole.host(), "https://d.example/x") == (
        "https://d.example/x", "[uv] index")


def test_a_pip_conf_that_others_can_write_is_not_asked(whole, monkeypatch):
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    whole.write("/etc/pip.conf", "[global]\nindex-url = https://evil.example/simple\n", 0o666)
    assert index.choose_index(whole.host(), "")[0] == index.DEFAULT


@pytest.mark.parametrize("url", ["http://a.example/s", "file:///srv/index", "ftp://a/", "https://"])
def test_what_is_no_safe_index_is_refused(whole, url):
    with pytest.raises(ConfigError):
        index.choose_index(whole.host(), url)


NAMES = [
    "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
    "uv-0.13.9-py3-none-manylinux_2_28_x86_64.whl", "uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl",
    "uv-0.13.9-py3-none-macosx_11_0_arm64.whl", "uv-0.13.9-py3-none-win_amd64.whl",
    "uv-0.13.9.tar.gz", "uv-0.9.10-py3-none-musllinux_1_1_x86_64.whl", "uv_build-0.13.9-py3.whl",
    "uv-0.14.0rc1-py3-none-musllinux_1_1_x86_64.whl",
]


@pytest.mark.parametrize("arch, glibc, number", [
    ("x86_64", (2, 36), 2), ("x86_64", (2, 17), 0), ("x86_64", (2, 12), 3), ("x86_64", (), 3),
    ("aarch64", (2, 31), 1), ("aarch64", (), 1)])
def test_the_wheel_for_this_machine_is_chosen(arch, glibc, number):
    found = [index.parse_wheel("https://a/" + name) for name in NAMES]
    chosen = index.choose_wheel([w for w in found if w], arch, glibc)
    if chosen.name != NAMES[number]:  # the first and third are as good as each other
        assert (number, chosen.name) == (2, NAMES[0])


def test_a_machine_without_a_wheel_is_told():
    with pytest.raises(AicaError) as caught:
        index.choose_wheel([index.parse_wheel(NAMES[0])], "riscv64", (2, 36))
    assert "no uv for riscv64 with glibc 2.36" in str(caught.value)


@pytest.mark.parametrize("name", [
    "uv-0.13.9-py3-none-a/../../x.whl", "uv-..-py3-none-any.whl", "uv-1-py3-none-any.whl",
    "uv-1.0%2f..-py3-none-any.whl", "uv-1.0-py3-none-any.whl.exe", "uv-1.0-cp39-none-any.whl"])
def test_hostile_names_are_no_wheels(name):
    assert index.parse_wheel("https://a/" + name) is None


def test_yanked_files_do_not_count():
    files = {wheels.name("1.0"): b"x"}
    assert index.read_page(wheels.page_json(files, yanked="bad"), "https://a/simple/uv/") == []
    html = wheels.page_html(files).replace(b"<a ", b'<a data-yanked="" ')
    assert index.read_page(html, "https://a/simple/uv/") == []


@pytest.mark.parametrize("data", [b"[]", b'{"files": 3}', b'{"files": [{}]}', b"null"])
def test_a_page_that_is_none_is_an_error_and_no_bug(data):
    with pytest.raises(AicaError):
        index.read_page(data, "https://a/simple/uv/")


def test_links_lead_to_where_the_index_says():
    files = {wheels.name("1.0"): b"x"}
    for page in (wheels.page_json(files), wheels.page_html(files)):
        found = index.read_page(page, "https://a.example/simple/uv/")
        assert found[0].url == "https://a.example/files/" + wheels.name("1.0")
        assert found[0].sha256 == sha256(b"x")


def test_this_machine_knows_itself():
    assert actions.machine() and (actions.glibc() == () or actions.glibc() > (2, 0))
