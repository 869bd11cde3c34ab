"""Calls that are not followed: what they are given, whatever the parameter is called, and what they leave."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Pointer, same_place
from mmuproof.smt.terms import BitVec, Bool, any_of, var


def is_given(call: CallMade, pointer: Pointer) -> Bool:
    """Whether a call is given a pointer, as whichever argument."""
    return any_of(*(same_place(each, pointer) for each in call.arguments if isinstance(each, Pointer)))


def numbers_given(call: CallMade) -> list[BitVec]:
    """The numbers among the arguments of a call, in their order."""
    return [each for each in call.arguments if isinstance(each, BitVec)]


def left_by(call: CallMade, cut: Cut, width: int) -> BitVec:
    """What a call that is not followed has left in the one thing that it writes as a whole.

    Args:
        call: the call.
        cut: what is known of it.
        width: how many bits that thing has.

    Raises:
        Refused: the argument leads to several things, or into one.
    """
    (position,) = (position for position, path in cut.writes if path in ("", "*"))
    return left_at(call, position, width)


def left_at(call: CallMade, position: int, width: int, member: str = "") -> BitVec:
    """The same of the thing that an argument leads to.

    Args:
        call: the call.
        position: of the argument, from 0.
        width: how many bits that thing has.
        member: a part of it that is meant, by its path.

    Raises:
        Refused: the argument leads to several things, or into one.
    """
    pointer = call.arguments[position]
    places = [each.place for each in pointer.targets if each.place] if isinstance(pointer, Pointer) else []
    if len(places) != 1 or places[0].offset or places[0].dimensions:
        raise Refused(f"argument {position} of {call.function}() leads to no one variable", str(call.at))
    return var(f"{places[0].object.path(member)} after {call.tag}", width)
