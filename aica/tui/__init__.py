"""aica-tui: the menu. Another face of the same use cases; no knowledge of its own about servers.

text, theme, keys, view are pure; screen is the only curses; worker the only
place where work is done; base and screens hold what is shown; app is the loop.
"""
