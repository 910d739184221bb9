"""Public keys: what sshd would take, and nothing else."""

import base64
import random
import struct
import subprocess

import pytest

from aica import command, ssh_keys
from aica.errors import ConfigError


def blob(*fields):
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def line(kind, *fields):
    text = base64.b64encode(blob(kind.encode("ascii"), *fields)).decode("ascii")
    return "{} {} somebody@somewhere".format(kind, text)


ED25519 = line("ssh-ed25519", b"k" * 32)


@pytest.mark.parametrize("text", [
    ED25519, ED25519 + "\r\n", "\ufeff" + ED25519, "# a comment\n\n" + ED25519,
    line("ssh-rsa", b"\1\0\1", b"\0" + b"\xff" * 256),
    line("ecdsa-sha2-nistp256", b"nistp256", b"\4" + b"k" * 64),
    line("sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:"),
])
def test_a_public_key_is_taken(text):
    key, = ssh_keys.parse(text.encode("utf-8"), "x.pub")
    assert key.line in text and key.comment == "somebody@somewhere"


def test_several_keys_are_taken_each_once():
    other = line("ssh-ed25519", b"o" * 32)
    keys = ssh_keys.parse("\n".join([ED25519, other, ED25519]).encode("ascii"), "x.pub")
    assert [key.line for key in keys] == [ED25519, other]


@pytest.mark.parametrize("text", [
    "", "nonsense", "ssh-ed25519", "ssh-ed25519 ====", ED25519[:40],
    ED25519.replace("ssh-ed25519 ", "ssh-rsa "), "from=\"*\" " + ED25519,
    line("ssh-dss", b"p", b"q", b"g", b"y"), line("ssh-ed25519", b"k" * 32, b"more"),
    line("ssh-rsa", b"\1\0\1", b"\xff" * 128), ED25519 + "\a", ED25519 + "\nroot:x:0:0",
    "-----BEGIN RSA PRIVATE KEY-----", "PuTTY-User-Key-File-3: ssh-ed25519",
    "x" * (ssh_keys.LIMIT_BYTES + 1),
])
def test_everything_else_is_refused(text):
    with pytest.raises(ConfigError):
        ssh_keys.parse(text.encode("utf-8"), "x.pub")


def test_a_blob_that_says_it_is_longer_than_it_is_ends_nothing():
    text = "ssh-ed25519 " + base64.b64encode(b"\xff\xff\xff\xff" + b"x" * 40).decode("ascii")
    with pytest.raises(ConfigError):
        ssh_keys.parse(text.encode("ascii"), "x.pub")


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_it_agrees_with_ssh_keygen(tmp_path, needs, kind):
    needs(command.find("ssh-keygen"), "needs ssh-keygen, of the package openssh-client")
    path = str(tmp_path / "key")
    subprocess.check_call(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path])
    said = subprocess.check_output(["ssh-keygen", "-l", "-f", path + ".pub"]).decode("ascii")
    with open(path + ".pub", "rb") as file:
        key, = ssh_keys.parse(file.read(), path)
    assert key.fingerprint == said.split()[1]
    with open(path, "rb") as file, pytest.raises(ConfigError):
        ssh_keys.parse(file.read(), path)


def test_whatever_is_in_a_file_it_is_a_key_or_a_config_error():
    whole = random.Random(7)
    for _ in range(5000):
        data = bytearray(ED25519.encode("ascii"))
        for _ in range(whole.randint(1, 6)):
            place = whole.randrange(len(data))
            data[place:place + whole.randint(0, 3)] = bytes(
                whole.randrange(256) for _ in range(whole.randint(0, 3)))
        try:
            for key in ssh_keys.parse(bytes(data), "x.pub"):
                assert "\n" not in key.line and key.line.startswith(key.type + " ")
                assert ssh_keys.parse(key.line.encode("utf-8"), "again")[0].blob == key.blob
        except ConfigError:
            pass
