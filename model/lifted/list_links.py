"""Doubly linked lists of what a run is given: ``struct list_head``, whose first pointer leads on, the second back."""

from __future__ import annotations

from mmuproof.lift.machine.memory import Memory, Object, pointer_to

POINTER = 64
"""The bits of a pointer."""


def link_list(memory: Memory, *places: tuple[Object, int]) -> None:
    """Let places follow each other in a list.

    Args:
        memory: where they are.
        places: the head of the list and each that is in it: the object, and the bit offset of its ``list_head``.
    """
    for number, (owner, offset) in enumerate(places):
        following, former = places[(number + 1) % len(places)], places[number - 1]
        memory.write(owner, offset, POINTER, pointer_to(*following))
        memory.write(owner, offset + POINTER, POINTER, pointer_to(*former))
