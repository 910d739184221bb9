"""When does pam-auth-update leave /etc/pam.d/common-* alone? Its own rule, read only.

It keeps in /var/lib/pam what it wrote, and does nothing to any of the five
files, and exits 0, as soon as one has lost its comment lines or has a module
between them that was not written by it. Source: diff_profiles() of
pam-auth-update, Debian 11 to 13.
"""

import re

TYPES = ("auth", "account", "password", "session", "session-noninteractive")
SAVED = "/var/lib/pam/"
# The comment lines that begin and end its two blocks, in order.
MARKS = ('# here are the per-package modules (the "Primary" block)',
         "# here's the fallback if no module succeeds",
         '# and here are more per-package modules (the "Additional" block)',
         "# end of pam-auth-update config")


def edited_file(host):
    """Return the first common-* file that stops pam-auth-update, "" if none does."""
    for name in TYPES:
        path = "/etc/pam.d/common-" + name
        text, saved = _text(host, path), _text(host, SAVED + name)
        if text is None or saved is None:
            return path if text is not None else ""
        blocks = _blocks(text)
        if blocks is None or not _is_part(blocks, _modules(saved.split("\n"))):
            return path
    return ""


def _text(host, path):
    try:
        return host.read_file(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _blocks(text):
    """Return the (control, module) pairs between the comment lines, None if one of these is gone."""
    found, marks = [], list(MARKS)
    for line in text.split("\n"):
        if marks and line.startswith(marks[0]):
            marks.pop(0)
        elif len(marks) in (3, 1):
            found.append(re.sub(r"^\S+\s+", "", line))
    return _modules(found) if len(marks) <= 1 else None


def _modules(lines):
    """Return (control without its jumps, module) of each line that names a module."""
    pairs = [re.match(r"(\[[^]]+\]|\w+)\s+(\S+)", line) for line in lines
             if not line.startswith("Module:")]
    return [(re.sub(r"\d+|end", "", pair.group(1)), pair.group(2)) for pair in pairs if pair]


def _is_part(found, saved):
    """True if the pairs found stand in saved in the same order, with others between them."""
    rest = iter(saved)
    return all(pair in rest for pair in found)
