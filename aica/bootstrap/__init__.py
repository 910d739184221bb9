"""For images that lose the package too: it and its starter on /data, and is there a way back?"""
