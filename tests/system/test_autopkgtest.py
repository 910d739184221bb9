"""debian/tests, run by the real autopkgtest on a booted Debian: what the distribution's CI would do."""

import shutil

import pytest

from sandbox import CHECKOUT, fresh
from server import Server


@pytest.fixture(scope="module")
def server(distribution, work, package):
    """A Debian with autopkgtest and without the package, which it is told to install and to test."""
    source = fresh(work / "source")
    shutil.copytree(str(CHECKOUT / "debian"), str(source / "debian"))
    shutil.copy(str(package), str(source))
    with Server(distribution.with_more("autopkgtest,dpkg-dev"), "autopkgtest") as one:
        one.boot(options=["--bind-ro={}:/srv/source".format(source)])
        yield one
    shutil.rmtree(str(source))


def test_every_test_of_the_package_passes_and_none_is_skipped(server, package):
    server.run("cp -a /srv/source /var/tmp/source")  # autopkgtest takes its place for its own
    # A later autopkgtest takes a machine on which it runs itself for no container, and skips.
    server.run("cd /var/tmp && autopkgtest --output-dir=out --ignore-restrictions=isolation-container"
               " source/{} source/ -- null".format(package.name), timeout_s=180)
    summary = server.text("/var/tmp/out/summary").splitlines()
    wanted = [line.split(": ")[1] for line in (CHECKOUT / "debian/tests/control").read_text()
              .splitlines() if line.startswith("Tests: ")]
    assert [line.split() for line in summary] == [[name, "PASS"] for name in wanted]
