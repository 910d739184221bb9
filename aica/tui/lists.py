"""Screens of what a worker finds: a table, and the outcomes of a look."""

from . import keys, view
from .base import List, Push
from .results import counts, happened
from .words import _, tr
from .worker import Worker


class Table(List):
    """Rows that a worker brings. rows are (cells, role, value).

    A text among what load() brings is a warning, which stands above them.
    """

    def __init__(self, title, head, load, command=""):
        """load() -> iterable of (cells, role, value) and texts, read in a worker."""
        super().__init__()
        self.title, self.head, self.command = title, head, command
        self._load = load
        self.rows = []
        self.empty = _("nothing here")

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.FILTER, keys.REFRESH, keys.HELP)

    def shown(self):
        self.refresh()

    def refresh(self):
        """Read all rows again; the old ones stay until the first new one comes."""
        self.close()
        self._worker = Worker(self._load)
        self._fresh, self.failure = [], ()

    def arrived(self):
        if self._worker is None:
            return
        self._fresh += self._worker.take()
        if self._worker.done:
            self.ended(self._worker)
            self.rows, told = _sorted(self._fresh)
            self.warnings += told
            self._worker = None

    def entries(self):
        return self.rows

    def words_of(self, entry):
        return " ".join(entry[0])

    def columns(self, width):
        """Return which columns are shown, by their places."""
        return range(len(self.head))

    def lines(self, width, height):
        rows = self.visible()
        places = self.columns(width)
        above = view.above(self.troubles(), width, height, bool(rows))
        if not rows and above and not self.filter:
            return above
        if not rows:
            words = tr("reading ...") if self._worker else tr("nothing here" if self.filter
                                                              else self.empty)
            return above + [view.line(width, (words, "muted"))]
        cells = [[row[0][place] for place in places] for row in rows]
        return above + view.table([self.head[place] for place in places], cells, self.cursor, width,
                                  height - len(above), [row[1] for row in rows])

    def press(self, action, name):
        if action == keys.REFRESH and not self.typing:
            self.refresh()
            return None
        return super().press(action, name)


def _sorted(items):
    """Return (what is no text, the texts) of what a worker brought."""
    return ([one for one in items if not isinstance(one, str)],
            [one for one in items if isinstance(one, str)])


class Findings(List):
    """Outcomes of a look: what needs attention, or (Space) everything; Enter opens one."""

    footer = (keys.UP, keys.DOWN, keys.ENTER, keys.BACK, keys.MARK, keys.FILTER, keys.REFRESH)

    def __init__(self, title, make, command, details):
        """make() -> iterable of Outcomes. details(outcome) -> the screen of one."""
        super().__init__()
        self.title, self.command = title, command
        self._make, self._details = make, details
        self.outcomes, self.all = [], False
        self.count = counts
        self.fine = _("Everything is as it should be.")

    def shown(self):
        self.refresh()

    def refresh(self):
        """Look again; what was seen stays until the look is over."""
        self.close()
        self._worker, self._fresh, self.failure = Worker(self._make), [], ()

    def arrived(self):
        if self._worker is None or self._worker.done:
            return
        self._fresh += self._worker.take()
        if self._worker.done or len(self._fresh) > len(self.outcomes):
            self.outcomes = list(self._fresh)
        if self._worker.done:
            self.ended(self._worker)

    def entries(self):
        return [one for one in self.outcomes if self.all or one.status not in ("ok", "skipped")]

    def words_of(self, entry):
        return "{} {} {}".format(entry.status, entry.resource, entry.message)

    def press(self, action, name):
        if not self.typing and action == keys.MARK:
            self.all = not self.all
        elif not self.typing and action == keys.REFRESH:
            self.refresh()
        else:
            return super().press(action, name)
        return None

    def choose(self, entry):
        return Push(self._details(entry))

    def lines(self, width, height):
        going = self._worker is not None and not self._worker.done
        head = [view.line(width, (tr("looking: ") if going else tr("looked: "), "muted"),
                          (self.count(self.outcomes), "title"))]
        head.append(view.blank(width))
        shown = self.visible()
        fine = not shown and not self.failure and not self.filter
        head += view.above(self.troubles(), width, height - len(head), bool(shown) or fine)
        if not shown and self.failure:
            return head
        if not shown and self.filter:
            return head + [view.line(width, (tr("nothing here"), "muted"))]
        if not shown:
            words = tr("reading ...") if going else tr(self.fine)
            return head + [view.line(width, (words, "muted" if going else "ok"))]
        rows = [(tr(one.status), one.resource, happened(one)) for one in shown]
        roles = [view.STATUS_ROLES[one.status] for one in shown]
        return head + view.table((_("STATUS"), _("WHAT"), _("DETAILS")), rows, self.cursor,
                                 width, height - len(head), roles)
