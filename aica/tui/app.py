"""The loop: paint the screen on top, wait for a key or a worker, do what it answers."""

import functools
import os
import signal
import socket
import time
import traceback

from . import base, keys, mishap, reading, words
from .screen import Terminal
from .worker import watch


class Lost(Exception):
    """The terminal is gone, or somebody wants us to end."""


def main(first, theme="auto", ascii_only=False, language="", keep=lambda trace: None,
         warnings=()):
    """Show screens until the first one is left. Work in hand is finished, whatever happens.

    keep(trace) puts the traceback of a bug where it can be found again. warnings is
    where the use cases put theirs: the screen that waited for the work shows them.
    """
    words.choose(language)
    watch(warnings)
    old = {number: signal.signal(number, _lose) for number in (signal.SIGHUP, signal.SIGTERM)}
    stack = [first]
    try:
        with Terminal(theme, ascii_only) as terminal:
            _loop(terminal, stack, keep)
    except (Lost, EOFError):
        pass
    finally:
        _finish(stack)
        for number, handler in old.items():
            signal.signal(number, handler)


def _lose(number, _frame):
    raise Lost(number)


def _loop(terminal, stack, keep):
    where = "{} · {}".format(socket.gethostname(), "admin" if os.geteuid() == 0 else "member")
    steps = [stack[-1].shown]
    while stack:
        above = bool(steps)
        try:
            if steps:
                steps.pop(0)()
            else:
                names = _once(terminal, stack, where)
                steps = [functools.partial(_press, stack, name) for name in names]
                _tell_of_work(stack, keep)
        except (Lost, EOFError):
            raise
        except Exception:  # a bug of a screen: said where somebody looks, and the menu goes on
            if not stack or isinstance(stack[-1], mishap.Mishap):
                raise
            steps = []
            _tell_of_screen(stack, traceback.format_exc(), keep, above)


def _once(terminal, stack, where):
    """Paint the screen on top, wait, and return what was pressed."""
    top = stack[-1]
    top.arrived()
    if top.trace:
        return []
    terminal.paint(top.draw(where, *terminal.size()))
    watched = [worker for worker in top.workers() if not worker.done]
    began = time.monotonic()
    names = terminal.keys(watched, top.tick_s)
    if top.tick_s and not names and time.monotonic() - began >= top.tick_s:
        top.ticked()
    return names


def _tell_of_screen(stack, trace, keep, above):
    """Show what went wrong: above the screen where a key did, or in place of one that cannot be shown."""
    keep(trace)
    if above:
        stack[-1].is_told = True
    else:
        stack.pop().close()
    stack.append(mishap.Mishap(trace))


def _tell_of_work(stack, keep):
    """Show what went wrong in a worker, above the screen that waited for it."""
    if stack and stack[-1].trace:
        trace, stack[-1].trace = stack[-1].trace, ""
        stack[-1].is_told = True
        keep(trace)
        stack.append(mishap.Mishap(trace))


def _press(stack, name):
    top = stack[-1]
    action = keys.action_of(name, top.typing)
    top.note = ""
    if action == keys.HELP:
        effect = base.Push(reading.help_screen())
    elif name in ("RESIZE", "REDRAW"):
        return
    else:
        effect = top.press(action, name)
    _apply(stack, effect)


def _apply(stack, effect):
    if effect in (base.POP, base.QUIT) or isinstance(effect, base.Replace):
        left = stack.pop()
        left.close()
        if left.note and stack:  # what it said with its last key
            stack[-1].say(left.note, left.note_role)
    if effect == base.QUIT:
        while stack:
            stack.pop().close()
    if isinstance(effect, (base.Push, base.Replace)):
        stack.append(effect.screen)
    if effect and stack:
        # Not again what ended with a bug: nobody would get past it.
        if not stack[-1].is_told:
            stack[-1].shown()
        stack[-1].is_told = False


def _finish(stack):
    """Let the step in hand end: an account is never left half-made."""
    for screen in stack:
        for worker in screen.workers():
            worker.cancel()
            worker.wait()
