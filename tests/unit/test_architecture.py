"""The architecture is a test: who may know whom, and who may do what."""

import ast
import inspect
import os
import re
import sys

import pytest
from pages import read

import aica
from aica.errors import ReadOnlyViolation
from aica.host import CHANGING, Host, ReadOnlyHost

PACKAGE = os.path.dirname(aica.__file__)
LONGEST_FUNCTION = 50
LONGEST_FILE = 400

# What each module may know of aica. A package stands for all of its modules.
ALLOWED = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "change": set(),
    "accounts": set(),
    "environment": set(),
    "registry": {"errors"},
    "settings": {"errors", "settings_apps"},
    "settings_apps": set(),
    "settings_template": set(),
    "report": {"change"},
    "patience": {"errors"},
    "command": {"errors", "patience"},
    "files": {"errors", "labels"},
    "labels": set(),
    "storage": {"errors", "patience"},
    "lock": {"errors"},
    "vault": {"accounts", "errors", "ids"},
    "ids": {"errors"},
    "ssh_keys": {"errors"},
    "engine": {"change", "errors"},
    "tree": {"errors", "files", "labels", "permissions", "storage"},
    "permissions": set(),
    "bash_version": {"environment", "errors"},
    "copying": set(),
    "host": {"accounts", "command", "errors", "files", "labels", "patience", "storage", "tree"},
    "resources": {"accounts", "bash_version", "change", "copying", "errors", "ids", "labels", "permissions",
                  "registry", "tree", "vault"},
    "status": {"change", "errors", "report"},
    "seen": {"change", "errors", "status", "vault"},
    "guards": {"errors", "resources", "storage"},
    "to_keep": {"change", "errors", "resources", "seen", "settings_apps"},
    "site": {"accounts", "bash_version", "environment", "guards", "labels", "registry", "resources",
             "settings", "settings_apps", "settings_template", "to_keep", "toolfiles", "tree"},
    "toolfiles": set(),
    "install": {"change", "engine", "errors", "host", "lock", "report", "resources", "settings_apps",
                "site"},
    "memberenv": {"environment", "errors", "resources", "settings_apps", "site"},
    "demo": {"accounts", "settings", "settings_template", "vault"},
    "run": {"errors", "status"},
    "volatile": {"bootstrap", "change", "engine", "errors", "registry", "report", "resources",
                 "settings", "site", "storage", "tree"},
    "app": {"engine", "environment", "errors", "guards", "host", "lock", "registry", "report",
            "run", "seen", "settings", "site", "storage", "to_keep", "vault", "volatile"},
    "early": {"engine", "report", "site", "to_keep"},
    "provision": {"accounts", "bash_version", "change", "engine", "errors", "guards", "ids",
                  "registry", "report", "resources", "seen", "site", "storage", "to_keep", "vault"},
    "people": {"accounts", "disk", "engine", "errors", "ids", "lock", "registry", "report",
               "resources", "seen", "site", "ssh_keys", "storage", "to_keep", "tree", "vault"},
    "backup": {"change", "engine", "errors", "lock", "report", "resources", "storage", "tree"},
    "bootstrap": {"__init__", "engine", "errors", "report", "resources", "site", "storage"},
    "maintenance": {"backup", "bootstrap", "change", "engine", "errors", "host", "lock", "report",
                    "resources", "site", "status", "storage", "tree", "volatile"},
    "disk": {"caches", "change", "errors", "lock", "report", "status", "storage", "tree"},
    "caches": {"change", "engine", "errors", "files", "lock", "report", "resources", "storage",
               "tree"},
    "door": set(),
    "glance": {"disk", "errors", "settings", "status", "storage"},
    "booting": {"engine", "report", "resources", "site"},
    "tui": {"app", "backup", "booting", "bootstrap", "caches", "disk", "errors", "glance",
            "install", "maintenance", "memberenv", "people", "provision", "report", "settings",
            "settings_apps", "site", "ssh_keys", "status", "volatile"},
    "commands": {"app", "backup", "bootstrap", "caches", "command", "demo", "disk", "door", "early",
                 "errors", "glance", "install", "maintenance", "memberenv", "people", "provision",
                 "report", "site", "ssh_keys", "streams", "tui", "volatile"},
    "parser": {"__init__", "commands", "report"},
    "streams": set(),
    "cli": {"__init__", "app", "commands", "errors", "parser", "streams"},
}

# The one place for what is dangerous or easily lost. Everything else goes through it.
ONLY_IN = {
    "import subprocess": {"command.py"},
    "import curses": {"tui/screen.py"},
    "print()": {"cli.py", "commands/"},
    "sys.exit()": {"cli.py", "commands/", "__main__.py"},
    "except Exception": {"cli.py", "tui/app.py", "tui/worker.py"},
    "os.walk()": set(), "os.fwalk()": set(), "shutil.rmtree()": set(), "os.removedirs()": set(),
    "os.system()": set(), "os.popen()": set(),
    "os.chmod()": {"files.py", "demo.py"}, "os.chown()": {"files.py", "demo.py"},
    "os.lchown()": set(),
    "os.makedirs()": {"demo.py"},
    "shell=True": set(),
}

# The standard library as of the oldest Python that we run on (sys.stdlib_module_names is 3.10).
STANDARD = {
    "argparse", "array", "base64", "binascii", "collections", "configparser", "contextlib", "csv", "curses",
    "datetime", "difflib", "errno", "fcntl", "functools", "gettext", "grp", "hashlib", "heapq", "html",
    "http", "importlib", "io", "itertools", "json", "locale", "math", "multiprocessing", "os",
    "pickle", "pwd",
    "queue", "re", "resource", "secrets", "select", "shlex", "shutil", "signal", "socket", "stat",
    "string", "struct", "subprocess", "sys", "syslog", "tarfile", "tempfile", "textwrap",
    "threading", "time", "traceback", "typing", "unicodedata", "urllib", "zipfile", "zlib",
}


def sources():
    """Yield (path below aica/, syntax tree, text) of every module."""
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as source:
                    text = source.read()
                yield os.path.relpath(path, PACKAGE), ast.parse(text), text


SOURCES = list(sources())
PATHS = [path for path, _, _ in SOURCES]


def unit_of(path):
    """Return the name in ALLOWED that a file belongs to: its package, or itself."""
    return path.split("/")[0] if "/" in path else path[:-len(".py")]


def own_imports(path, tree):
    """Return the units of aica that a module imports, wherever in its text."""
    depth, found = path.count("/"), set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "aica":
                found.add(node.module.split(".")[1] if "." in node.module else "__init__")
            continue
        if node.level <= depth:  # a sibling in the same package
            found.add(unit_of(path))
        elif node.module:
            found.add(node.module.split(".")[0])
        else:
            found.update(alias.name if os.path.exists(os.path.join(PACKAGE, alias.name + ".py"))
                         or os.path.isdir(os.path.join(PACKAGE, alias.name)) else "__init__"
                         for alias in node.names)
    return found


def foreign_imports(tree):
    """Return the top names of all absolute imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def used(tree):
    """Return {what: line} of everything in a module that ONLY_IN speaks of."""
    found = {"import " + name: 1 for name in foreign_imports(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.setdefault(_called(node.func) + "()", node.lineno)
            if any(word.arg == "shell" and getattr(word.value, "value", False) is True
                   for word in node.keywords):
                found["shell=True"] = node.lineno
        elif isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            found["except Exception"] = node.lineno
    return found


def _called(function):
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id + "." + function.attr
    return ""


def _is_broad(caught):
    """True for a bare except, and for one of Exception; BaseException is for clean-ups."""
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or getattr(name, "id", "") == "Exception" for name in names)


@pytest.mark.parametrize("path, tree, text", SOURCES, ids=PATHS)
class TestEveryModule:
    """One offender, one failure that names it."""

    def test_imports_point_downwards(self, path, tree, text):
        unit = unit_of(path)
        assert unit in ALLOWED, "{}: say in ALLOWED what it may import".format(path)
        extra = own_imports(path, tree) - ALLOWED[unit] - {unit}
        assert not extra, "aica/{} may not import {}".format(path, sorted(extra))

    def test_imports_only_the_standard_library(self, path, tree, text):
        extra = foreign_imports(tree) - STANDARD - {"aica"}
        assert not extra, "aica/{} imports {}".format(path, sorted(extra))

    def test_leaves_the_dangerous_to_those_who_know_how(self, path, tree, text):
        for what, line in sorted(used(tree).items()):
            allowed = ONLY_IN.get(what)
            assert allowed is None or any(path.startswith(place) for place in allowed), \
                "aica/{}:{}: {} belongs only in {}".format(path, line, what, sorted(allowed))

    def test_says_what_it_promises(self, path, tree, text):
        silent = [] if ast.get_docstring(tree) else ["the module"]
        silent += [name for name, node in public_definitions(tree)
                   if not ast.get_docstring(node) and not inherits_its_words(path, name)]
        assert not silent, "aica/{}: no docstring: {}".format(path, ", ".join(silent))

    def test_is_short(self, path, tree, text):
        assert text.count("\n") < LONGEST_FILE, "aica/{} is too long".format(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                size = last_line(node) - node.lineno + 1
                assert size <= LONGEST_FUNCTION, \
                    "aica/{}: {}() has {} lines".format(path, node.name, size)


def last_line(node):
    """Return the last line of a function (end_lineno came with 3.8)."""
    return max(getattr(inner, "lineno", 0) for inner in ast.walk(node))


def public_definitions(tree):
    """Yield (dotted name, node) of public functions, classes and methods."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, kinds) and not inner.name.startswith("_"):
                    yield "{}.{}".format(node.name, inner.name), inner


def inherits_its_words(path, name):
    """True for a method whose promise stands in the class above (a resource's inspect())."""
    if "." not in name:
        return False
    module = __import__("aica." + path[:-len(".py")].replace("/", "."), fromlist=["x"])
    owner, method = name.split(".")
    return bool(inspect.getdoc(getattr(getattr(module, owner), method)))


def test_the_table_names_no_module_that_is_gone():
    gone = set(ALLOWED) - {unit_of(path) for path in PATHS}
    assert not gone


def test_the_table_has_no_cycle():
    height = {}

    def climb(unit, path=()):
        assert unit not in path, "a cycle: {}".format(" -> ".join(path + (unit,)))
        if unit not in height:
            height[unit] = 1 + max([climb(below, path + (unit,)) for below in ALLOWED[unit]] or [0])
        return height[unit]

    for unit in ALLOWED:
        climb(unit)


def test_the_table_allows_nothing_that_no_module_does():
    done = {unit: set() for unit in ALLOWED}
    for path, tree, _ in SOURCES:
        done[unit_of(path)] |= own_imports(path, tree)
    unused = {unit: allowed - done[unit] for unit, allowed in ALLOWED.items()}
    assert {unit: names for unit, names in unused.items() if names} == {}


def drawing():
    """Return ([the modules of each layer of ARCHITECTURE.md, from the top], its arrows as pairs)."""
    layers, arrows = [], []
    for line in re.search(r"```text\n(  cli .*?)```", read("ARCHITECTURE.md"), re.S).group(1).split("\n"):
        label, names = line[2:16].strip(), line[16:50]  # what is behind it is prose
        if label not in ("", "|"):
            layers.append(set())
        layers[-1].update(re.findall(r"\w+", names))
        for chain in re.findall(r"\w+(?: -> \w+)+", names):
            steps = chain.split(" -> ")
            arrows += zip(steps, steps[1:])
    return layers, arrows


def test_the_drawing_of_the_layers_is_the_table():
    layers, arrows = drawing()
    drawn = [name for layer in layers for name in layer]
    assert sorted(drawn) == sorted(set(ALLOWED) - {"__init__"}), "each module stands in one layer"
    below = set(drawn) | {"__init__"}
    for layer in layers:
        for name in layer:
            upwards = ALLOWED[name] - below
            assert not upwards, "{} is drawn below {}".format(name, sorted(upwards))
        below -= layer
    assert len(arrows) > 10
    assert [pair for pair in arrows if pair[1] not in ALLOWED[pair[0]]] == []


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names is 3.10")
def test_what_we_call_standard_is():
    assert not STANDARD - sys.stdlib_module_names


READING = {
    "accounts", "directory_group", "directory_name", "directory_user", "fence", "folder",
    "has_program", "is_directory_member", "is_folder", "live",
    "label", "lstat", "names", "query", "read_file", "read_owned", "read_trusted", "real", "survey_tree",
    "compare_modes", "save_modes", "processes", "free", "look_as", "share", "shared", "query_own", "measure",
    "ancestors", "survey_home", "locks_work", "runs_unseen",
}


def test_every_method_of_the_host_is_known_to_read_or_to_change():
    public = {name for name in dir(Host) if not name.startswith("_")}
    assert public == READING | set(CHANGING)


@pytest.mark.parametrize("name", sorted(
    name for name in set(dir(Host)) - READING if not name.startswith("_")))
def test_a_read_only_host_refuses_to_change_anything(name, tmp_path):
    with pytest.raises(ReadOnlyViolation):
        getattr(ReadOnlyHost(str(tmp_path)), name)("/a", "b")


def test_a_violation_cannot_be_caught_as_an_ordinary_error():
    from aica.errors import AicaError
    assert not issubclass(ReadOnlyViolation, (AicaError, OSError))
