"""The rendered files in every shell that is installed here: silent, harmless, and exact."""

import fcntl
import os
import pty
import re
import shutil
import subprocess
import tempfile
import termios
from typing import NamedTuple

import pytest

from aica.environment import Variable, builtin, render_global_env, render_profile

NOBODY = 65534
SHELLS = {
    "bash": ("bash", "--noprofile", "--norc"),
    "bash posix": ("bash", "--posix", "--noprofile", "--norc"),
    "dash": ("dash",),
    "zsh": ("zsh", "-f"),
    "busybox": ("busybox", "sh"),
    "ksh": ("ksh",),
    "mksh": ("mksh",),
    "yash": ("yash", "--noprofile", "--norc"),
}
VALUES = [
    "plain",
    "",
    "two  words",
    " around ",
    'it\'s "quoted"',
    "한글과 emoji 😀",
    "$5 $$ $HOMER ${HOME} $(id) `id`",
    "back\\slash \\n \\$ ends with \\",
    "; & | < > ( ) * ? [a] {a,b} ~ # !! %s",
]
NASTY = tuple(Variable("V{}".format(n), value, "test") for n, value in enumerate(VALUES))
STRICT = "set -eu; set -o noglob; set -o noclobber; "
SHELLS_OWN = {"_", "PIPESTATUS", "_AST_FEATURES", "KSH_MATCH"}  # they set these as they go
REPORT = "; echo REPORT; umask; env"


class Place(NamedTuple):
    """A little machine: homes/kim is a link to data/kim, homes/plain is a folder."""

    root: str
    profile: str
    notice: str

    def home(self, name):
        return os.path.join(self.root, "homes", name)

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


class Answer(NamedTuple):
    """What a shell reported after it had read a file."""

    umask: int
    env: dict
    err: str


@pytest.fixture
def place():
    """A folder that an ordinary user can read too, with the rendered profile in it."""
    root = tempfile.mkdtemp(prefix="profile")
    os.chmod(root, 0o755)
    made = Place(root, root + "/profile.sh", root + "/notice")
    for folder in ("homes", "homes/plain", "data", "data/kim"):
        os.mkdir(os.path.join(root, folder))
    os.symlink(root + "/data/kim", made.home("kim"))
    variables = builtin(root + "/data") + NASTY
    header = "# Generated\n# sha256: 0\n"
    notices = (made.notice, made.notice + "-of-disks")
    made.write(made.profile, header + render_profile(variables, notices, root + "/homes"))
    yield made
    shutil.rmtree(root)


@pytest.fixture(params=sorted(SHELLS))
def shell(request):
    """The argv of each installed shell."""
    argv = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip("{} is not installed".format(argv[0]))
    return argv


def become(as_root, terminal):
    """Return what a child does before exec: give up root (the profile ignores root), get a tty."""

    def prepare():
        os.umask(0o022)
        if terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if os.geteuid() == 0 and not as_root:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    return prepare


def run(argv, home, as_root=False, stdin=subprocess.DEVNULL, **more):
    """Run argv with a bare environment; return (status, stdout, stderr)."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    env.update({} if home is None else {"HOME": home}, **more)
    done = subprocess.run(
        argv,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=become(as_root, stdin != subprocess.DEVNULL),
        timeout=20,
        check=False,
        cwd="/",
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def ask(argv, file, home, interactive=False, **more):
    """Let a strict shell read `file`, and return its Answer."""
    script = "{}. {}{}".format(STRICT, file, REPORT)
    if not interactive:
        status, out, err = run(argv + ("-c", script), home, **more)
    else:
        master, slave = pty.openpty()
        try:
            status, out, err = run(argv + ("-i", "-c", script), home, stdin=slave, **more)
        finally:
            os.close(master)
            os.close(slave)
    assert status == 0, err
    # busybox greets an interactive user on stdout.
    umask, _, rest = out[out.index("REPORT\n") + 7 :].partition("\n")
    return Answer(int(umask, 8), dict(line.split("=", 1) for line in rest.splitlines()), err)


def expected(place, home):
    """Return the variables that a member with this home must see."""
    found = {}
    for variable in builtin(place.root + "/data"):
        found[variable.name] = variable.value.replace("$HOME", home)
    found.update((variable.name, variable.value) for variable in NASTY)
    return found


def ours(answer):
    """Return those of our variables that are set."""
    return {
        name: value
        for name, value in answer.env.items()
        if re.match(r"V\d+$|CONDA_|HF_|MODELS_DIR|TORCH_HOME|COMFYUI_HOME|FLUX_HOME", name)
    }


def test_a_member_gets_umask_and_every_value_to_the_letter(shell, place):
    answer = ask(shell, place.profile, place.home("kim"))
    assert answer.umask == 0o002
    assert ours(answer) == expected(place, place.home("kim"))
    assert answer.err == ""


def test_a_slash_behind_the_home_changes_nothing(shell, place):
    assert ask(shell, place.profile, place.home("kim") + "/").umask == 0o002


@pytest.mark.parametrize("name", ["plain", "missing", "kim/work", "kim/.", "kim//", "*", ""])
def test_everybody_else_keeps_what_the_system_gives(shell, place, name):
    answer = ask(shell, place.profile, place.home(name))
    assert (answer.umask, ours(answer), answer.err) == (0o022, {}, "")


@pytest.mark.parametrize("home", [None, "", "/", "/root", "/nonexistent", "relative"])
def test_a_home_elsewhere_or_none_is_harmless(shell, place, home):
    answer = ask(shell, place.profile, home)
    assert (answer.umask, ours(answer), answer.err) == (0o022, {}, "")


def test_the_end_of_the_link_is_not_a_home_of_ours(shell, place):
    assert ask(shell, place.profile, place.root + "/data/kim").umask == 0o022


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be root")
def test_root_gets_nothing_even_with_a_members_home(shell, place):
    answer = ask(shell, place.profile, place.home("kim"), as_root=True)
    assert (answer.umask, ours(answer), answer.err) == (0o022, {}, "")


NOTICES = [
    ("recovery failed: aica check\n", "recovery failed: aica check\n"),
    ("no newline at the end", "no newline at the end\n"),
    ("first\nsecond\n", "first\n"),
    ("  %s \\n \\c 'x' 한글\n", "  %s \\n \\c 'x' 한글\n"),
    ("", ""),
]


@pytest.mark.parametrize("text, shown", NOTICES)
@pytest.mark.parametrize("name", ["kim", "plain"])
def test_everybody_sees_the_first_line_of_the_notice(shell, place, name, text, shown):
    place.write(place.notice, text)
    assert ask(shell, place.profile, place.home(name), interactive=True).err == shown


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be root")
def test_root_sees_the_notice_too(shell, place):
    place.write(place.notice, "recovery failed\n")
    answer = ask(shell, place.profile, "/root", interactive=True, as_root=True)
    assert answer.err == "recovery failed\n"


def test_no_notice_no_output(shell, place):
    assert ask(shell, place.profile, place.home("kim"), interactive=True).err == ""


def test_a_script_never_sees_the_notice(shell, place):
    place.write(place.notice, "recovery failed\n")
    assert ask(shell, place.profile, place.home("kim")).err == ""


def test_a_restricted_shell_reads_it_like_any_other(place):
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    argv = ("bash", "--restricted", "-c", "umask; env")
    status, out, err = run(argv, place.home("kim"), BASH_ENV=place.profile)
    assert (status, err) == (0, "")
    assert out.startswith("0002\n") and "\nHF_HOME=" in out


@pytest.mark.parametrize("options", ["", STRICT])
def test_it_leaves_no_variable_and_no_option_behind(shell, place, options):
    place.write(place.notice, "recovery failed\n")
    show = "set; echo OPTIONS $-; set +o"
    script = "{}{}; echo MIDDLE; . {} 2>&1; {}".format(options, show, place.profile, show)
    # -i without a terminal: the shell may grumble on stderr, which is not looked at.
    status, out, _ = run(shell + ("-i", "-c", script), place.home("kim"))
    assert status == 0 and "recovery failed\n" in out
    before, after = out.split("\nMIDDLE\n")
    names = [set(re.findall(r"^(\w+)=", half, re.MULTILINE)) for half in (before, after)]
    assert names[1] - names[0] - SHELLS_OWN == set(expected(place, ""))
    halves = [half[half.rindex("\nOPTIONS") :].strip() for half in (before, after)]
    assert halves[0] == halves[1]


@pytest.mark.parametrize("home", ["/home/한 글", "/home/kim"])
def test_old_scripts_read_the_same_values_from_global_env(shell, place, home):
    path = place.root + "/global_env.sh"
    place.write(path, "# Generated\n" + render_global_env(builtin(place.root + "/data") + NASTY))
    assert ours(ask(shell, path, home)) == expected(place, home)


def traced(argv, place, what, home):
    """Return the lines that strace writes while a member's shell reads the profile."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = os.path.join(place.root, "trace")
    place.write(log, "")
    os.chmod(log, 0o666)
    watch = ("strace", "-f", "-qq", "-e", "trace=" + what, "-o", log)
    if run(watch + ("true",), "/")[0] != 0:
        pytest.skip("strace may not trace here")
    status, _, err = run(watch + argv + ("-c", ". " + place.profile), home)
    assert status == 0, err
    with open(log, encoding="utf-8") as file:
        return file.read().splitlines()


def test_it_forks_nothing(shell, place):
    place.write(place.notice, "recovery failed\n")
    lines = traced(shell + ("-i",), place, "process", place.home("kim"))
    if shell[0] == "mksh":
        pytest.skip("mksh has no printf of its own: one process, and only with a notice")
    assert [line for line in lines if re.search(r"\b(clone3?|v?fork)\(", line)] == []
    assert len([line for line in lines if "execve(" in line]) == 1


@pytest.mark.parametrize("name", ["kim", "kim/", "kim//", "kim/work", "../data/kim"])
def test_it_touches_nothing_behind_the_link(shell, place, name):
    # A path through homes/kim would be followed to data; only the link itself may be looked at.
    lines = traced(shell, place, "file", place.home(name))
    reads_profile = [n for n, line in enumerate(lines) if place.profile in line]
    after = lines[reads_profile[-1] + 1 :]
    touched = [line for line in after if place.root in line]
    if name in ("kim", "kim/"):
        assert len(touched) == 1
        assert re.search(r"lstat\(|AT_SYMLINK_NOFOLLOW", touched[0])
        assert '"{}"'.format(place.home("kim")) in touched[0]
    else:
        assert touched == []


@pytest.mark.parametrize("checker", [("dash", "-n"), ("bash", "-n"), ("busybox", "sh", "-n")])
def test_the_syntax_is_plain_sh(checker, place):
    if shutil.which(checker[0]) is None:
        pytest.skip("{} is not installed".format(checker[0]))
    assert run(checker + (place.profile,), "/") == (0, "", "")
