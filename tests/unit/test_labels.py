"""SELinux labels: their text, who keeps one, and what may be arranged below a home."""

import os

import pytest
from fakes import FaultyOs

from aica import files, labels
from aica.errors import AicaError
from aica.host import child
from aica.tree import own_labels

HOME, SSH = "unconfined_u:object_r:user_home_dir_t:s0", "unconfined_u:object_r:ssh_home_t:s0"
DEFAULT = "system_u:object_r:default_t:s0"
PARTS = (".ssh", ".ssh/authorized_keys")
UID = 2001


def label(path):
    return os.getxattr(str(path), labels.ATTRIBUTE).rstrip(b"\0").decode("ascii")


@pytest.mark.parametrize("text, expected", [
    (HOME, "user_home_dir_t"), ("system_u:object_r:etc_t", "etc_t"),
    ("user_u:object_r:etc_t:s0-s0:c0.c1023", "etc_t"), ("", ""), ("nonsense", ""), ("a:b", ""),
])
def test_the_third_field_is_the_type(text, expected):
    assert labels.type_of(text) == expected


@pytest.mark.parametrize("present, expected", [
    ("staff_u:object_r:default_t:s0-s0:c0.c9", "staff_u:object_r:ssh_home_t:s0-s0:c0.c9"),
    ("system_u:object_r:unlabeled_t:s0", "system_u:object_r:ssh_home_t:s0"),
    ("root:object_r:file_t", "root:object_r:ssh_home_t"), ("", SSH), ("nonsense", SSH),
])
def test_only_the_type_of_a_label_is_changed(present, expected):
    assert labels.with_type_of(present, SSH) == expected


# -- replacing a file -----------------------------------------------------


@pytest.fixture
def place(tmp_path, own_labels, root_rights):
    """A folder with the file `file`, which has a label, as (path, descriptor)."""
    (tmp_path / "file").write_bytes(b"old")
    own_labels(tmp_path / "file", DEFAULT)
    handle = os.open(str(tmp_path), files.OPEN_FOLDER)
    yield tmp_path, handle
    os.close(handle)


def test_a_file_that_is_replaced_keeps_its_label(place):
    path, folder = place
    seen = []
    files.replace(folder, "file", b"new", 0o600, 0, 0,
                  check=lambda candidate: seen.append(label(path / candidate)))
    assert (path / "file").read_bytes() == b"new" and label(path / "file") == DEFAULT
    assert seen == [DEFAULT], "it has it before it has the name"


def test_a_new_file_and_one_without_a_label_get_none(place):
    path, folder = place
    (path / "bare").write_bytes(b"old")
    for name in ("new", "bare"):
        files.replace(folder, name, b"new", 0o600, 0, 0)
        assert labels.ATTRIBUTE not in os.listxattr(str(path / name))


def test_no_label_is_taken_through_a_link(place):
    path, folder = place
    os.symlink("file", str(path / "link"))
    assert labels.read_entry(folder, "file") == DEFAULT
    assert labels.read_entry(folder, "link") == labels.read_entry(folder, "missing") == ""


def test_a_label_that_cannot_be_set_stops_nothing(place, monkeypatch):
    path, folder = place
    faulty = FaultyOs(1, OSError(95, "Operation not supported"), only=("setxattr",))
    monkeypatch.setattr(labels, "os", faulty)
    files.replace(folder, "file", b"new", 0o600, 0, 0)
    assert faulty.count == 1 and (path / "file").read_bytes() == b"new"


# -- below a home ---------------------------------------------------------


@pytest.fixture
def home(bottomless, own_labels, root_rights):
    """A home with keys whose labels are wrong, all of it the user's."""
    os.chmod(str(bottomless), 0o755)
    top = bottomless / "kim"
    (top / ".ssh").mkdir(parents=True)
    (top / ".ssh" / "authorized_keys").write_text("ssh-ed25519 AAAA kim\n")
    for path in (top, top / ".ssh", top / ".ssh" / "authorized_keys"):
        os.chown(str(path), UID, UID)
        own_labels(path, DEFAULT)
    return top


def as_user(function, *arguments):
    return child.call((UID, UID), function, *arguments)


def test_a_child_that_is_the_user_sets_the_types_of_what_is_the_users(home):
    assert as_user(own_labels.survey, str(home), PARTS) == dict.fromkeys(PARTS, DEFAULT)
    as_user(own_labels.set_types, str(home), dict.fromkeys(PARTS + (".ssh/authorized_keys2",), SSH))
    assert as_user(own_labels.survey, str(home), PARTS) == dict.fromkeys(
        PARTS, "system_u:object_r:ssh_home_t:s0")
    assert label(home) == DEFAULT


def arrange_link(home):
    os.rename(str(home / ".ssh"), str(home.parent / "elsewhere"))
    os.symlink("../elsewhere", str(home / ".ssh"))
    return home.parent / "elsewhere" / "authorized_keys"


def arrange_second_name(home):
    os.link(str(home / ".ssh" / "authorized_keys"), str(home.parent / "second"))
    return home.parent / "second"


def arrange_link_to_a_file(home):
    os.rename(str(home / ".ssh" / "authorized_keys"), str(home.parent / "victim"))
    os.symlink("../../victim", str(home / ".ssh" / "authorized_keys"))
    return home.parent / "victim"


def arrange_foreign_folder(home):
    os.chown(str(home / ".ssh"), UID + 1, UID + 1)
    os.chmod(str(home / ".ssh"), 0o777)
    return home / ".ssh"


def arrange_fifo(home):
    os.remove(str(home / ".ssh" / "authorized_keys"))
    os.mkfifo(str(home / ".ssh" / "authorized_keys"))
    os.chown(str(home / ".ssh" / "authorized_keys"), UID, UID)
    return None


@pytest.mark.parametrize("arrange", [arrange_link, arrange_second_name, arrange_link_to_a_file,
                                     arrange_foreign_folder, arrange_fifo])
def test_nothing_that_a_member_arranges_gets_another_label(home, arrange):
    victim = arrange(home)
    told = as_user(own_labels.survey, str(home), PARTS)
    assert set(told) <= {".ssh"} and (arrange is not arrange_foreign_folder or not told)
    as_user(own_labels.set_types, str(home), dict.fromkeys(PARTS, SSH))
    assert victim is None or label(victim) == DEFAULT


def test_what_cannot_be_set_is_named_whole(home, monkeypatch):
    monkeypatch.setattr(labels, "ATTRIBUTE", "trusted.aica-test")  # for root alone
    with pytest.raises(AicaError) as caught:
        as_user(own_labels.set_types, str(home), {".ssh": SSH})
    assert str(home / ".ssh") in str(caught.value)
