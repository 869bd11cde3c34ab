"""``mmuproof ask`` and ``mmuproof cache``."""
