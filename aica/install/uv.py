"""uv out of its wheel: a folder a version, and a link that says which one counts.

Nothing of the wheel is run but, as nobody in particular, `uv --version`,
before it becomes the current one.
"""

import io
import os
import zipfile
import zlib

from ..change import Change
from ..errors import AicaError, ConfigError
from ..resources import uv
from . import download, index, worker

WHEEL_LIMIT_BYTES = 256 << 20
PAGE_LIMIT_BYTES = 32 << 20
PROGRAM_LIMIT_BYTES = 512 << 20


class UvInstall(uv.UvFolder):
    """The folder of uv, with this version as the current one.

    find() returns the Wheel when it is needed, path is a local wheel instead
    of one to be fetched. version "" means: whichever is there, or the newest.
    """

    def __init__(self, name, work, source, id_range, tick=None, needs=()):
        super().__init__(name, needs=needs)
        self.work = work
        self.source = source
        self.id_range = id_range
        self.tick = tick

    def inspect(self, host):
        version = uv.current_version(host, self.name)
        if version is None:
            return None
        uv.require_roots(host, self.name, version)
        return {"state": "complete", "version": version}

    def plan(self, actual):
        wanted = self.source.version
        if actual is None or wanted and actual["version"] != wanted:
            before = actual["version"] if actual else None
            return (Change("version", before, wanted or "the newest"),)
        return ()

    def describe(self, changes):
        change = changes[0]
        return ("uv {}{}".format(change.before + " -> " if change.before else "new, ",
                                 change.after),)

    def apply(self, host, changes):
        uid = worker.choose(host, self.id_range)
        if host.lstat(self.work) is None:
            host.make_folder(self.work, 0o755)
        version, programs = unpack(*self.source.read(host, uid, self.work, self.tick))
        if host.lstat(self.name) is None:
            host.make_folder(self.name, 0o755)
        folder = "{}/{}".format(self.name, version)
        if host.lstat(folder) is None:
            host.make_folder(folder, 0o755)
        for program, data in programs:
            host.write_file("{}/{}".format(folder, program), data, 0o755)
        self._try(host, uid, folder, version)
        self.source.version = version  # of the newest it is known only now
        host.replace_symlink("{}/{}".format(self.name, uv.CURRENT), version)

    def _try(self, host, uid, folder, version):
        program = host.real(folder) + "/uv"
        result = host.watch(["sh", "-c", 'exec "$0" --version', program], (uid, uid),
                            {"HOME": "/nonexistent"}, timeout_s=60)
        said = result.out.split()
        if result.code != 0 or said[:2] != ["uv", version]:
            raise AicaError("{} does not run here: exit status {}: {}".format(
                program, result.code, result.out.strip()[-300:]),
                hint="another version: aica install uv --version V")


class FromIndex:
    """The wheel of a version, or of the newest one, in an index."""

    def __init__(self, url, where, arch, glibc, version="", sha256=""):
        self.url = url
        self.where = where
        self.arch = arch
        self.glibc = glibc
        self.version = version
        self.sha256 = sha256

    def read(self, host, uid, work, tick):
        """Return (version, bytes of the verified wheel)."""
        wheel = self._find(host, uid, work)
        sha256 = self.sha256 or wheel.sha256
        if not sha256:
            raise AicaError("{} ({}) tells no sha256 of {}".format(
                download.shown(self.url), self.where, wheel.name), hint="--sha256 HEX")
        order = download.Order(wheel.url, sha256, WHEEL_LIMIT_BYTES)
        with _spool(host, "{}/{}.part".format(work, wheel.name)) as handle:
            download.fetch(host, uid, order, handle, tick)
            return wheel.version, _read(handle)

    def _find(self, host, uid, work):
        page = self.url + "/uv/"
        with _spool(host, work + "/uv-index.part") as handle:
            os.ftruncate(handle, 0)
            download.fetch(host, uid, download.Order(
                page, "", PAGE_LIMIT_BYTES, index.ACCEPT), handle)
            wheels = index.read_page(_read(handle), page)
        return index.choose_wheel(wheels, self.arch, self.glibc, self.version)


class FromFile:
    """A wheel that an admin brings. Raise ConfigError unless it can be believed."""

    def __init__(self, path, sha256=""):
        wheel = index.parse_wheel(path)
        if wheel is None:
            raise ConfigError("--from {}: expected a wheel, uv-VERSION-py3-none-....whl".format(
                path))
        self.version = wheel.version
        self._data = read_believed(path, sha256, WHEEL_LIMIT_BYTES)

    def read(self, _host, _uid, _work, _tick):
        """Return (version, bytes of the wheel)."""
        return self.version, self._data


def read_believed(path, sha256, limit_bytes):
    """Return the bytes of a local file that only root can have written, or that has the sha256."""
    try:
        with open(path, "rb") as source:
            status = os.fstat(source.fileno())
            data = source.read(limit_bytes + 1)
    except OSError as error:
        raise ConfigError("--from {}: {}".format(path, error.strerror))
    if len(data) > limit_bytes:
        raise ConfigError("--from {}: larger than {} bytes".format(path, limit_bytes))
    found = download.digest_of(data)
    if sha256 and found != sha256:
        raise ConfigError("--from {}: its sha256 is {}, expected {}".format(path, found, sha256))
    if not sha256 and (status.st_uid != 0 or status.st_mode & 0o022):
        raise ConfigError("--from {}: others than root can write it".format(path),
                          hint="say what its publisher says: --sha256 HEX")
    return data


class _spool:
    """A file of root's for something from the network. Removed when all went well."""

    def __init__(self, host, path):
        self._host = host
        self._path = path

    def __enter__(self):
        self._handle = self._host.open_own(self._path)
        return self._handle

    def __exit__(self, kind, _error, _trace):
        os.close(self._handle)
        if kind is None:
            self._host.remove_file(self._path)


def _read(handle):
    return b"".join(iter(lambda: os.read(handle, download.PIECE), b"")) \
        if os.lseek(handle, 0, os.SEEK_SET) == 0 else b""


def unpack(version, data):
    """Return (version, [(name, bytes)]) of the programs in a wheel, uv last.

    Only these are read, by their exact names: nothing in the wheel says
    where anything goes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            return version, [(name, _member(wheel, version, name))
                             for name in reversed(uv.PROGRAMS)]
    except (zipfile.BadZipFile, KeyError, RuntimeError, EOFError, OSError,
            zlib.error) as error:
        raise AicaError("the wheel of uv {} is broken: {}".format(version, error))


def _member(wheel, version, name):
    entry = wheel.getinfo("uv-{}.data/scripts/{}".format(version, name))
    if entry.file_size > PROGRAM_LIMIT_BYTES:
        raise AicaError("{} in the wheel is larger than {} bytes".format(
            name, PROGRAM_LIMIT_BYTES))
    with wheel.open(entry) as source:  # zipfile checks length and CRC
        return source.read(entry.file_size + 1)
