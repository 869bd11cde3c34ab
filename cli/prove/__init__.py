"""``mmuproof prove``."""
