"""`aica volatile`: everything that the next wipe would lose, and what keeps each."""

from .. import report
from ..errors import AicaError
from . import config, containers, folders, mounts, people, software
from .look import Budget
from .scene import Scene

# The data disk first: without it nothing comes back, so nothing else matters.
PARTS = (mounts.data, people.accounts, people.memberships, folders.homes, folders.files,
         config.changed, config.added, software.packages, software.units, people.crontabs,
         people.at_jobs, mounts.others, containers.volumes)
ENTRIES = 2000000
# As many does `aica check` look at: it is called often, and only tells whether there is something.
GLANCE = 20000
UNKNOWN = ("what the image brings is noted at the first boot after a wipe, which has not been yet: "
           "packages, units and files in /etc that were added to it are not listed, and what the "
           "image brings may be")


class Survey:
    """One look at a server. Changes nothing.

    findings() yields what would be lost; afterwards problems says what could
    not be looked at, and notes what one has to know to read the list.
    """

    def __init__(self, app, entries=ENTRIES):
        host = app.host(read_only=True)
        desired = app.site(host, app.settings(host))
        self._scene = Scene(host, desired, app.rules(host, desired.settings), Budget(entries))
        self.notes, self.problems = [], []
        if not self._scene.image.known:
            self.notes.append(UNKNOWN)

    def findings(self):
        """Yield the Findings, the one that matters most first."""
        for part in PARTS:
            try:
                yield from part(self._scene)
            except (AicaError, OSError) as error:
                self.problems.append("not all was looked at: {}".format(error))
        if self._scene.budget.left <= 0:
            self.notes.append("there is more than was looked at: the sizes are at least that")


def what_is_lost(app):
    """Return in one line what `aica check` says of it, "" if there is nothing to say."""
    try:
        survey = Survey(app, GLANCE)
        found = list(survey.findings())
    except (AicaError, OSError) as error:
        return "what the next wipe would lose is not known: {}".format(error)
    if not found:
        return survey.problems[0] if survey.problems else ""
    size_bytes = sum(one.size_bytes or 0 for one in found)
    if len(found) == 1:
        return "the next wipe would lose 1 thing ({}): aica volatile names it, and what keeps " \
            "it".format(report.size(size_bytes))
    return "the next wipe would lose {} things ({}): aica volatile names them, and what keeps " \
        "each".format(len(found), report.size(size_bytes))
