"""Fixtures of the system tier. See server.py for what a server is, team.py for who works on it."""

import os
import subprocess

import pytest

import image as images
import sandbox
import server as servers
import team as people


@pytest.fixture
def no_child_is_left():
    """Servers are children too, and one may be booted in a test and serve those that follow."""


@pytest.fixture(scope="session")
def work():
    """The work folder, held by this run alone; skips the tier where it cannot run."""
    missing = sandbox.missing_requirements()
    if missing:
        _refuse("the system tests need: " + ", ".join(missing))
    with sandbox.exclusive(sandbox.work_folder()) as folder:
        yield folder


@pytest.fixture(scope="session")
def distribution(work):
    """The image of the distribution, without the package."""
    return images.Image.distribution(work, os.environ.get("AICA_SYSTEM_SUITE", "bookworm"))


@pytest.fixture(scope="session")
def package():
    """The .deb under test."""
    found = images.find_package()
    if found is None:
        _refuse("no package to test: run `make deb`, or set AICA_DEB")
    return found


@pytest.fixture(scope="session")
def rpm():
    """The .rpm under test."""
    found = images.find_package("rpm")
    if found is None:
        _refuse("no package to test: run `make rpm`, or set AICA_RPM")
    return found


@pytest.fixture(scope="session")
def image(distribution, request):
    """The image that a server with the package comes back as; AICA_SYSTEM_PACKAGE=rpm: the .rpm."""
    fixture = {"deb": "package", "rpm": "rpm"}[images.KIND]
    return distribution.with_package(request.getfixturevalue(fixture))


@pytest.fixture(scope="session")
def team(image):
    """A team that worked on a server until its clean shutdown: what it had, a copy of its /data."""
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
        for one in servers.running:
            name = one.folder.name
            report.sections.append(("journal of " + name, _last_words(one)))


def _last_words(one):
    """The product's part of the journal, or the console when the server does not answer."""
    try:
        return one.journal("-u", "aica*", "-n", "60")
    except (sandbox.ServerError, OSError, subprocess.SubprocessError) as error:
        return "{}\n{}".format(error, one.console())
