"""The texts that the menu shows of what others say, found in the source, each as a template.

They are the messages, hints and lines of outcomes; errors; findings of `aica volatile`; what
`aica env`, `aica user list` and the alarm say; warnings, and problems that are gathered.

A template is the English text with {} for each value, whatever its format is.
"""

import ast
import os
import re
import string

from wiped import REPOSITORY

# Where a text is shown in the menu as part of an outcome or of a failure.
ERRORS = {"AicaError": 1, "Conflict": 1, "ConfigError": 1, "NotReady": 1, "Busy": 1,
          "NotApplicable": 1, "Changed": 1}
SAYING = ("remark", "describe", "describe_one", "amount", "what_is_lost", "save_command",
          "keep_command", "_notes", "_group_notes", "_stranger_notes", "_space", "_inodes",
          "full_in_words", "over", "caches_in_words", "growth_in_words",
          "_forecast", "warnings", "words", "_variables")
# Functions that return (name, text, hint) of each warning of `aica env`.
WARNING = re.compile(r"_\w*warnings?\Z")
# Lists of texts that are shown: self.problems.append("...").
GATHERED = ("problems", "notes", "warnings", "parts")
PLACE = "{}"
# What is joined to a text by that is looked up by itself.
ADDED = "{}; "
# Words that are typed: in every language the same.
TYPED = set(
    "adduser aica apt chfn chmod chown findmnt groupdel install loginctl ls mount mv ps pwconv rm "
    "ssh-keygen sudo sysctl systemctl conda uv pam-auth-update usermod user show list setup "
    "register unregister recover adopt record disk env backup miniconda miniforge unmask rsync root go-w "
    "aica-datakeeper uid fs".split())


def templates():
    """Return the templates of all texts of outcomes, with where one of each stands."""
    found = {}
    for path in sorted(_sources()):
        with open(path, encoding="utf-8") as source:
            tree = ast.parse(source.read())
        for node, texts in _said(tree):
            for text in texts:
                text = text[len(ADDED):] if text.startswith(ADDED) else text
                if not _is_typed(text):
                    found.setdefault(text, "{}:{}".format(
                        os.path.relpath(path, REPOSITORY), node.lineno))
    return found


def _is_typed(text):
    """True for a command, and for what has no word at all: there is nothing to translate."""
    words = re.findall(r"(?<![^ (])[a-z][a-z-]*(?=[ ;:,.)]|\Z)", text)
    starts = text.split(" ")[0] in TYPED or not words
    return starts and set(words) <= TYPED


def _sources():
    top = os.path.join(REPOSITORY, "aica")
    for folder, _, names in os.walk(top):
        if os.path.relpath(folder, top).split(os.sep)[0] not in ("commands", "tui"):
            yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))


def _said(tree):
    """Yield (node, texts) of everything that is said in a module."""
    constants = _assigned(tree.body)
    for function in [tree] + [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]:
        names = dict(constants)
        names.update(_assigned(ast.walk(function)) if function is not tree else {})
        for node in ast.walk(function):
            for part in _parts(node):
                yield node, _texts(part, names)
        for node, part in _answers(function):
            yield node, _texts(part, names)


def _answers(function):
    """Yield (node, expression) of what a function says by what it returns."""
    name = getattr(function, "name", "")
    for node in ast.walk(function) if name in SAYING or WARNING.match(name) else ():
        if name in ("warnings", "words") and _is_call(node, "append"):
            yield node, node.args[0]
        if name in SAYING and isinstance(node, (ast.Return, ast.Yield)) and node.value is not None:
            yield node, node.value
        if WARNING.match(name) and isinstance(node, ast.Tuple) and len(node.elts) == 3:
            yield node, ast.Tuple(elts=node.elts[1:])


def _assigned(nodes):
    """Return {name: [expressions]} of simple assignments."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node.value)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) \
                and isinstance(node.value, ast.Tuple):
            for one, value in zip(node.targets[0].elts, node.value.elts):
                if isinstance(one, ast.Name):
                    found.setdefault(one.id, []).append(value)
    return found


def _parts(node):
    """Return the expressions of a call that are said: message, hint, details, lines and such."""
    if not isinstance(node, ast.Call):
        return []
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    words = [key.value for key in node.keywords
             if key.arg in ("message", "hint", "details", "lines")]
    if name in ERRORS:
        return node.args + words
    if name in ("append", "extend"):
        return node.args if _name(getattr(node.func, "value", None)) in GATHERED else []
    if name == "_replace":
        return words + [key.value for key in node.keywords if key.arg == "keep"]
    # Finding(kind, name, message, keep); Row("setting", name, value, source) of `aica env`.
    if name == "Row" and _literal(node.args[0]) is None:
        return []
    first = {"Adoption": 1, "Outcome": 3, "Finding": 2, "Row": 2, "_keeps": 3}.get(name)
    return node.args[first:] + words if first else []


def _is_call(node, name):
    return isinstance(node, ast.Call) and _name(node.func) == name


def _name(node):
    """Return how a variable or an attribute is called, "" for another expression."""
    return getattr(node, "id", getattr(node, "attr", ""))


def _texts(node, names, depth=0):
    """Return the templates that an expression can be."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body, names, depth) + _texts(node.orelse, names, depth)
    if isinstance(node, ast.BoolOp):
        return [text for one in node.values for text in _texts(one, names, depth)]
    if isinstance(node, (ast.Tuple, ast.List)):
        return [text for one in node.elts for text in _texts(one, names, depth)]
    if isinstance(node, ast.Name) and depth < 3:
        return [text for one in names.get(node.id, ()) for text in _texts(one, names, depth + 1)]
    if _is_call(node, "join") and _name(node.args[0]) == "parts":
        return _texts(node.args[0], names, depth)
    if _is_call(node, "format") and isinstance(node.func.value, ast.Name):
        return [_normal(one) for one in _texts(node.func.value, names, depth)]
    literal = _literal(node)
    return [literal] if literal is not None and literal != PLACE else []


def _literal(node):
    """Return an expression as a template; None if it is no text at all."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_literal(node.left), _literal(node.right)]
        if sides == [None, None]:
            return None
        return "".join(PLACE if side is None else side for side in sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) \
            and node.func.attr == "format":
        text = _literal(node.func.value)
        return None if text is None else _normal(text)
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _normal(text):
    """Return a format string with {} for each of its places."""
    return "".join(literal + (PLACE if name is not None else "")
                   for literal, name, _spec, _conversion in string.Formatter().parse(text))


if __name__ == "__main__":
    for one, where in sorted(templates().items(), key=lambda pair: pair[1]):
        print("{}\t{!r}".format(where, one))
