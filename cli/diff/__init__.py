"""``mmuproof diff``."""
