"""Input objects: free values, pointers to objects of their own, null as far as the code asks."""
# A C function reads best on one line.

from collections.abc import Callable

import pytest

from mmuproof.lift.c_types import PointerType, leaf_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.smt.graph import evaluate, evaluate_all, variables
from mmuproof.smt.terms import BitVec, bv, ne, var

from .conftest import LiftedFile

TYPES = """
struct inner { u32 a, b, t[4]; };
struct outer { u32 x, y; bool yes; struct inner *in, *in2; struct outer *next; union { u64 w; struct { u32 l, h; }; }; u8 v[4]; };
"""


def run(program: LiftedFile, text_name: str = "f") -> tuple[Machine, BitVec]:
    machine, function = program.machine(), program.unit.function(text_name)
    arguments = [
        pointer_to(Object(name=each.name, type=each.type.target, kind=ObjectKind.INPUT, by_pointer=True))
        if isinstance(each.type, PointerType)
        else var(each.name, each.type.bits)
        for each in function.parameters
    ]
    result = machine.run(function, arguments, Memory())
    assert isinstance(result, BitVec)
    return machine, result


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("o->x", {"o->x"}),
        ("o->in->b", {"o->in->b"}),
        ("o->next->next->x", {"o->next->next->x"}),
        ("o->v[2]", {"o->v[2]"}),
        ("o->l + o->w", {"o->w"}),
        ("o->v[i & 1]", {"o->v[0]", "o->v[1]", "i"}),
        ("(u64)o->in", {"&o->in", "o->in == NULL"}),
    ],
)
def test_every_scalar_is_a_free_value_named_as_c_names_it(
    expression: str, names: set[str], program: Callable[[str], LiftedFile]
) -> None:
    _, result = run(program(TYPES + f"u64 f(struct outer *o, u32 i) {{ return {expression}; }}"))
    assert set(variables(result)) == names


def test_no_two_scalars_share_a_name(program: Callable[[str], LiftedFile]) -> None:
    text = """
    struct s {
        union { u32 a, b; }; union { u32 c; u16 d; }; u32 : 3; u32 e : 4; u32 : 5; u32 f : 6;
        struct { u8 g; u32 h; }; struct { u8 i; u32 j; }; union { u64 k[2]; u8 l[9]; }; union { u64 m[2]; };
        union { struct { u8 n; u16 o; }; } p, q[2]; struct { u8 r; u64 s; } t;
    };
    """
    record = program(text).unit.record("struct s")
    leaves, position = [], 0
    while position < record.bits:
        leaves.append(leaf_at(record, position))
        assert leaves[-1].offset == position
        position += leaves[-1].width
    paths = [leaf.path for leaf in leaves]
    assert len(set(paths)) == len(paths)
    assert {"a", "c", "e", "f", "g", "j", "k.word1", "m.word0", "p", "q[1]", "t.s"} <= set(paths)


def test_bool_in_memory_is_0_or_1(program: Callable[[str], LiftedFile]) -> None:
    _, result = run(program(TYPES + "u64 f(struct outer *o) { return o->yes; }"))
    assert {evaluate(result, {"o->yes": value}) for value in range(4)} == {0, 1}


@pytest.mark.parametrize(
    ("body", "defined"),
    [
        ("return o->in->a;", {0: True, 1: True}),
        ("if (!o->in) return o->in->a; return 1;", {0: True, 1: False}),
        ("if (o->in) return o->in->a; return 1;", {0: True, 1: True}),
        ("if (!o->in || o->in->a) return 1; return 2;", {0: True, 1: True}),
        ("if (o->x && !o->in) return o->in->a; return 1;", {0: True, 1: False}),
        ("struct inner *p = o->x ? o->in : NULL; return p->a;", {0: True, 1: True}),
        # What has been followed is valid: neither what is read there nor what is asked later makes it null again.
        ("if (o->in->t[i & 3]) return 1; return o->in->a;", {0: True, 1: True}),
        ("struct inner *p = o->x ? o->in : o->in2; if (p->a) return 1; return o->in->a;", {0: True, 1: True}),
        ("u32 a = o->in->a; if (o->in && o->x) return a; return o->in->b;", {0: True, 1: True}),
        ("if (o->in && o->in->a) return 1; return o->in->b;", {0: True, 1: False}),
        ("u32 a = o->y ? o->in->a : 1; if (o->in && !o->x) return a; return o->in->b;", {0: True, 1: False}),
        ("u32 a = 0; if (o->y) a = o->in->a; if (o->in && !o->x) return a; return o->in->b;", {0: True, 1: False}),
    ],
)
def test_input_pointer_is_valid_until_the_code_asks(
    body: str, defined: dict[int, bool], program: Callable[[str], LiftedFile]
) -> None:
    machine, _ = run(program(TYPES + f"u64 f(struct outer *o, u32 i) {{ {body} }}"))
    for null, expected in defined.items():
        held = evaluate_all([check.holds for check in machine.checks], {"o->in == NULL": null, "o->x": 1})
        assert all(held) == expected


def test_null_beside_an_input_pointer_is_still_a_check(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "u64 f(struct outer *o) { struct inner *p = o->x ? o->in : NULL; return p->a; }"
    machine, _ = run(program(text))
    (check,) = machine.checks
    assert check.kind is CheckKind.NULL
    assert [evaluate_all([check.holds], {"o->x": x}) for x in (0, 1)] == [[0], [1]]


def test_what_is_written_is_read_and_the_rest_stays(program: Callable[[str], LiftedFile]) -> None:
    found = program(TYPES + "void f(struct outer *o, u32 i) { o->h = i; o->in->a = 3; o->v[i & 3] = 9; }")
    machine, function = found.machine(), found.unit.function("f")
    o = Object(name="o", type=found.unit.record("struct outer"), kind=ObjectKind.INPUT, by_pointer=True)
    memory = Memory()
    machine.run(function, [pointer_to(o), var("i", 32)], memory)
    members = found.unit.record("struct outer").members
    low, high = (memory.read(o, members[name].offset, 32) for name in ("l", "h"))
    assert isinstance(low, BitVec)
    assert high is var("i", 32)
    assert "i" not in variables(low)
    element = memory.read(o, members["v"].offset + 8, 8)
    assert isinstance(element, BitVec)
    assert evaluate(element, {"i": 5}) == 9
    assert evaluate(element, {"i": 4, "o->v[1]": 6}) == 6
    inner = memory.read(o, members["in"].offset, 64)
    assert isinstance(inner, Pointer)
    place = next(target.place for target in inner.targets if target.place is not None)
    assert memory.read(place.object, 0, 32) is bv(3, 32)


def test_a_refused_run_leaves_memory_as_it_was(program: Callable[[str], LiftedFile]) -> None:
    found = program(TYPES + "u64 f(struct outer *o) { o->x = 1; o->in->a = 2; return 1 / 0; }")
    o, memory = (
        Object(name="o", type=found.unit.record("struct outer"), kind=ObjectKind.INPUT, by_pointer=True),
        Memory(),
    )
    with pytest.raises(Refused, match="undefined behaviour"):
        found.machine().run(found.unit.function("f"), [pointer_to(o)], memory)
    assert memory.read(o, 0, 32) is var("o->x", 32)


def test_a_condition_limits_the_run(program: Callable[[str], LiftedFile]) -> None:
    found = program("u64 f(u32 a) { return 8 / a; }")
    machine = found.machine()
    machine.run(found.unit.function("f"), [var("a", 32)], Memory(), ne(var("a", 32), 0))
    assert all(evaluate_all([check.holds for check in machine.checks], {"a": 0}))


def test_addresses_of_different_locals_are_not_known_to_be_equal(program: Callable[[str], LiftedFile]) -> None:
    text = "static u64 g(void) { u32 x = 1; return (u64)&x; } u64 f(u64 a) { u32 x = 1; return g() == (u64)&x; }"
    _, result = run(program(text))
    names = list(variables(result))
    assert len(names) == 2
    assert {evaluate(result, {names[0]: value}) for value in (0, 4)} == {0, 1}


def test_globals_are_free_and_keep_what_is_written(program: Callable[[str], LiftedFile]) -> None:
    text = "static u32 count; static u32 next(void) { static u32 n; n++; return ++count + n; } u64 f(u32 a) { next(); return next() - count; }"
    _, result = run(program(text))
    assert evaluate(result, {"count": 7, "n": 40}) == 42


def test_definition_of_a_declared_constant_is_found(program: Callable[[str], LiftedFile]) -> None:
    text = "extern const u32 table[]; static u32 g(u32 i) { return table[i & 1]; } const u32 table[] = { 4, 5 }; u64 f(u32 a) { return g(a); }"
    _, result = run(program(text))
    assert [evaluate(result, {"a": a}) for a in (0, 1)] == [4, 5]


def test_steps_name_elements_by_number_where_the_index_is_known(program: Callable[[str], LiftedFile]) -> None:
    text = (
        "struct s { u32 a[3]; struct { u32 b[2]; } c[2]; };\n"
        "u64 f(u32 n) {\n"
        " struct s s = { };\n"
        " for (u32 i = 0; i < 3; i++)\n"
        "  s.a[i] = 7;\n"
        " if (n < 2)\n"
        "  s.c[1].b[n] += s.a[s.a[2] - 6] = 5;\n"
        " return s.a[1];\n"
        "}\n"
    )
    machine, _ = run(program(text))
    elements = [step.target for step in machine.steps if "[" in step.target]
    assert elements == ["s.a[0]", "s.a[1]", "s.a[2]", "s.a[1]", "s.c[1].b[n]"]


def test_steps_tell_how_a_result_came_about(program: Callable[[str], LiftedFile]) -> None:
    text = "struct s { struct { u32 a; } in; u32 v[2]; };\nu64 f(u32 c) {\n struct s s = { .v[1] = 4 };\n if (c)\n  s.in.a = 7;\n s.v[0]++;\n return s.in.a;\n}"
    machine, _ = run(program(text))
    told = [(str(step.at), step.target, evaluate_all([step.guard, step.value], {"c": 1})) for step in machine.steps]
    assert told == [
        ("program.c:3", "s.v", [1, 4]),
        ("program.c:5", "s.in.a", [1, 7]),
        ("program.c:6", "s.v[0]", [1, 1]),
        ("program.c:7", "f()", [1, 7]),
    ]
    assert evaluate_all([machine.steps[1].guard], {"c": 0}) == [0]


def test_a_successor_shares_globals_and_has_seen_nothing(program: Callable[[str], LiftedFile]) -> None:
    found = program("static u32 count; u64 f(u32 a) { count += 5; return 1 / a; }")
    machine, memory, function = found.machine(), Memory(), found.unit.function("f")
    machine.run(function, [var("a", 32)], memory)
    other = machine.successor()
    assert not other.checks
    other.run(function, [var("a", 32)], memory)
    count = memory.read(other.global_object(found.unit.variable("count")), 0, 32)
    assert isinstance(count, BitVec)
    assert evaluate(count, {"count": 1}) == 11
