"""Which installer of conda is meant, and what is refused before anything is tried."""

import re

import pytest
from installers import script, sha256

from aica.errors import ConfigError
from aica.install import actions, pins
from aica.install.actions import Request
from aica.settings import Settings

HEX = "ab" * 32


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(actions, "machine", lambda: "x86_64")
    monkeypatch.setattr(actions, "glibc", lambda: (2, 36))


def chosen(asked=None, **settings):
    return actions.choose_installer(Settings(**settings), asked or Request())


@pytest.mark.parametrize("variant", sorted(pins.PINS))
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_this_release_knows_an_installer_with_its_checksum(variant, arch):
    one = pins.pinned(Settings(), variant, arch)
    assert re.match(r"[0-9a-f]{64}\Z", one.sha256) and one.version
    assert one.url.startswith("https://") and one.url.endswith("-Linux-{}.sh".format(arch))
    assert pins.variant_of(one.sha256) == variant
    assert len({sha for pin in pins.PINS.values() for sha in pin.sha256.values()}) == 4


def test_miniconda_is_meant_unless_the_site_or_the_admin_says_otherwise():
    assert chosen().variant == "miniconda"
    assert chosen(conda_install="miniforge").variant == "miniforge"
    assert chosen(Request("miniforge")).variant == "miniforge"
    assert chosen(Request("miniconda"), conda_install="miniforge").variant == "miniconda"


def test_a_site_raises_the_version_with_its_checksum():
    one = chosen(conda_install="miniforge", conda_version="26.9.0-0", conda_sha256_x86_64=HEX)
    assert one.url.endswith("/26.9.0-0/Miniforge3-26.9.0-0-Linux-x86_64.sh")
    assert (one.sha256, one.version, one.glibc) == (HEX, "26.9.0", ())
    one = chosen(conda_version="py314_26.9.0-0", conda_sha256_x86_64=HEX,
                 conda_url="https://mirror.example/mc")
    assert one.url == "https://mirror.example/mc/Miniconda3-py314_26.9.0-0-Linux-x86_64.sh"


@pytest.mark.parametrize("asked, settings, words", [
    (Request(), {"conda_version": "py314_26.9.0-0"}, "no sha256 is known of miniconda"),
    (Request(url="https://a/x.sh"), {}, "nothing is run unverified"),
    (Request(url="ftp://a/x.sh", sha256=HEX), {}, "expected http:// or https://"),
    (Request(url="https://a/x.sh\n--evil", sha256=HEX), {}, "expected http:// or https://"),
    (Request(url="https://a/x", path="/x", sha256=HEX), {}, "exclude each other"),
    (Request(path="/nowhere"), {}, "No such file"),
])
def test_what_is_not_certain_is_refused(asked, settings, words):
    with pytest.raises(ConfigError) as caught:
        chosen(asked, **settings)
    assert words in str(caught.value)


def test_another_machine_without_a_checksum_is_told_what_to_say(monkeypatch):
    monkeypatch.setattr(actions, "machine", lambda: "ppc64le")
    with pytest.raises(ConfigError) as caught:
        chosen()
    assert "for ppc64le" in str(caught.value) and "--sha256" in caught.value.hint


@pytest.mark.parametrize("sha", ["", "abc", HEX.upper(), HEX + "0"])
def test_a_checksum_is_64_digits(sha):
    if sha:
        with pytest.raises(ConfigError):
            Request(sha256=sha)
    else:
        Request(sha256=sha)


def test_an_old_c_library_is_told_before_anything_is_fetched(monkeypatch):
    monkeypatch.setattr(actions, "glibc", lambda: (2, 17))
    with pytest.raises(ConfigError) as caught:
        chosen()
    assert "needs glibc 2.28, this system has 2.17" in str(caught.value)
    assert caught.value.hint == "aica install miniconda --variant miniforge"
    assert chosen(Request("miniforge")).variant == "miniforge"
    monkeypatch.setattr(actions, "glibc", lambda: (2, 12))
    with pytest.raises(ConfigError) as caught:
        chosen(Request("miniforge"))
    assert "--url" in caught.value.hint


def test_a_file_is_believed_by_its_checksum_alone(tmp_path, monkeypatch):
    path = tmp_path / "Miniforge3-25.11.0-1-Linux-x86_64.sh"
    path.write_bytes(script())
    with pytest.raises(ConfigError) as caught:
        chosen(Request(path=str(path)))
    assert "one that is known" in str(caught.value) and sha256(script()) in caught.value.hint
    with pytest.raises(ConfigError):
        chosen(Request(path=str(path), sha256=HEX))
    one = chosen(Request(path=str(path), sha256=sha256(script())))
    assert (one.path, one.sha256, one.version) == (str(path), sha256(script()), "25.11.0")
    assert chosen(Request(path=str(path)), conda_sha256_x86_64=sha256(script())).path == str(path)
    known = pins.PINS["miniforge"]._replace(sha256={"x86_64": sha256(script())})
    monkeypatch.setitem(pins.PINS, "miniforge", known)
    assert chosen(Request(path=str(path))).variant == "miniforge", "whatever was said"


@pytest.mark.parametrize("place, name", [
    ("https://a/b/Miniconda3.sh", "Miniconda3.sh"), ("https://a/b?c=/etc/passwd", "passwd.sh"),
    ("/x/../..", "installer.sh"), ("https://a/", "a.sh"), ("/tmp/.hidden.sh", "hidden.sh"),
    ("/x/a b;c.sh", "a_b_c.sh"), ("-rf", "rf.sh")])
def test_names_are_plain(place, name):
    assert pins.name_of(place) == name
