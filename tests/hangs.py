"""That something happens is waited for, and how long it takes is not looked at."""

HANGS = 600.0
"""Seconds after which what is waited for has not happened, however busy the machine is."""
