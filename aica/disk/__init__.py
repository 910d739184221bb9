"""The disks: how full they are, since when, until when, who is told, and who fills them.

Numbers (df, probe), their past (history, forecast), what is worth a word
(alarm), how it is said (message) and to whom (channels); alert is the hourly
run that puts them together. usage and scan know what the space went to.
"""
