"""Screens that ask: a form, and the question before something is done."""

from . import keys, view
from .base import POP, Screen
from .words import _, tr


class Form(Screen):
    """Fields to fill in. submit(values) returns an effect, or raises Invalid."""

    typing = True
    footer = (keys.NEXT, keys.ENTER, keys.BACK)

    def __init__(self, title, fields, submit, command_of=lambda values: ""):
        super().__init__()
        self.title, self.fields = title, list(fields)
        self._submit, self._command_of = submit, command_of
        self.cursor = 0

    @property
    def command(self):
        """What does the same as the form as it is filled in now."""
        return self._command_of(self.values())

    def values(self):
        """Return {name: value} of the fields."""
        return {field.name: field.value for field in self.fields}

    def body(self, width, height):
        return view.form(self.fields, self.cursor, width, height)

    def press(self, action, name):
        field = self.fields[self.cursor]
        if action in (keys.BACK, keys.CANCEL):
            return POP
        if action == keys.ENTER:
            return self._next(field)
        if action in (keys.NEXT, keys.PREVIOUS):
            step = 1 if action == keys.NEXT else -1
            self.cursor = (self.cursor + step) % len(self.fields)
        else:
            self._change(field, action, name)
        return None

    def _next(self, field):
        if self.cursor < len(self.fields) - 1:
            self.cursor += 1
            return None
        try:
            return self._submit(self.values())
        except Invalid as error:
            self._mark(error)
        return None

    def _mark(self, error):
        names = [field.name for field in self.fields]
        self.cursor = names.index(error.field) if error.field in names else 0
        self.fields[self.cursor] = self.fields[self.cursor]._replace(error=str(error))

    def _change(self, field, action, name):
        value = changed(field, action, name)
        self.fields[self.cursor] = field._replace(value=value, error="")


def changed(field, action, name):
    """Return the value of a field after a key. Pure."""
    if field.kind == "switch":
        return not field.value if name == " " else field.value
    if field.kind == "choice":
        steps = {"LEFT": -1, "RIGHT": 1, " ": 1}
        place = field.choices.index(field.value) + steps.get(name, 0)
        return field.choices[place % len(field.choices)]
    if action == keys.ERASE:
        return field.value[:-1]
    return field.value + name if len(name) == 1 and name.isprintable() else field.value


class Invalid(Exception):
    """What was typed cannot be taken: which field, and why."""

    def __init__(self, field, words):
        super().__init__(words)
        self.field = field


class Question(Screen):
    """Asks before something is done. `word` must be typed where much is at stake."""

    typing = True

    def __init__(self, title, blocks, answer, word="", command=""):
        """answer() returns the effect of a yes."""
        super().__init__()
        self.title, self.blocks, self.command = title, list(blocks), command
        self._answer, self._word, self.typed = answer, word, ""

    def body(self, width, height):
        wanted = self._word or "y"
        ask = tr("Type {} and press Enter to go on, Esc to leave: ").format(wanted)
        lines = view.paragraphs(self.blocks, 0, width, height - 2)
        return lines + [view.blank(width), view.line(width, (ask, "warning"),
                                                     (self.typed + "_", "title"))]

    def footer_keys(self):
        return [("y, Enter" if not self._word else "Enter", _("go on")), ("Esc", _("leave"))]

    def press(self, action, name):
        if action in (keys.BACK, keys.CANCEL):
            return POP
        if action == keys.ERASE:
            self.typed = self.typed[:-1]
        elif action == keys.ENTER:
            if self.typed == (self._word or "y"):
                return self._answer()
            self.say(tr("nothing was changed"), "muted")
            return POP
        elif len(name) == 1:
            self.typed += name
        return None
