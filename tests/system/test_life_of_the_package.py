"""The life of the two packages on one server: installed, upgraded, removed, purged, back again.

What piuparts does for a package of a distribution, and what it cannot know: a team works on the
server, a recovery is running, and the admin has changed files. The tests follow upon each other.
"""

import os
import shutil
import subprocess

import pytest

import team as people
from sandbox import CHECKOUT, fresh, must
from server import Server
from team import RECOVERY

ACCOUNT_FILES = "cat /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid"
CONF, JOB = "/etc/aica/aica.conf", "/etc/cron.hourly/aica-disk-alert"
RECORDED = "/data/config/state"
EDIT = "# the admin was here\n"
FOREIGN = {
    "/etc/aica/alert.d/chat": "#!/bin/sh\n",
    "/etc/pip.conf": "[global]\n",
    "/etc/profile.d/other.sh": "OTHER=1\n",
    "/etc/sudoers.d/other": "# nothing\n",
    "/var/log/aica.txt": "notes of the admin\n",
}
NEWER = "0.9.7"
APT = ("DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "
       "-o Dpkg::Options::=--force-confold install ")
# What a package manager keeps of any package, and what a running system writes by itself.
NOT_LOOKED_AT = (
    "/data /proc /sys /dev /run /tmp /var/tmp /root /var/cache /var/lib/apt /var/lib/dpkg "
    "/var/lib/rpm /usr/lib/sysimage /var/log /var/lib/systemd /var/lib/logrotate /srv"
).split()
PARENTS = {os.path.dirname(path) for path in FOREIGN} | {"/etc/aica"}
NAMED_AFTER_US = (
    r"find / /run -xdev \( -path /proc -o -path /data -o -path /srv \) -prune -o "
    "-regextype posix-egrep -iregex '.*/([^/]*[^a-z/])?aica[^/]*' -print"
)
# Folders of its packages filesystem and systemd.
OF_EL = {"/usr/share/licenses", "/usr/lib/systemd/system", "/usr/lib/systemd/system-preset"}
# Copies that the tools for accounts make.
OF_ACCOUNTS = {"/etc/passwd-", "/etc/group-"}


def newer_source(work):
    """Return a copy of the checkout that says it is NEWER, with newer files in /etc."""
    copy = fresh(work / "newer")
    listed = subprocess.check_output(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=str(CHECKOUT))
    for name in filter(None, listed.decode().split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(CHECKOUT / name), str(target))
    old = _between(copy / "aica/__init__.py", '__version__ = "', '"')
    for name, before, after in (
        ("aica/__init__.py", '"' + old + '"', '"' + NEWER + '"'),
        ("debian/changelog", "(" + old + "-1)", "(" + NEWER + "-1)"),
        ("rpm/aica-datakeeper.spec", " " + old + "\n", " " + NEWER + "\n"),
    ):
        text = (copy / name).read_text(encoding="utf-8")
        assert before in text, name
        (copy / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    for name in ("system/etc/aica.conf", "system/cron/aica-disk-alert"):
        with open(str(copy / name), "a", encoding="utf-8") as file:
            file.write("# A newer version says more.\n")
    return copy


def _between(path, before, after):
    """Return what stands between two texts in a file."""
    return path.read_text(encoding="utf-8").split(before)[1].split(after)[0]


@pytest.fixture(scope="module")
def newer(work, package, rpm):
    """Return {"deb": path, "rpm": path} of the packages of a newer version."""
    copy = newer_source(work)
    for kind in ("deb", "rpm"):
        # The work folder may lie in a checkout, whose git would say that nothing here is its.
        must(["env", "GIT_CEILING_DIRECTORIES={}".format(copy.parent), "make", "-C", str(copy), kind],
             timeout_s=300)
    return {kind: next(copy.glob("build/*." + kind)) for kind in ("deb", "rpm")}


@pytest.fixture(scope="module")
def server(distribution, team, package, rpm, newer):
    """The team's server after a wipe, before the package is there."""
    with Server(distribution, "life", data=team.data) as one:
        people.add_locals(one)
        one.boot()
        for name, path in (("old.deb", package), ("old.rpm", rpm), ("new.deb", newer["deb"]),
                           ("new.rpm", newer["rpm"])):
            shutil.copy(str(path), str(one.root / "srv" / name))
        one.files_before = files(one)
        yield one


def files(server):
    """Return the paths outside of /data, but for what changes by itself."""
    prune = " -o ".join("-path " + path for path in NOT_LOOKED_AT)
    return set(server.run(r"find / \( {} \) -prune -o -print".format(prune)).out.splitlines())


def at_rest(server):
    """Wait until nothing is being recorded; return the lines that no package may change.

    Without what the running program writes down by itself, such as the last logins.
    """
    server.wait_until("! systemctl is-active -q aica-record.service", 30, "the record")
    data = [line for line in people.tree(server, "/data") if not line.startswith(RECORDED)]
    return set(data + server.run(ACCOUNT_FILES).out.splitlines())


def left(server):
    """Return what is there now, was not before, and is neither foreign nor the team's."""
    found = (files(server) - server.files_before) | set(server.run(NAMED_AFTER_US).out.splitlines())
    others = set(FOREIGN) | PARENTS | OF_ACCOUNTS | OF_EL
    return {path for path in found - others if not path.startswith("/home/")}


def plant_foreign(server):
    for path, text in FOREIGN.items():
        put = "mkdir -p $(dirname $1); cat >$1; chmod 440 $1"
        server.run(["sh", "-c", put, "sh", path], stdin=text)


def foreign(server):
    return {path: server.text(path) for path in FOREIGN}


def edit(server):
    for path in (CONF, JOB):
        server.run(["sh", "-c", "cat >>$1", "sh", path], stdin=EDIT)


def edited(server):
    return [path for path in (CONF, JOB) if server.text(path).endswith(EDIT)]


def start_recovery(server):
    """Start a recovery that gets its turn only when the newer program is in place.

    Return what tells this run from another.
    """
    wait = "until aica --version | grep -q {}; do sleep 0.2; done".format(NEWER)
    server.run(["systemd-run", "--quiet", "--collect", "--unit=upgrade-is-awaited",
                "flock", "/run/aica/lock", "sh", "-c", wait])
    server.wait_until("! flock --nonblock /run/aica/lock true", 10, "the lock")
    server.run(["systemctl", "start", "--no-block", RECOVERY])
    server.wait_until("pgrep -f '[a]ica-recover --boot'", 20, "the recovery")
    return server.show(RECOVERY, "InvocationID", "ExecMainPID")


def assert_it_went_on(server, recovery):
    """The run that was going on before an upgrade is the last one, and ended well."""
    over = "! systemctl show -p ActiveState {} | grep -q activating".format(RECOVERY)
    server.wait_until(over, 60, "the end of the recovery")
    assert server.show(RECOVERY, "InvocationID", "ExecMainPID") == recovery
    assert server.show(RECOVERY, "Result", "ExecMainStatus") == {
        "Result": "success", "ExecMainStatus": "0"}


# -- .deb -----------------------------------------------------------------


def test_installed_it_passes_the_tests_of_the_debian_package(server):
    server.run(APT + "/srv/old.deb", timeout_s=200)
    (server.root / "srv/smoke").write_bytes((CHECKOUT / "debian/tests/smoke").read_bytes())
    hidden = "umount /data && sh /srv/smoke"
    server.run(["unshare", "-m", "sh", "-c", hidden])


def test_the_team_is_back(server):
    assert server.run(["aica", "recover"], check=False).code == 0
    server.kept = at_rest(server)
    assert server.run("su - kim -c 'cat thesis.tex'").out == "work of kim\n"


def test_its_logs_are_rotated(server):
    logrotate = ["logrotate", "--state", "/run/rotated", "/etc/logrotate.d/aica-datakeeper"]
    server.run(logrotate + ["--force"])
    modes = server.run("stat -c '%n %a %U:%G' /var/log/aica-recovery.log*").out
    assert modes.splitlines() == [
        "/var/log/aica-recovery.log 640 root:adm", "/var/log/aica-recovery.log.1 640 root:adm"]
    assert "error" not in server.run(logrotate + ["--debug"]).err.lower()


def test_an_upgrade_leaves_a_running_recovery_alone(server):
    plant_foreign(server)
    edit(server)
    recovery = start_recovery(server)
    server.run(APT + "/srv/new.deb", timeout_s=200)
    assert_it_went_on(server, recovery)
    assert server.run(["aica", "--version"]).out == "aica {}\n".format(NEWER)


def test_an_upgrade_keeps_what_the_admin_decided(server):
    assert edited(server) == [CONF, JOB] and foreign(server) == FOREIGN


def test_after_an_upgrade_everything_is_as_it_should_be(server):
    by_name, _, code = people.outcomes(server, "check")
    assert (people.statuses(by_name), code) == ({}, 0)
    assert at_rest(server) ^ server.kept == set()


def test_removed_it_runs_nothing_and_keeps_its_settings(server):
    server.run(["dpkg", "--remove", "aica-datakeeper"])
    assert edited(server) == [CONF, JOB] and foreign(server) == FOREIGN
    assert server.run([JOB]).out == ""
    assert server.run("systemctl list-units --plain --no-legend 'aica-*'").out == ""
    server.run(["visudo", "-c"])


def test_installed_again_it_still_has_the_settings(server):
    server.run(APT + "/srv/old.deb", timeout_s=200)
    assert edited(server) == [CONF, JOB]
    assert server.run(["aica", "check"], check=False).code == 0


def test_purged_nothing_of_ours_is_left_and_nothing_foreign_is_touched(server):
    server.run(["dpkg", "--purge", "aica-datakeeper"])
    assert foreign(server) == FOREIGN
    assert left(server) == set()
    assert at_rest(server) ^ server.kept == set()
    server.run(["visudo", "-c"])


def test_after_a_purge_the_team_still_works(server):
    assert server.ssh("kim", "cat thesis.tex").out == "work of kim\n"


def test_installed_after_a_purge_it_is_as_at_first(server):
    server.run(APT + "/srv/old.deb", timeout_s=200)
    assert edited(server) == []
    assert server.run(["aica", "recover"], check=False).code == 0
    assert server.run(["aica", "check"], check=False).code == 0
    assert at_rest(server) ^ server.kept == set()


# -- .rpm, on the same server ---------------------------------------------


def test_the_rpm_upgrades_as_the_deb_does(server):
    server.run(["dpkg", "--purge", "aica-datakeeper"])
    server.run(["rpm", "--install", "--nodeps", "/srv/old.rpm"])
    edit(server)
    recovery = start_recovery(server)
    server.run(["rpm", "--upgrade", "--nodeps", "/srv/new.rpm"], timeout_s=200)
    assert_it_went_on(server, recovery)
    assert server.run(["aica", "--version"]).out == "aica {}\n".format(NEWER)
    assert edited(server) == [CONF, JOB] and foreign(server) == FOREIGN
    assert at_rest(server) ^ server.kept == set()


def test_erased_only_what_the_admin_edited_is_left(server):
    server.run(["rpm", "--erase", "--nodeps", "aica-datakeeper"])
    assert foreign(server) == FOREIGN
    assert left(server) == {path + end for path in (CONF, JOB) for end in (".rpmsave", ".rpmnew")}
    assert at_rest(server) ^ server.kept == set()
