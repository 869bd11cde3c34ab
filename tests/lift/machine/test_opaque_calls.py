"""Behind a call that is not followed the run goes on, with all unknown that the call may have changed."""
# A C function reads best on one line.

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.comparing_machine import ComparingMachine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Place, pointer_to
from mmuproof.lift.machine.opaque_calls import CallResult, CallResults, Opaque
from mmuproof.lift.machine.values import Value
from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import TRUE, BitVec, Bool, bv, var
from tests.lift.machine.conftest import LiftedFile, program

__all__ = ["program"]

S = """
struct s { u32 a; struct s *next; u32 (*fn)(u32); };
void ext(struct s *p); u32 get(u32 x); struct s *find(u32 x); u32 ask(u32 x); u32 pose(u32 x, const u32 *y); u32 look(struct s *p); struct s *seek(u32 x); void trace_it(u32 x);
extern u32 glob, fixed_one;
"""
OPAQUE = Opaque(
    silent=re.compile(r"trace_\w+"),
    answering={each: CallResult("the same", 0xF) for each in ("ask", "pose")},
    reading=frozenset({"look", "seek"}),
    steady=frozenset({"seek", "find"}),
)


@dataclass(frozen=True)
class RunOfCall:
    machine: ComparingMachine
    result: Value | Place | None
    memory: Memory

    @property
    def number(self) -> BitVec:
        assert isinstance(self.result, BitVec)
        return self.result

    @property
    def calls(self) -> list[tuple[str, str, Bool]]:
        return [(each.function, each.caller, each.guard) for each in self.machine.opaque_calls]


Runner = Callable[..., RunOfCall]


@pytest.fixture
def run(program: Callable[[str], LiftedFile]) -> Runner:
    """Run ``f`` of a text on free inputs."""

    def run_it(text: str, *, never: str = "", budget: int = 20_000, answers: CallResults | None = None) -> RunOfCall:
        unit = program(S + text).unit
        opaque = replace(OPAQUE, never=frozenset(never.split()))
        machine = ComparingMachine(
            unit,
            opaque=opaque,
            answers=answers or CallResults(),
            is_settled=lambda name: name.startswith("fixed_"),
            names={"renamed": "get"},
            budget=budget,
        )
        memory, function = Memory(), unit.function("f")
        arguments = [
            pointer_to(Object(name=each.name, type=each.type.target, kind=ObjectKind.INPUT, by_pointer=True))
            if isinstance(each.type, PointerType)
            else var(each.name, each.type.bits)
            for each in function.parameters
        ]
        return RunOfCall(machine, machine.run(function, arguments, memory), memory)

    return run_it


def test_a_call_without_a_body_is_noted_with_its_condition_arguments_and_caller(run: Runner) -> None:
    found = run("static void g(u32 y) { if (y > 3) get(y + 1); } void f(u32 x) { g(x); }")
    ((name, caller, guard),) = found.calls
    assert (name, caller) == ("get", "g")
    assert [evaluate(guard, {"x": value}) for value in (3, 4)] == [False, True]
    (argument,) = found.machine.opaque_calls[0].arguments
    assert isinstance(argument, BitVec)
    assert evaluate(argument, {"x": 4}) == 5


def test_a_call_finds_the_memory_as_it_is_then(run: Runner) -> None:
    found = run("void f(struct s *p) { p->a = 7; ext(p); p->a = 8; }")
    (call,) = found.machine.opaque_calls
    (object_,) = (each for each in call.memory.changed if each.name == "p" and each.is_outside)
    assert call.memory.read(object_, 0, 32) == bv(7, 32)
    assert found.memory.read(object_, 0, 32) == bv(8, 32)


def test_results_are_called_by_the_function_and_how_often_it_has_been_called(run: Runner) -> None:
    found = run("u32 f(u32 x) { return get(x) + get(x) * 2 + find(x)->a; }")
    assert set(variables(found.number)) == {"get()", "get()#2", "find()->a after find()"}


def test_a_result_may_be_called_by_another_name(program: Callable[[str], LiftedFile], run: Runner) -> None:
    found = run("u32 renamed(u32 x); u32 f(u32 x) { return renamed(x); }")
    assert set(variables(found.number)) == {"get()"}
    assert found.calls == [("get", "f", TRUE)]


def test_what_is_outside_is_lost_and_what_is_not_is_kept(run: Runner) -> None:
    found = run("u32 f(struct s *p, u32 x) { u32 l = x; p->a = 1; get(2); return (p->a << 4) + (l << 8) + glob; }")
    assert set(variables(found.number)) == {"p->a after get()", "glob after get()", "x"}


def test_what_is_read_for_the_first_time_behind_a_call_is_lost_too(run: Runner) -> None:
    assert set(variables(run("u32 f(struct s *p) { get(2); return p->a; }").number)) == {"p->a after get()"}


def test_what_is_settled_is_kept(run: Runner) -> None:
    assert set(variables(run("u32 f(void) { get(2); return fixed_one; }").number)) == {"fixed_one"}


LOCALS = {
    "through an argument": "struct s l = { .a = 1 }; ext(&l); return l.a;",
    "through an argument's member": "struct s l = { .a = 1 }, m = { .next = &l }; ext(&m); return l.a;",
    "through memory outside": "struct s l = { .a = 1 }; p->next = &l; ext(p); return l.a;",
    "through memory outside and a member": "struct s l = { .a = 1 }, m = { .next = &l }; p->next = &m; get(1); return l.a;",
}


@pytest.mark.parametrize("body", LOCALS.values(), ids=LOCALS.keys())
def test_a_variable_is_lost_that_a_call_can_reach(body: str, run: Runner) -> None:
    assert variables(run(f"u32 f(struct s *p) {{ {body} }}").number)


def test_a_variable_is_kept_that_no_call_can_reach(run: Runner) -> None:
    text = "u32 f(struct s *p) { struct s l = { .a = 1 }, m = { .next = &l }; m.next = p; ext(&m); return l.a; }"
    assert run(text).number == bv(1, 32)


def test_a_call_that_only_answers_answers_the_same_and_changes_nothing(run: Runner) -> None:
    answers = CallResults()
    found = run("u32 f(struct s *p, u32 x) { p->a = 3; return ask(x) - ask(x) + p->a; }", answers=answers)
    assert found.number == bv(3, 32)
    assert found.calls == []
    again = run("u32 f(u32 x) { return ask(x) + (ask(x + 1) << 8); }", answers=answers)
    assert set(variables(again.number)) == {"ask()", "ask()#2"}
    assert evaluate(again.number, {"x": 0, "ask()": 0xFF, "ask()#2": 0xFF}) == 0xF0F


def test_a_call_that_only_reads_changes_nothing_and_is_noted(run: Runner) -> None:
    found = run("u32 f(struct s *p) { p->a = 3; return look(p) + p->a; }")
    assert set(variables(found.number)) == {"look()"}
    assert [each.function for each in found.machine.opaque_calls] == ["look"]


STEADY = {
    "the same again": ("struct s *q = seek(x); return q == seek(x) && seek(x) == q;", 1),
    "a variable meanwhile": ("struct s *q = seek(x); u32 l = x + 1; return q == seek(x) && l;", 1),
    "a path that goes on": ("return x > 3 && seek(x) && seek(x)->a == 2;", 1),
    "a path that is written otherwise": (
        "u32 ok = 0; if (x > 3) { struct s *q = seek(x); if (q) ok = q->a || q->next; } return ok && seek(x)->a == 2;",
        1,
    ),
    "another number": ("struct s *q = seek(x); return q == seek(x + 1);", 2),
    "another path": ("if (x > 3) { if (seek(x)) return 1; } return seek(x) != 0;", 2),
    "a write": ("struct s *q = seek(x); p->a = 2; return q == seek(x);", 2),
    "a write to what was found": ("struct s *q = seek(x); q->a = 2; return q == seek(x);", 2),
    "a call": ("struct s *q = seek(x); get(1); return q == seek(x);", 2),
    "who may write": ("struct s *q = find(x); return q == find(x);", 2),
}


@pytest.mark.parametrize(("body", "count"), STEADY.values(), ids=STEADY.keys())
def test_what_only_reads_is_asked_again_if_it_may_find_something_else(body: str, count: int, run: Runner) -> None:
    found = run(f"u32 f(struct s *p, u32 x) {{ {body} }}")
    assert len([name for name, _, _ in found.calls if name in ("seek", "find")]) == count


def test_what_only_reads_gives_what_it_has_given(run: Runner) -> None:
    assert run("u32 f(u32 x) { struct s *q = seek(x); return q == seek(x); }").number == bv(1, 32)


def test_whoever_only_watches_is_not_even_given_its_arguments(run: Runner) -> None:
    found = run("u32 f(struct s *p) { p->a = 3; trace_it(get(1)); return p->a; }")
    assert found.number == bv(3, 32)
    assert found.calls == []


def test_what_is_never_followed_is_not_although_it_could_be(run: Runner) -> None:
    found = run("static u32 g(u32 x) { return x; } u32 f(u32 x) { return g(x); }", never="g")
    assert found.calls == [("g", "f", TRUE)]
    assert found.machine.opaque_calls[0].parameters == ("x",)
    assert found.machine.given_up == {}


REFUSED = 'static u32 g(struct s *p, u32 x) { p->a = x; if (x > 20 || x < 8) get(x); u32 y = 1u << x; asm volatile("" :: "r"(x)); return y; }'


def test_of_a_function_that_is_given_up_nothing_is_left_behind(run: Runner) -> None:
    found = run(REFUSED + "\nu32 f(struct s *p, u32 x) { p->a = 5; u32 y = g(p, x); return y; }")
    assert set(found.machine.given_up) == {"g"}
    # Nor does the refusal keep what had been computed where it was raised.
    (refused,) = found.machine.given_up.values()
    assert (refused.__traceback__, refused.__context__, refused.__cause__) == (None, None, None)
    assert [(each.function, each.caller) for each in found.machine.opaque_calls] == [("g", "f")]
    (call,) = found.machine.opaque_calls
    (object_,) = (each for each in call.memory.changed if each.name == "p" and each.is_outside)
    assert call.memory.read(object_, 0, 32) == bv(5, 32)
    assert found.machine.checks == []
    given_up = found.machine.given_up["g"]
    assert given_up.location is not None
    assert not any(str(each.at) == given_up.location for each in found.machine.steps)


def test_counts_are_as_they_were_before_a_function_that_is_given_up(run: Runner) -> None:
    found = run(REFUSED + "\nu32 f(struct s *p, u32 x) { g(p, x); return get(x); }")
    assert set(variables(found.number)) == {"get()"}


def test_the_path_goes_on_behind_a_function_that_is_given_up(run: Runner) -> None:
    text = 'static void g(u32 x) { if (x) return; asm volatile("" :: "r"(x)); } u32 f(u32 x) { g(x); return x; }'
    assert run(text).number == var("x", 32)


@pytest.mark.parametrize(
    "loop",
    [
        "while (get(x)) x++;",
        "for (;;) { ext(find(x)); if (x++ == 5) break; }",
        "do { if (get(x)) break; } while (1);",
        "do ext(find(x)); while (x++ & 3);",
    ],
)
def test_a_loop_around_a_call_is_refused_if_its_end_is_not_certain(loop: str, run: Runner) -> None:
    with pytest.raises(Refused, match="a loop whose end is not known"):
        run(f"void f(u32 x) {{ {loop} }}")


def test_a_function_with_such_a_loop_is_not_followed(run: Runner) -> None:
    found = run("static u32 g(u32 x) { while (get(x)) x++; return x; } u32 f(u32 x) { return g(x); }")
    assert found.calls == [("g", "f", TRUE)]


def test_a_loop_around_a_call_may_have_a_certain_end(run: Runner) -> None:
    assert len(run("void f(u32 x) { for (int i = 0; i < 3; i++) get(x + i); }").calls) == 3


def test_what_is_tried_a_few_times_may_end_after_each_try(run: Runner) -> None:
    found = run("u32 f(u32 x) { u32 n = 0; do { if (get(x)) return n; if (++n > 2) break; } while (1); return 9; }")
    assert len(found.calls) == 3
    answers = [{"get()": a, "get()#2": b, "get()#3": c} for a, b, c in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0))]
    assert [evaluate(found.number, {"x": 0, **each}) for each in answers] == [0, 1, 2, 9]


def test_what_only_answers_is_asked_the_same_with_a_variable_that_holds_the_same(run: Runner) -> None:
    text = "u32 f(u32 x) {{ u32 one = 5, other = {}; return pose(x, &one) - pose(x, &other); }}"
    assert run(text.format(5)).number == bv(0, 32)
    assert set(variables(run(text.format(6)).number)) == {"pose()", "pose()#2"}


def test_a_loop_without_a_call_may_end_anywhere(run: Runner) -> None:
    found = run("u32 f(u32 x) { for (int i = 0; i < 4; i++) if (x >> i & 1) return i; return get(x); }")
    assert [evaluate(found.number, {"x": x, "get()": 9}) for x in (1, 8, 0)] == [0, 3, 9]


def test_a_run_that_is_too_long_is_refused_as_a_whole(run: Runner) -> None:
    text = "static u32 g(u32 x) { for (int i = 0; i < 50; i++) x += i; return x; } u32 f(u32 x) { return g(x); }"
    assert run(text, budget=200).calls == []
    with pytest.raises(Refused, match="more code is run than is worth it"):
        run(text, budget=40)


def test_a_call_through_a_pointer_in_memory_is_noted_with_the_pointers_place(run: Runner) -> None:
    found = run("u32 f(struct s *p) { return p->fn(1) + p->next->fn(2); }")
    assert [(each.function, each.through) for each in found.machine.opaque_calls] == [
        ("fn", "p->fn"),
        ("fn", "p->next after fn()->fn after fn()"),
    ]
