"""Public keys of people, as they stand in authorized_keys: sshd(8), RFC 4253. Pure."""

import base64
import binascii
import hashlib
import struct
from typing import NamedTuple

from .errors import ConfigError

LIMIT_BYTES = 64 << 10
# How many length-prefixed fields the blob of each type has, the type's name included.
FIELDS = {
    "ssh-ed25519": 2, "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3, "ecdsa-sha2-nistp384": 3, "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3, "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
# RHEL 9 and others refuse shorter ones, and so shall we before somebody wonders why.
RSA_BITS = 2048


class Key(NamedTuple):
    """One public key. line is what authorized_keys gets, without its line feed."""

    type: str
    blob: bytes
    comment: str

    @property
    def line(self):
        """The line for authorized_keys."""
        text = base64.b64encode(self.blob).decode("ascii")
        return " ".join(word for word in (self.type, text, self.comment) if word)

    @property
    def fingerprint(self):
        """What `ssh-keygen -l` shows: "SHA256:..."."""
        return fingerprint(self.blob)


def fingerprint(blob):
    """Return the SHA256 fingerprint of the blob of a key."""
    text = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return "SHA256:" + text.rstrip("=")


def parse(data, source):
    """Return the Keys in the bytes of a file of public keys, each once.

    Raise ConfigError, which names source and line, for a private key, for
    anything that sshd would not take, and for options: what a key may do is
    the business of whoever writes them by hand.
    """
    if len(data) > LIMIT_BYTES:
        raise ConfigError("{}: larger than {} bytes: no file of public keys".format(
            source, LIMIT_BYTES))
    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    if "PRIVATE KEY" in text or "PuTTY-User-Key-File" in text:
        raise ConfigError("{} is a private key: it must never leave its owner's machine".format(
            source), hint="ask for the public one, whose name ends with .pub")
    if text.startswith("---- BEGIN SSH2"):
        raise ConfigError("{} is in the format of RFC 4716".format(source),
                          hint="ssh-keygen -i -f {}".format(source))
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            key = _parse_line(line, "{} line {}".format(source, number))
            found.setdefault(key.blob, key)
    if not found:
        raise ConfigError("{} holds no public key".format(source))
    return tuple(found.values())


def _parse_line(line, where):
    kind, _, rest = line.partition(" ")
    text, _, comment = rest.strip().partition(" ")
    if kind not in FIELDS:
        raise ConfigError("{}: {!r} is no type of key that is accepted here: expected TYPE KEY "
                          "[COMMENT] with one of {}".format(where, kind[:40], ", ".join(FIELDS)))
    try:
        blob = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except binascii.Error:
        raise ConfigError("{}: the key is cut off or was changed: not base64".format(where))
    fields = _fields(blob)
    if len(fields) != FIELDS[kind] or fields[0] != kind.encode("ascii"):
        raise ConfigError("{}: the key is cut off or was changed: not a whole {}".format(
            where, kind))
    if kind == "ssh-rsa" and _bits(fields[2]) < RSA_BITS:
        raise ConfigError("{}: an RSA key of {} bits, expected at least {}".format(
            where, _bits(fields[2]), RSA_BITS), hint="ssh-keygen -t ed25519")
    if not comment.isprintable():
        raise ConfigError("{}: control characters in the comment".format(where))
    return Key(kind, blob, comment.strip())


def _fields(blob):
    """Return the length-prefixed fields of a blob, () if it does not end where they do."""
    fields, place = [], 0
    while place < len(blob):
        if place + 4 > len(blob):
            return ()
        size, = struct.unpack_from(">I", blob, place)
        place += 4
        if size > len(blob) - place:
            return ()
        fields.append(blob[place:place + size])
        place += size
    return fields


def _bits(number):
    return int.from_bytes(number, "big").bit_length()
