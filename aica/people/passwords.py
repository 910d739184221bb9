"""First passwords: one that nobody has to remember, and what an admin may give."""

import secrets

from ..errors import ConfigError

# Without what is mistaken for something else when it is read out: 0 O 1 l I.
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4
LONGEST_BYTES = 256


def one_time():
    """Return a random password of 80 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP))
                    for _ in range(GROUPS))


def given(data):
    """Return the password in the bytes of one line. Raise ConfigError unless it is one."""
    lines = data.split(b"\n")
    if len(lines) > 2 or (len(lines) == 2 and lines[1]):
        raise ConfigError("--password-stdin: more than one line")
    text = lines[0].decode("utf-8", "surrogateescape")
    text = text[:-1] if text.endswith("\r") else text
    if not text or len(lines[0]) > LONGEST_BYTES or any(ord(char) < 32 or ord(char) == 127
                                                        for char in text):
        raise ConfigError("--password-stdin: expected one line of 1 to {} bytes without control "
                          "characters".format(LONGEST_BYTES))
    return text
