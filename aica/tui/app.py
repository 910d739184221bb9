"""The loop: paint the screen on top, wait for a key or a worker, do what it answers."""

import os
import signal
import socket
import time

from . import base, keys, reading, words
from .screen import Terminal


class Lost(Exception):
    """The terminal is gone, or somebody wants us to end."""


def main(first, theme="auto", ascii_only=False, language=""):
    """Show screens until the first one is left. Work in hand is finished, whatever happens."""
    words.choose(language)
    old = {number: signal.signal(number, _lose) for number in (signal.SIGHUP, signal.SIGTERM)}
    stack = [first]
    try:
        with Terminal(theme, ascii_only) as terminal:
            _loop(terminal, stack)
    except Lost:
        pass
    finally:
        _finish(stack)
        for number, handler in old.items():
            signal.signal(number, handler)


def _lose(number, _frame):
    raise Lost(number)


def _loop(terminal, stack):
    stack[-1].shown()
    where = "{} · {}".format(socket.gethostname(), "admin" if os.geteuid() == 0 else "member")
    while stack:
        top = stack[-1]
        top.arrived()
        terminal.paint(top.draw(where, *terminal.size()))
        watched = [worker for worker in top.workers() if not worker.done]
        began = time.monotonic()
        names = terminal.keys(watched, top.tick_s)
        if top.tick_s and not names and time.monotonic() - began >= top.tick_s:
            top.ticked()
        for name in names:
            _press(stack, name)
            if not stack:
                return


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
        stack.pop().close()
    if effect == base.QUIT:
        while stack:
            stack.pop().close()
    if isinstance(effect, (base.Push, base.Replace)):
        stack.append(effect.screen)
    if effect and stack:
        stack[-1].shown()


def _finish(stack):
    """Let the step in hand end: an account is never left half-made."""
    for screen in stack:
        for worker in screen.workers():
            worker.cancel()
            worker.wait()
