"""One round that stands for all: whatever earlier rounds have left, and every way to go on or to leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import RoundMade
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory
from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import BitVec, var
from tests.lift.machine.conftest import LiftedFile, program

__all__ = ["program"]

_CUT = Cut(function="ext", reason="looked at", writes=((0, "a"),))
_S = "struct s { u32 a; u32 b; }; void ext(struct s *p); extern u32 glob; "

Lifter = Callable[..., tuple[Machine, BitVec]]


@pytest.fixture
def lift(program: Callable[[str], LiftedFile]) -> Lifter:
    """Run ``f``, which takes one number, with any round for its loops."""

    def run(text: str) -> tuple[Machine, BitVec]:
        unit = program(_S + text).unit
        machine = Machine(unit, [_CUT], any_round=frozenset({"f"}))
        result = machine.run(unit.function("f"), [var("n", 32)], Memory())
        assert isinstance(result, BitVec)
        return machine, result

    return run


def _only(machine: Machine) -> RoundMade:
    (made,) = machine.rounds_made
    return made


def test_what_a_round_changes_is_any_number_behind_the_loop(lift: Lifter) -> None:
    _, result = lift("u32 f(u32 n) { u32 i, s = 7; for (i = 0; i < n; i++) s += i; return s; }")
    (name,) = set(variables(result))
    assert name == "s after some rounds"


def test_what_no_round_changes_stays_known(lift: Lifter) -> None:
    _, result = lift("u32 f(u32 n) { u32 i, s = 7; for (i = 0; i < n; i++) ; return s; }")
    assert evaluate(result, {}) == 7


def test_what_changes_only_after_something_else_has_is_unknown_too(lift: Lifter) -> None:
    # In the first round c gets b's old value, which is what it has; in the third it gets another one.
    text = "u32 f(u32 n) { u32 i, a = 0, b = 0, c = 0; for (i = 0; i < n; i++) { c = b; b = a; a = i; } return c; }"
    _, result = lift(text)
    assert set(variables(result)) == {"c after some rounds"}


def test_a_path_that_leaves_in_the_middle_is_known_as_far_as_the_round_knows(lift: Lifter) -> None:
    text = "u32 f(u32 n) { u32 i; for (i = 0; i < n; i++) { if (i == 3) return i + 39; if (i == 5) break; } return i; }"
    _, result = lift(text)
    at = "i after some rounds"
    assert [evaluate(result, {"n": 9, at: i}) for i in (3, 5, 9)] == [42, 5, 9]


def test_a_goto_leaves_a_loop_once(lift: Lifter) -> None:
    text = (
        "u32 f(u32 n) { u32 i, s = 0; for (i = 0; i < n; i++) { s ^= i; if (s == 9) goto out; } s = 1; out: return s; }"
    )
    _, result = lift(text)
    values = {"n": 8, "i after some rounds": 1, "s after some rounds": 8}
    assert evaluate(result, values) == 9
    assert evaluate(result, {**values, "i after some rounds": 8}) == 1


def test_the_round_tells_its_beginning_and_its_end(lift: Lifter) -> None:
    machine, _ = lift("u32 f(u32 n) { u32 i = 5; while (i < n) { i += 2; if (i == n) continue; i += 1; } return i; }")
    made = _only(machine)
    at = made.variables["i"]
    assert made.end is not None
    before, end = (memory.read(at, 0, 32) for memory in (made.head, made.end))
    assert before is var("i after some rounds", 32)
    assert isinstance(end, BitVec)
    assert evaluate(made.goes_on, {"n": 7, "i after some rounds": 5})
    assert not evaluate(made.goes_on, {"n": 7, "i after some rounds": 7})
    assert [evaluate(end, {"n": n, "i after some rounds": 5}) for n in (7, 9)] == [7, 8]
    first = made.entered.read(at, 0, 32)
    assert isinstance(first, BitVec)
    assert evaluate(first, {}) == 5


def test_a_call_in_the_round_is_noted_once_and_what_it_writes_is_unknown(lift: Lifter) -> None:
    machine, result = lift(
        "u32 f(u32 n) { struct s x = { 1, 2 }; u32 i; for (i = 0; i < n; i++) ext(&x); return x.a + x.b; }"
    )
    (call,) = machine.calls_made
    assert set(variables(call.guard)) == {"n", "i after some rounds"}
    assert set(variables(result)) == {"x.a after some rounds"}
    assert evaluate(result, {"x.a after some rounds": 40}) == 42


def test_what_other_code_reaches_is_unknown_where_a_round_writes_it(lift: Lifter) -> None:
    _, result = lift("u32 f(u32 n) { u32 i; glob = 1; for (i = 0; i < n; i++) glob = i; return glob; }")
    assert set(variables(result)) == {"glob after some rounds"}


def test_loops_of_other_functions_are_run_as_ever(lift: Lifter) -> None:
    text = "static u32 g(void) { u32 i, s = 0; for (i = 0; i < 4; i++) s += i; return s; } u32 f(u32 n) { return g() + n; }"
    machine, result = lift(text)
    assert not machine.rounds_made
    assert evaluate(result, {"n": 1}) == 7


def test_a_loop_in_a_loop(lift: Lifter) -> None:
    text = """u32 f(u32 n) { u32 i, j, s = 3;
        for (i = 0; i < n; i++) for (j = 0; j < i; j++) if (j == 4) s = 5;
        return s; }"""
    machine, result = lift(text)
    assert set(variables(result)) == {"s after some rounds"}
    assert len(machine.rounds_made) == 2


_RETRIES = """u32 f(u32 n) { struct s x = { 0, 0 }; u32 i, s = 0;
    for (i = 0; i < n; i++) {
    again:
        if (x.b == 9) continue;
        ext(&x);
        if (x.a == 4) goto again;
        if (x.a == 5) { x.b = 9; goto again; }
        if (x.a == 6) break;
        s = i + x.a;
    }
    return s; }"""


def test_a_round_that_goes_back_to_its_beginning_is_any_of_its_tries(lift: Lifter) -> None:
    machine, result = lift(_RETRIES)
    inner, outer = machine.rounds_made
    assert (inner.label, outer.label) == ("again", "")
    i, x = (inner.variables[name] for name in ("i", "x"))
    # A try does not change which round it is of, nor does it ask again whether there is one.
    assert inner.head.read(i, 0, 32) is outer.head.read(i, 0, 32)
    assert inner.end is not None
    assert inner.end.read(i, 0, 32) is var("i after some rounds", 32)
    before, after = inner.head.read(x, 32, 32), inner.end.read(x, 32, 32)
    assert isinstance(before, BitVec)
    assert isinstance(after, BitVec)
    assert before is not outer.head.read(x, 32, 32)
    (called,) = (each for each in variables(inner.goes_on) if each.startswith("x.a after ext()"))
    (mark,) = variables(before)
    there = {"n": 7, "i after some rounds": 3, mark: 0}
    assert [evaluate(inner.goes_on, {**there, called: a}) for a in (3, 4, 5, 6)] == [0, 1, 1, 0]
    assert [evaluate(outer.goes_on, {**there, called: a}) for a in (3, 4, 5, 6)] == [1, 0, 0, 0]
    assert evaluate(outer.goes_on, {**there, mark: 9, called: 4})
    assert [evaluate(after, {**there, called: a}) for a in (4, 5)] == [0, 9]
    assert set(variables(result)) >= {"s after some rounds"}


@pytest.mark.parametrize(
    "text",
    [
        "u32 f(u32 n) { u32 i, s = 0; for (i = 0; i < n; i++) { s++; again: if (s & 1) { s += n; goto again; } } return s; }",
        "u32 f(u32 n) { u32 s = n; again: if (s & 1) { s += n; goto again; } return s; }",
        "u32 f(u32 n) { u32 i; for (i = 0; i < n; i++) { again: if (i == 3) goto out; if (i == 4) { out: goto again; } } return 0; }",
    ],
)
def test_a_goto_back_to_anything_but_the_beginning_of_a_round_is_refused(lift: Lifter, text: str) -> None:
    with pytest.raises(Refused, match="jumps"):
        lift(text)
