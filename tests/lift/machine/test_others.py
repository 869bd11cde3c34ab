"""Memory that others write: anything may be there at each access, but for the write of one step that has read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import SharedAccess
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.lift.tree.overlay import HEADERS
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import Bool, var
from tests.lift.machine.conftest import LiftedFile, program

__all__ = ["program"]

_EXCHANGES = HEADERS["asm/cmpxchg.h"].replace("#include_next <asm/cmpxchg.h>", "")
_ATOMICS = """
static void arch_clear_bit(long nr, volatile unsigned long *addr);
static void arch___set_bit(long nr, volatile unsigned long *addr);
"""
_FIRST, _SECOND, _THIRD = "*m meanwhile", "*m meanwhile#2", "*m meanwhile#3"


class Shared:
    """``f(m, a)`` run on a number that others write, and that it has known to be ``seen``."""

    def __init__(self, lifted: LiftedFile, goes_back: frozenset[str]) -> None:
        self.machine = Machine(lifted.unit, goes_back=goes_back)
        self.memory = Memory()
        self._m = Object(name="m", type=IntType(64, False, "u64"), kind=ObjectKind.INPUT, by_pointer=True, shared=True)
        self.memory.write(self._m, 0, 64, var("seen", 64))
        self.result = self.machine.run(lifted.unit.function("f"), [pointer_to(self._m), var("a", 64)], self.memory)

    @property
    def accesses(self) -> list[SharedAccess]:
        return self.machine.shared_accesses

    def told(self, number: int, **values: int) -> tuple[bool, int, int, int]:
        """Whether an access happens, and what is known, found and left, for numbers of its own."""
        each = self.accesses[number]
        free = {"seen": 1, "a": 2, _FIRST: 3, _SECOND: 4, _THIRD: 5} | {
            {"first": _FIRST, "second": _SECOND, "third": _THIRD}.get(name, name): value
            for name, value in values.items()
        }
        assert isinstance(each.guard, Bool)
        happens, *content = (int(evaluate(term, free)) for term in (each.guard, each.known, each.found, each.left))
        return (bool(happens), content[0], content[1], content[2])


@pytest.fixture
def run(program: Callable[[str], LiftedFile]) -> Callable[..., Shared]:
    def lifted(text: str, *goes_back: str) -> Shared:
        return Shared(program(_EXCHANGES + _ATOMICS + text), frozenset(goes_back))

    return lifted


Run = Callable[..., Shared]


def test_each_read_may_find_something_else(run: Run) -> None:
    shared = run("u64 f(u64 *m, u64 a) { return *m - *m; }")
    assert [each.writes for each in shared.accesses] == [False, False]
    assert shared.told(0) == (True, 1, 3, 3)
    assert shared.told(1) == (True, 3, 4, 4)


def test_a_plain_write_may_overwrite_what_was_never_read(run: Run) -> None:
    shared = run("void f(u64 *m, u64 a) { *m = *m | a; }")
    assert shared.told(1) == (True, 3, 4, 3)


def test_an_exchange_knows_what_it_replaces(run: Run) -> None:
    shared = run("u64 f(u64 *m, u64 a) { return arch_xchg(m, a); }")
    assert [each.writes for each in shared.accesses] == [False, True]
    assert shared.told(1) == (True, 3, 3, 2)


def test_what_an_exchange_is_told_is_read_before_it(run: Run) -> None:
    shared = run("u64 f(u64 *m, u64 a) { return arch_xchg(m, *m & a); }")
    assert [each.writes for each in shared.accesses] == [False, False, True]
    assert shared.told(2) == (True, 4, 4, 3 & 2)


@pytest.mark.parametrize("found", [1, 3])
def test_a_comparison_and_its_write_are_one_step(run: Run, found: int) -> None:
    shared = run("bool f(u64 *m, u64 a) { u64 old = 1; return __raw_try_cmpxchg(m, &old, a, 8, 0); }")
    assert len(shared.accesses) == 2
    assert shared.told(1, first=found) == (found == 1, found, found, 2)


@pytest.mark.parametrize(
    "exchange", ["arch_xchg(m, a)", '__raw_cmpxchg(m, 3, a, 8, "")', '__raw_try_cmpxchg(m, &three, a, 8, "")']
)
def test_after_an_exchange_others_come_in_again(run: Run, exchange: str) -> None:
    for text in (f"return {exchange} + *m;", f"{exchange}; return *m;"):
        shared = run(f"u64 f(u64 *m, u64 a) {{ u64 three = 3; {text} }}")
        assert shared.told(2) == (True, 2, 4, 4)


def test_a_bit_is_cleared_in_one_step(run: Run) -> None:
    shared = run("void f(u64 *m, u64 a) { arch_clear_bit(0, (unsigned long *)m); }")
    assert shared.told(1) == (True, 3, 3, 2)


def test_a_bit_is_set_in_two_steps(run: Run) -> None:
    shared = run("void f(u64 *m, u64 a) { arch___set_bit(3, (unsigned long *)m); }")
    assert shared.told(1) == (True, 3, 4, 11)


def test_it_is_told_on_which_path_an_access_is(run: Run) -> None:
    shared = run("void f(u64 *m, u64 a) { if (a == 7) *m = a; }")
    assert shared.told(0)[0] is False
    assert shared.told(0, a=7) == (True, 1, 3, 7)


def test_what_is_not_followed_does_not_write_it_unseen(program: Callable[[str], LiftedFile]) -> None:
    lifted = program("void ext(u64 *m); void f(u64 *m) { ext(m); }")
    m = Object(name="m", type=IntType(64, False, "u64"), kind=ObjectKind.INPUT, by_pointer=True, shared=True)
    with pytest.raises(Refused, match="m, which others write, is written by what is not followed"):
        lifted.machine(Cut(function="ext", reason="x", writes=((0, ""),))).run(
            lifted.unit.function("f"), [pointer_to(m)], Memory()
        )


def test_a_struct_that_others_write_is_not_copied(program: Callable[[str], LiftedFile]) -> None:
    lifted = program("struct s { u64 a; }; void f(struct s *m, struct s *n) { *n = *m; }")
    record = lifted.unit.record("struct s")
    m, n = (Object(name=name, type=record, kind=ObjectKind.INPUT, by_pointer=True, shared=name == "m") for name in "mn")
    with pytest.raises(Refused, match="m is copied while others write it"):
        Machine(lifted.unit).run(lifted.unit.function("f"), [pointer_to(m), pointer_to(n)], Memory())


_RETRIES = """
void f(u64 *m, u64 a) { u64 old = a; retry: if (!__raw_try_cmpxchg(m, &old, old & 3, 8, 0)) goto retry; }
"""
_GOES_ROUND = "void f(u64 *m, u64 a) { u64 old = a; do ; while (!__raw_try_cmpxchg(m, &old, old & 3, 8, 0)); }"


@pytest.mark.parametrize(("text", "label"), [(_RETRIES, "retry"), (_GOES_ROUND, "")], ids=["a goto", "a loop"])
def test_a_path_that_goes_back_is_noted(run: Run, text: str, label: str) -> None:
    shared = run(text, "f")
    (back,) = shared.machine.went_back
    assert (back.function, back.label) == ("f", label)
    assert [each for each in back.variables if each == "old"] == ["old"]
    assert [int(evaluate(back.guard, {"a": 2, _FIRST: found})) for found in (2, 3)] == [0, 1]
    assert len(shared.accesses) == 2


def test_elsewhere_a_path_that_goes_back_is_refused(run: Run) -> None:
    with pytest.raises(Refused, match="goto retry jumps backwards"):
        run(_RETRIES, "g")
