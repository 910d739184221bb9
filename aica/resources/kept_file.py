"""The site's own list of files: [keep] files in aica.conf."""

from ..errors import AicaError, Conflict, NotApplicable
from .file import difference
from .kept import RECORD, RESTORE, Kept, digest_of, keep_older, read_if_there, refuse_unless_plain

NONE = ".aica-none"


class KeptFile(Kept):
    """A whole file of root's below /etc or /usr/local, as (mode, content).

    Three versions are told apart. `live` is on the system disk, `kept` is the
    copy on /data, and `image` is what the image itself brought in that place
    when ours was last put over it, kept beside the copy (or a mark that it
    brought nothing). At a boot, before anything was seen:

    * live is kept: nothing to do;
    * there is no live, or image is not known yet, or live is image: the image
      is as it was, so ours is put back, and live is remembered as image;
    * kept is image and live is not: we never changed it, the image did, so
      the image's is taken over;
    * else image and live differ: the image brings a newer version of its own,
      and ours was made for the older one. Blocked: a human merges them.

    The one thing that cannot be told is a new image right after the file was
    first kept, because nothing remembers what it was before the admin's
    change: then ours is put back, and the image's is found beside the copy.
    Within a boot that has seen both alike, what is changed here is recorded
    (kept.decide), and image stays what it was.
    """

    kind = "kept-file"

    def __init__(self, name, copy, image_copy, restores=True, needs=()):
        super().__init__(name, copy, restores, needs)
        self.image_copy = image_copy
        self.image = None

    def read_live(self, host):
        info = host.lstat(self.name)
        if info is None:
            return None
        refuse_unless_plain(self.name, info)
        return _mode(info), host.read_trusted(self.name)

    def read_copy(self, host):
        return _stored(host, self.copy)

    def inspect(self, host):
        self.image = _stored(host, self.image_copy)
        if self.image is None and host.lstat(self.image_copy + NONE) is not None:
            self.image = ()
        state = super().inspect(host)
        if self.live is None and self.kept is None:
            raise NotApplicable("{} does not exist, and was never kept".format(self.name))
        if state["step"] == RESTORE and self._image_is_newer():
            self._refuse_newer(host)
        return state

    def step(self):
        step = super().step()
        if step == RESTORE and self.image == self.kept and self._image_is_newer():
            return RECORD
        return step

    def _image_is_newer(self):
        """True if what stands there is neither ours nor what ours was made to replace."""
        if self.seen is not None or None in (self.live, self.kept, self.image):
            return False
        return self.live != self.image and self.live[1] != self.kept[1]

    def _refuse_newer(self, host):
        shown = ()
        if all(int(value[0], 8) & 0o004 for value in (self.live, self.kept)):
            shown = difference(*[value[1].decode("utf-8", "surrogateescape")
                                 for value in (self.live, self.kept)]).split("\n")
        raise Conflict(
            "the image brings a newer version of {} than the one that the kept file was made "
            "for".format(self.name),
            hint="to compare: diff {0} {1}; to use the kept one: cp -p {0} {2} && aica recover; "
                 "to keep what is here: cp -p {0} {1}".format(
                     self.name, self.copy, self.image_copy),
            details=shown)

    def write_live(self, host, value, before):
        self._remember_image(host, before)
        mode, data = value
        host.make_parents(self.name)
        host.write_file(self.name, data, int(mode, 8), expect=before[1] if before else False,
                        check=lambda candidate: self._check(host, candidate))
        if self.name.startswith("/etc/systemd/") and host.live:
            # It read its units before we came.
            host.execute(["systemctl", "daemon-reload"])

    def _remember_image(self, host, before):
        if self.seen is not None or before is not None and before[1] == self.kept[1]:
            return  # removed here, or ours with another mode: says nothing about the image
        path = self.image_copy
        host.make_parents(path)
        if before is None:
            host.write_file(path + NONE, b"", 0o600)
            return
        host.write_file(path, before[1], int(before[0], 8))
        if host.lstat(path + NONE) is not None:
            host.remove_file(path + NONE)

    def _check(self, host, candidate):
        """One syntax error in a file of sudoers.d disables sudo for everybody."""
        if self.name.startswith("/etc/sudoers.d/"):
            result = host.query(["visudo", "-cf", candidate])
            if result.code != 0:
                raise AicaError("visudo rejects the kept {}: {}".format(
                    self.name, (result.err or result.out).strip()),
                    hint="correct {}".format(self.copy))

    def write_copy(self, host, value):
        if digest_of(self.image) == digest_of(self.kept) and self.image and self.seen is None:
            host.write_file(self.image_copy, value[1], int(value[0], 8))
        keep_older(host, self.copy)
        host.write_file(self.copy, value[1], int(value[0], 8))


def _mode(info):
    return b"%04o" % info.mode


def _stored(host, path):
    info = host.lstat(path)
    if info is None:
        return None
    return _mode(info), read_if_there(host, path)
