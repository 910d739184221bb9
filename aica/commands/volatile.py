"""aica volatile: what would the next wipe of the system disk lose?"""

import json

from .. import report
from ..volatile.survey import Survey
from . import show


def add_arguments(parser):
    """Nothing: the verb has the common options only."""


def run(args, app):
    """Show every finding with what keeps it."""
    survey = Survey(app)
    found = []
    for one in survey.findings():
        found.append(one)
        _one(args, one)
    for text in list(dict.fromkeys(app.warnings)) + survey.notes:
        show.warning(args, text)
    for text in survey.problems:
        show.error(args, text)
    code = 1 if survey.problems else report.EXIT_DRIFT if found else 0
    _summary(args, found, code)
    return code


def _one(args, finding):
    if args.json:
        print(json.dumps(finding._asdict()), flush=True)
        return
    print("{}  {}".format(report.escape(finding.id), report.escape(finding.details)))
    print("         keep: {}".format(report.escape(finding.keep)), flush=True)


def _summary(args, found, code):
    size_bytes = sum(finding.size_bytes or 0 for finding in found)
    if args.json:
        show.end(args, {"findings": len(found), "size_bytes": size_bytes}, code)
    elif found:
        amount = ", {}".format(report.size(size_bytes)) if size_bytes else ""
        show.info(args, "the next wipe would lose {} thing{}{}".format(
            len(found), "" if len(found) == 1 else "s", amount))
    else:
        show.info(args, "nothing was found that the next wipe would lose")
