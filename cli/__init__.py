"""Commands, running, progress and reports."""
