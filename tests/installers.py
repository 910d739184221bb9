"""A small installer like conda's, made here, and a web server that can behave badly."""

import contextlib
import hashlib
import http.server
import socketserver
import threading

# Like what constructor makes: one script that unpacks what stands behind it, takes -b -f -u -p,
# writes the prefix into its files, links packages, and leaves something in $HOME.
SCRIPT = r"""#!/bin/sh
set -eu
how=new
while getopts bfup: word; do
    case $word in
        p) prefix=$OPTARG ;;
        f) ;;
        u) how=update ;;
    esac
done
[ "$(id -u)" != 0 ] || { echo "started as root" >&2; exit 9; }
mkdir -p "$HOME/.conda" "$prefix/bin" "$prefix/condabin" "$prefix/etc/profile.d" \
    "$prefix/conda-meta" "$prefix/pkgs/tool-1"
echo "$prefix" >"$HOME/.conda/environments.txt"
@MORE@
[ $how = new ] || rm -f "$prefix"/conda-meta/conda-*.json
echo '{}' >"$prefix/conda-meta/conda-@VERSION@-py313_0.json"
echo "$how @VERSION@" >>"$prefix/conda-meta/history"
sed '1,/^#payload$/d' "$0" | sed "s:@PREFIX@:$prefix:" >"$prefix/bin/conda"
chmod 755 "$prefix/bin/conda"
cp "$prefix/bin/conda" "$prefix/condabin/conda"
echo 'echo tool' >"$prefix/pkgs/tool-1/tool"
chmod 775 "$prefix/pkgs/tool-1/tool"
ln -f "$prefix/pkgs/tool-1/tool" "$prefix/bin/tool"
ln -sf tool "$prefix/bin/tool-link"
cat >"$prefix/etc/profile.d/conda.sh" <<END
conda() { "$prefix/bin/conda" "\$@"; }
END
id -u >"$prefix/conda-meta/made-by"
umask >"$prefix/conda-meta/umask"
exit 0
#payload
#!/bin/sh
echo "conda of @PREFIX@ $*"
"""


def script(version="26.1.1", more="", size=0):
    """Return the bytes of an installer; `more` is shell text that it runs in the middle."""
    text = SCRIPT.replace("@VERSION@", version).replace("@MORE@", more)
    return text.encode("ascii") + b"#" * size


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Site(http.server.BaseHTTPRequestHandler):
    """Serves server.files {path: bytes}; server.mood says how the next answers are."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range", ""),
                             self.headers.get("Accept", ""),
                             self.headers.get("Authorization", "")))
        mood = server.moods.pop(0) if server.moods else ""
        if mood.startswith("status"):
            self.send_error(int(mood.split()[1]))
        elif mood.startswith("to "):
            self.send_response(302)
            self.send_header("Location", mood[3:])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path not in server.files:
            self.send_error(404)
        else:
            self._answer(server.files[self.path], mood)

    def _answer(self, data, mood):
        start, wanted = 0, self.headers.get("Range", "")
        if wanted and mood != "no ranges":
            start = int(wanted.split("=")[1].rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes {}-{}/{}".format(
                start, len(data) - 1, len(data)))
        body = data[start:]
        if mood != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", self.server.types.get(self.path, "text/html"))
        self.send_header("Connection", "close")
        self.end_headers()
        self._send(body, mood)
        self.close_connection = True

    def _send(self, body, mood):
        with contextlib.suppress(OSError):
            if mood.startswith("cut"):
                body = body[:int(mood.split()[1])]
            if mood == "stall":
                self.wfile.write(body[:10])
                self.wfile.flush()
                self.server.wake.wait(20)
            elif mood == "slow":
                for at in range(0, len(body), 1 << 16):
                    self.wfile.write(body[at:at + (1 << 16)])
                    self.server.wake.wait(0.02)
            else:
                self.wfile.write(body)


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """One thread an answer: one that stalls keeps nobody else waiting."""

    daemon_threads = True


@contextlib.contextmanager
def serving(files=None):
    """Yield a web server on this machine alone; .url, .files, .types, .moods, .asked."""
    server = Web(("127.0.0.1", 0), Site)
    server.files = dict(files or {})
    server.types, server.moods, server.asked = {}, [], []
    server.wake = threading.Event()
    server.url = "http://127.0.0.1:{}".format(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.wake.set()
        server.shutdown()
        thread.join()
        server.server_close()
