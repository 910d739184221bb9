"""A team that writes Korean, and an admin, a cron job or a rescue shell with LC_ALL=C.

Python 3.6 then takes every name for ASCII, and a later one that is told not to guess does too. No
verb may fail at a name, and what it writes is what it would have written anywhere.
"""

import json
import os
import subprocess
import sys

import pytest

from aica import command

C_LOCALE = {"LC_ALL": "C", "LANG": "C", "LANGUAGE": "", "PYTHONCOERCECLOCALE": "0",
            "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
KIM, LAB = 2001, 1500
NOTE = "# 김철수: 2025년 봄부터\n"
TEAM = "연구실 '하나'"
PASSWD = "lab:x:{0}:{0}:연구실,,,:/home/연구실:/bin/bash\n".format(LAB)


def name(text):
    """Return a path as the os module takes it in whatever locale the tests run."""
    return os.fsdecode(text.encode("utf-8"))


@pytest.fixture
def korean(whole):
    """A whole server that has Korean text wherever a team can put it."""
    whole.append("/data/config/users.txt", NOTE)
    whole.replace("/data/config/aica.conf", "\n[keep]\n", "\n# 공용 서버\n[keep]\nfiles = /etc/team\n")
    whole.write("/etc/team", "우리 팀\n")
    whole.write("/data/config/global_env.local.sh", 'export TEAM="{}"\n'.format(TEAM))
    for folder in ("/data/dataset/자료 하나", "/data/models/torch/모델", "/data/users/kim/논문"):
        whole.folder(name(folder), 0o700, KIM, KIM)
        whole.write(name(folder + "/초록.txt"), "내용\n", 0o600, KIM, KIM)
    whole.append("/etc/passwd", PASSWD)
    whole.append("/etc/group", "lab:x:{}:\n".format(LAB))
    whole.append("/etc/shadow", "lab:*:20000:0:99999:7:::\n")
    whole.folder(name("/home/연구실"), 0o755, LAB, LAB)
    whole.write(name("/home/연구실/일기"), "오늘\n", 0o644, LAB, LAB)
    whole.write(name("/usr/local/bin/도구"), "#!/bin/sh\n", 0o755)
    whole.folder(name("/data/users/없는 사람"), 0o755, 2077, 2077)
    whole.folder("/data/config/alert.d")
    whole.write(name("/data/config/alert.d/알림"), "#!/bin/sh\n", 0o755)
    return whole


def run(server, *words, code=0):
    """Run a verb in the C locale; all of its output is ASCII, and nothing went wrong with a name."""
    answer = server.program(*[name(word) for word in words], **C_LOCALE)
    assert answer.code == code, (words, answer)
    shown = answer.out + answer.err
    assert all(ord(char) < 128 for char in shown), (words, answer)
    assert "codec" not in shown and "Traceback" not in shown, (words, answer)
    return answer


def test_the_c_locale_is_ascii_here():
    """Guards the tests of this file: an encoding that can do everything would hide every mistake."""
    code = "import codecs, sys; print([codecs.lookup(one).name for one in " \
           "(sys.getfilesystemencoding(), sys.stdout.encoding)])"
    said = subprocess.check_output([sys.executable, "-c", code], env=dict(os.environ, **C_LOCALE))
    assert said == b"['ascii', 'ascii']\n"


def test_a_recovery_writes_what_it_writes_anywhere(korean):
    assert "\\" in run(korean, "check", "--deep", "-v", code=3).out
    run(korean, "recover", "--deep", "-v")
    assert "우리 팀\n" == korean.read("/data/config/keep/kept/etc/team")
    for path in ("/etc/profile.d/global_envs.sh", "/etc/aica/pam_env.conf"):
        assert TEAM in korean.read(path)
    found = korean.tree(times=True)
    assert korean.cli("check", "--deep").code == 0
    assert ", 0 changed" in korean.cli("recover").out
    assert korean.tree(times=True) == found


def test_korean_text_survives_each_verb_that_edits_a_file_with_it(korean):
    run(korean, "setup", "--yes", "--skip", "conda,uv")
    run(korean, "user", "unregister", "park")
    run(korean, "user", "remove", "lee", "--yes")
    for path, text in (("/data/config/users.txt", NOTE), ("/data/config/aica.conf", "# 공용 서버\n"),
                       ("/etc/passwd", PASSWD), ("/etc/passwd", ":김 (demo):")):
        assert text in korean.read(path)


def test_what_goes_wrong_with_a_korean_name_is_in_the_log(korean):
    korean.replace("/etc/passwd", "kim:x:2001:2001:김 (demo)", "kim:x:2001:2001:김민준")
    korean.remove("/run/aica/accounts.json")
    blocked = run(korean, "recover", code=4)
    assert blocked.ids("blocked") == ["account:kim"]
    assert "gecos \\uae40\\ubbfc\\uc900 here" in korean.read("/var/log/aica-recovery.log")
    rows = map(json.loads, run(korean, "check", "--json", code=4).out.splitlines())
    blocked, = [row for row in rows if row.get("status") == "blocked"]
    assert "gecos 김민준 here" in blocked["message"]


VERBS = """
    3 volatile
    3 volatile --json
    0 user list --sizes
    0 user list --json
    0 user show kim
    0 user fix-permissions kim -v
    3 permissions check /data/models/torch/모델
    0 permissions apply -v
    0 clean --all --dry-run -v
    0 clean --all --yes
    0 disk --by-user
    0 disk --json
    0 alert
    0 alert --test
    0 env
    0 env --json
    0 record
    0 render
    2 user add 최민호
    2 backup --list --from 없음
    2 check --only 없음
"""


def test_no_verb_fails_at_a_name(korean):
    for line in VERBS.strip().split("\n"):
        code, *words = line.split()
        run(korean, *words, code=int(code))


def test_a_backup_goes_there_and_back(korean, needs):
    needs(command.find("rsync"), "needs rsync")
    korean.folder("/backup")
    korean.remove(name("/data/users/없는 사람"))  # a home of nobody, which a backup complains about
    run(korean, "backup")
    korean.write(name("/data/users/kim/논문/초록.txt"), "", 0o600, KIM, KIM)
    run(korean, "backup", "--restore", "kim", "논문/초록.txt")
    folder = korean.path(name("/data/users/kim/논문"))
    back, = [one for one in os.listdir(folder) if one != name("초록.txt")]
    with open(os.path.join(folder, back), "rb") as text:
        assert text.read() == "내용\n".encode("utf-8")
    run(korean, "backup", "--list", "-v")
