"""How this process uses memory: in few long runs of large, short-lived graphs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, c_int

_KEPT = 32 << 20
"""Bytes of freed memory that are kept for the next claim: the solver takes and frees several MiB for each.

More is refused by glibc.
"""
_YOUNG, _OLDER, _OLDEST = 100_000, 50, 1_000
"""Objects that are made before the youngest are searched for cycles, and how often that is before older ones are.

Terms and cursors are many, and have none.
"""

RECURSION = 20_000
"""How deep Python may call in a process: code runs code of the kernel's that calls code."""

# glibc's names for its settings.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def tune_memory() -> None:
    """Keep freed memory instead of having the system clear it anew, and search for garbage less often.

    A C library that has no such setting is left alone.
    """
    gc.set_threshold(_YOUNG, _OLDER, _OLDEST)
    set_option = getattr(CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option.argtypes, set_option.restype = [c_int, c_int], c_int
        set_option(_TRIM_THRESHOLD, _KEPT)
        set_option(_MMAP_THRESHOLD, _KEPT)


@contextmanager
def shared_memory() -> Iterator[None]:
    """As long as the block lasts, copies of this process can share what it has.

    What is free is given back, and what there is is not searched for garbage, which would write to all of it.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        yield
    finally:
        gc.unfreeze()
