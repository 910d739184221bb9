"""The bash version of this program, on a server that ran it before us.

recognise.py says by what its files are known, taking_over.py what of its data
`aica setup` takes over and what it leaves; what becomes of the files is part
of the desired state: site/bash_version.py.
"""

# Behind the name of what is moved aside.
LABEL = "bash-version"
