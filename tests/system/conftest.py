"""Fixtures of the system tier. See server.py for what a server is, team.py for who works on it."""

import os

import pytest

import server as harness
import team as people


@pytest.fixture(scope="session")
def work():
    """The work folder, held by this run alone; skips the tier where it cannot run."""
    missing = harness.missing_requirements()
    if missing:
        _refuse("the system tests need: " + ", ".join(missing))
    with harness.exclusive(harness.work_folder()) as folder:
        yield folder


@pytest.fixture(scope="session")
def distribution(work):
    """The image of the distribution, without the package."""
    return harness.Image.distribution(work, os.environ.get("AICA_SYSTEM_SUITE", "bookworm"))


@pytest.fixture(scope="session")
def package():
    """The .deb under test."""
    found = harness.find_package()
    if found is None:
        _refuse("no package to test: run `make deb`, or set AICA_DEB")
    return found


@pytest.fixture(scope="session")
def image(distribution, package):
    """The image that a server with the package comes back as."""
    return distribution.with_package(package)


@pytest.fixture(scope="session")
def team(image):
    """A team at work on a server, up to its clean shutdown: what it had, and a copy of its /data."""
    return people.first_life(image)


def _refuse(reason):
    """Skip on a developer's machine; where the tier was asked for, a hole in it is an error."""
    if os.environ.get("CI") or os.environ.get("AICA_SYSTEM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the servers that are up have to say when a test fails."""
    report = (yield).get_result()
    if report.failed:
        for one in harness.running:
            name = one.folder.name
            report.sections.append(("journal of " + name, _last_words(one)))


def _last_words(one):
    """The product's part of the journal, or the console when the server does not answer."""
    try:
        return one.journal("-u", "aica*", "-n", "60")
    except Exception as error:  # the report of a failure must not fail itself
        console = (one.folder / "console.log").read_text(errors="replace")
        return "{}\n{}".format(error, console[-2000:])
