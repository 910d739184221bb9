# AICA DataKeeper. "make check" tests the checkout, "make deb" builds the
# package, "make install" is what every package is made with.
#
#   make check                        lint, unit and golden tests, in an environment of its own
#   make check-python PYTHON=FILE     unit and golden tests with another Python
#   make check-all [VERSIONS="3.6 3.13"]    the same with every Python that is here
#        JOBS=4 for these three: so many tests at the same time
#   make check-system                 the tests on booted servers; as root
#   make deb                          build/aica-datakeeper_*_all.deb
#   make rpm                          build/aica-datakeeper-*.noarch.rpm, for EL 7 to 9
#   make sdist                        build/dist/: source archive and wheel
#   make screenshots                  docs/screenshots/: the menu, as it is now
#   make bench                        the measurements of tests/bench
#   make install DESTDIR=DIR          put the program's files below DIR
#   make locale                       the Korean texts of the menu, for this checkout
#   make clean                        remove build/ and byte code

PYTHON   ?= python3
VERSIONS ?= 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' aica/__init__.py)

# The units, the sudo rule and the scripts name /usr: prefix is for packagers
# whose prefix is /usr by another spelling.
prefix            ?= /usr
sysconfdir        ?= /etc
bindir            ?= $(prefix)/bin
sbindir           ?= $(prefix)/sbin
pkgdatadir        ?= $(prefix)/share/aica-datakeeper
localedir         ?= $(prefix)/share/locale
mandir            ?= $(prefix)/share/man
completiondir     ?= $(prefix)/share/bash-completion/completions
zshdir            ?= $(prefix)/share/zsh/site-functions
# Empty where the packager's own words put the examples in place.
docdir            ?= $(prefix)/share/doc/aica-datakeeper
unitdir           ?= /lib/systemd/system
tmpfilesdir       ?= $(prefix)/lib/tmpfiles.d
# For EL only: Debian enables the units without one.
presetdir         ?=
# Empty where there is no pam-auth-update.
pamconfigsdir     ?= $(prefix)/share/pam-configs

VENV  ?= build/venv
TESTS ?= tests/unit tests/hostile tests/golden

# pip chooses the newest of each that still runs on the Python at hand. The
# linter is pinned: an unchanged tree must not fail because it learned a rule.
TEST_PACKAGES = pytest pytest-xdist pyfakefs pyte
RUFF          = ruff==0.17.6

# No byte code: root running the tests would leave files that the owner of the
# checkout cannot remove.
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: all locale check lint test check-python check-all check-system deb rpm lint-rpm sdist dsc screenshots bench install clean

# The Korean texts of the menu, for a checkout and for the packages.
locale: build/locale/ko/LC_MESSAGES/aica-datakeeper.mo

build/locale/%/LC_MESSAGES/aica-datakeeper.mo: po/%.po
	mkdir -p $(@D)
	msgfmt --check-format --output-file=$@ $<

all:
	@echo "Nothing to build: this is Python. The head of the Makefile lists the targets."

# --- tests ---------------------------------------------------------------

check: lint test

# The stamp names the Python, so that PYTHON=... with an old environment makes
# a new one instead of testing the wrong version.
STAMP := $(VENV)/.made-with-$(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')

PIP     = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
HAS_3_7 = $(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 7))'

# The pip of 3.6 takes the newest release also where that needs a newer Python.
$(STAMP): Makefile
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(HAS_3_7) || $(PIP) install 'pip>=21,<22'
	$(PIP) install $(TEST_PACKAGES)
	touch $@

lint: $(STAMP)
	if $(HAS_3_7); then \
	    [ -x $(VENV)/bin/ruff ] || $(PIP) install $(RUFF); \
	    $(VENV)/bin/ruff check --no-cache aica tests system/bin/*; \
	fi
	bash -n system/completion/aica
	if command -v zsh >/dev/null; then zsh -n system/completion/_aica; fi
	if command -v mandoc >/dev/null; then mandoc -T lint -W warning man/*.[1-8]; fi

test: $(STAMP)
	$(VENV)/bin/python -m pytest -q $(if $(JOBS),-n $(JOBS)) $(TESTS)

check-python:
	$(MAKE) test PYTHON=$(PYTHON) \
	    VENV=build/venv-$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# A pythonX.Y in PATH may be a pyenv shim of a version that is not chosen: it
# counts only if it starts.
check-all:
	@tried=; failed=; \
	for version in $(VERSIONS); do \
	    found=; \
	    for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
	        if [ -z "$$found" ] && "$$python" -c '' 2>/dev/null; then found=$$python; fi; \
	    done; \
	    if [ -z "$$found" ]; then echo "== Python $$version: not here"; continue; fi; \
	    echo "== Python $$version: $$found"; \
	    tried="$$tried $$version"; \
	    $(MAKE) --no-print-directory check-python PYTHON="$$found" || failed="$$failed $$version"; \
	done; \
	if [ -z "$$tried" ]; then echo "none of $(VERSIONS) is here" >&2; exit 1; fi; \
	if [ -n "$$failed" ]; then echo "failed with Python$$failed" >&2; exit 1; fi; \
	echo "passed with Python$$tried"

check-system: $(STAMP)
	@[ "$$(id -u)" = 0 ] || { echo "check-system boots servers, and needs root for that" >&2; exit 1; }
	$(MAKE) deb rpm
	$(VENV)/bin/python -m pytest tests/system -q

screenshots: $(STAMP) locale
	unshare --uts sh -c 'hostname gpu1 && exec $(VENV)/bin/python tests/screenshots.py'

bench:
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(PYTHON) $$bench || exit 1; done

# --- packages ------------------------------------------------------------

# What git would commit, changed and new files included, so that a stray file
# of the checkout never gets into a package. Without git (the unpacked source
# archive, or root in somebody else's checkout) all but build/.
SOURCES = { git ls-files -z --cached --others --exclude-standard 2>/dev/null || \
	find . \( -path ./build -o -path ./.git \) -prune -o -type f ! -name '*.py[co]' -print0; }

# $(call copy_to,FOLDER): a clean copy, so that what a packager's tools leave
# behind does not end up in the checkout.
define copy_to
	mkdir -p $(1)
	$(SOURCES) >$(1).files
	tar --create --file=$(1).tar --null --files-from=$(1).files --ignore-failed-read
	tar --extract --file=$(1).tar --directory=$(1)
endef

deb:
	rm -rf build/deb build/aica-datakeeper_*
	$(call copy_to,build/deb/aica-datakeeper-$(VERSION))
	cd build/deb/aica-datakeeper-$(VERSION) && env -u MAKEFLAGS -u MFLAGS dpkg-buildpackage -us -uc -b
	mv build/deb/aica-datakeeper_* build/
	rm -rf build/deb
	@ls build/aica-datakeeper_*_all.deb

# Also on Debian, whose rpm knows no package that could satisfy a BuildRequires.
rpm:
	rm -rf build/rpm build/aica-datakeeper-*.rpm
	$(call copy_to,build/rpm/aica-datakeeper-$(VERSION))
	mkdir -p build/rpm/SOURCES
	tar --create --gzip --owner=0 --group=0 --directory=build/rpm \
	    --file=build/rpm/SOURCES/aica-datakeeper-$(VERSION).tar.gz aica-datakeeper-$(VERSION)
	env -u MAKEFLAGS -u MFLAGS rpmbuild --quiet -bb --nodeps --define '_topdir $(CURDIR)/build/rpm' \
	    rpm/aica-datakeeper.spec
	mv build/rpm/RPMS/noarch/*.rpm build/
	rm -rf build/rpm
	@ls build/aica-datakeeper-*.rpm

lint-rpm:
	rpmlint --strict --config rpm/rpmlint.toml build/aica-datakeeper-*.noarch.rpm rpm/*.spec

# Once the environment has what it needs, without a network. The archive holds what
# the packages are made from.
sdist: $(STAMP)
	$(VENV)/bin/python -c 'import build, setuptools, wheel' 2>/dev/null || \
	    $(PIP) install --upgrade build setuptools wheel
	rm -rf build/dist
	$(VENV)/bin/python -m build --no-isolation --outdir build/dist .

# What stdeb makes of the archive: a Debian source package of the modules alone. The
# one to install comes from "make deb": this has no units.
dsc: sdist
	$(VENV)/bin/python -c 'import pkg_resources, stdeb' 2>/dev/null || \
	    $(PIP) install stdeb 'setuptools<81'  # newer ones have no pkg_resources
	rm -rf build/stdeb
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/py2dsc --dist-dir=build/stdeb build/dist/*.tar.gz
	@ls build/stdeb/*.dsc

# The modules go into a folder of their own: site-packages would tie the
# package to one version of Python. Byte code is the package manager's matter.
install: locale
	cd aica && find . -name '*.py' -exec \
	    install -D -m 644 '{}' '$(abspath $(DESTDIR))$(pkgdatadir)/aica/{}' \;
	install -D -m 755 system/bin/aica           $(DESTDIR)$(bindir)/aica
	install -D -m 755 system/bin/aica-tui       $(DESTDIR)$(bindir)/aica-tui
	install -D -m 755 system/bin/aica-recover   $(DESTDIR)$(sbindir)/aica-recover
	install -D -m 755 system/bin/aica-clean-cache $(DESTDIR)$(sbindir)/aica-clean-cache
	install -D -m 755 system/bin/aica-disk-alert $(DESTDIR)$(sbindir)/aica-disk-alert
	install -D -m 755 system/cron/aica-disk-alert \
	    $(DESTDIR)$(sysconfdir)/cron.hourly/aica-disk-alert
	install -d -m 755 $(DESTDIR)$(sysconfdir)/aica/alert.d
	if [ -n "$(docdir)" ]; then \
	    install -d $(DESTDIR)$(docdir)/examples/alert.d; \
	    install -m 755 system/examples/alert.d/* $(DESTDIR)$(docdir)/examples/alert.d; \
	fi
	install -D -m 644 system/etc/aica.conf      $(DESTDIR)$(sysconfdir)/aica/aica.conf
	install -D -m 644 build/locale/ko/LC_MESSAGES/aica-datakeeper.mo \
	    $(DESTDIR)$(localedir)/ko/LC_MESSAGES/aica-datakeeper.mo
	install -d $(DESTDIR)$(unitdir)
	install -m 644 system/units/*               $(DESTDIR)$(unitdir)
	install -D -m 644 system/tmpfiles/aica-datakeeper.conf \
	    $(DESTDIR)$(tmpfilesdir)/aica-datakeeper.conf
	install -D -m 644 system/logrotate/aica-datakeeper \
	    $(DESTDIR)$(sysconfdir)/logrotate.d/aica-datakeeper
	install -D -m 644 system/completion/_aica   $(DESTDIR)$(zshdir)/_aica
	install -D -m 644 system/completion/aica    $(DESTDIR)$(completiondir)/aica
	for door in aica-recover aica-tui aica-clean-cache; do \
	    ln -sf aica $(DESTDIR)$(completiondir)/$$door || exit 1; \
	done
	if [ -n "$(presetdir)" ]; then \
	    install -D -m 644 system/preset/90-aica-datakeeper.preset \
	        $(DESTDIR)$(presetdir)/90-aica-datakeeper.preset; \
	fi
	ln -sf aica $(DESTDIR)$(completiondir)/aica-disk-alert
	if [ -n "$(pamconfigsdir)" ]; then \
	    install -D -m 644 system/pam/aica-datakeeper $(DESTDIR)$(pamconfigsdir)/aica-datakeeper; \
	fi
	for page in man/*.[1-8]; do \
	    install -D -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} || exit 1; \
	done

clean:
	rm -rf --one-file-system build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf '{}' +
