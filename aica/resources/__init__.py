"""The kinds of things on a host that aica keeps in a desired state, one file per kind.

A resource knows three things: inspect(host) reads the present state (None =
absent) and changes nothing, plan(actual) is pure, apply(host, changes) makes
it so and decides nothing.
"""
