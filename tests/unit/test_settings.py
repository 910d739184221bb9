"""The configuration files: what they may say, and what an error names."""

import re

import pytest

from aica import settings, settings_template
from aica.errors import ConfigError
from aica.settings import Settings


def site(text):
    return settings.with_site(text, Settings())


def test_an_empty_file_changes_nothing():
    assert settings.with_etc("") == Settings() == site("")


def test_etc_says_where_things_are():
    found = settings.with_etc("[paths]\ndata = /srv/data\nbackup = /srv/b\nhome = /export/home\n")
    assert (found.data, found.backup, found.home) == ("/srv/data", "/srv/b", "/export/home")
    assert found.users_txt == "/srv/data/config/users.txt"
    assert found.vault == "/srv/data/config/accounts"


def test_the_site_says_what_it_wants():
    found = site("[site]\ngroup = lab\nallowed_groups = guests, staff2 lab\ncontact = call 7\n"
                 "[storage]\nrequire_mount = no\n[accounts]\nhome_group = shared\n"
                 "keep_groups = video\nkeep_passwords = yes\nallow_dots = yes\n")
    assert found == Settings(
        group="lab", allowed_groups=("guests", "staff2", "lab"), contact="call 7",
        require_mount=False, home_group="shared", keep_groups=("video",), keep_passwords="yes",
        allow_dots=True)
    assert found.member_groups == ("lab", "guests", "staff2")


BAD = [
    ("[site]\ngroup = Lab\n", ("site", "group", "Lab")),
    ("[site]\ngroup = \n", ("site", "group")),
    ("[site]\ngroup = a\n b\n", ("site", "group")),
    ("[site]\nallowed_groups = ok ../x\n", ("site", "allowed_groups", "../x")),
    ("[storage]\nrequire_mount = maybe\n", ("storage", "require_mount", "maybe", "yes or no")),
    ("[accounts]\nhome_group = mine\n", ("accounts", "home_group", "mine", "private, shared")),
    ("[accounts]\nkeep_passwords = never\n", ("accounts", "keep_passwords", "never")),
    ("[accounts]\nallow_dots = 1\n", ("accounts", "allow_dots", "'1'")),
    ("[clean]\nmember_min_age_days = 0\n", ("clean", "member_min_age_days", "1 or more")),
    ("[backup]\nkeep_daily = 0\n", ("backup", "keep_daily", "from 1 to 9999")),
    ("[backup]\nkeep_weekly = 10000\n", ("backup", "keep_weekly", "from 0 to 9999")),
    ("[alert]\nwarning = 0\n", ("alert", "warning", "from 1 to 100")),
    ("[alert]\ncritical = 101\n", ("alert", "critical", "from 1 to 100")),
]


@pytest.mark.parametrize("text, words", BAD, ids=[row[0].strip() for row in BAD])
def test_an_error_names_file_section_key_and_value(text, words):
    with pytest.raises(ConfigError) as caught:
        site(text)
    for word in ("/data/config/aica.conf",) + words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["data", "/data/", "/", "", "/a/../etc", "/a/./b", "//a", "/a//b",
                                  "/a\tb", "/a b", "/a*", "/a,b", "/a:b", "/a$b", "/a\"b", "/a\\b",
                                  "/한글", "/a@{HOME}"])
def test_a_path_must_be_absolute_and_plain(path):
    with pytest.raises(ConfigError):
        settings.with_etc("[paths]\ndata = {}\n".format(path))


@pytest.mark.parametrize("text", ["group = lab\n", "[site\n", "[site]\ngroup\n",
                                  "[site]\ngroup = a\ngroup = b\n", "[site]\n[site]\n"])
def test_what_is_no_ini_file_is_an_error_and_not_a_bug(text):
    with pytest.raises(ConfigError) as caught:
        site(text)
    assert "\n" not in str(caught.value)


def test_unknown_keys_and_sections_warn_and_stop_nothing():
    found = site("[site]\ngroup = lab\ncolour = red\n[future]\nx = 1\n[DEFAULT]\ny = 2\n")
    assert found.group == "lab"
    assert len(found.warnings) == 3
    assert "[site] colour is unknown" in found.warnings[0]


def test_the_site_cannot_say_where_data_is():
    found = site("[paths]\ndata = /evil\n")
    assert found.data == "/data" and found.warnings


def test_numbers_may_be_the_least_and_the_most_that_is_said():
    found = site("[clean]\nmember_min_age_days = 1\n[backup]\nkeep_daily = 1\nkeep_weekly = 0\n"
                 "keep_monthly = 9999\n[alert]\nwarning = 1\ncritical = 100%\nhysteresis = 0\n")
    assert found == Settings(clean_member_days=1, backup_daily=1, backup_weekly=0,
                             backup_monthly=9999, alert_warning=1, alert_critical=100,
                             alert_hysteresis=0)


def test_a_percent_sign_is_just_a_percent_sign():
    assert site("[site]\ncontact = 100% sure, $HOME\n").contact == "100% sure, $HOME"


@pytest.mark.parametrize("wanted", [Settings(), Settings(group="lab", require_mount=False)])
def test_a_new_site_file_says_what_was_decided(wanted):
    assert site(settings_template.render(wanted)) == wanted


def test_every_key_stands_in_a_new_site_file():
    text = settings_template.render(Settings())
    found = {}
    for line in text.split("\n"):
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), set())
        key = re.match(r"#?([a-z0-9_]+) =", line)
        if key:
            section.add(key.group(1))
    assert found == {section: set(keys) for section, keys in settings.SITE_KEYS.items()}


@pytest.mark.parametrize("text, span", [
    ("", (1000, 60000)),
    ("UID_MIN 500\nUID_MAX\t\t 70000 \n", (500, 70000)),
    ("#UID_MIN 5\nUID_MIN many\nSYS_UID_MIN 100\n", (1000, 60000)),
    ("UID_MIN \u00b2\n", (1000, 60000)),
])
def test_the_range_of_ids_for_people(text, span):
    assert settings.parse_id_range(text) == span
