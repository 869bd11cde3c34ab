"""Theorems on set-ups of MMUs."""
