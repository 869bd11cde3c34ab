"""Calls that are not followed make unknown what they may write; WARN and BUG are obligations on their path."""
# A C function reads best on one line.

from collections.abc import Callable, Sequence

import pytest

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Value, pointer_to
from mmuproof.smt.graph import evaluate, evaluate_all, variables
from mmuproof.smt.terms import BitVec, var

from .conftest import LiftedFile

OPAQUE = """
struct part { u32 a, b; };
struct whole { u32 x; u32 f : 4, g : 4; struct part in[2]; bool flag; struct part *out; };
u32 opaque(void);
u32 numbered(int which);
bool truth(void);
struct part *pointer(void);
u32 touch(struct whole *w);
u32 touch_any(void *w);
u32 touch_part(struct part *p);
u32 global;
static u32 other_global;
"""


def run(program: LiftedFile, name: str, *cuts: Cut) -> tuple[Machine, BitVec]:
    """A function run on free scalars and on input objects behind its pointers."""
    machine, function = program.machine(*cuts), program.unit.function(name)
    arguments = [
        pointer_to(Object(name=each.name, type=each.type.target, kind=ObjectKind.INPUT, by_pointer=True))
        if isinstance(each.type, PointerType)
        else var(each.name, each.type.bits)
        for each in function.parameters
    ]
    result = machine.run(function, arguments, Memory())
    assert isinstance(result, BitVec)
    return machine, result


def free(result: BitVec, **fixed: int) -> set[str]:
    """The variables that change the result when each in turn changes and the fixed ones do not."""
    names = [name for name in variables(result) if name not in fixed]
    before = evaluate(result, fixed)
    return {name for name in names if any(evaluate(result, {**fixed, name: value}) != before for value in (1, 2, 255))}


def test_result_is_fresh_for_every_call(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + "u64 f(u64 a) { return opaque() == opaque(); }")
    machine, result = run(found, "f", Cut(function="opaque", reason="x"))
    assert len(variables(result)) == 2
    assert {evaluate(result, dict.fromkeys(variables(result), 7)), evaluate(result, {"opaque()": 1})} == {0, 1}
    assert [str(call.at) for call in machine.cut_calls] == ["program.c:13"]


def test_result_in_a_later_machine_is_another_one(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + "u64 f(u64 a) { return opaque(); }")
    machine = found.machine(Cut(function="opaque", reason="x"))
    function = found.unit.function("f")
    past = [machine.run(function, [var("a", 64)], Memory()) for _ in range(2)]
    futures = [machine.successor().run(function, [var("a", 64)], Memory()) for _ in range(2)]
    assert len({*past, *futures}) == 3
    assert futures[0] is futures[1]


def test_repeatable_result_follows_from_constant_arguments(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + "u64 f(u64 a) { return (numbered(1) == numbered(1)) + 2 * (numbered(1) == numbered(2)); }")
    _, result = run(found, "f", Cut(function="numbered", reason="x", repeatable=True))
    assert {evaluate(result, {}), evaluate(result, {"numbered(2)": 5})} == {3, 1}
    text = OPAQUE + "u64 f(u64 a) { return numbered(a); }"
    with pytest.raises(Refused, match="repeatable, but an argument is no constant"):
        run(program(text), "f", Cut(function="numbered", reason="x", repeatable=True))


def test_result_of_type_bool_is_0_or_1(program: Callable[[str], LiftedFile]) -> None:
    _, result = run(
        program(OPAQUE + "u64 f(u64 a) { return truth() + truth(); }"), "f", Cut(function="truth", reason="x")
    )
    assert {evaluate(result, dict.fromkeys(variables(result), value)) for value in (0, 1, 2, 3)} == {0, 2}


def test_result_mask_limits_the_result(program: Callable[[str], LiftedFile]) -> None:
    _, result = run(
        program(OPAQUE + "u64 f(u64 a) { return opaque(); }"), "f", Cut(function="opaque", reason="x", result_mask=0x78)
    )
    assert evaluate(result, {"opaque()": 0xFFFF}) == 0x78


def test_pointer_result_may_be_null_or_lead_to_an_object(program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + "u64 f(u64 a) { struct part *p = pointer(); return p ? p->a : 99; }"
    machine, result = run(program(text), "f", Cut(function="pointer", reason="x"))
    assert evaluate(result, {"pointer() == NULL": 1}) == 99
    assert evaluate(result, {"pointer()->a": 5}) == 5
    assert not machine.checks


WRITES = {
    "a member": ("x", {"w->x"}),
    "a bit-field": ("g", {"w->g"}),
    "an inner member": ("in[1].b", {"w->in[1].b"}),
    "an inner struct": ("in[1]", {"w->in[1].a", "w->in[1].b"}),
    "an array": ("in", {"w->in[0].a", "w->in[0].b", "w->in[1].a", "w->in[1].b"}),
    "the first path that there is": ("old|g|x", {"w->g"}),
    "everything": ("", {"w->x", "w->f", "w->g", "w->in[0].a", "w->in[0].b", "w->in[1].a", "w->in[1].b"}),
}
SET = "w->x = 1; w->f = 1; w->g = 1; w->in[0].a = 1; w->in[0].b = 1; w->in[1].a = 1; w->in[1].b = 1;"
SUM = "w->x * 3ull + w->f * 5 + w->g * 7 + w->in[0].a * 11ull + w->in[0].b * 13ull + w->in[1].a * 17ull + w->in[1].b * 19ull"


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("call", ["touch(w)", "touch_any(w)"])
def test_cut_makes_unknown_what_it_writes_and_nothing_else(
    name: str, call: str, program: Callable[[str], LiftedFile]
) -> None:
    path, written = WRITES[name]
    found = program(OPAQUE + f"u64 f(struct whole *w) {{ {SET} {call}; return {SUM}; }}")
    _, result = run(found, "f", Cut(function=call.partition("(")[0], reason="x", writes=((0, path),)))
    assert {each.partition(" after ")[0] for each in free(result)} == written


def test_path_is_taken_from_what_the_argument_points_to(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + f"u64 f(struct whole *w) {{ {SET} touch_part(&w->in[1]); return {SUM}; }}")
    _, result = run(found, "f", Cut(function="touch_part", reason="x", writes=((0, "a"),)))
    assert {each.partition(" after ")[0] for each in free(result)} == {"w->in[1].a"}


def test_every_element_that_may_be_meant_becomes_unknown(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + f"u64 f(struct whole *w, u32 i) {{ {SET} touch_part(&w->in[i & 1]); return {SUM}; }}")
    _, result = run(found, "f", Cut(function="touch_part", reason="x", writes=((0, "b"),)))
    assert {each.partition(" after ")[0] for each in free(result)} == {"w->in[0].b", "w->in[1].b"}


def test_second_call_gives_other_values(program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + "u64 f(struct whole *w) { touch(w); u32 x = w->x; touch(w); return x == w->x; }"
    for path in ("x", ""):
        _, result = run(program(text), "f", Cut(function="touch", reason="x", writes=((0, path),)))
        assert len(variables(result)) == 2


def test_havoc_survives_that_paths_part_and_meet(program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + (
        "u64 f(struct whole *w, u32 i) { w->x = 1; if (i & 1) touch(w); u32 x = w->x; if (i & 2) touch(w);"
        " touch(w); u32 y = w->x; if (i & 4) touch(w); return (x == y) + 2 * (y == w->x); }"
    )
    _, result = run(program(text), "f", Cut(function="touch", reason="x", writes=((0, ""),)))
    values = {name: number for number, name in enumerate(variables(result), 10)}
    assert evaluate(result, {**values, "i": 0}) == 2
    assert evaluate(result, {**values, "i": 7}) == 0
    assert evaluate(result, {**values, "i": 3}) == 2


@pytest.mark.parametrize("path", ["x", ""])
def test_cut_in_a_branch_affects_that_path_alone(path: str, program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + "u64 f(struct whole *w, u32 c) { w->x = 1; if (c) touch(w); else w->x = 2; return w->x; }"
    _, result = run(program(text), "f", Cut(function="touch", reason="x", writes=((0, path),)))
    (unknown,) = set(variables(result)) - {"c"}
    assert evaluate(result, {"c": 0, unknown: 77}) == 2
    assert evaluate(result, {"c": 1, unknown: 77}) == 77


@pytest.mark.parametrize("path", ["x", ""])
def test_cut_that_short_circuit_skips_writes_nothing(path: str, program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + "u64 f(struct whole *w, u32 c) { w->x = 1; (void)(c && touch(w)); return w->x; }"
    _, result = run(program(text), "f", Cut(function="touch", reason="x", writes=((0, path),)))
    names = dict.fromkeys(variables(result), 77)
    assert evaluate(result, {**names, "c": 0}) == 1
    assert evaluate(result, {**names, "c": 1}) == 77


def test_global_that_a_cut_writes_becomes_unknown(program: Callable[[str], LiftedFile]) -> None:
    text = (
        OPAQUE + "u64 f(u64 a) { global = 1; other_global = 2; opaque(); return global * 2ull + other_global * 3ull; }"
    )
    _, result = run(program(text), "f", Cut(function="opaque", reason="x", writes_globals=("global",)))
    assert {each.partition(" after ")[0] for each in free(result)} == {"global"}


def test_a_number_where_a_cut_writes_is_no_null_pointer(program: Callable[[str], LiftedFile]) -> None:
    text = OPAQUE + "u32 moved(u32 x, struct whole *w); u64 f(struct whole *w) { w->x = 1; moved(0, w); return w->x; }"
    with pytest.raises(Refused, match="cut moved: argument 0 is no pointer"):
        run(program(text), "f", Cut(function="moved", reason="x", writes=((0, "x"),)))
    null = OPAQUE + "u64 f(struct whole *w) { w->x = 1; touch(0); touch((void *)0); return w->x; }"
    assert free(run(program(null), "f", Cut(function="touch", reason="x", writes=((0, "x"),)))[1]) == set()


REFUSED = {
    "no such argument": (Cut(function="touch", reason="x", writes=((1, "x"),)), "argument 1 is no pointer"),
    "no such global": (Cut(function="touch", reason="x", writes_globals=("absent",)), "there is no object absent"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_cut_that_does_not_fit_the_tree_is_refused(name: str, program: Callable[[str], LiftedFile]) -> None:
    cut, reason = REFUSED[name]
    with pytest.raises(Refused, match=reason) as refusal:
        run(program(OPAQUE + "u64 f(struct whole *w) { return touch(w); }"), "f", cut)
    assert refusal.value.location == "program.c:13"


@pytest.mark.parametrize(
    ("path", "told"),
    [("absent", "absent"), ("absent|missing", "absent or missing"), ("in[2].a", "in[2].a")],
    ids=("a member", "several members", "an element"),
)
def test_what_a_cut_writes_and_the_tree_has_not_is_missing(
    path: str, told: str, program: Callable[[str], LiftedFile]
) -> None:
    cut = Cut(function="touch", reason="x", writes=((0, path),))
    with pytest.raises(Missing) as missing:
        run(program(OPAQUE + "u64 f(struct whole *w) { return touch(w); }"), "f", cut)
    assert missing.value.names == (f"struct whole.{told}, which touch() writes",)


def test_call_through_a_pointer_in_memory_is_cut_by_its_path(program: Callable[[str], LiftedFile]) -> None:
    text = "struct ops { u32 (*get)(u32); struct ops *next; }; u64 f(struct ops *o) { return o->get(1) + o->next->get(2); }"
    _, result = run(program(text), "f", Cut(function="get", reason="x"))
    assert len(variables(result)) == 2


def test_call_of_a_function_that_ends_leaves_the_machine_usable(program: Callable[[str], LiftedFile]) -> None:
    found = program("u64 g(u64 a) { return h(a); } u64 f(u64 a) { return a; }".replace("h(a)", "a / 0"))
    machine, memory = found.machine(), Memory()
    for _ in range(100):
        with pytest.raises(Refused):
            machine.run(found.unit.function("g"), [var("a", 64)], memory)
    assert machine.run(found.unit.function("f"), [var("a", 64)], memory) is var("a", 64)


ASSERTIONS = """
int __mmuproof_warn(int condition);
void __mmuproof_bug(int condition);
void __mmuproof_build_bug(int condition);
"""
#: A function, the kind of its check, when it holds, and the result where it does.
OBLIGATIONS: dict[str, tuple[str, CheckKind, Callable[[int], bool], Callable[[int], int]]] = {
    "WARN": ("__mmuproof_warn(a > 3); return a;", CheckKind.WARN, lambda a: a <= 3, lambda a: a),
    "WARN as a condition": (
        "if (__mmuproof_warn(a > 3)) return 9; return a;",
        CheckKind.WARN,
        lambda a: a <= 3,
        lambda a: a,
    ),
    "WARN on a path": (
        "if (a & 1) __mmuproof_warn(a > 3); return a;",
        CheckKind.WARN,
        lambda a: not (a & 1 and a > 3),
        lambda a: a,
    ),
    "WARN behind &&": (
        "if (a & 1 && __mmuproof_warn(1)) return 3; return a;",
        CheckKind.WARN,
        lambda a: not a & 1,
        lambda a: a,
    ),
    "BUG": ("__mmuproof_bug(a > 3); return a;", CheckKind.BUG, lambda a: a <= 3, lambda a: a),
    "BUG on a path": (
        "u32 r = 1; if (a > 5) { __mmuproof_bug(1); r = 2; } return r;",
        CheckKind.BUG,
        lambda a: a <= 5,
        lambda a: 1,
    ),
    "BUG in a switch": (
        "switch (a) { case 1: return 4; default: __mmuproof_bug(1); case 2: a = 7; } return a;",
        CheckKind.BUG,
        lambda a: a in (1, 2),
        lambda a: 4 if a == 1 else 7,
    ),
    "unreachable": ("if (a > 2) __builtin_unreachable(); return a;", CheckKind.BUG, lambda a: a <= 2, lambda a: a),
    "BUILD_BUG_ON": (
        "if (a > 2) __mmuproof_build_bug(a > 4); return a;",
        CheckKind.BUILD,
        lambda a: a <= 4,
        lambda a: a,
    ),
}


@pytest.mark.parametrize("name", OBLIGATIONS)
def test_assertion_is_an_obligation_on_its_path(name: str, program: Callable[[str], LiftedFile]) -> None:
    body, kind, holds, expected = OBLIGATIONS[name]
    lifted = program(ASSERTIONS + f"u64 f(u8 a) {{ {body} }}").lift("f")
    assert {(check.kind, str(check.at)) for check in lifted.checks} == {(kind, "program.c:5")}
    for a in range(12):
        result, *held = evaluate_all([lifted.result, *(check.holds for check in lifted.checks)], {"p0": a})
        assert all(held) == holds(a)
        if holds(a):
            assert result == expected(a)


def test_path_ends_behind_a_bug(program: Callable[[str], LiftedFile]) -> None:
    text = (
        ASSERTIONS
        + "static u32 g(u32 a) { __mmuproof_bug(a > 3); return 1; } u64 f(u8 a) { g(a); __mmuproof_warn(a > 3); return 16 / (a < 4); }"
    )
    lifted = program(text).lift("f")
    holds = {check.kind: check.holds for check in lifted.checks}
    # Behind the BUG a is at most 3, so neither the WARN nor the division can fail.
    for a in range(8):
        values = {kind: evaluate_all([term], {"p0": a})[0] for kind, term in holds.items()}
        assert values == {kind: int(kind is not CheckKind.BUG or a <= 3) for kind in holds}


def test_function_that_never_returns_ends_the_callers_path(program: Callable[[str], LiftedFile]) -> None:
    text = (
        ASSERTIONS
        + "static u32 stop(void) { __mmuproof_bug(1); return 0; } u64 f(u8 a) { if (a > 3) return stop() / 0; return a; }"
    )
    lifted = program(text).lift("f")
    assert {check.kind for check in lifted.checks} == {CheckKind.BUG}
    assert evaluate(lifted.result, {"p0": 2}) == 2


def test_a_check_names_the_function_that_it_is_in(program: Callable[[str], LiftedFile]) -> None:
    text = ASSERTIONS + "static u32 g(u32 a) { __mmuproof_warn(a > 3); return a; } u64 f(u8 a) { return g(a) / a; }"
    lifted = program(text).lift("f")
    assert {(check.kind, check.function) for check in lifted.checks} == {
        (CheckKind.WARN, "g"),
        (CheckKind.DIVISION, "f"),
    }


def test_a_small_struct_among_the_arguments_is_kept_as_a_number(program: Callable[[str], LiftedFile]) -> None:
    text = "union role { u32 word; struct { u32 level:4; u32 rest:28; }; };\n"
    text += "struct large { u64 a, b; };\nu32 told(union role role, struct large large);\n"
    text += "u64 f(u32 a, struct large *large) { union role r = { .word = a }; r.level = 3; return told(r, *large); }"
    machine, _ = run(program(text), "f", Cut(function="told", reason="x"))
    (call,) = machine.calls_made
    role, large = call.arguments
    assert isinstance(role, BitVec)
    assert large is None
    assert evaluate_all([role], {"a": 0x12345678}) == [0x12345673]


def test_a_call_that_is_not_followed_is_noted_with_its_arguments(program: Callable[[str], LiftedFile]) -> None:
    found = program(OPAQUE + "static u32 g(u8 a) { return a & 1 ? numbered(a + 2) : 0; } u64 f(u8 a) { return g(a); }")
    machine, _ = run(found, "f", Cut(function="numbered", reason="x"))
    (call,) = machine.calls_made
    assert (call.function, call.caller, str(call.at).partition(":")[0]) == ("numbered", "g", "program.c")
    (argument,) = call.arguments
    assert isinstance(argument, BitVec)
    for a in (0, 1, 7):
        assert evaluate_all([call.guard, argument], {"a": a}) == [a & 1, a + 2]


def test_cut_can_make_unknown_just_what_its_argument_points_to(program: Callable[[str], LiftedFile]) -> None:
    text = (
        OPAQUE
        + "u32 touch_one(u32 *p); u64 f(struct whole *w) { w->x = 3; w->in[1].a = 4; touch_one(&w->in[1].a); return w->x + w->in[1].a; }"
    )
    _, result = run(program(text), "f", Cut(function="touch_one", reason="x", writes=((0, "*"),)))
    assert free(result) == {"w->in[1].a after touch_one()"}
    _, result = run(program(text), "f", Cut(function="touch_one", reason="x", writes=((0, ""),)))
    assert free(result) == {"w->x after touch_one()", "w->in[1].a after touch_one()"}


def test_a_result_may_depend_on_the_arguments(program: Callable[[str], LiftedFile]) -> None:
    def answer(arguments: Sequence[Value | None]) -> Value:
        (which,) = arguments
        assert isinstance(which, BitVec)
        return which + 1

    found = program(OPAQUE + "u64 f(u32 a, u32 b) { return numbered(a) - numbered(b); }")
    _, result = run(found, "f", Cut(function="numbered", reason="x", gives=answer))
    assert evaluate(result, {"a": 9, "b": 4}) == 5


def test_a_path_ends_at_a_cut_that_ends_it(program: Callable[[str], LiftedFile]) -> None:
    found = program(
        OPAQUE + "u32 touched(u32 x);\nu64 f(u32 a) { if (a) { opaque(); touched(1); } return touched(2); }"
    )
    machine, _ = run(found, "f", Cut(function="opaque", reason="x", ends=True), Cut(function="touched", reason="x"))
    guards = {call.tag: evaluate(call.guard, {"a": 1}) for call in machine.calls_made}
    assert guards["opaque()"]
    assert not any(guard for tag, guard in guards.items() if tag != "opaque()")
