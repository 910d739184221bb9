"""For tools that know no setup.cfg, such as stdeb. Everything is there."""

from setuptools import setup

setup()
