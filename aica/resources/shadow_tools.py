"""Run the tools of the shadow suite, patiently: another one may hold their lock."""

import time

from ..errors import AicaError

TRIES = 5


def execute(host, argv, stdin=""):
    """Run a shadow tool; if the account files are locked, wait and try again a few times."""
    for attempt in range(1, TRIES + 1):
        try:
            return host.execute(argv, stdin=stdin, timeout_s=30)
        except AicaError as error:
            if "lock" not in str(error) or attempt == TRIES:
                raise
            time.sleep(0.2 * attempt)
