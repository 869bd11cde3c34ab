"""Page-modification logging: SDM 31.3.6, and the VM exits of 27.2 (page-modification log full)."""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, negate, ule, ult, zext

ENTRIES = 512
"""How many entries a log has; it is a page of addresses."""
EMPTY = ENTRIES - 1
"""The index of an empty log."""


def room(index: BitVec) -> Bool:
    """Whether another address can be logged: otherwise a VM exit says that the log is full."""
    return ult(index, ENTRIES)


def place(log: BitVec, index: BitVec) -> BitVec:
    """The address at which the next one is logged, of the log's and the index (16)."""
    return log + (zext(index, 64) << 3)


def logged(address: BitVec) -> BitVec:
    """What is logged of a guest-physical address: that of its page."""
    return address & ~0xFFF


def next_index(index: BitVec) -> BitVec:
    """The index after an address was logged: it goes down, and from 0 to FFFFH."""
    return index - 1


def holds(index: BitVec, entry: BitVec) -> Bool:
    """Whether the processor has logged an address in an entry, where it has begun with the last one.

    Args:
        index: the processor's (16).
        entry: its number (32).
    """
    inside = ult(entry, ENTRIES)
    behind = all_of(room(index), ule(entry, zext(index, 32)))
    return all_of(inside, negate(behind))
