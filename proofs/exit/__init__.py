"""Exits for page faults of the second level, and what L1 is told of them."""
