"""Copies of the homes and of /data/config on the backup disk: dated snapshots, made by rsync.

snapshots.py names them and chooses which to remove, rsync.py speaks with the
program, copies.py makes one copy, verify.py looks whether it is one, run.py
makes a whole snapshot, records.py remembers, restore.py brings files back.
"""
