"""``mmuproof coverage``."""
