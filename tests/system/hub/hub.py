"""A small huggingface.co for one test: one model, two commits, large files behind a redirect.

Runs in the server under test: python3 hub.py PORT. It is 127.0.0.1, and 127.0.0.2 where the large
files lie: clients follow a redirect to another host only for the content. Three words steer it:
POST /next moves `main` to the second commit, POST /cut breaks off large files after three
quarters, POST /first undoes both.
"""

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "team/model"
# More than the pieces of 10 MB that clients write, so that a download can stop between two.
SIZE_BYTES = 16 << 20
COMMITS = [
    {"config.json": b'{"version": 1}\n', "model.bin": b"1" * SIZE_BYTES},
    {"config.json": b'{"version": 2}\n', "model.bin": b"2" * SIZE_BYTES},
]
RESOLVE = re.compile("/{}/resolve/([^/]+)/(.+)".format(NAME))
TREE = re.compile("/api/models/{}/tree/([^/]+)".format(NAME))
INFO = re.compile("/api/models/{}(?:/revision/(.+))?".format(NAME))
state = {"main": 0, "cut": False}


def hash_of(number):
    """Return the commit hash of a commit."""
    return hashlib.sha1(b"%d" % number).hexdigest()


def commit_of(revision):
    """Return the number of a revision: a branch or a hash."""
    if revision == "main":
        return state["main"]
    return [hash_of(number) for number in range(len(COMMITS))].index(revision)


def is_large(name):
    return name.endswith(".bin")


def etag_of(name, data):
    return (hashlib.sha256 if is_large(name) else hashlib.sha1)(data).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """Answers what the clients ask."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        change = {"/next": {"main": 1}, "/cut": {"cut": True}, "/first": {"main": 0, "cut": False}}
        state.update(change[self.path])
        self._answer(b"{}")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        resolve, tree, info = (form.fullmatch(path) for form in (RESOLVE, TREE, INFO))
        if resolve:
            self._resolve(commit_of(resolve.group(1)), resolve.group(2))
        elif tree:
            self._json([_entry(*file) for file in COMMITS[commit_of(tree.group(1))].items()])
        elif info:
            self._info(commit_of(info.group(1) or "main"))
        elif path == "/api/whoami-v2":
            self._whoami()
        elif path.startswith("/large/"):
            self._large(path.rsplit("/", 1)[1])
        else:
            self._answer(b"", 404)

    def _info(self, number):
        files = [{"rfilename": name} for name in COMMITS[number]]
        self._json({"id": NAME, "modelId": NAME, "sha": hash_of(number), "siblings": files,
                    "private": False, "gated": False, "disabled": False, "tags": [],
                    "downloads": 0, "likes": 0, "lastModified": "2026-01-01T00:00:00.000Z"})

    def _whoami(self):
        token = self.headers.get("Authorization", "").replace("Bearer ", "")
        self._json({"type": "user", "name": token, "orgs": [],
                    "auth": {"type": "access_token",
                             "accessToken": {"displayName": "work", "role": "read"}}})

    def _resolve(self, number, name):
        data = COMMITS[number][name]
        about = {"X-Repo-Commit": hash_of(number), "ETag": '"{}"'.format(etag_of(name, data)),
                 "Accept-Ranges": "bytes"}
        if not is_large(name):
            self._answer(data, more=about)
            return
        about.update({"X-Linked-Etag": about["ETag"], "X-Linked-Size": str(len(data)),
                      "Location": "http://127.0.0.2:{}/large/{}".format(
                          self.server.server_port, etag_of(name, data))})
        self._answer(b"", 302, about)

    def _large(self, etag):
        data, = (file for commit in COMMITS for name, file in commit.items()
                 if etag_of(name, file) == etag)
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted.group(1)) if wanted else 0
        about = {"ETag": '"{}"'.format(etag)}
        if wanted:
            about["Content-Range"] = "bytes {}-{}/{}".format(start, len(data) - 1, len(data))
        cut = state["cut"] and self.command == "GET"
        self._answer(data[start:], 206 if wanted else 200, about, cut)

    def _json(self, value):
        self._answer(json.dumps(value).encode(), more={"Content-Type": "application/json"})

    def _answer(self, data, code=200, more=(), cut=False):
        self.send_response(code)
        for name, value in dict(more).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:len(data) * 3 // 4] if cut else data)
        self.close_connection = self.close_connection or cut


def _entry(name, data):
    entry = {"type": "file", "path": name, "size": len(data), "oid": etag_of(name, data)}
    if is_large(name):
        entry["lfs"] = {"oid": etag_of(name, data), "size": len(data), "pointerSize": 134}
    return entry


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Hub).serve_forever()
