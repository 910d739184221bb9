"""Bring a host to its desired state, one resource after the other.

The only dry_run of the program lives here, and nothing else catches what a
resource raises.
"""

from .change import BLOCKED, CHANGED, FAILED, OK, PLANNED, SKIPPED, Outcome
from .errors import AicaError, Conflict, NotApplicable, of_the_system

# A resource whose need ended like this has nothing to stand on.
STOPS_DEPENDANTS = frozenset([BLOCKED, FAILED])


def converge(resources, host, dry_run=False):
    """Yield one Outcome per resource, in order, and go on after a failure.

    A resource whose `needs` are blocked or failed is skipped, and so is what
    needs that one. Naming a need that does not stand earlier in the list is a
    bug in site/ and raises KeyError.
    """
    unusable = {}
    for resource in resources:
        missing = [need for need in resource.needs if unusable[need]]
        if missing:
            message = "needs {}".format(", ".join(missing))
            outcome = Outcome(resource.id, SKIPPED, message=message)
        else:
            outcome = _converge_one(resource, host, dry_run)
        unusable[resource.id] = bool(missing) or outcome.status in STOPS_DEPENDANTS
        yield outcome


def _converge_one(resource, host, dry_run):
    changes = ()
    try:
        actual = resource.inspect(host)
        changes = resource.plan(actual)
        remark = resource.remark(actual)
        if not changes:
            return Outcome(resource.id, OK, message=remark)
        lines = resource.describe(changes)
        if dry_run:
            return Outcome(resource.id, PLANNED, changes, remark, lines=lines)
        _apply(resource, host, changes)
        left = resource.plan(resource.inspect(host))
    except NotApplicable as error:
        return Outcome(resource.id, SKIPPED, (), str(error), error.hint)
    except Conflict as error:
        return Outcome(resource.id, BLOCKED, changes, str(error), error.hint, error.details)
    except (AicaError, OSError) as error:
        known = error if isinstance(error, AicaError) else of_the_system(error)
        return Outcome(resource.id, FAILED, changes, str(known), known.hint)
    if left:
        wrong = ", ".join(change.field for change in left)
        return Outcome(resource.id, FAILED, left, "still wrong after apply: " + wrong)
    return Outcome(resource.id, CHANGED, changes, remark, lines=lines)


def _apply(resource, host, changes):
    try:
        resource.apply(host, changes)
    except NotApplicable as error:
        # Whether a thing applies is said by inspect(). That a tool is missing
        # in the middle of the work is a failure, and stops what needs it.
        raise AicaError(str(error), error.hint)
