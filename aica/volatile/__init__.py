"""What would the next wipe of the system disk lose? One module for each kind of finding.

survey.py asks them all. image.py knows what a fresh disk brings by itself,
database.py what packages own, scene.py what the recovery restores: only what
is none of these is a Finding.
"""
