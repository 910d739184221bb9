"""Accounts that a directory serves, as docs/slurm-and-ldap.md has them: used, never created.

libnss-extrausers stands for LDAP: to the program each is a name that the system's name services
know and /etc/passwd does not.
"""

import pytest

import team as people
from server import Server
from team import GROUP, RECOVERY

DIRECTORY = {
    "passwd": "jung:x:5001:5001:Jung:/home/jung:/bin/bash\n",
    "group": "jung:x:5001:\n",
    "shadow": "jung:*:20000:0:99999:7:::\n",
}


def join_directory(server):
    """Before a boot: the image asks a directory too."""
    server.change_image(
        "sed", "-i", "-E", "s/^(passwd|group|shadow):.*/\\1: files extrausers/", "/etc/nsswitch.conf"
    )
    for name, text in DIRECTORY.items():
        server.plant("/var/lib/extrausers/" + name, text, 0o640 if name == "shadow" else 0o644)


def groups(server):
    """Return jung's groups."""
    return server.run("id -nG jung").out.split()


@pytest.fixture(scope="module")
def server(image, team):
    """The team's server, booted with a directory that knows jung."""
    with Server(image, "directory", data=team.data) as one:
        join_directory(one)
        people.add_locals(one)
        one.boot()
        yield one


@pytest.fixture(scope="module")
def joined(server):
    """The same, after the two commands of the page."""
    server.run(["aica", "user", "setup", "jung", GROUP])
    server.run(["aica", "user", "register", "jung", GROUP])
    return server


def test_somebody_of_the_directory_gets_home_link_and_membership(joined):
    assert GROUP in groups(joined)
    assert joined.run("readlink /home/jung; stat -c %u:%g /data/users/jung").out.split() == [
        "/data/users/jung", "5001:5001"]
    joined.run("umask 002; touch ~/mine /data/models/torch/jungs", user="jung")


def test_the_account_is_neither_created_nor_recorded(joined):
    by_name = people.outcomes(joined, "check")[0]
    assert by_name["account:jung"]["status"] == "ok"
    assert "not created, not recorded" in by_name["account:jung"]["message"]
    assert joined.run("grep -r ^jung: /etc/passwd /etc/shadow /data/config/accounts/passwd",
                      check=False).code == 1


def test_no_local_account_gets_a_name_of_the_directory(joined):
    answer = joined.run(["aica", "user", "add", "jung", "--ssh-key", "-"], check=False,
                        stdin=joined.image.public_key())
    assert answer.code != 0
    assert joined.run("grep ^jung: /etc/passwd", check=False).code == 1


def test_after_a_wipe_link_and_group_are_back(joined):
    joined.shutdown()
    joined.wipe()
    join_directory(joined)
    people.add_locals(joined)
    joined.boot()
    assert joined.show(RECOVERY, "ExecMainStatus")["ExecMainStatus"] == "0"
    assert joined.run("readlink /home/jung").out == "/data/users/jung\n"
    assert joined.run("test -f ~/mine", user="jung").code == 0
    assert GROUP in groups(joined)
    assert people.outcomes(joined, "check")[2] == 0


def test_the_sites_group_may_be_one_of_the_directory(joined):
    gid = joined.run("getent group {} | cut -d: -f3".format(GROUP)).out.strip()
    members = "kim,lee,park,jung"
    by_name = _with_group_there(joined, "{}:x:{}:{}\n".format(GROUP, gid, members))
    assert by_name["group:" + GROUP]["status"] == "ok"
    assert "not created" in by_name["group:" + GROUP]["message"]
    assert by_name["membership:jung"]["status"] == by_name["membership:kim"]["status"] == "ok"
    assert joined.run(["grep", GROUP, "/etc/group"], check=False).code == 1


def test_with_another_gid_it_is_in_the_way(joined):
    by_name = _with_group_there(joined, GROUP + ":x:7000:jung\n")
    assert by_name["group:" + GROUP]["status"] == "blocked"


def _with_group_there(server, line):
    """Boot a wiped server whose directory has this group; return the outcomes of a recovery."""
    server.shutdown()
    server.wipe()
    join_directory(server)
    server.plant("/var/lib/extrausers/group", DIRECTORY["group"] + line)
    server.boot()
    return people.outcomes(server, "recover")[0]
