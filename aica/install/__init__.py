"""Conda and uv: fetched, verified and put in place, never by running as root what was fetched.

worker.py is nobody in particular, who fetches and installs; fetch.py is its
program; download.py makes whole and verified files; miniconda.py and uv.py
are the two that there are; index.py reads a Python index, pins.py what is
known of the installers; actions.py are the use cases of `aica install`.
"""
