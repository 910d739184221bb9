"""Wheels of a uv made here, and pages of an index that has them."""

import hashlib
import io
import json
import zipfile

TAG = "py3-none-manylinux_2_17_{0}.manylinux2014_{0}"
PROGRAM = "#!/bin/sh\n[ \"$(id -u)\" != 0 ] || exit 9\necho {} {} '(made here)'\n"


def name(version, tag=""):
    import os
    return "uv-{}-{}.whl".format(version, tag or TAG.format(os.uname().machine))


def wheel(version, says="", leave_out=()):
    """Return the bytes of a wheel; says is what its programs take for their version."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for program in ("uv", "uvx"):
            if program not in leave_out:
                entry = zipfile.ZipInfo("uv-{}.data/scripts/{}".format(version, program))
                entry.external_attr = 0o100755 << 16
                files.writestr(entry, PROGRAM.format(program, says or version))
        files.writestr("../../../etc/evil", "x")
        files.writestr("uv/__init__.py", "")
    return out.getvalue()


def page_json(files, **more):
    """Return a page of PEP 691. files: {name: bytes}; more: fields of every file."""
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "uv", "files": [
        dict({"filename": name, "url": "../../files/" + name,
              "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}, **more)
        for name, data in files.items()]}).encode()


def page_html(files, with_hash=True):
    """Return a page of PEP 503."""
    link = '<a href="../../files/{0}{1}" data-requires-python="&gt;=3.8">{0}</a><br/>\n'
    return ("<!DOCTYPE html><html><body>\n" + "".join(link.format(
        name, "#sha256=" + hashlib.sha256(data).hexdigest() if with_hash else "")
        for name, data in files.items()) + "</body></html>").encode()
