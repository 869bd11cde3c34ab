"""``mmuproof check``."""
