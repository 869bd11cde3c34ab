"""Variables of functions that are followed: found by their types, since a kernel calls them as it likes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container
from dataclasses import dataclass

from mmuproof.lift.c_types import ArrayType, CType, IntType, PointerType, RecordType
from mmuproof.lift.machine.findings import CallMade, RoundMade, WentBack
from mmuproof.lift.machine.memory import Object, Pointer
from mmuproof.model.kvm import NotThere
from mmuproof.smt.graph import variables
from mmuproof.smt.terms import BitVec


def variable_of(made: RoundMade | WentBack, record: str) -> Object:
    """The one variable of a struct's type that the function of a loop, or of a jump backwards, has.

    Raises:
        NotThere: it has none, or several.
    """
    found = [each for each in made.variables.values() if isinstance(each.type, RecordType) and each.type.name == record]
    if len(found) != 1:
        raise NotThere([f"the {record} of {made.function}()"])
    return found[0]


@dataclass(frozen=True)
class VariableKind:
    """What a variable is like.

    Args:
        words: for who misses one.
        fits: tells whether a type is like it.
    """

    words: str
    fits: Callable[[CType], bool]


FLAG = VariableKind("a truth value", lambda type_: isinstance(type_, IntType) and type_.is_bool)
NUMBER = VariableKind("a number of 32 bits", lambda type_: isinstance(type_, IntType) and type_.bits == 32)
WIDE = VariableKind("a number of 64 bits", lambda type_: isinstance(type_, IntType) and type_.bits == 64)
ENTRIES = VariableKind("an array of entries", lambda type_: isinstance(type_, ArrayType) and type_.element.bits == 64)


def leads_to(target: str) -> VariableKind:
    """A pointer to a type; to a struct by its name."""
    return VariableKind(
        f"a pointer to {target}", lambda type_: isinstance(type_, PointerType) and _name(type_.target) == target
    )


ENTRY = leads_to("unsigned long long")
"""A pointer to an entry of a page table."""


def _name(type_: CType) -> str:
    return type_.name if isinstance(type_, RecordType | IntType) else ""


def parameter_of(made: RoundMade, name: str) -> Object:
    """What holds a parameter of the function of a loop.

    Raises:
        NotThere: it has none of that name.
    """
    if name not in made.variables:
        raise NotThere([f"a parameter {name} of {made.function}()"])
    return made.variables[name]


def has_variable_like(made: RoundMade, kind: VariableKind) -> bool:
    """Whether the function of a loop has a variable of a kind."""
    return any(kind.fits(each.type) for each in made.variables.values())


def variable_like(made: RoundMade, kind: VariableKind, usually: str, besides: Container[Object] = ()) -> Object:
    """The one variable of a kind that the function of a loop has, or the one of them that a round changes.

    Args:
        made: a round of the loop.
        kind: the variable's.
        usually: what it is called in released kernels, if a round changes several, or none.
        besides: which others are changed.

    Raises:
        NotThere: there is none, or there are several of other names.
    """
    found = {name: each for name, each in made.variables.items() if kind.fits(each.type) and each not in besides}
    if len(found) > 1:
        # A mistake can be that a round changes none.
        found = {name: each for name, each in found.items() if _is_changed(made, each)} or found
    if len(found) > 1:
        found = {name: each for name, each in found.items() if name == usually}
    if len(found) != 1:
        raise NotThere([f"{kind.words} that a round of {made.function}() changes, usually {usually}"])
    (only,) = found.values()
    return only


def variable_told(made: RoundMade, kind: VariableKind, call: CallMade, usually: str) -> Object:
    """The one variable of a kind that tells a call in a round what it is for, as a number or as an index.

    Args:
        made: a round of the loop.
        kind: the variable's.
        call: what is called in that round.
        usually: what the variable is called in released kernels, if none tells it, or several.

    Raises:
        NotThere: see `variable_like`.
    """
    told = variables(
        *(each for each in call.arguments if isinstance(each, BitVec)),
        *(
            dimension.index
            for each in call.arguments
            if isinstance(each, Pointer)
            for target in each.targets
            if target.place is not None
            for dimension in target.place.dimensions
        ),
    )
    found = [
        each
        for each in made.variables.values()
        if kind.fits(each.type) and not told.keys().isdisjoint(_names_at_head(made, each))
    ]
    return found[0] if len(found) == 1 else variable_like(made, kind, usually)


def _names_at_head(made: RoundMade, variable: Object) -> Collection[str]:
    value = made.head.read(variable, 0, variable.type.bits)
    return variables(value).keys() if isinstance(value, BitVec) else ()


def _is_changed(made: RoundMade, variable: Object) -> bool:
    if made.end is None:
        return False
    head, end = (memory.read(variable, 0, variable.type.bits) for memory in (made.head, made.end))
    return head != end
