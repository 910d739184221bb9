"""What comes back from a snapshot: with which rights."""

import os

import pytest

from aica.tree import bring


@pytest.mark.parametrize("gid, mode", [(0, 0o660), (4500, 0o600)])
def test_a_restored_file_in_another_group_gets_none_of_the_groups_rights(
        root_rights, tmp_path, gid, mode):
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.write_text("x")
    os.chown(str(old), 0, gid)
    os.chmod(str(old), 0o4660)
    os.chown(str(new), 0, 0)
    handles = [os.open(str(path), os.O_RDWR) for path in (new, old)]
    bring._dress(handles[0], handles[1], os.fstat(handles[1]))
    assert os.fstat(handles[0]).st_mode & 0o7777 == mode
    for handle in handles:
        os.close(handle)
