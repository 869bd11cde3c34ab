"""Calls that are not followed: what they are given, whatever the parameter is called, and what they leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmuproof.lift.c_types import ArrayType, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Pointer, Value, same_place
from mmuproof.model.named import functions
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ite, ne, negate, resize, var

_FIRST_OF_ARCH, _REQUEST = 8, 0xFF
"""KVM_REQUEST_ARCH_BASE, and the bits of a request that tell which it is: KVM_REQUEST_MASK."""


def is_given(call: CallMade, pointer: Pointer) -> Bool:
    """Whether a call is given a pointer, as whichever argument."""
    return any_of(*(same_place(each, pointer) for each in call.arguments if isinstance(each, Pointer)))


def is_called(calls: Iterable[CallMade], *pointers: Pointer) -> Bool:
    """Whether one of some calls is made, and is given all of these pointers."""
    return any_of(*(all_of(call.guard, *(is_given(call, each) for each in pointers)) for call in calls))


def any_before(made: Sequence[CallMade], call: CallMade, others: Iterable[CallMade]) -> Bool:
    """Whether one of some calls is made before a call.

    Args:
        made: all calls, in their order.
        call: the one call.
        others: those that may come before it.
    """
    at = made.index(call)
    return any_of(*(each.guard for each in others if made.index(each) < at))


def answer_of(call: CallMade, width: int) -> BitVec:
    """What a call answers, as a number of some bits.

    Raises:
        Refused: it answers with no number.
    """
    return resize(_answer(call), width)


def is_nonzero(call: CallMade) -> Bool:
    """Whether a call answers with something else than 0: yes, or an error; whatever type tells that.

    Raises:
        Refused: it answers with no number.
    """
    return ne(_answer(call), 0)


def _answer(call: CallMade) -> BitVec:
    if not call.bits:
        raise Refused(f"{call.function}() answers with no number", str(call.at))
    return var(call.tag, call.bits)


def is_answer(value: Value | None, call: CallMade) -> bool:
    """Whether a value is the pointer that a call answers with, where it is no null pointer."""
    places = [each.place for each in value.targets if not each.is_null] if isinstance(value, Pointer) else []
    return bool(places) and all(place is not None and place.object.name == call.tag for place in places)


def told_of(asked: Iterable[tuple[CallMade, Bool]], unknown: str) -> Bool:
    """Whether it is said of a thing that something holds; of what nobody asks about, it may be either.

    Args:
        asked: the calls that may ask about it, and whether they are made and do.
        unknown: the name of what holds where none does.
    """
    known = list(asked)
    told = any_of(*(all_of(right, is_nonzero(call)) for call, right in known))
    return any_of(told, all_of(negate(any_of(*(right for _, right in known))), bool_var(unknown)))


def answered_last(calls: Iterable[CallMade], width: int) -> tuple[Bool, BitVec]:
    """Whether one of some calls is made, and what the last of them answers; 0 if none is.

    Raises:
        Refused: one answers with no number.
    """
    made, answer = FALSE, bv(0, width)
    for call in calls:
        made, answer = any_of(made, call.guard), ite(call.guard, answer_of(call, width), answer)
    return made, answer


def given_last(calls: Iterable[CallMade], width: int) -> BitVec:
    """The first number that the last of some calls is given that is made; 0 if none is."""
    given = bv(0, width)
    for call in calls:
        given = ite(call.guard, resize(numbers_given(call)[0], width), given)
    return given


def is_answered_yes(calls: Iterable[CallMade]) -> Bool:
    """Whether one of some calls is made that answers yes or no, and answers yes."""
    return any_of(*(all_of(call.guard, is_nonzero(call)) for call in calls))


def is_legal(call: CallMade) -> Bool:
    """Whether a call is made that says whether a guest can have an address, and says that it can."""
    return all_of(call.guard, says_legal(call))


def says_legal(call: CallMade) -> Bool:
    """The same of what it says, whether it is made or not."""
    says = is_nonzero(call)
    return negate(says) if call.function == functions.KVM_VCPU_IS_ILLEGAL_GPA else says


def is_request(call: CallMade, number: int) -> Bool:
    """Whether a call asks for ``KVM_ARCH_REQ(number)``, by the first number that it is given."""
    return eq(resize(numbers_given(call)[0], 32) & _REQUEST, _FIRST_OF_ARCH + number)


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
    into = places[0].object
    # An array is left behind element by element.
    first = leaf_at(into.type, 0).path if isinstance(into.type, ArrayType) else ""
    return var(f"{into.path(member or first)} after {call.tag}", width)
