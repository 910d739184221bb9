"""The files below /etc for conda and its kin, and the hook that shells read."""

import os
import pathlib
import shutil
import subprocess

import pytest
from wiped import throw_away_folder

from aica import environment, storage, toolfiles
from aica.resources import conda as resources
from aica.settings import Settings
from aica.settings_apps import CACHES
from aica.site import Site, apps

PREFIX = "/data/apps/miniconda3"
SHELLS = [["dash"], ["bash"], ["bash", "--posix"], ["zsh", "-f"], ["busybox", "sh"]]


def read_condarc(text):
    """Return the small part of YAML that we write as a mapping: the judge where no conda is."""
    found, key = {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("  - "):
            found[key].append(line[4:])
        else:
            key, _, value = line.partition(":")
            found[key] = {"": [], "true": True, "false": False}[value.strip()]
    return found


def test_condarc_has_the_shared_cache_first_and_the_users_own_behind():
    assert read_condarc(toolfiles.condarc("/data/cache/conda/pkgs", ("conda-forge",))) == {
        "channels": ["conda-forge"], "pkgs_dirs": ["/data/cache/conda/pkgs", "~/.conda/pkgs"],
        "envs_dirs": ["~/conda/envs", "~/.conda/envs"], "auto_activate_base": False}


def test_condarc_without_a_shared_cache_and_where_locks_fail():
    found = read_condarc(toolfiles.condarc("", (), no_lock=True))
    assert found["pkgs_dirs"] == ["~/.conda/pkgs"] and found["no_lock"] is True
    assert "channels" not in found


# -- the hook -------------------------------------------------------------


@pytest.fixture
def home(root_rights):
    """A folder with a home link below home/, a prefix, and the hook for both."""
    with throw_away_folder() as folder:
        path = pathlib.Path(folder)
        (path / "home").mkdir()
        (path / "users" / "kim").mkdir(parents=True)
        (path / "home" / "kim").symlink_to(path / "users" / "kim")
        prefix = path / "conda"
        (prefix / "etc" / "profile.d").mkdir(parents=True)
        (prefix / "etc" / "profile.d" / "conda.sh").write_text(
            'conda() { printf "%s\\n" "conda says $*"; }\n')
        (path / "hook.sh").write_text(toolfiles.hook(str(prefix), str(path / "home")))
        yield path


def shell(argv, folder, text, uid=2001, home=None):
    done = subprocess.Popen(
        argv + ["-c", ". {}/hook.sh; {}".format(folder, text)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, cwd="/", preexec_fn=lambda: os.setuid(uid),
        env={"PATH": "/usr/bin:/bin", "HOME": home or str(folder) + "/home/kim"})
    return done.communicate(timeout=20)[0].decode()


@pytest.mark.parametrize("argv", SHELLS, ids=lambda argv: " ".join(argv))
def test_a_member_has_the_command_in_every_shell(argv, home, needs):
    needs(shutil.which(argv[0]), "needs " + argv[0])
    text = "set -eu; conda activate x; conda info"
    assert shell(argv, home, text) == "conda says activate x\nconda says info\n"


@pytest.mark.parametrize("argv", SHELLS, ids=lambda argv: " ".join(argv))
def test_without_the_prefix_it_says_so_and_stays_for_later(argv, home, needs):
    needs(shutil.which(argv[0]), "needs " + argv[0])
    shutil.move(str(home / "conda"), str(home / "away"))
    home.chmod(0o777)
    said = shell(argv, home, "conda info || echo $?; mv {0}/away {0}/conda 2>/dev/null; "
                             "conda info || echo $?".format(home))
    assert said == "conda: {0}/conda is not there\n127\nconda says info\n".format(home)


@pytest.mark.parametrize("home_of", ["/root", "{}/users/kim", "{}/home/kim/work", "", "{}/home"])
def test_who_is_no_member_gets_nothing(home, home_of):
    said = shell(["dash"], home, "command -v conda || echo none",
                 home=home_of.format(home) or "/nonexistent")
    assert said == "none\n"


def test_root_gets_nothing_even_with_a_members_home(home):
    assert shell(["dash"], home, "command -v conda || echo none", uid=0) == "none\n"


def test_a_conda_of_ones_own_in_the_path_is_left_alone(home):
    (home / "conda-bin").mkdir()
    (home / "conda-bin" / "conda").write_text("#!/bin/sh\necho mine\n")
    for path in (home / "conda-bin", home / "conda-bin" / "conda"):
        path.chmod(0o755)
    done = subprocess.check_output(
        ["dash", "-c", ". {}/hook.sh; conda".format(home)], preexec_fn=lambda: os.setuid(2001),
        env={"PATH": "{}/conda-bin:/bin".format(home), "HOME": "{}/home/kim".format(home)})
    assert done == b"mine\n"


@pytest.mark.parametrize("uid", [0, 2001])
def test_reading_it_forks_nothing_and_touches_nothing_of_the_prefix(home, uid, needs):
    needs(shutil.which("strace"), "needs strace")
    log = home / "trace"
    log.touch()
    log.chmod(0o666)
    subprocess.check_call(
        ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=%file,%process", "dash", "-c",
         ". {}/hook.sh".format(home)], preexec_fn=lambda: os.setuid(uid),
        env={"PATH": "/usr/bin:/bin", "HOME": "{}/home/kim".format(home)})
    lines = log.read_text().splitlines()
    assert any("hook.sh" in line for line in lines)
    assert not [line for line in lines if str(home / "conda") in line or "fork" in line
                or "clone" in line]


# -- what a site gets -----------------------------------------------------


def test_the_shared_caches_that_a_site_wants():
    assert apps.cache_files(Settings()) == []
    found = apps.cache_files(Settings(cache_shared=CACHES))
    assert [resource.name for resource in found] == ["/etc/pip.conf", "/etc/uv/uv.toml",
                                                     "/etc/npmrc"]
    names = {variable.name for variable in environment.builtin("/data", CACHES)}
    assert {"PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache", "YARN_CACHE_FOLDER",
            "CONDA_PKGS_DIRS"} <= names
    assert "CONDA_PKGS_DIRS" not in {v.name for v in environment.builtin("/data", ())}


def test_the_default_is_the_strategy_of_the_original():
    names = {variable.name for variable in environment.builtin("/data")}
    assert "CONDA_PKGS_DIRS" in names
    assert not names & {"PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache", "YARN_CACHE_FOLDER"}


def test_a_site_without_conda_and_uv_is_told_nothing_about_them():
    assert apps.conda(Site()) == [] and apps.uv(Site()) == []


# -- locks ----------------------------------------------------------------


def test_locks_are_asked_about_on_network_disks_only_and_written_down(whole, monkeypatch):
    whole.write(PREFIX + "/bin/conda", "#!/bin/sh\n", 0o755)
    settings = Settings()

    def condarc():
        whole.converge(apps.conda_files(settings))
        return whole.read("/etc/conda/.condarc")

    assert "no_lock" not in condarc()
    monkeypatch.setattr(storage, "is_network", lambda path: True)
    assert "no_lock" not in condarc()
    monkeypatch.setattr(storage, "locks_work", lambda path: False)
    assert "no_lock: true" in condarc()
    monkeypatch.undo()
    assert "no_lock" not in condarc()


def test_a_lock_is_tried_in_a_child(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("x")
    assert storage.locks_work(str(path)) and storage.locks_work(str(tmp_path / "none"))

    def fails(*_words):
        raise OSError(37, "No locks available")
    monkeypatch.setattr(storage.fcntl, "lockf", fails)
    assert not storage.locks_work(str(path))
    monkeypatch.setattr(storage.fcntl, "lockf", lambda *_: __import__("time").sleep(30))
    assert not storage.locks_work(str(path), timeout_s=0.2)


def test_a_condarc_of_the_admin_is_blocked_with_the_difference(whole):
    whole.write(PREFIX + "/bin/conda", "#!/bin/sh\n", 0o755)
    whole.write("/etc/conda/.condarc", "channels: [defaults]\n")
    outcome = whole.converge(apps.conda_files(Settings()))[0]
    assert outcome.status == "blocked" and "+  - conda-forge" in outcome.lines
    assert whole.read("/etc/conda/.condarc") == "channels: [defaults]\n"


def test_versions_are_compared_as_numbers():
    assert resources.as_numbers("25.11.0") > resources.as_numbers("25.9.1")
