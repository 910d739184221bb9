"""The use cases of `aica install`: they take an App, and yield Outcomes."""

import os
import re

from .. import lock, report, settings_apps, site
from ..change import FAILED, OK, SKIPPED, Outcome
from ..engine import converge
from ..errors import ConfigError
from ..resources.directory import Directory
from ..resources.uv import VERSION
from . import download, index, pins
from .miniconda import CondaInstall
from .uv import FromFile, FromIndex, UvInstall


class Request:
    """What was asked for, word for word. "" and False mean: not said."""

    def __init__(self, variant="", path="", url="", sha256="", version="", update=False):
        self.variant = variant
        self.path = path
        self.url = url
        self.sha256 = sha256
        self.version = version
        self.update = update
        if sha256 and not re.match(r"[0-9a-f]{64}\Z", sha256):
            raise ConfigError("--sha256 {!r}: expected 64 hexadecimal digits, in lower case".format(
                sha256))
        if version and not VERSION.match(version):
            raise ConfigError("--version {!r}: expected one such as 0.13.9".format(version))


def machine():
    """Return the name of this machine's architecture, as installers and wheels have it."""
    return os.uname().machine


def glibc():
    """Return (major, minor) of this system's C library; () where it is another one."""
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
    except (ValueError, OSError, AttributeError):
        return ()
    return index.as_numbers(version)[:2] if name == "glibc" else ()


def choose_installer(settings, asked):
    """Return the Installer of conda that is meant. Raise ConfigError, with nothing tried."""
    if asked.url and asked.path:
        raise ConfigError("--from and --url exclude each other")
    if asked.url and not asked.sha256:
        raise ConfigError("--url {}: nothing is run unverified".format(asked.url),
                          hint="say what its publisher says: --sha256 HEX")
    if asked.url and not re.match(r"https?://[^\s\x00-\x1f]+\Z", asked.url):
        raise ConfigError("--url {!r}: expected http:// or https://".format(asked.url))
    variant = asked.variant or (settings.conda_install if settings.conda_install in pins.PINS
                                else pins.MINICONDA)
    if asked.path:
        return _installer_in_file(settings, asked, variant)
    if asked.url:
        return pins.given(variant, asked.url, "", asked.sha256)
    chosen = pins.pinned(settings, variant, machine())
    if asked.sha256:
        chosen = chosen._replace(sha256=asked.sha256)
    pins.check_glibc(chosen, glibc())
    return chosen


def _installer_in_file(settings, asked, variant):
    try:
        with open(asked.path, "rb") as source:
            found = download.digest(source.fileno())
    except OSError as error:
        raise ConfigError("--from {}: {}".format(asked.path, error.strerror))
    own = {settings.conda_sha256_x86_64, settings.conda_sha256_aarch64} - {""}
    believed = found == asked.sha256 if asked.sha256 else found in own or pins.variant_of(found)
    if not believed:
        raise ConfigError("--from {}: its sha256 is {}, expected {}".format(
            asked.path, found, asked.sha256 or "one that is known"),
            hint="" if asked.sha256 else "if its publisher says the same: --sha256 " + found)
    chosen = pins.given(pins.variant_of(found) or variant, "", asked.path, found)
    known = pins.PINS.get(pins.variant_of(found))
    if known:
        chosen = chosen._replace(glibc=known.glibc)
        pins.check_glibc(chosen, glibc())
    return chosen


def miniconda(app, asked, dry_run=False, tick=None):
    """Yield the Outcomes of installing conda, and of making it everybody's."""
    host, settings = _open(app, dry_run)
    if not host.live:
        raise ConfigError("conda bakes its place into its files: it can be installed on the "
                          "running system only, not with --root")
    installer = choose_installer(settings, asked)
    yield from _install(app, host, dry_run, conda_resources(
        app, host, settings, installer, asked.update, tick), site.apps.conda_files(settings))


def needs_terms(app, asked):
    """Return True if Anaconda's terms are to be agreed with before anything is done."""
    host, settings = _open(app, dry_run=True)
    if choose_installer(settings, asked).variant != pins.MINICONDA:
        return False
    return any(outcome.status == "planned" and outcome.kind == "conda-base"
               for outcome in miniconda(app, asked, dry_run=True))


def uv(app, asked, dry_run=False, tick=None):
    """Yield the Outcomes of installing uv, and of linking it."""
    host, settings = _open(app, dry_run)
    source = _uv_source(host, settings, asked)
    yield from _install(app, host, dry_run,
                        uv_resources(app, host, settings, source, tick),
                        site.apps.uv_links(settings))


def missing(app, dry_run=False, tick=None):
    """Yield the Outcomes of installing what aica.conf wants and is not there."""
    host, settings = _open(app, dry_run)
    wanted = [
        (settings.conda_install != "no", "conda-base:" + settings_apps.prefix_of(settings),
         _missing_conda, site.apps.conda_files),
        (settings.uv_install, "uv:" + settings_apps.uv_of(settings), _missing_uv,
         site.apps.uv_links)]
    parts, leading = [], []
    for is_wanted, name, resources, leads in wanted:
        try:
            parts += resources(app, host, settings, tick) if is_wanted else []
            leading += leads(settings) if is_wanted else []
        except ConfigError as error:  # of one; the other may be right
            yield Outcome(name, FAILED, message=str(error), hint=error.hint)
    first = {resource.id: resource for resource in reversed(parts)}
    yield from _install(app, host, dry_run,
                        [r for r in parts if first[r.id] is r], leading)


def _missing_conda(app, host, settings, tick):
    installer = choose_installer(settings, Request(settings.conda_install))
    return conda_resources(app, host, settings, installer, False, tick)


def _missing_uv(app, host, settings, tick):
    return uv_resources(app, host, settings, _uv_source(host, settings, Request()), tick)


def _open(app, dry_run):
    host = app.host(read_only=dry_run)
    return host, app.settings(host)


def conda_resources(app, host, settings, installer, update, tick):
    """Return the folder above, and the prefix with what installs it."""
    apps = Directory(settings_apps.apps_of(settings), 0o755)
    return [apps, CondaInstall(
        settings_apps.prefix_of(settings), site.apps.note_of(settings), installer,
        app.id_range(host), update, tick, needs=[apps.id])]


def uv_resources(app, host, settings, source, tick):
    """Return the folder above, and that of uv with what installs it."""
    apps = Directory(settings_apps.apps_of(settings), 0o755)
    return [apps, UvInstall(settings_apps.uv_of(settings), site.apps.work_of(settings), source,
                            app.id_range(host), tick, needs=[apps.id])]


def _uv_source(host, settings, asked):
    if asked.path:
        source = FromFile(asked.path, asked.sha256)
        if asked.version and asked.version != source.version:
            raise ConfigError("--from {}: it is uv {}, not {}".format(
                asked.path, source.version, asked.version))
        return source
    url, where = index.choose_index(host, settings.uv_index)
    return FromIndex(url, where, machine(), glibc(), asked.version or settings.uv_version,
                     asked.sha256)


def _install(app, host, dry_run, resources, leading):
    """Yield the Outcomes: first what is on /data, slowly; then what leads to it, under the lock."""
    if dry_run:
        yield from converge(resources, host, dry_run=True)
        return
    with lock.hold(host, 0, lock.INSTALL):
        outcomes = []
        try:
            for outcome in converge(resources, host):
                outcomes.append(outcome)
                yield outcome
            if report.exit_status(outcomes) == 0:
                with app.locked(host):
                    outcomes += converge(leading, host)
                yield from outcomes[len(resources):]
        finally:  # Ctrl-C too: what was done until then is told
            if any(outcome.status not in (OK, SKIPPED) for outcome in outcomes):
                app.write_log(host, outcomes, report.exit_status(outcomes))
