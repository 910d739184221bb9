"""The real programs whose caches are cleaned, as judges: huggingface_hub, pip and uv from PyPI.

They live in an environment below build/, made once; and a small server on
this machine stands in for the hub, because a test needs no internet.
"""

import contextlib
import fcntl
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import zipfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.environ.get("AICA_CLIENTS", REPOSITORY + "/build/clients")
PACKAGES = ("huggingface_hub", "uv")
COMMIT = "a" * 40


def make():
    """Make the environment if it is not there; return what is wrong, "" if nothing is."""
    os.makedirs(FOLDER, exist_ok=True)
    with open(FOLDER + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(FOLDER + "/made"):
            return ""
        try:
            _run(_python(), "-m", "venv", FOLDER + "/venv")
            _run(FOLDER + "/venv/bin/pip", "-q", "--no-cache-dir", "install", *PACKAGES)
        except (OSError, subprocess.CalledProcessError) as error:
            return "the clients cannot be installed: {}".format(error)
        open(FOLDER + "/made", "w").close()
        return ""


def _python():
    """Return a Python that other users may start too: one in root's home is none."""
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"


def _run(*argv, **environment):
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict({"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
                 **environment))
    out = process.communicate(timeout=300)[0].decode("utf-8", "replace")
    if process.returncode:
        sys.stderr.write(out)
        raise subprocess.CalledProcessError(process.returncode, argv, out)
    return out


def python(code, *arguments, **environment):
    """Run Python code with the clients; return what it prints."""
    return _run(FOLDER + "/venv/bin/python", "-c", code, *arguments, **environment)


def pip(*words):
    """Run the real pip."""
    return _run(FOLDER + "/venv/bin/pip", "--disable-pip-version-check", *words,
                PIP_CONFIG_FILE=os.devnull)


def install(cache, target, *names):
    """Let the real pip install packages from the stand-in of an index, with this cache."""
    with _stand_in(_Index) as address:
        return pip("install", "--cache-dir", cache, "--no-deps", "--target", target, "--index-url",
                   address + "/simple", "--trusted-host", "127.0.0.1", *names)


SCAN = """
import json, sys
from huggingface_hub import scan_cache_dir
found = scan_cache_dir(sys.argv[1])
print(json.dumps({
    "warnings": [str(one) for one in found.warnings],
    "incomplete": len(getattr(found, "incomplete_files", ())),
    "size": found.size_on_disk,
    "repos": {repo.repo_path.name: repo.size_on_disk for repo in found.repos},
}))
"""


def scan(hub):
    """Return what huggingface_hub says of a cache: warnings, sizes of the repositories."""
    return json.loads(python(SCAN, hub))


DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download
hub, *wanted = sys.argv[1:]
for one in wanted:
    repo, name = one.split(":")
    hf_hub_download(repo, name, cache_dir=hub)
"""


def download(hub, *wanted):
    """Download "ORG/NAME:FILE" from the stand-in of the hub, as a program of a member does."""
    with _stand_in() as address:
        python(DOWNLOAD, hub, *wanted, HF_ENDPOINT=address, HF_HUB_DISABLE_XET="1",
               HF_HUB_DISABLE_TELEMETRY="1", HF_HOME=os.path.dirname(hub))


def content(name):
    """Return the bytes of a file of the stand-in: as many thousands as the name's number says."""
    number = int("".join(char for char in name if char.isdigit()) or "1")
    return name.encode() * (1000 * number // len(name) + 1)


class _Hub(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        data = content(self.path.rsplit("/", 1)[1])
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"{}"'.format(hashlib.sha1(data).hexdigest()))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return data

    def do_GET(self):
        self.wfile.write(self.do_HEAD())

    def log_message(self, *_words):
        pass


class _Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/").split("/")[1].split("-")[0]
        wheel = "{}-1.0-py3-none-any.whl".format(name)
        page = self.path.startswith("/simple/")
        data = '<a href="/files/{0}">{0}</a>'.format(wheel).encode() if page else _wheel(name)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
        self.send_header("Cache-Control", "max-age=3600")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_words):
        pass


def _wheel(name):
    data, info = io.BytesIO(), name + "-1.0.dist-info/"
    with zipfile.ZipFile(data, "w") as wheel:
        wheel.writestr(name + ".py", "")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n".format(name))
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return data.getvalue()


@contextlib.contextmanager
def _stand_in(handler=_Hub):
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield "http://127.0.0.1:{}".format(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
