"""conda and uv on a booted server: installed, used by members in every way in, whole after a wipe.

uv and pip are the real ones, from PyPI; conda's installer is a small one of the same form, made
here. The server has no network: it serves index and installer to itself.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sandbox
import team as people
from server import Server

sys.path.append(str(Path(__file__).resolve().parents[1]))
import installers  # noqa: E402
import wheels  # noqa: E402

# Pinned: an unchanged tree must not fail because a client learned something.
CLIENTS = ("uv==0.13.9", "pip==26.1")
WEB = "http://127.0.0.1:8000"
PREFIX = "/data/apps/miniconda3"
INSTALLER = "Miniforge3-26.1.1-0-Linux-x86_64.sh"
UNIT = "aica-install.service"


@pytest.fixture(scope="module")
def files(image):
    """What the server serves to itself: the wheels of the real clients, a small one, an installer."""
    folder = image.work / "install-files"
    if not (folder / "complete").exists():
        sandbox.fresh(folder)
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                        "--only-binary=:all:", "--python-version", "3.11", "--dest", str(folder),
                        *CLIENTS], check=True, timeout=300)
        (folder / "complete").write_text("")
    mirror = folder / "mirror" / "26.1.1-0"
    mirror.mkdir(parents=True, exist_ok=True)
    for path in (folder / INSTALLER, mirror / INSTALLER.replace("x86_64", os.uname().machine)):
        path.write_bytes(installers.script("26.1.1"))
    (folder / "small-1.0-py3-none-any.whl").write_bytes(small_wheel())
    (folder / "small2-1.0-py3-none-any.whl").write_bytes(small_wheel("small2"))
    for project in ("uv", "small", "small2"):
        page = folder / "simple" / project
        page.mkdir(parents=True, exist_ok=True)
        found = {path.name: path.read_bytes() for path in folder.glob(project + "-*.whl")}
        (page / "index.html").write_bytes(wheels.page_html(found).replace(
            b"../../files/", b"../../"))
    return folder


def small_wheel(name="small"):
    """Return a wheel with one module."""
    import io
    import zipfile
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        wheel.writestr(name + ".py", "print('small thing')\n")
        info = name + "-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n".format(
            name))
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                                       "Tag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return out.getvalue()


@pytest.fixture(scope="module")
def server(image, team, files):
    """A recovered server with the team on it, on which an admin has installed both."""
    with Server(image, "install", data=team.data) as one:
        people.add_locals(one)
        boot(one, files)
        sha256 = hashlib.sha256((files / INSTALLER).read_bytes()).hexdigest()
        one.run("printf '[global]\\nindex-url = {}/simple\\n' >/etc/pip.conf".format(WEB))
        one.said = {
            "uv": one.run(["aica", "install", "uv"]).out,
            "conda": one.run(["aica", "install", "miniconda", "--variant", "miniforge", "--url",
                              "{}/{}".format(WEB, INSTALLER), "--sha256", sha256]).out}
        one.sha256 = sha256
        yield one


def boot(one, files):
    one.boot(options=["--bind-ro={}:/srv/files".format(files)])
    one.run(["systemd-run", "--quiet", "--unit=web", "python3", "-m", "http.server", "8000",
             "--bind", "127.0.0.1", "--directory", "/srv/files"])
    one.wait_until("python3 -c 'import urllib.request as u; u.urlopen(\"{}/\")'".format(WEB), 20,
                   "the web server")


def member(server, command, name="kim", check=True):
    return server.run(["su", "-", name, "-c", command], check=check, timeout_s=120)


# -- installed ------------------------------------------------------------


def test_both_are_installed_and_say_so(server):
    assert "changed  uv:/data/apps/uv" in server.said["uv"]
    assert "changed  conda-base:" + PREFIX in server.said["conda"]
    again = server.run(["aica", "install", "uv"]).out
    assert "uv 0.13.9" in again and " 0 changed" in again


def test_all_of_it_is_roots_and_nobody_elses_to_write(server):
    wrong = server.run("find /data/apps ! -user root -o ! -group root -o -perm /022 ! -type l")
    assert wrong.out == ""
    made_by = int(server.text(PREFIX + "/conda-meta/made-by"))
    assert 60600 <= made_by < 60700
    for command in ("touch {}/x", "echo x >>{}/bin/conda", "mv {0} {0}.mine", "rm {}/bin/conda"):
        assert member(server, command.format(PREFIX), check=False).code != 0


def test_everything_is_as_it_should_be(server):
    by_name, _, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
    assert {"conda-base:" + PREFIX, "uv:/data/apps/uv", "symlink:/usr/local/bin/uv",
            "file:/etc/conda/.condarc"} <= set(by_name)


def test_a_question_about_terms_is_not_answered_by_silence(server):
    refused = server.run(["aica", "install", "miniconda", "--variant", "miniconda", "--url",
                          WEB + "/" + INSTALLER, "--sha256", server.sha256], check=False)
    assert refused.code == 0, "conda is there: nothing would be installed, nothing is asked"
    server.run(["mv", PREFIX, PREFIX + ".aside"])
    refused = server.run(["aica", "install", "miniconda", "--variant", "miniconda", "--url",
                          WEB + "/" + INSTALLER, "--sha256", server.sha256], check=False)
    assert refused.code == 2 and "Anaconda's terms" in refused.err
    assert not server.exists(PREFIX)
    server.run(["mv", PREFIX + ".aside", PREFIX])


# -- members ----------------------------------------------------------------


@pytest.mark.parametrize("name, shell", [("kim", "bash"), ("lee", "dash")])
def test_conda_is_a_command_in_a_login_shell(server, name, shell):
    server.run(["usermod", "-s", "/bin/" + shell, name])
    said = member(server, "conda env list", name).out
    server.run(["usermod", "-s", "/bin/bash", name])
    assert said == "conda of {} env list\n".format(PREFIX)


def test_conda_and_uv_work_in_an_ssh_command_and_in_cron(server):
    command = "aica env --exec -- sh -c 'conda info; uv --version; umask; echo $HF_HOME'"
    wanted = "conda of {} info\nuv 0.13.9 ".format(PREFIX)
    said = server.ssh("kim", command).out
    assert said.startswith(wanted) and said.endswith("0002\n/data/models/huggingface\n")
    server.run("printf '* * * * * lee {} >/tmp/cron-lee 2>&1\\n' >/etc/cron.d/try".format(
        command.replace("%", "\\%").replace("'", "'\\''")))
    server.wait_until("grep -q huggingface /tmp/cron-lee", 90, "the job of cron")
    assert server.text("/tmp/cron-lee").startswith(wanted)


def test_root_has_no_command_conda_and_is_not_led_there(server):
    assert server.run(["bash", "-lc", "type conda"], check=False).code != 0
    refused = server.run(["aica", "env", "--exec", "--", "conda", "info"], check=False)
    assert refused.code == 2 and "not for root" in refused.err


def test_uv_makes_an_environment_and_keeps_its_cache_at_home(server):
    said = member(server, "uv venv -q v && uv pip install -q --python v/bin/python --index-url "
                          "{}/simple small && v/bin/python -c 'import small'".format(WEB)).out
    assert said.endswith("small thing\n")
    assert member(server, "ls -d .cache/uv").out == ".cache/uv\n"
    assert server.run("ls -A /data/cache/uv").out == ""


PIP = "python3 $(echo /srv/files/pip-*.whl)/pip "


def pip(where, package="small"):
    """Return a command that installs a package with the real pip, out of its wheel."""
    return PIP + "install -q --index-url {}/simple --target {} {}".format(WEB, where, package)


def test_pip_keeps_its_cache_at_home_too(server):
    member(server, pip("p"))
    assert member(server, "python3 -c 'import sys; sys.path[:0] = [\"p\"]; import small'").out \
        == "small thing\n"
    assert server.run("ls -A /data/cache/pip").out == ""


def test_aica_env_tells_a_member_where_everything_comes_from(server):
    rows = [json.loads(line) for line in member(server, "aica env --json").out.splitlines()]
    by_name = {row["name"]: row for row in rows[:-1]}
    assert [row for row in rows[:-1] if row["kind"] == "warning"] == []
    assert rows[-1]["exit"] == 0
    assert by_name["HF_HOME"]["source"] == "built in"
    assert by_name["conda"]["value"] == "26.1.1" and by_name["uv"]["value"] == "0.13.9"
    assert by_name["umask"]["value"] == "002"
    warned = member(server, "umask 077; printf 'pkgs_dirs:\\n  - /tmp/x\\n' >.condarc; "
                            "aica env; rm .condarc")
    assert "umask 077" in warned.err and ".condarc sets pkgs_dirs" in warned.err
    assert "is not a link" in server.run(["su", "-", "guest", "-c", "aica env"]).err


def test_nothing_is_written_into_anybodys_start_up_files(server):
    homes = server.run("grep -ls aica /data/users/*/.bashrc /data/users/*/.profile "
                       "/data/users/*/.condarc; true").out
    assert homes == ""


def configure(server, *pairs):
    """Change the site's settings as an admin does with an editor."""
    path = server.data / "config" / "aica.conf"
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text)


# -- shared caches -----------------------------------------------------------


def test_a_site_can_share_the_caches_of_pip_and_uv(server):
    server.run(["rm", "/etc/pip.conf"])
    configure(server, ("#shared = conda", "shared = conda pip uv npm"))
    server.run(["aica", "recover", "-q"])
    for path in ("/etc/pip.conf", "/etc/uv/uv.toml", "/etc/npmrc"):
        assert "/data/cache/" in server.text(path)
    member(server, pip("q", "small2"))
    assert member(server, PIP + "cache dir").out == "/data/cache/pip\n"
    second = member(server, "uv pip install -q --target u --index-url {}/simple small2 && "
                            "uv cache dir".format(WEB), "lee")
    assert second.out == "/data/cache/uv\n"
    assert member(server, pip("q", "small2"), "lee").code == 0
    # Where no variable comes along, the files say the same.
    bare = server.run(["setpriv", "--reuid", "kim", "--regid", "kim", "--init-groups",
                       "--reset-env", "uv", "cache", "dir"])
    assert bare.out == "/data/cache/uv\n"
    server.run(["aica", "permissions", "apply", "-q"])  # what uv keeps private, before the night
    configure(server, ("shared = conda pip uv npm", "#shared = conda"))
    server.run("rm /etc/pip.conf /etc/uv/uv.toml /etc/npmrc; aica recover -q")


# -- the unit, and a wipe -----------------------------------------------------


def test_what_is_wanted_and_missing_is_installed_by_its_unit(server):
    server.run(["mv", PREFIX, "/data/apps/old"])
    configure(server, ("#install = no\n# Where", "install = miniforge\n# Where"),
              ("#version =\n#url =\n", "version = 26.1.1-0\nurl = {}/gone\n".format(WEB)),
              ("#sha256_x86_64 =", "sha256_x86_64 = " + server.sha256),
              ("#sha256_aarch64 =", "sha256_aarch64 = " + server.sha256))
    by_name, _, code = people.outcomes(server, "check", "--only", "conda-base")
    assert by_name["conda-base:" + PREFIX]["status"] == "skipped" and code == 0
    failed = server.run(["systemctl", "start", UNIT], check=False)
    assert failed.code != 0 and UNIT in server.failed_units(), "404: said, and not hidden"
    assert not server.exists(PREFIX)
    configure(server, ("/gone", "/mirror"))
    server.run(["systemctl", "start", UNIT], timeout_s=120)
    assert server.show(UNIT, "Result")["Result"] == "success"
    assert json.loads(server.text(PREFIX + "/aica-install.json"))["version"] == "26.1.1"
    assert server.run(["systemctl", "is-enabled", "aica-install.timer"]).out == "enabled\n"
    assert server.failed_units() == []


def test_after_a_wipe_both_are_there_before_anybody_logs_in_and_without_network(server, files):
    before = people.tree(server, "/data/apps")
    server.shutdown()
    server.wipe()
    server.boot()  # no web server now
    assert people.tree(server, "/data/apps") == before
    assert server.ssh("kim", "uv --version; readlink /usr/local/bin/uv").out.splitlines() == [
        server.run(["su", "kim", "-c", "uv --version"]).out.strip(), "/data/apps/uv/current/uv"]
    assert member(server, "conda info").out == "conda of {} info\n".format(PREFIX)
    assert "conda-forge" in server.text("/etc/conda/.condarc")
    assert server.failed_units() == []
    assert server.show(UNIT, "ExecMainStartTimestampMonotonic") == {
        "ExecMainStartTimestampMonotonic": "0"}, "not a part of the boot"
    by_name, _, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
