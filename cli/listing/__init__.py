"""``mmuproof list``, ``show`` and ``errata``."""
