"""The kinds of resources, one by one, on a server in a folder."""

import os

import pytest

from aica.accounts import Group as GroupLine
from aica.accounts import Passwd, Shadow
from aica.change import BLOCKED, CHANGED, FAILED, OK, PLANNED, SKIPPED
from aica.host import Host
from aica.resources import file as files
from aica.resources.account import Account, DirectoryAccount, Membership
from aica.resources.directory import Directory, SharedDirectory
from aica.resources.file import ManagedFile, PlainFile, SeedFile, SudoersFile
from aica.resources.group import Group, UnrecordedGroup
from aica.resources.home import AdoptingHomeLink, HomeFolder, HomeLink, NewHome
from aica.resources.pam import PamProfile
from aica.resources.subids import SubordinateIds
from aica.resources.symlink import Symlink
from aica.resources.unit import Unit


def bring(server, resource, dry_run=False):
    """Return (status, message) of one resource."""
    outcome = server.converge([resource], dry_run)[0]
    return outcome.status, outcome.message


def settles(server, resource):
    """Assert that a resource is changed once and right from then on."""
    assert bring(server, resource)[0] == CHANGED
    assert bring(server, resource)[0] == OK


class TestSymlink:
    """/home/NAME: root's links may be replaced, nothing else."""

    LINK = Symlink("/home/lee", "/data/users/lee")

    def test_is_made_and_never_prefixed_by_the_root(self, server):
        settles(server, self.LINK)
        assert os.readlink(server.path("/home/lee")) == "/data/users/lee"

    @pytest.mark.parametrize("target", ["/mnt/old/lee", "/data/users/kim", "nowhere", "/etc"])
    def test_a_wrong_or_dangling_one_of_roots_is_replaced(self, server, target):
        server.link("/home/lee", target)
        settles(server, self.LINK)

    def test_one_that_somebody_else_made_is_not(self, server):
        server.link("/home/lee", "/home/evil")
        os.lchown(server.path("/home/lee"), 2002, 2002)
        assert bring(server, self.LINK)[0] == BLOCKED
        assert os.readlink(server.path("/home/lee")) == "/home/evil"

    def test_the_right_one_of_somebody_else_becomes_roots(self, server):
        server.link("/home/lee", "/data/users/lee")
        os.lchown(server.path("/home/lee"), 2002, 2002)
        settles(server, self.LINK)

    def test_never_replaces_a_folder(self, server):
        server.folder("/home/lee")
        server.write("/home/lee/thesis.tex", "years of work")
        assert bring(server, self.LINK)[0] == BLOCKED
        assert server.read("/home/lee/thesis.tex") == "years of work"

    def test_never_replaces_a_file(self, server):
        server.write("/home/lee", "data")
        assert bring(server, self.LINK)[0] == BLOCKED
        assert server.read("/home/lee") == "data"


class TestAdoptingHomeLink:
    """The skeleton that adduser leaves may make room for the link; one byte more may not."""

    LINK = AdoptingHomeLink("/home/lee", "/data/users/lee", "lee", "gpu-users")

    def skeleton(self, server):
        server.folder("/home/lee", uid=2002, gid=2002)
        server.write("/home/lee/.profile", "# per-user settings\n", uid=2002)

    def test_an_untouched_skeleton_is_moved_aside(self, server):
        self.skeleton(server)
        settles(server, self.LINK)
        assert server.read("/home/.lee.skeleton.1/.profile") == "# per-user settings\n"

    def test_a_second_one_gets_a_name_of_its_own(self, server):
        self.skeleton(server)
        server.folder("/home/.lee.skeleton.1")
        settles(server, self.LINK)
        assert server.exists("/home/.lee.skeleton.2/.profile")

    def test_an_empty_folder_is_a_skeleton_too(self, server):
        server.folder("/home/lee")
        settles(server, self.LINK)

    @pytest.mark.parametrize("path, text", [(".profile", "# per-user settings\nmine\n"),
                                            (".bashrc", ""), ("thesis.tex", "x"),
                                            (".profile", "# per-user settingZ\n")])
    def test_one_byte_more_and_a_human_must_look(self, server, path, text):
        self.skeleton(server)
        server.write("/home/lee/" + path, text)
        before = server.tree(times=True)
        assert bring(server, self.LINK)[0] == BLOCKED
        assert server.tree(times=True) == before

    def test_a_link_among_the_files_is_compared_as_a_link(self, server):
        self.skeleton(server)
        server.remove("/home/lee/.profile")
        server.link("/home/lee/.profile", "/etc/skel/.profile")
        assert bring(server, self.LINK)[0] == BLOCKED

    def test_recover_never_moves_anything_aside(self, server):
        self.skeleton(server)
        link = HomeLink("/home/lee", "/data/users/lee", "lee", "gpu-users")
        outcome = server.converge([link])[0]
        assert outcome.status == BLOCKED and "aica user setup lee gpu-users" in outcome.hint


class TestDirectory:
    """Folders of root's."""

    def test_is_made_with_exactly_its_mode_whatever_the_umask(self, server):
        before = os.umask(0o077)
        try:
            settles(server, Directory("/data/code", 0o2775, 0, 2000))
        finally:
            os.umask(before)
        assert server.stat("/data/code") == (0o2775, 0, 2000)

    def test_only_its_own_attributes_change(self, server):
        server.folder("/data/code", 0o777, 2001, 2001)
        server.write("/data/code/x", "x", 0o600, 2001, 2001)
        settles(server, Directory("/data/code", 0o755))
        assert server.stat("/data/code") == (0o755, 0, 0)
        assert server.stat("/data/code/x") == (0o600, 2001, 2001)

    @pytest.mark.parametrize("make", ["file", "link", "fifo"])
    def test_anything_else_in_its_place_is_left_alone(self, server, make):
        server.folder("/etc/secret", 0o700)
        path = server.path("/data/code")
        {"file": lambda: server.write("/data/code", "x"), "fifo": lambda: os.mkfifo(path),
         "link": lambda: os.symlink(server.path("/etc/secret"), path)}[make]()
        before = server.tree(times=True)
        assert bring(server, Directory("/data/code", 0o2775, 0, 2000))[0] == BLOCKED
        assert server.tree(times=True) == before

    def test_a_link_above_is_not_followed(self, server):
        server.remove("/data/models")
        server.link("/data/models", server.path("/etc"))
        before = server.tree(times=True)
        assert bring(server, Directory("/data/models/torch", 0o2775))[0] == BLOCKED
        assert server.tree(times=True) == before


class TestSharedDirectory:
    """A private folder that was renamed to a shared folder's name is never published."""

    HUB = SharedDirectory("/data/models/hub", "gpu-users", 2000, nested=True)

    @pytest.mark.parametrize("mode, uid, status", [
        (0o700, 2001, BLOCKED), (0o750, 0, CHANGED), (0o755, 2001, CHANGED),
        (0o710, 2001, BLOCKED), (0o740, 2001, BLOCKED), (0o700, 0, CHANGED), (0o775, 2001, CHANGED),
        (0o2770, 2001, CHANGED),
    ])
    def test_inside_another_shared_folder(self, server, mode, uid, status):
        server.folder("/data/models/hub", mode, uid, 2000)
        assert bring(server, self.HUB)[0] == status
        expected = (0o2775, 0, 2000) if status == CHANGED else (mode, uid, 2000)
        assert server.stat("/data/models/hub") == expected

    def test_a_home_of_its_owner_and_a_private_group_is_private_too(self, server):
        server.folder("/data/models/hub", 0o750, 2001, 2001)
        assert bring(server, self.HUB)[0] == BLOCKED

    def test_where_only_root_can_rename_nothing_is_suspicious(self, server):
        server.folder("/data/models/hub", 0o700, 2001, 2001)
        settles(server, SharedDirectory("/data/models/hub", "gpu-users", 2000))


class TestHomes:
    """The top of a home: rights beyond 0750 go, none comes, and the owner is never changed."""

    HOME = HomeFolder("/data/users/kim", "kim", 2001, 2001)

    @pytest.mark.parametrize("mode, after", [(0o755, 0o750), (0o777, 0o750), (0o2770, 0o750),
                                             (0o4755, 0o750), (0o1777, 0o750), (0o711, 0o710)])
    def test_too_many_rights_are_taken_away(self, server, mode, after):
        os.chmod(server.path("/data/users/kim"), mode)
        settles(server, self.HOME)
        assert server.stat("/data/users/kim") == (after, 2001, 2001)

    @pytest.mark.parametrize("mode", [0o750, 0o700, 0o000, 0o500, 0o710])
    def test_none_is_ever_given(self, server, mode):
        os.chmod(server.path("/data/users/kim"), mode)
        assert bring(server, self.HOME)[0] == OK
        assert server.stat("/data/users/kim")[0] == mode

    @pytest.mark.parametrize("uid", [0, 2002, 65534])
    def test_a_foreign_owner_is_shown_and_never_changed(self, server, uid):
        os.chown(server.path("/data/users/kim"), uid, 2001)
        before = server.tree(times=True)
        status, message = bring(server, self.HOME)
        assert status == BLOCKED and "uid {}".format(uid) in message and "2001" in message
        assert server.tree(times=True) == before

    def test_a_missing_one_is_never_made(self, server):
        server.remove("/data/users/kim")
        assert bring(server, self.HOME)[0] == BLOCKED
        assert not server.exists("/data/users/kim")

    @pytest.mark.parametrize("kind", ["file", "link"])
    def test_anything_else_in_its_place_is_left_alone(self, server, kind):
        server.remove("/data/users/kim")
        if kind == "file":
            server.write("/data/users/kim", "x")
        else:
            server.link("/data/users/kim", server.path("/etc"))
        before = server.tree(times=True)
        assert bring(server, self.HOME)[0] == BLOCKED
        assert server.tree(times=True) == before

    def test_what_is_inside_is_not_looked_at(self, server):
        server.link("/data/users/kim/loop", "loop")
        server.write("/data/users/kim/secret", "x", 0o666, 2002, 2002)
        os.chmod(server.path("/data/users/kim"), 0o777)
        settles(server, self.HOME)
        assert server.stat("/data/users/kim/secret") == (0o666, 2002, 2002)


class TestNewHome:
    """A new user's home: a complete copy of /etc/skel, or nothing."""

    HOME = NewHome("/data/users/choi", "choi", 2009, 2009)

    def test_is_filled_from_the_skeleton_as_that_user(self, server):
        server.write("/etc/skel/.config/deep/file", "x")
        server.link("/etc/skel/link", "/etc/shadow")
        settles(server, self.HOME)
        assert server.stat("/data/users/choi") == (0o750, 2009, 2009)
        assert server.stat("/data/users/choi/.profile") == (0o644, 2009, 2009)
        assert server.stat("/data/users/choi/.config/deep") == (0o755, 2009, 2009)
        assert os.readlink(server.path("/data/users/choi/link")) == "/etc/shadow"

    def test_an_image_without_a_skeleton_gives_an_empty_home(self, server):
        server.remove("/etc/skel")
        settles(server, self.HOME)
        assert os.listdir(server.path("/data/users/choi")) == []

    def test_a_half_made_one_of_a_killed_run_is_completed(self, server):
        server.folder("/data/users/.aica-new.choi", 0o700, 2009, 2009)
        settles(server, self.HOME)
        assert not server.exists("/data/users/.aica-new.choi")
        assert server.exists("/data/users/choi/.profile")

    def test_nothing_unreadable_of_the_skeleton_becomes_readable(self, server):
        server.write("/etc/skel/secret", "root's", 0o600)
        assert bring(server, self.HOME)[0] == FAILED
        assert not server.exists("/data/users/choi")

    def test_an_existing_one_is_kept_as_it_is(self, server):
        server.folder("/data/users/choi", 0o700, 2009, 2009)
        assert bring(server, self.HOME)[0] == OK
        assert os.listdir(server.path("/data/users/choi")) == []


BODY, WHERE = "line 1\nline 2\n", "elsewhere"


class TestManagedFile:
    """Whole files of ours, known by their header."""

    FILE = ManagedFile("/etc/profile.d/x.sh", BODY, WHERE)

    def test_the_header_knows_its_own_body(self):
        text = files.render(BODY, WHERE)
        assert files.is_ours(text) and text.endswith(BODY) and WHERE in text
        assert files.is_ours(files.render("", WHERE))
        assert files.is_ours(files.render("한글\u2028\n", WHERE))

    @pytest.mark.parametrize("text", [
        "", "\n\n\n\n", BODY, files.render(BODY, WHERE) + "x", files.render(BODY, WHERE)[:-1],
        files.render(BODY, WHERE).replace("line 1", "line 3"),
        files.render(BODY, WHERE).replace("sha256 of", "md5 of"),
        "x\n" + files.render(BODY, WHERE), files.render(BODY, WHERE).replace("\n", "\r\n"),
        "# Generated by AICA DataKeeper\n#\n", "\udcff\n\n\n\udcff",
    ])
    def test_one_changed_byte_and_it_is_a_humans(self, text):
        assert not files.is_ours(text)

    def test_an_older_rendering_is_replaced(self, server):
        server.write("/etc/profile.d/x.sh", files.render("old\n", "old place"), 0o600, 7, 7)
        settles(server, self.FILE)
        assert server.read("/etc/profile.d/x.sh").endswith(BODY)
        assert server.stat("/etc/profile.d/x.sh") == (0o644, 0, 0)

    def test_what_somebody_closed_is_shown_to_nobody(self, server):
        """A /etc/pip.conf of an admin's, 0600 because of the password in it: the log is adm's."""
        server.write("/etc/profile.d/x.sh", "index-url = https://bot:secret@pypi\n", 0o600)
        outcome = server.converge([self.FILE])[0]
        assert outcome.status == BLOCKED and outcome.lines == ()

    def test_an_edited_one_is_blocked_with_the_difference(self, server):
        server.write("/etc/profile.d/x.sh", files.render(BODY, WHERE) + "export MINE=1\n")
        outcome = server.converge([self.FILE])[0]
        assert outcome.status == BLOCKED and "-export MINE=1" in outcome.lines
        assert "export MINE=1" in server.read("/etc/profile.d/x.sh")

    def test_the_difference_is_capped(self):
        lines = files.difference("", "x\n" * 1000).split("\n")
        assert len(lines) == files.SHOWN_LINES + 1 and "more lines" in lines[-1]

    def test_missing_folders_are_made(self, server):
        settles(server, ManagedFile("/etc/new/folder/x", BODY, WHERE))
        assert server.stat("/etc/new") == (0o755, 0, 0)

    @pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
    def test_anything_else_in_its_place_is_left_alone(self, server, kind):
        path = server.path("/etc/profile.d/x.sh")
        {"link": lambda: os.symlink(server.path("/etc/passwd"), path),
         "folder": lambda: os.mkdir(path), "fifo": lambda: os.mkfifo(path)}[kind]()
        before = server.tree(times=True)
        assert bring(server, self.FILE)[0] == BLOCKED
        assert server.tree(times=True) == before

    def test_a_folder_that_others_may_write_is_not_written_into(self, server):
        os.chmod(server.path("/etc/profile.d"), 0o777)
        assert bring(server, self.FILE)[0] == BLOCKED
        assert not server.exists("/etc/profile.d/x.sh")


class TestOtherFiles:
    """Copies, files written once, and the sudo rules."""

    def test_a_plain_file_has_exactly_its_bytes(self, server):
        settles(server, PlainFile("/data/config/state/x", b"\xff\0\n"))
        with open(server.path("/data/config/state/x"), "rb") as data:
            assert data.read() == b"\xff\0\n"
        assert server.stat("/data/config/state/x") == (0o600, 0, 0)

    def test_a_file_that_is_the_admins_is_written_once(self, server):
        seed = SeedFile("/data/config/x", b"first\n", 0o644)
        settles(server, seed)
        server.write("/data/config/x", "the admin's words\n", 0o600)
        assert bring(server, seed)[0] == OK
        assert server.read("/data/config/x") == "the admin's words\n"

    def test_bad_sudo_rules_never_get_into_place(self, server, needs):
        needs(server.host().has_program("visudo"), "needs visudo, of the package sudo")
        path = "/etc/sudoers.d/x"
        settles(server, SudoersFile(path, "root ALL=(ALL) ALL\n", WHERE, 0o440))
        good = server.read(path)
        status, message = bring(server, SudoersFile(path, "this is (no rule\n", WHERE, 0o440))
        assert status == FAILED and "visudo rejects" in message
        assert server.read(path) == good
        assert os.listdir(server.path("/etc/sudoers.d")) == ["x"]

    def test_without_visudo_there_are_no_sudo_rules(self, server, monkeypatch):
        from aica.host import Host
        monkeypatch.setattr(Host, "has_program", lambda self, name: False)
        assert bring(server, SudoersFile("/etc/sudoers.d/x", "", WHERE))[0] == SKIPPED


class TestUnit:
    """Units are enabled by the links that systemctl would make."""

    UNIT = Unit("aica-recovery.service", ("multi-user.target", "srv-data\\x2d1.mount"))
    LINK = "/etc/systemd/system/{}.wants/aica-recovery.service"

    def test_an_unknown_unit_is_skipped(self, server):
        assert bring(server, self.UNIT)[0] == SKIPPED

    @pytest.mark.parametrize("folder", ["/etc/systemd/system", "/usr/lib/systemd/system",
                                        "/lib/systemd/system"])
    def test_links_point_to_where_the_unit_lies(self, server, folder):
        server.write(folder + "/aica-recovery.service", "[Unit]\n")
        settles(server, self.UNIT)
        for target in self.UNIT.wanted_by:
            assert os.readlink(server.path(self.LINK.format(target))) == \
                folder + "/aica-recovery.service"

    def test_on_a_merged_system_the_link_lib_is_not_followed(self, server):
        server.write("/usr/lib/systemd/system/aica-recovery.service", "[Unit]\n")
        server.link("/lib", "usr/lib")
        settles(server, self.UNIT)

    def test_a_link_that_an_admin_changed_counts_as_enabled(self, server):
        server.write("/lib/systemd/system/aica-recovery.service", "[Unit]\n")
        settles(server, self.UNIT)
        server.remove(self.LINK.format("multi-user.target"))
        server.link(self.LINK.format("multi-user.target"), "../aica-recovery.service")
        assert bring(server, self.UNIT)[0] == OK

    def test_a_file_in_place_of_the_link_is_blocked(self, server):
        server.write("/lib/systemd/system/aica-recovery.service", "[Unit]\n")
        server.write(self.LINK.format("multi-user.target"), "")
        assert bring(server, self.UNIT)[0] == BLOCKED


class TestPam:
    """The profile is in common-session, or somebody must put it there."""

    PROFILE = "/usr/share/pam-configs/aica-datakeeper"

    def test_without_the_profile_or_pam_auth_update_there_is_nothing_to_do(self, server):
        assert bring(server, PamProfile("x"))[0] == SKIPPED
        server.write(self.PROFILE, "Name: x\n")
        assert bring(server, PamProfile("x"))[0] == SKIPPED

    def test_a_comment_does_not_count(self, server):
        server.write(self.PROFILE, "Name: x\n")
        server.write("/etc/pam.d/common-session", "# /etc/aica/member-groups\n")
        assert bring(server, PamProfile("x"), dry_run=True)[0] == PLANNED
        server.append("/etc/pam.d/common-session", "session x file=/etc/aica/member-groups\n")
        assert bring(server, PamProfile("x"))[0] == OK

    def test_in_another_root_it_says_where_it_can_be_done(self, server):
        server.write(self.PROFILE, "Name: x\n")
        server.write("/etc/pam.d/common-session", "")
        assert bring(server, PamProfile("x"))[0] == FAILED


class TestUnrecordedGroup:
    """What the settings name and no record knows."""

    @pytest.mark.parametrize("present, required, status", [
        (True, False, OK), (True, True, BLOCKED), (False, False, BLOCKED)])
    def test_the_sites_own_must_be_recorded_and_another_at_least_be_there(
            self, server, present, required, status):
        server.write("/etc/group", "lab:x:2500:\n" if present else "")
        found, message = bring(server, UnrecordedGroup("lab", required))
        assert found == status and ("no gid is recorded for group lab" in message) == (status != OK)


class TestGroup:
    """A group has the gid that was recorded, or a human decides."""

    def test_is_made_with_its_gid(self, server):
        settles(server, Group("gpu-users", 2000))
        assert server.host().accounts().group["gpu-users"] == GroupLine("gpu-users", 2000)
        assert "gpu-users" in server.host().accounts().gshadow

    def test_another_gid_is_never_changed(self, server):
        server.append("/etc/group", "gpu-users:x:1999:\n")
        before = server.tree(times=True)
        status, message = bring(server, Group("gpu-users", 2000))
        assert status == BLOCKED and "1999" in message and "2000" in message
        assert server.tree(times=True) == before

    def test_a_gid_of_another_group_is_never_shared(self, server):
        server.append("/etc/group", "docker:x:2000:\n")
        status, message = bring(server, Group("gpu-users", 2000))
        assert status == BLOCKED and "docker" in message

    def test_a_missing_gshadow_line_is_completed(self, server):
        server.append("/etc/group", "gpu-users:x:2000:\n")
        settles(server, Group("gpu-users", 2000))

    def test_an_image_without_gshadow_stays_without(self, server):
        server.remove("/etc/gshadow")
        settles(server, Group("gpu-users", 2000))


KIM = Passwd("kim", 2001, 100, "김", "/home/kim", "/bin/bash")
HASH = "$6$salt$" + "h" * 86
LINE = Shadow("kim", HASH, ("20400", "0", "99999", "7", "", "", ""))


class TestAccount:
    """An account is made as recorded; one that says something else is a human's."""

    def test_is_made_as_recorded(self, server):
        settles(server, Account(KIM, LINE))
        found = server.host().accounts()
        assert found.passwd["kim"] == KIM and found.shadow["kim"] == LINE
        assert os.listdir(server.path("/home")) == ["kim"], "the link of the demo, and no new home"

    def test_without_a_recorded_password_it_stays_locked(self, server):
        settles(server, Account(KIM, None))
        assert server.host().accounts().shadow["kim"].hash == "!"

    def test_no_subordinate_ids_are_invented(self, server):
        settles(server, Account(KIM, LINE))
        assert server.host().accounts().subuid == {}

    @pytest.mark.parametrize("aging", [
        ("20400", "0", "99999", "7", "", "", ""), ("0", "0", "99999", "7", "", "", ""),
        ("20400", "1", "90", "14", "30", "21000", ""), ("20400", "", "", "", "", "", ""),
        ("", "", "", "", "", "", ""),
    ])
    def test_every_password_date_is_restored(self, server, aging):
        settles(server, Account(KIM, LINE._replace(aging=aging)))
        assert server.host().accounts().shadow["kim"].aging == aging

    @pytest.mark.parametrize("password", ["!" + HASH, "!", "*", "!!"])
    def test_a_locked_account_is_still_locked(self, server, password):
        settles(server, Account(KIM, LINE._replace(hash=password)))
        assert server.host().accounts().shadow["kim"].hash == password

    @pytest.mark.parametrize("field, value", [("uid", 2077), ("gid", 44), ("shell", "/bin/zsh"),
                                              ("gecos", "another"), ("home", "/home/x")])
    def test_one_that_differs_is_never_changed(self, server, field, value):
        bring(server, Account(KIM._replace(**{field: value}), LINE))
        before = server.tree(times=True)
        outcome = server.converge([Account(KIM, LINE)])[0]
        assert outcome.status == BLOCKED and "aica user adopt kim" in outcome.hint
        assert str(value) in outcome.message and str(getattr(KIM, field)) in outcome.message
        assert server.tree(times=True) == before

    def test_another_password_is_never_changed_and_never_shown(self, server):
        bring(server, Account(KIM, LINE._replace(hash="$6$other$" + "x" * 86)))
        outcome = server.converge([Account(KIM, LINE)])[0]
        assert outcome.status == BLOCKED
        assert "$6$" not in str(outcome) and "hhhh" not in str(outcome)

    def test_a_uid_of_somebody_else_is_never_taken(self, server):
        server.append("/etc/passwd", "ubuntu:x:2001:2001::/home/ubuntu:/bin/bash\n")
        before = server.tree(times=True)
        status, message = bring(server, Account(KIM, LINE))
        assert status == BLOCKED and "ubuntu" in message and "2001" in message
        assert server.tree(times=True) == before

    @pytest.mark.parametrize("uid", [0, 1, 999, 60001, 65534, 4294967295])
    def test_an_id_outside_the_range_for_people_is_never_used(self, server, uid):
        assert bring(server, Account(KIM._replace(uid=uid), LINE))[0] == BLOCKED
        assert "kim" not in server.host().accounts().passwd

    def test_a_record_that_is_damaged_is_not_used(self, server):
        assert bring(server, Account(KIM, LINE, flaw="no group"))[0] == BLOCKED
        assert "kim" not in server.host().accounts().passwd

    def test_where_passwords_are_not_kept_the_dates_still_are(self, server):
        expired = LINE._replace(aging=("20400", "0", "99999", "7", "", "20500", ""))
        settles(server, Account(KIM, expired, keep_password=False))
        found = server.host().accounts().shadow["kim"]
        assert (found.hash, found.aging) == ("!", expired.aging)

    def test_a_hash_goes_through_standard_input_only(self, server, fake_run):
        run = fake_run(useradd=0, chage=0, chpasswd=0)
        account = Account(KIM, LINE)
        changes = account.plan(None)
        account.apply(server.host(run), changes)
        assert [call[0] for call in run.calls] == ["useradd", "chage", "chpasswd", "chage"]
        assert not [word for call in run.calls for word in call if HASH in word]
        assert run.stdins[2] == "kim:{}\n".format(HASH)
        assert HASH not in repr(changes) + "".join(account.describe(changes))

    def test_waits_for_another_tool_that_holds_the_lock(self, server, fake_run, monkeypatch):
        from aica.command import Result
        from aica.resources import shadow_tools
        monkeypatch.setattr(shadow_tools.time, "sleep", lambda seconds: None)
        answers = [Result(1, "", "cannot lock /etc/passwd; try again later.")] * 4
        run = fake_run(useradd=lambda argv: answers.pop() if answers else 0)
        Account(KIM, None).apply(server.host(run), Account(KIM, None).plan(None))
        assert len(run.calls) == 5

    def test_another_failure_of_a_tool_is_not_repeated(self, server, fake_run):
        from aica.errors import AicaError
        run = fake_run(useradd=4)
        with pytest.raises(AicaError):
            Account(KIM, None).apply(server.host(run), Account(KIM, None).plan(None))
        assert len(run.calls) == 1


class TestSubordinateIds:
    """The recorded ranges, and never somebody else's."""

    def test_are_given_as_recorded(self, server):
        bring(server, Account(KIM, LINE))
        settles(server, SubordinateIds("kim", ("100000:65536", "300000:1"), ("200000:65536",)))
        found = server.host().accounts()
        assert set(found.subuid["kim"]) == {"100000:65536", "300000:1"}
        assert found.subgid["kim"] == ("200000:65536",)

    def test_of_somebody_else_are_never_given(self, server):
        bring(server, Account(KIM, LINE))
        server.write("/etc/subuid", "lee:100000:65536\n")
        assert bring(server, SubordinateIds("kim", ("165535:1",)))[0] == BLOCKED
        settles(server, SubordinateIds("kim", ("165536:1",)))

    def test_other_ones_here_are_a_humans(self, server):
        bring(server, Account(KIM, LINE))
        server.write("/etc/subuid", "kim:500000:65536\n")
        assert bring(server, SubordinateIds("kim", ("100000:65536",)))[0] == BLOCKED

    def test_without_the_file_it_is_made(self, server):
        bring(server, Account(KIM, LINE))
        server.remove("/etc/subuid")
        settles(server, SubordinateIds("kim", ("100000:65536",)))


class TestInterrupted:
    """Half-created accounts are traces of a killed run, and completed."""

    def make(self, server):
        bring(server, Account(KIM, LINE))

    def test_a_missing_shadow_line(self, server):
        self.make(server)
        server.replace("/etc/shadow", "kim:{}:20400:0:99999:7:::\n".format(HASH), "")
        settles(server, Account(KIM, LINE))
        assert server.host().accounts().shadow["kim"] == LINE

    @pytest.mark.parametrize("half", ["!:20600:0:99999:7:::", "!:20400:0:99999:7:::", "!:::::::",
                                      "!!:20600:0:99999:7:::"])
    def test_a_password_that_nobody_has_set_yet(self, server, half):
        self.make(server)
        server.replace("/etc/shadow", HASH + ":20400:0:99999:7:::", half)
        settles(server, Account(KIM, LINE))
        assert server.host().accounts().shadow["kim"] == LINE

    def test_todays_date_that_chpasswd_has_just_written(self, server):
        self.make(server)
        server.replace("/etc/shadow", HASH + ":20400:", HASH + ":20781:")
        settles(server, Account(KIM, LINE))

    def test_other_dates_are_an_admins(self, server):
        self.make(server)
        server.replace("/etc/shadow", HASH + ":20400:0:99999:", HASH + ":20400:0:90:")
        assert bring(server, Account(KIM, LINE))[0] == BLOCKED


class TestMembership:
    """Groups are joined, never left."""

    def test_joins_what_is_missing_and_leaves_the_rest(self, server):
        bring(server, Account(KIM, LINE))
        server.append("/etc/group", "a:x:3001:\nb:x:3002:kim\nc:x:3003:kim\n")
        server.append("/etc/gshadow", "a:!::\nb:!::kim\nc:!::kim\n")
        settles(server, Membership("kim", ["a"], ["b"]))
        assert server.host().accounts().groups_of("kim") == ("a", "b", "c")

    def test_a_kept_group_that_this_image_lacks_is_a_remark(self, server):
        bring(server, Account(KIM, LINE))
        status, message = bring(server, Membership("kim", ["video"], ["render"], ["docker"]))
        assert status == CHANGED and "no group render here" in message
        assert "not restored: docker" in message

    def test_a_user_of_a_directory_service_that_is_gone_is_blocked(self, server):
        assert bring(server, DirectoryAccount("kim", 5001))[0] == BLOCKED


class TestDirectoryGroup:
    """A group that only LDAP or SSSD knows."""

    @pytest.fixture
    def directory(self, server, monkeypatch):
        """Return a function that lets a directory serve a group with these members."""
        def serve(gid, *members):
            monkeypatch.setattr(Host, "directory_group", lambda host, name: gid)
            monkeypatch.setattr(Host, "is_directory_member",
                                lambda host, name, group: name in members)
        return serve

    def test_with_the_recorded_gid_it_is_used_and_not_created(self, server, directory):
        directory(2000, "kim")
        outcome = server.converge([Group("gpu-users", 2000)])[0]
        assert (outcome.status, outcome.message) == (OK, "from a directory service: not created")
        assert "gpu-users" not in server.read("/etc/group")

    def test_with_another_gid_it_is_blocked_with_both(self, server, directory):
        directory(7000)
        status, message = bring(server, Group("gpu-users", 2000))
        assert status == BLOCKED and "7000" in message and "2000" in message

    def test_who_is_in_it_is_decided_there(self, server, directory):
        directory(2000, "kim")
        assert bring(server, Membership("kim", ["gpu-users"]))[0] == OK
        status, message = bring(server, Membership("lee", ["gpu-users"]))
        assert status == BLOCKED and "is not in group" in message
