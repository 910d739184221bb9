"""The overview above the first menu: disks as bars, the last recovery, people, graphics cards."""

from ... import report
from ...disk import message
from .. import keys, text, view
from ..base import Menu
from ..outcomes import said
from ..words import tr
from ..worker import Worker
from .recovery import said_problem

# Often enough for a person who looks; each look costs a process.
EVERY_S = 60
LEAST = 3  # lines of the overview
MOST = 6  # lines of what could not be looked at
# By the levels of disk.alarm: ok, warning, critical, missing.
ROLES = ("ok", "warning", "error", "error")


class Home(Menu):
    """A menu below an overview, which is looked at anew every minute."""

    tick_s = EVERY_S
    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.FILTER, keys.REFRESH, keys.HELP)

    def __init__(self, title, items, look):
        """look() -> glance.Glance, called in a worker."""
        super().__init__(title, items)
        self._look, self.glance = look, None

    def shown(self):
        # A look that has begun may be from before what was just done.
        self.close()
        self._worker = Worker(lambda: [self._look()])

    def arrived(self):
        if self._worker is None:
            return
        for found in self._worker.take():
            self.glance = found
        if self._worker.done:
            self.ended(self._worker)
            self._worker = None

    def ticked(self):
        """A minute is over. A look that takes longer is not begun anew."""
        if self._worker is None:
            self.shown()

    def press(self, action, name):
        if action == keys.REFRESH and not self.typing:
            self.shown()
            return None
        return super().press(action, name)

    def body(self, width, height):
        # On a small terminal the menu scrolls: what needs attention is never left out.
        above = view.paragraphs(self.failure, 0, width, height // 2)
        room = max(LEAST, height - len(self.items) - 1 - len(above))
        if self.glance or not above:
            above = (above + lines(self.glance, width)[:room])[:height // 2]
        if above:
            above.append(view.line(width, ("─" * width, "border")))
        return above + super().body(width, height - len(above))


def lines(glance, width):
    """Return a Glance as lines, what matters most first. Pure."""
    if glance is None:
        return [view.line(width, (tr("looking ..."), "muted"))]
    found = view.paragraphs([("! " + said(words), "error") for words in glance.problems], 0, width,
                            MOST)
    # Those of the recovery stand whole on its own screen.
    found += [view.line(width, ("! " + said_problem(words), "error"))
              for words in glance.recovery.get("problems", ())[:3]]
    found += [disk(look, state, width) for look, state in glance.disks]
    found.append(view.line(width, *_recovery(glance.recovery)))
    if glance.people:
        found.append(view.line(width, (tr("logged in: "), "muted"),
                               (", ".join(glance.people), "text")))
    return found + [gpu(one, width) for one in glance.gpus]


def disk(look, state, width):
    """Return the line of one disk: bar, figures, until when."""
    if look.figures is None:
        return view.line(width, (text.pad(look.disk, 12), "text"), (said(look.lost), "error"))
    space = look.figures.blocks
    percent = space.percent or 0
    words = tr("{}%  {} free").format(percent, report.size(space.free))
    # Without the name of the disk, which stands in front of the bar.
    full = said(message.full_in_words(look._replace(disk=""))).lstrip(" :") if look.full else ""
    role = ROLES[state.level]
    mark = "" if role == "ok" else "  " + tr("ALARM")
    return view.gauge(look.disk, percent / 100.0, words + mark + ("  " + full if full else ""),
                      width, role)


def _recovery(found):
    if not found:
        return [(tr("last recovery: "), "muted"), (tr("none in this boot"), "warning")]
    role = "ok" if found.get("exit") == 0 else "error"
    when = str(found.get("finished", "?"))[:19].replace("T", " ")
    return [(tr("last recovery: "), "muted"), (tr(str(found.get("state", "?"))), role),
            ("  " + when, "text")]


def gpu(one, width):
    """Return the line of one graphics card."""
    share = one.used_bytes / float(one.size_bytes) if one.size_bytes else 0
    words = "{}/{}".format(report.size(one.used_bytes), report.size(one.size_bytes))
    if one.busy is not None:
        words += "  {}%".format(one.busy)
    return view.gauge("GPU {} {}".format(one.index, one.name), share,
                      words + ("  " + ", ".join(one.users) if one.users else ""), width, "info")
