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


def objects_of(argument: Argument) -> Iterator[Object]:
    """What the pointers that an argument consists of lead to, in the order of their targets."""
    pointers = (each for each in scalars_of(argument) if isinstance(each, Pointer))
    places = (target.place for each in pointers for target in each.targets)
    return (place.object for place in places if place is not None)


def is_own(object_: Object) -> bool:
    """Whether other code cannot reach an object unless it is given a pointer to it, and may change it then."""
    return not object_.is_outside and object_.kind is not ObjectKind.CONSTANT


def reach(value: Argument, memory: Memory, way: str, found: dict[Object, str]) -> None:
    """Find what a callee can reach of what other code cannot, each with the first way to it."""
    for number, object_ in enumerate(objects_of(value)):
        if not is_own(object_) or object_ in found:
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
