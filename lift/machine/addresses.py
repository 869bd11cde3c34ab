"""Pointers that are kept as numbers, with tags in their lowest bits, and made pointers again.

An address whose lowest bits are known to be 0 (`Object.aligned`) is a number of a form of its own. Once the tags have
been masked away the number is that one again, and by it the place is found. Every other number leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.conversions import place_number
from mmuproof.lift.machine.values import Place, Pointer, Target
from mmuproof.lift.syntax import Location
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, negate


class Addresses:
    """The places whose addresses have been taken as numbers, by these numbers."""

    def __init__(self) -> None:
        self._places: dict[BitVec, Place] = {}

    def note(self, pointer: Pointer, at: Location) -> None:
        """Remember where a pointer leads that is made a number.

        Raises:
            Refused: another object has the same address.
        """
        for target in pointer.targets:
            if target.place is not None and target.place.object.aligned:
                known = self._places.setdefault(place_number(target.place, at), target.place)
                if known.object is not target.place.object:
                    raise Refused(f"two objects are called {known.object.name}", str(at))

    def found(self, pointer: Pointer) -> Pointer:
        """A pointer that was made of a number: it leads where the number is known to be an address."""
        targets: list[Target] = []
        for target in pointer.targets:
            known = [] if target.address is None else list(self._alternatives(target.address, target.guard))
            # A number none of which is an address stays one number.
            targets += known if any(each.place is not None for each in known) else [target]
        return Pointer(tuple(targets))

    def _alternatives(self, address: BitVec, guard: Bool) -> Iterator[Target]:
        return (self._target(here, number) for here, number in _alternatives(address, guard))

    def _target(self, guard: Bool, number: BitVec) -> Target:
        place = self._places.get(number)
        if place is not None:
            return Target(guard=guard, place=place)
        is_null = number.is_const and number.value == 0
        return Target(guard=guard) if is_null else Target(guard=guard, address=number)


def _alternatives(number: BitVec, guard: Bool) -> Iterator[tuple[Bool, BitVec]]:
    """The numbers among which a choice is made, each under its condition."""
    if guard is FALSE:
        return
    choice, mask = number, None
    if number.op is ops.AND and isinstance(number.args[0], BitVec) and number.args[1].is_const:
        choice, mask = number.args[0], number.args[1].value
    if choice.op is not ops.ITE:
        yield guard, number
        return
    condition, *arms = choice.args
    assert isinstance(condition, Bool)
    for here, arm in zip((condition, negate(condition)), arms, strict=True):
        assert isinstance(arm, BitVec)
        yield from _alternatives(arm if mask is None else arm & mask, all_of(guard, here))
