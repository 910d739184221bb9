"""What a PAM service does when a session begins, as its files say: pam.conf(5). Pure but for reading.

Nothing is guessed: jumps and results are not followed, only which lines a
service has at all, and in which order.
"""

from typing import NamedTuple, Tuple

FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
DEEPEST = 10


class Line(NamedTuple):
    """One line of a session stack: the module's file name, its arguments, where it stands."""

    module: str
    arguments: Tuple[str, ...]
    path: str


def session_lines(host, service):
    """Return the session Lines of a service, includes followed; None if it has no file."""
    path = service_file(host, service)
    return None if path is None else tuple(_lines(host, path, 0))


def service_file(host, service):
    """Return the path of a service's file, or None: what /etc has hides what the system brings."""
    for folder in FOLDERS:
        path = "{}/{}".format(folder, service)
        if host.lstat(path) is not None:
            return path
    return None


def _lines(host, path, depth):
    if depth > DEEPEST:
        return
    text = host.read_file(path).decode("utf-8", "replace")
    for words in _statements(text):
        if words[0] == "@include":
            yield from _included(host, words[1:2], depth)
        elif words[0].lstrip("-") == "session" and len(words) > 2:
            if words[1] in ("include", "substack"):
                yield from _included(host, words[2:3], depth)
            else:
                module = words[2].rsplit("/", 1)[-1]
                yield Line(module, tuple(words[3:]), path)


def _included(host, names, depth):
    path = service_file(host, names[0]) if names and "/" not in names[0] else None
    if path is not None:
        yield from _lines(host, path, depth + 1)


def _statements(text):
    """Yield the words of each statement; a control in brackets counts as one word."""
    for line in text.replace("\\\n", " ").split("\n"):
        words = line.split("#", 1)[0].split()
        if len(words) > 2 and words[1].startswith("["):
            end = next((n for n, word in enumerate(words) if word.endswith("]")), 1)
            words[1:end + 1] = [" ".join(words[1:end + 1])]
        if words:
            yield words
