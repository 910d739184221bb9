"""AICA DataKeeper: makes a shared GPU server whole again after its SSD was wiped."""

__version__ = "0.1.0"
