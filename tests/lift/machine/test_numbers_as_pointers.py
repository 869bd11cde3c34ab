"""A number that is turned into a pointer is kept, moved and compared with null; what it leads to is not known."""

from collections.abc import Callable

import pytest

from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import BitVec, bv

from .conftest import LiftedFile


@pytest.mark.parametrize(
    ("body", "arguments", "expected"),
    [
        ("return (u64)(void *)a;", {"p0": 0x1234}, 0x1234),
        ("return (u64)((u32 *)a + 3);", {"p0": 0x1000}, 0x100C),
        ("return (u64)((void *)a + 5);", {"p0": 0x1000}, 0x1005),
        ("return !(void *)a;", {"p0": 0}, 1),
        ("return !(void *)a;", {"p0": 8}, 0),
        ("return (void *)a == 0;", {"p0": 0}, 1),
        ("return (void *)a == (void *)7;", {"p0": 7}, 1),
        ("void *p = a ? (void *)a : (void *)9; return (u64)p;", {"p0": 0}, 9),
        ("void *p = a ? (void *)a : (void *)9; return (u64)p;", {"p0": 5}, 5),
    ],
)
def test_the_number_is_kept(
    program: Callable[[str], LiftedFile], body: str, arguments: dict[str, int], expected: int
) -> None:
    result = program(f"u64 f(u64 a) {{ {body} }}").lift("f").result
    assert evaluate(result, arguments) == expected


@pytest.mark.parametrize("body", ["return *(u32 *)a;", "*(u32 *)a = 1; return a;", "return ((u64 (*)(u64))a)(a);"])
def test_it_is_not_followed(program: Callable[[str], LiftedFile], body: str) -> None:
    with pytest.raises(Refused, match="a number that was turned into a pointer is followed"):
        program(f"u64 f(u64 a) {{ {body} }}").lift("f")


def test_it_is_not_compared_with_an_object_that_it_might_lead_to(program: Callable[[str], LiftedFile]) -> None:
    with pytest.raises(Refused, match="comparison of a pointer with a number"):
        program("u64 f(u64 a) { u64 b; return (u64 *)a == &b; }").lift("f")


_FINDS = Cut(function="find", reason="finds one, or says that it is there already", error=-17)
_FOUND = """struct s { u32 a; }; struct s *find(u32 key);
    u32 f(void) { struct s *p = find(1); if (p == (void *)-17) return 5; return p->a + 1; }"""


def test_a_pointer_that_may_be_an_error_is_followed_where_it_is_none(program: Callable[[str], LiftedFile]) -> None:
    unit = program(_FOUND).unit
    result = Machine(unit, [_FINDS]).run(unit.function("f"), [], Memory())
    assert isinstance(result, BitVec)
    assert evaluate(result, {"find() == -17": 1, "find()->a": 7}) == 5
    assert evaluate(result, {"find() == -17": 0, "find()->a": 7}) == 8


def test_a_pointer_that_may_be_an_error_is_not_followed_unasked(program: Callable[[str], LiftedFile]) -> None:
    unit = program("struct s { u32 a; }; struct s *find(u32 key); u32 f(void) { return find(1)->a; }").unit
    with pytest.raises(Refused, match="turned into a pointer"):
        Machine(unit, [_FINDS]).run(unit.function("f"), [], Memory())


def test_no_object_is_where_errors_are(program: Callable[[str], LiftedFile]) -> None:
    unit = program("u32 f(u32 *p) { return p == (void *)-17; } u32 g(u32 *p) { return p == (void *)4096; }").unit
    memory, pointer = Memory(), pointer_to(Object(name="x", type=IntType(32, False, "u32"), kind=ObjectKind.INPUT))
    assert Machine(unit).run(unit.function("f"), [pointer], memory) is bv(0, 32)
    with pytest.raises(Refused, match="comparison of a pointer with a number"):
        Machine(unit).run(unit.function("g"), [pointer], memory)
