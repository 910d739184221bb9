"""`aica user ...`: who is on this server, from the first account to the last.

Use cases beside app.py: functions take the App, yield Outcomes, print nothing.
"""
