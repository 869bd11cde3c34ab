"""A number that is turned into a pointer is kept, moved and compared with null; what it leads to is not known."""

from collections.abc import Callable

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.smt.graph import evaluate

from .conftest import Program


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
    program: Callable[[str], Program], body: str, arguments: dict[str, int], expected: int
) -> None:
    result = program(f"u64 f(u64 a) {{ {body} }}").lift("f").result
    assert evaluate(result, arguments) == expected


@pytest.mark.parametrize("body", ["return *(u32 *)a;", "*(u32 *)a = 1; return a;", "return ((u64 (*)(u64))a)(a);"])
def test_it_is_not_followed(program: Callable[[str], Program], body: str) -> None:
    with pytest.raises(Refused, match="a number that was turned into a pointer is followed"):
        program(f"u64 f(u64 a) {{ {body} }}").lift("f")


def test_it_is_not_compared_with_an_object_that_it_might_lead_to(program: Callable[[str], Program]) -> None:
    with pytest.raises(Refused, match="comparison of a pointer with a number"):
        program("u64 f(u64 a) { u64 b; return (u64 *)a == &b; }").lift("f")
