"""Findings tried on a running kernel: guests for them, emulators to run them in, and verdicts."""
