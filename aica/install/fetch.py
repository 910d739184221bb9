"""Fetch one URL into an open file: a program of its own, run as nobody in particular.

Whoever starts it puts a call of main() behind it. It goes on where the file
ends. Output: lines "size N"
and "at N" (bytes), and in the end "done" or a line that says what went wrong:
"again TEXT" if another try may help, "never TEXT" if not.
"""

import base64
import errno
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request

PIECE = 1 << 16
TOLD_EVERY = 1 << 20
AGENT = "aica-datakeeper"


class Never(Exception):
    """Another try would end the same way."""


class Careful(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from https to anything less."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Return the next request, or refuse."""
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise Never("{} leads to {}, without TLS".format(req.full_url, newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener():
    """Return what opens http and https, and nothing else."""
    made = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.UnknownHandler,
                    urllib.request.HTTPHandler, urllib.request.HTTPSHandler, Careful,
                    urllib.request.HTTPDefaultErrorHandler,
                    urllib.request.HTTPErrorProcessor):
        made.add_handler(handler())
    return made


def say(word, value):
    """Tell whoever started us, at once."""
    line = "{} {}\n".format(word, " ".join(str(value).split()))
    os.write(1, line.encode("utf-8", "backslashreplace"))


def request_for(url):
    """Return the request. A name and password in the URL are for its own host alone."""
    parts = urllib.parse.urlsplit(url)
    who, _, place = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=place).geturl(), headers={
        "User-Agent": AGENT, "Accept-Encoding": "identity"})
    if who:
        secret = base64.b64encode(urllib.parse.unquote_to_bytes(who)).decode("ascii")
        request.add_unredirected_header("Authorization", "Basic " + secret)
    return request


def fetch(url, handle, limit, idle_s, accept):
    """Fetch what is missing of the file. Raise OSError or HTTPException to be tried again."""
    have = os.fstat(handle).st_size
    request = request_for(url)
    if accept:
        request.add_header("Accept", accept)
    if have:
        request.add_header("Range", "bytes={}-".format(have))
    with opener().open(request, timeout=idle_s) as answer:
        if have and not _goes_on(answer, have):
            have = 0
            os.ftruncate(handle, 0)
        length = answer.headers.get("Content-Length", "")
        size = have + int(length) if length.isdigit() else 0
        say("size", size)
        _copy(answer, handle, have, limit)
        if size and os.fstat(handle).st_size != size:
            raise ConnectionError("the connection ended early")


def _goes_on(answer, have):
    """True if the server sends what comes after the first `have` bytes."""
    wanted = "bytes {}-".format(have)
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(wanted)


def _copy(answer, handle, at, limit):
    os.lseek(handle, at, os.SEEK_SET)
    told = at
    while True:
        piece = answer.read1(PIECE)
        if not piece:
            return
        if at + len(piece) > limit:
            raise Never("larger than {} bytes".format(limit))
        _write(handle, piece)
        at += len(piece)
        if at - told >= TOLD_EVERY:
            say("at", at)
            told = at


def _write(handle, piece):
    view = memoryview(piece)
    while view:
        try:
            view = view[os.write(handle, view):]
        except OSError as error:
            raise Never("cannot be written: " + os.strerror(error.errno))


def attempt(url, handle, limit, idle_s, accept):
    """Return the last line: how it ended."""
    try:
        fetch(url, handle, limit, idle_s, accept)
    except Never as error:
        return "never", error
    except urllib.error.HTTPError as error:
        if error.code == 416:  # what we have is not a beginning of what is there now
            os.ftruncate(handle, 0)
        passing = error.code in (408, 416, 425, 429) or error.code >= 500
        return "again" if passing else "never", "HTTP {} {}".format(error.code, error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _judge(error)
    return "done", ""


def _judge(error):
    reason = getattr(error, "reason", error)
    # A certificate that does not hold today will not hold in a second.
    forever = isinstance(error, ValueError) or "CERTIFICATE_VERIFY" in str(reason)
    timeout = getattr(reason, "errno", None) == errno.ETIMEDOUT or "timed out" in str(reason)
    text = "no answer in time" if timeout else reason or type(error).__name__
    return "never" if forever else "again", text


def main(url, handle, limit, idle_s, accept):
    """Fetch into a descriptor at most `limit` bytes, and say how it ended."""
    say(*attempt(url, handle, limit, idle_s, accept))
