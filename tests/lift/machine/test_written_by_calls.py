"""What the body of a call that is not followed writes is held against the cut, or stands for the call."""
# A C function reads best on one line.

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.doubts import left_out
from mmuproof.lift.machine.machine import Machine
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.smt.graph import evaluate, postorder, variables
from mmuproof.smt.terms import BitVec, var

from .conftest import LiftedFile, program

__all__ = ["program"]

TYPES = """
struct part { u32 a, b; };
struct whole { u32 x, y; u32 f : 4, g : 4; struct part in; u32 list[4]; struct part *out; u32 *at; };
struct other { u32 x, y; struct whole held; };
struct node { struct node *next; struct part part; };
typedef u32 (*asked)(struct whole *);
extern u32 global, other_global;
extern struct part settings;
void unread(struct whole *w);
void *memset(void *to, int byte, unsigned long count);
void *memcpy(void *to, const void *from, unsigned long count);
void __mmuproof_warn(int condition);
"""


def run(program: LiftedFile, name: str, *cuts: Cut, settled: str = "") -> tuple[Machine, BitVec]:
    """A function run on free scalars and on input objects behind its pointers, one of which may be settled."""
    machine, function = program.machine(*cuts), program.unit.function(name)
    arguments = [
        pointer_to(
            Object(
                name=each.name,
                type=each.type.target,
                kind=ObjectKind.INPUT,
                by_pointer=True,
                settled=each.name == settled,
            )
        )
        if isinstance(each.type, PointerType)
        else var(each.name, each.type.bits)
        for each in function.parameters
    ]
    result = machine.run(function, arguments, Memory())
    assert isinstance(result, BitVec)
    return machine, result


def unlisted(program: LiftedFile, name: str, *cuts: Cut) -> set[str]:
    """What the result of a function rests on that a cut does not list."""
    return set(left_out(postorder([run(program, name, *cuts)[1]])))


def cut(*writes: tuple[int, str], **more: tuple[str, ...]) -> Cut:
    return Cut(function="cut", reason="x", writes=writes, **more)  # type: ignore[arg-type]


F = "u64 f(struct whole *w) { w->x = 1; w->y = 2; cut(w); return w->x; }\n"
WRITES = {
    "a member": "static void cut(struct whole *w) { w->x = 7; }",
    "a member, in a branch": "static void cut(struct whole *w) { if (w->y) w->x |= 7; }",
    "counting": "static void cut(struct whole *w) { w->x++; }",
    "what is called": "static void deep(u32 *at) { *at = 7; } static void cut(struct whole *w) { deep(&w->x); }",
    "what is called by what is called": (
        "static void deeper(u32 *at) { at[0] = 7; } static void deep(struct whole *v) { deeper(&v->x); }"
        "static void cut(struct whole *w) { deep(w); }"
    ),
    "a local pointer": "static void cut(struct whole *w) { u32 *p = 0; p = &w->x; *p = 7; }",
    "a local pointer that moves": (
        "static void cut(struct whole *w) { struct whole *p = w; while (p->y) p++; p->x = 7; }"
    ),
    "all of it": "static void cut(struct whole *w) { struct whole v = {}; *w = v; }",
    "memset": "static void cut(struct whole *w) { memset(w, 0, sizeof(*w)); }",
    "memset of some": "static void cut(struct whole *w) { memset(&w->x, 0, sizeof(w->x)); }",
    "memset beyond a member": "static void cut(struct whole *w) { memset(&w->y, 0, 16); }",
    "memcpy, from a helper": (
        "static void copy(void *to, u32 *from, unsigned long n) { memcpy(to, from, n); }"
        "static void cut(struct whole *w) { copy(&w->x, &w->y, 4); }"
    ),
    "a cast": "static void cut(struct whole *w) { *(u64 *)w = 7; }",
    "a number that was a pointer": "static void cut(struct whole *w) { *(u32 *)(unsigned long)&w->x = 7; }",
    "assembly with an output": 'static void cut(struct whole *w) { asm("mov $7, %0" : "=m"(w->x)); }',
    "assembly with memory": 'static void cut(struct whole *w) { asm("" : : "r"(&w->x) : "memory"); asm("nop" : : "r"(&w->x) : "memory"); }',
    "a kept address": "static void cut(struct whole *w) { w->at = &w->x; *w->at = 7; }",
    "an address that is returned": (
        "static u32 *first(struct whole *w) { u32 *p = &w->x; return p; }"
        "static void cut(struct whole *w) { *first(w) = 7; }"
    ),
    "what holds it": (
        "static void cut(struct whole *w) { ((struct other *)((char *)w - __builtin_offsetof(struct other, held)))->held.x = 7; }"
    ),
    "recursion": "static void cut(struct whole *w) { if (w->y) cut(w); else w->x = 7; }",
    "a statement that is an expression": "static void cut(struct whole *w) { ({ struct whole *p = w; p; })->x = 7; }",
    "a choice": "static void cut(struct whole *w) { *(w->f ? &w->x : &w->y) = 7; }",
    "an overflow that is tested": "static void cut(struct whole *w) { __builtin_add_overflow(w->y, 1u, &w->x); }",
}


@pytest.mark.parametrize("name", WRITES)
def test_a_cut_that_lists_too_little_is_told(name: str, program: Callable[[str], LiftedFile]) -> None:
    found = program(f"{TYPES}{WRITES[name]}\n{F}")
    for writes in ((), ((0, "y"),)):
        (told,) = unlisted(found, "f", cut(*writes))
        assert told.startswith("w->x after cut(), which does not list what is written at program.c:")
    assert not unlisted(found, "f", cut((0, "x")))
    assert not unlisted(found, "f", cut((0, "")))


OTHERS = {
    "another member": "static void cut(struct whole *w) { w->y = w->x; }",
    "a bit-field beside it": "static void cut(struct whole *w) { w->f = 1; }",
    "a local variable": "static void cut(struct whole *w) { struct whole v = *w, *p = &v; p->x = 7; v.x = 8; }",
    "a parameter": "static void cut(struct whole *w) { w = 0; }",
    "another type": "static void cut(struct whole *w) { w->out->a = 7; ((struct other *)w->at)->x = 7; }",
    "through a helper": "static void set(u32 *at) { *at = 7; } static void cut(struct whole *w) { set(&w->y); }",
    "an array": "static void cut(struct whole *w) { for (int i = 0; i < 4; i++) w->list[i] = 7; }",
    "a variable": "static void cut(struct whole *w) { global = w->x; }",
    "assembly that reads": 'static void cut(struct whole *w) { u32 a; asm("mov %1, %0" : "=r"(a) : "m"(w->x)); }',
    "nothing": "static void cut(struct whole *w) { if (w->x) return; }",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_written_is_in_no_doubt(name: str, program: Callable[[str], LiftedFile]) -> None:
    found = program(f"{TYPES}{OTHERS[name]}\n{F}")
    assert run(found, "f", cut())[1] is run(program(f"{TYPES}void cut(struct whole *w);\n{F}"), "f", cut())[1]


def test_a_write_that_nothing_depends_on_matters_not(program: Callable[[str], LiftedFile]) -> None:
    text = "static void cut(struct whole *w) { w->y++; } u64 f(struct whole *w) { cut(w); w->y++; return w->x; }"
    assert not unlisted(program(TYPES + text), "f", cut())
    text = "static void cut(struct whole *w) { w->x++; } u64 f(struct whole *w) { cut(w); w->x = 3; return w->x; }"
    assert not unlisted(program(TYPES + text), "f", cut())


def test_other_bits_of_a_word_are_in_no_doubt(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct whole *w) { w->f = 1; }\n"
    text += "u64 f(struct whole *w) { w->f = 2; w->g = 3; cut(w); return w->g; }"
    text += "u64 g(struct whole *w) { w->f = 2; w->g = 3; cut(w); return w->f; }"
    assert not unlisted(program(text), "f", cut())
    assert unlisted(program(text), "g", cut())


def test_paths_that_part_and_meet_stay_in_doubt(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct whole *w) { w->x = 7; }\n"
    text += "u64 f(struct whole *w, u32 i) { if (i) cut(w); else w->x = 5; return w->x; }"
    assert unlisted(program(text), "f", cut())


def test_memory_that_is_first_read_afterwards_is_in_doubt(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct whole *w) { w->out->a = 7; global = 8; settings.b = 9; }\n"
    text += "u64 f(struct whole *w) { cut(w); return w->out->a; } u64 g(struct whole *w) { cut(w); return global; }"
    text += "u64 h(struct whole *w) { cut(w); return settings.b; }"
    text += "u64 i(struct whole *w) { cut(w); return w->y + other_global; }"
    found = program(text)
    assert [len(unlisted(found, each, cut())) for each in "fghi"] == [1, 1, 1, 0]
    assert not unlisted(found, "g", cut(writes_globals=("global",)))


def test_a_type_written_anywhere_is_in_doubt_unless_the_objects_are_said_to_be_others(
    program: Callable[[str], LiftedFile],
) -> None:
    text = TYPES + "static void cut(struct node *n) { n->next->part.a = 7; *(u32 *)global = 1; }\n"
    text += "u64 f(struct node *n, struct node *m) { cut(n); return m->part.a; }"
    text += "u64 g(struct node *n, struct node *m) { cut(n); return m->part.b; }"
    text += "u64 h(struct node *n, u32 *number) { cut(n); return *number; }"
    found = program(text)
    assert [len(unlisted(found, each, cut())) for each in "fgh"] == [1, 0, 1]
    assert [len(unlisted(found, each, cut(elsewhere=("struct node",)))) for each in "fgh"] == [0, 0, 1]
    assert [len(unlisted(found, each, cut(elsewhere=("*",)))) for each in "fgh"] == [1, 0, 0]
    machine, _ = run(found, "f", cut(elsewhere=("struct node", "*")))
    (noted,) = machine.cut_calls
    assert noted.unchecked == ("that struct node it writes are others", "that numbers it writes are others")


def test_what_is_settled_is_in_doubt_only_where_a_call_is_given_it(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct part *p) { p->a = 7; } static void all(struct whole *w) { w->out->a = 7; }\n"
    text += "u64 f(struct part *p, struct part *q) { cut(p); return p->a; }"
    text += "u64 g(struct part *p, struct part *q) { cut(q); return p->a; }"
    text += "u64 h(struct part *p, struct whole *w) { all(w); return p->a; }"
    text += "u64 i(struct part *p, struct whole *w) { w->out = p; all(w); return p->a; }"
    found = program(text)

    def doubts(name: str) -> int:
        result = run(found, name, cut(), Cut(function="all", reason="x"), settled="p")[1]
        return len(set(left_out(postorder([result]))))

    assert [doubts(each) for each in "fghi"] == [1, 0, 0, 1]


def test_what_only_is_taken_for_an_argument_can_be_said_to_be_other(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct part *p, struct part *q) { p->a = 7; q->a = 8; }\n"
    text += "u64 f(struct part *p, struct part *q) { cut(p, q); return p->a; }"
    text += "u64 g(struct part *p, struct part *q) { cut(p, q); return q->a; }"
    found = program(text)
    assert [len(unlisted(found, each, cut(elsewhere=("argument 1",)))) for each in "fg"] == [1, 0]


def test_an_argument_is_told_from_other_objects_of_its_type(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct part *p) { p->a = 7; }\n"
    text += "u64 f(struct whole *w, struct part *p) { cut(&w->in); return p->a; }"
    text += "u64 g(struct whole *w, struct part *p) { cut(&w->in); return w->in.a; }"
    text += "u64 h(struct whole *w) { struct part p = {}, q = {}; cut(&p); return q.a; }"
    text += "u64 i(struct whole *w) { struct part p = {}, q = {}; cut(&p); return p.a; }"
    assert [len(unlisted(program(text), each, cut())) for each in "fghi"] == [0, 1, 0, 1]


def test_a_pointer_in_doubt_still_leads_where_it_led(program: Callable[[str], LiftedFile]) -> None:
    text = TYPES + "static void cut(struct whole *w) { w->out = 0; }\n"
    text += "u64 f(struct whole *w) { struct part *p = w->out; cut(w); w->out->a = 5; return p->a; }"
    machine, result = run(program(text), "f", cut())
    assert evaluate(result, {}) == 5
    assert set(left_out(postorder(check.holds for check in machine.checks)))


NOT_READ = {
    "unread(w);": "unread()",
    "((asked)w->at)(w);": "a call through at",
    'asm("cli" : : : "memory");': "assembly that writes memory",
}


@pytest.mark.parametrize("body", NOT_READ)
def test_what_is_not_read_is_said(body: str, program: Callable[[str], LiftedFile]) -> None:
    found = program(f"{TYPES}static void cut(struct whole *w) {{ {body} w->y = 1; }}\n{F}")
    machine, _ = run(found, "f", cut())
    assert [each.unchecked for each in machine.cut_calls] == [(NOT_READ[body],)]
    machine, _ = run(program(f"{TYPES}void cut(struct whole *w);\n{F}"), "f", cut())
    assert [each.unchecked for each in machine.cut_calls] == [("its body",)]


LOOP = "while (w->y) w->x = w->y;"
GIVEN_UP = {
    "a loop": f"static u32 own(struct whole *w) {{ {LOOP} return 3; }}",
    "assembly": 'static u32 own(struct whole *w) { u32 a; asm("mov $1, %0; mov $2, %1" : "=r"(a), "=m"(w->x)); return a; }',
    "assembly behind a call": (
        'static u32 deep(u32 *at) { u32 a; asm("xadd %0, %1" : "=r"(a), "+m"(*at)); return a; }'
        "static u32 own(struct whole *w) { return deep(&w->x) + 0; }"
    ),
}
G = "u64 f(struct whole *w) { w->x = 1; w->y = 2; u32 r = own(w); return r + 256ull * w->x + 65536ull * w->y; }\n"


@pytest.mark.parametrize("name", GIVEN_UP)
def test_what_cannot_be_followed_becomes_a_havoc(name: str, program: Callable[[str], LiftedFile]) -> None:
    machine, result = run(program(f"{TYPES}{GIVEN_UP[name]}\n{G}"), "f")
    assert len(variables(result)) == 2
    (written,) = (each for each in variables(result) if each.startswith("w->x after "))
    (given,) = set(variables(result)) - {written}
    assert evaluate(result, {written: 7, given: 9}) == 9 + 256 * 7 + 65536 * 2
    (noted,) = machine.cut_calls
    assert noted.cut.function + "()" == given
    assert "program.c:" in noted.cut.reason


def test_a_second_call_of_what_is_given_up_gives_other_values(program: Callable[[str], LiftedFile]) -> None:
    text = f"{TYPES}{GIVEN_UP['a loop']}\nu64 f(struct whole *w) {{ u32 r = own(w), x = w->x; return (r == own(w)) + 2 * (x == w->x); }}"
    machine, result = run(program(text), "f")
    assert {evaluate(result, dict.fromkeys(variables(result), 3)), evaluate(result, {"own()": 1})} == {3, 2}
    assert not machine.checks


REFUSED = {
    "assembly that writes memory": 'static u32 own(struct whole *w) { asm("mov $1, %0" : "=m"(w->x) : : "memory"); return 0; }',
    "assembly without operands": 'static u32 own(struct whole *w) { asm("ud2"); return 0; }',
    "a call that is not read": f"static u32 own(struct whole *w) {{ {LOOP} unread(w); return 0; }}",
    "a call through a pointer": f"static u32 own(struct whole *w) {{ {LOOP} return ((asked)w->at)(w); }}",
    "a number somewhere": f"static u32 own(struct whole *w) {{ {LOOP} *w->at = 1; return 0; }}",
    "an assertion": f"static u32 own(struct whole *w) {{ {LOOP} __mmuproof_warn(w->x); return 0; }}",
    "the end": f"static u32 own(struct whole *w) {{ {LOOP} if (w->x) __builtin_unreachable(); return 0; }}",
    "a pointer as the result": f"static struct part *own(struct whole *w) {{ {LOOP} return w->out; }}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_more_than_write_stays_refused(name: str, program: Callable[[str], LiftedFile]) -> None:
    text = G.replace("u32 r = own(w)", "u64 r = (u64)own(w)")
    with pytest.raises(Refused, match=r"program\.c:\d+: (a loop whose bound is not known|inline assembly)"):
        run(program(f"{TYPES}{REFUSED[name]}\n{text}"), "f")


def test_a_pointer_that_may_have_been_written_is_not_followed(program: Callable[[str], LiftedFile]) -> None:
    text = f"{TYPES}static void own(struct whole *w) {{ {LOOP} w->out = &w->in; }}\n"
    text += "u64 f(struct whole *w) { own(w); return w->out->a; } u64 g(struct whole *w) { own(w); return w->y; }"
    with pytest.raises(Refused, match=r"own\(\) may write a pointer"):
        run(program(text), "f")
    assert run(program(text), "g")
