"""Pointers that are kept as numbers with tags: what is masked leads to its object again, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import BitVec, var

from .conftest import LiftedFile

_U64 = IntType(64, False, "u64")
_TAGGED = "u64 f(u64 *a, u64 *b, u32 c) { u64 v = (u64)a | 1, w = c ? v : (u64)b; %s }"


def _object(name: str, aligned: int = 3) -> Pointer:
    return pointer_to(Object(name=name, type=_U64, kind=ObjectKind.INPUT, by_pointer=True, aligned=aligned))


def _result(lifted: LiftedFile, aligned: int = 3) -> BitVec:
    arguments = (_object("a", aligned), _object("b", aligned), var("c", 32))
    result = Machine(lifted.unit).run(lifted.unit.function("f"), arguments, Memory())
    assert isinstance(result, BitVec)
    return result


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return *(u64 *)(v & ~1ul);", 5),
        ("return v & 1;", 1),
        ("return (u64)b & 7;", 0),
        ("return !v + !(u64)b;", 0),
        ("return (u64 *)(v & ~1ul) == a;", 1),
        ("return (u64 *)(v & ~3ul) == b;", 0),
        ("*(u64 *)(v & ~1ul) = 9; return *a;", 9),
    ],
)
def test_it_leads_where_it_did(program: Callable[[str], LiftedFile], body: str, expected: int) -> None:
    assert evaluate(_result(program(_TAGGED % body)), {"*a": 5}) == expected


def test_the_tag_tells_which_of_two_it_is(program: Callable[[str], LiftedFile]) -> None:
    result = _result(program(_TAGGED % "return w & 1 ? *(u64 *)(w & ~1ul) : *(u64 *)w + 1;"))
    assert evaluate(result, {"c": 1, "*a": 5, "*b": 7}) == 5
    assert evaluate(result, {"c": 0, "*a": 5, "*b": 7}) == 8


@pytest.mark.parametrize("body", ["return *(u64 *)v;", "return *(u64 *)(v & ~15ul);", "return *(u64 *)(v + 7);"])
def test_what_is_no_address_is_not_followed(program: Callable[[str], LiftedFile], body: str) -> None:
    with pytest.raises(Refused, match="a number that was turned into a pointer is followed"):
        _result(program(_TAGGED % body))


def test_of_what_nothing_is_known_a_tag_may_be_part(program: Callable[[str], LiftedFile]) -> None:
    with pytest.raises(Refused, match="a number that was turned into a pointer is followed"):
        _result(program(_TAGGED % "return *(u64 *)(v & ~1ul);"), aligned=0)


def test_two_objects_of_one_name_are_not_told_apart(program: Callable[[str], LiftedFile]) -> None:
    lifted = program(_TAGGED % "return w;")
    arguments = (_object("a"), _object("a"), var("c", 32))
    with pytest.raises(Refused, match="two objects are called a"):
        Machine(lifted.unit).run(lifted.unit.function("f"), arguments, Memory())
