"""What a callee can reach of what other code cannot: the machine's own objects, and settled ones."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.values import Object, ObjectKind, Place, Pointer, Value

Argument = Value | Place | None
"""What a call is given: a value, a copy of a struct that is passed by value, or None for what is not evaluated."""


def scalars_of(argument: Argument) -> Iterator[Value]:
    """The scalars that an argument consists of."""
    if isinstance(argument, Place):
        yield from (cell.value for cell in argument.object.content.values())
    elif argument is not None:
        yield argument


def reach(value: Argument, memory: Memory, way: str, found: dict[Object, str]) -> None:
    """Find what a callee can reach of what other code cannot, each with the first way to it."""
    pointers = [each for each in scalars_of(value) if isinstance(each, Pointer)]
    places = [target.place for each in pointers for target in each.targets if target.place is not None]
    for number, place in enumerate(places):
        object_ = place.object
        if object_.is_outside or object_.kind is ObjectKind.CONSTANT or object_ in found:
            continue
        found[object_] = inner = f"{way}.{number}"
        for offset, width in memory.written(object_):
            held = memory.read(object_, offset, width)
            if isinstance(held, Pointer):
                reach(held, memory, f"{inner}+{offset}", found)


def left_outside(memory: Memory) -> Iterator[Pointer]:
    """The pointers that have been written where other code can find them."""
    for object_ in memory.changed:
        if object_.is_outside:
            for offset, width in memory.written(object_):
                held = memory.read(object_, offset, width)
                if isinstance(held, Pointer):
                    yield held
