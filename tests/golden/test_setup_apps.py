"""`aica setup` decides about conda and uv once, says so, and installs neither itself."""

import golden
import pytest

from aica import settings

SETUP = ("setup", "--allow-unmounted", "--yes")


@pytest.fixture
def bare(server):
    """A server with an empty data disk and no user."""
    server.remove("/data")
    server.folder("/data")
    return server


def decided(server):
    found = settings.with_site(server.read("/data/config/aica.conf"), settings.Settings())
    assert found.warnings == ()
    return found.conda_install, found.uv_install


@pytest.mark.parametrize("skip, wanted", [
    ((), ("miniforge", True)), (("--skip", "conda"), ("no", True)),
    (("--skip", "uv"), ("miniforge", False)), (("--skip", "conda,uv"), ("no", False))])
def test_a_new_site_gets_what_needs_no_consent_unless_it_is_left_out(bare, skip, wanted):
    answer = bare.cli(*SETUP + skip)
    assert answer.code == 0, answer
    assert decided(bare) == wanted
    missing = [name for name in answer.ids("skipped") if name.split(":")[0] in ("conda-base", "uv")]
    assert len(missing) == 2 - (wanted[0] == "no") - (not wanted[1])
    assert not bare.exists("/data/apps/miniconda3") and not bare.exists("/data/apps/uv")
    again = bare.cli(*SETUP)
    assert again.code == 0 and golden.drift(again) == [] and decided(bare) == wanted


def test_the_plan_says_what_will_be_fetched_and_by_whom(bare):
    plan = bare.cli("setup", "--allow-unmounted", "--dry-run")
    for name in ("conda-base:/data/apps/miniconda3", "uv:/data/apps/uv"):
        line = next(line for line in plan.out.split("\n") if name in line)
        assert "not installed yet: aica-install.service installs it" in line


def test_a_site_that_was_set_up_before_is_asked_for_nothing(whole):
    whole.write("/data/config/aica.conf", "[site]\ngroup = gpu-users\n[storage]\n"
                                          "require_mount = no\n")
    answer = whole.cli("recover")
    assert answer.code == 0 and not [name for name in answer.ids(
        "ok", "skipped", "changed") if name.split(":")[0] in ("conda-base", "uv")]
    whole.cli(*SETUP)
    assert decided(whole) == ("no", False)
