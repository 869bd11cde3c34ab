"""What C leaves undefined is refused where it is certain, and a check that says exactly when where it is not."""
# A C function reads best on one line.

import re
from collections.abc import Callable
from itertools import product

import pytest

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CheckKind
from mmuproof.smt.graph import evaluate_all, variables

from .conftest import LiftedFile

CERTAIN = {
    "division by zero": "u64 f(u32 a) { return a / 0; }",
    "remainder by zero": "u64 f(u32 a) { a %= 0; return a; }",
    "the quotient that overflows": "int f(u32 a) { int x = -2147483647 - 1; return x / -1; }",
    "shift by the width": "u64 f(u32 a) { return a << 32; }",
    "shift of a promoted operand by its width": "u64 f(u8 a) { return a >> 32; }",
    "shift by a negative count": "u64 f(u64 a) { return a << -1; }",
    "index of the end": "u64 f(u32 a) { u32 v[4] = { a }; return v[4]; }",
    "index below zero": "u64 f(u32 a) { u32 v[4] = { a }; return v[-1]; }",
    "index out of an inner array": "u64 f(u32 a) { u32 v[2][2] = { { a } }; return v[0][2]; }",
    "pointer behind the end followed": "u64 f(u32 a) { u32 v[2] = { a }, *p = v + 2; return *p; }",
    "pointer before the start followed": "u64 f(u32 a) { u32 *p = &a; return p[-1]; }",
    "write behind the end": "u64 f(u32 a) { u32 v[2]; *(v + 2) = a; return a; }",
    "null followed": "u64 f(u32 a) { u32 *p = NULL; return *p; }",
    "member of null": "u64 f(u32 a) { struct { u32 x, y; } *p = 0; return p->y; }",
    "write through null": "u64 f(u32 a) { u32 *p = (void *)0; *p = a; return 0; }",
    "null called": "u64 f(u32 a) { u64 (*g)(void) = NULL; return g(); }",
    "unset variable": "u64 f(u32 a) { u32 x; return x; }",
    "unset member": "u64 f(u32 a) { struct { u32 x, y; } s; s.x = a; return s.y; }",
    "unset array element": "u64 f(u32 a) { u32 v[2]; v[0] = a; return v[1]; }",
    "unset pointer": "u64 f(u32 a) { u32 *p; return *p; }",
    "unset operand of an assignment": "u64 f(u32 a) { u32 x; x += a; return x; }",
    "unset copy": "u64 f(u32 a) { struct { u32 x; } s, t; t = s; return t.x; }",
    "partly unset union": "u64 f(u32 a) { union { u32 w; struct { u16 l, h; }; } u; u.l = a; return u.w; }",
    "result of a function without return": "static u32 g(u32 a) { a++; } u64 f(u32 a) { return g(a); }",
    "local used after its block": "u64 f(u32 a) { u32 *p; { u32 x = a; p = &x; } return *p; }",
    "local of a function that has returned": "static u32 *g(u32 a) { u32 x = a; return &x; } u64 f(u32 a) { return *g(a); }",
    "variable of an earlier round": "u64 f(u32 a) { u32 s = 0; for (u32 i = 0; i < 2; i++) { u32 x;"
    " if (i) s += x; x = a; } return s; }",
    "constant that is written": "static const u32 c = 4; u64 f(u32 a) { *(u32 *)&c = a; return c; }",
}


@pytest.mark.parametrize("text", CERTAIN.values(), ids=CERTAIN)
def test_certain_undefined_behaviour_is_refused(text: str, program: Callable[[str], LiftedFile]) -> None:
    with pytest.raises(Refused) as refusal:
        program("\n\n" + text).lift("f")
    assert refusal.value.location == "program.c:3"


#: A write to a constant is refused on every path.
CONDITIONAL = {name: text for name, text in CERTAIN.items() if "static const" not in text}


@pytest.mark.parametrize("text", CONDITIONAL.values(), ids=CONDITIONAL)
def test_on_a_path_that_may_be_taken_it_is_a_check(text: str, program: Callable[[str], LiftedFile]) -> None:
    # The same body, but only for one value of the parameter.
    guarded = re.sub(r"(f\(\w+ a\) \{)", r"\1 if (a != 5) return 1;", text)
    lifted = program(guarded).lift("f")
    results, checks = [], [check.holds for check in lifted.checks]
    assert checks
    for value in range(8):
        held = evaluate_all(list(checks), {"p0": value})
        results.append(all(held))
    assert results == [value != 5 for value in range(8)]


#: A function, the kind of its check, and for which parameters it is defined.
POSSIBLE: dict[str, tuple[str, CheckKind, Callable[[int, int], bool]]] = {
    "division": ("u64 f(u8 a, u8 b) { return a / b; }", CheckKind.DIVISION, lambda a, b: b != 0),
    "signed remainder": (
        "int f(s8 a, s8 b) { int x = a, y = b; x <<= 24; return x % y; }",
        CheckKind.DIVISION,
        lambda a, b: b != 0 and not (a == 0x80 and b == 0xFF),
    ),
    "shift": ("u64 f(u8 a, u8 b) { return a << b; }", CheckKind.SHIFT, lambda a, b: b < 32),
    "wide shift": ("u64 f(u8 a, u8 b) { return 1ull << b << a; }", CheckKind.SHIFT, lambda a, b: b < 64 and a < 64),
    "compound shift": ("u64 f(u8 a, u8 b) { a >>= b; return a; }", CheckKind.SHIFT, lambda a, b: b < 32),
    "signed count": ("u64 f(u8 a, s8 b) { return a << b; }", CheckKind.SHIFT, lambda a, b: b < 32),
    "index": ("u64 f(u8 a, u8 b) { u8 v[5] = { a }; return v[b]; }", CheckKind.INDEX, lambda a, b: b < 5),
    "negative index": ("u64 f(u8 a, s8 b) { u8 v[5] = { a }; return v[b]; }", CheckKind.INDEX, lambda a, b: b < 5),
    "index written": ("u64 f(u8 a, u8 b) { u8 v[5]; v[b] = a; return b; }", CheckKind.INDEX, lambda a, b: b < 5),
    "index through a pointer": (
        "u64 f(u8 a, u8 b) { u8 v[5] = { a }, *p = v + 1; return p[b]; }",
        CheckKind.INDEX,
        lambda a, b: b < 4,
    ),
    "index back from a pointer": (
        "u64 f(u8 a, u8 b) { u8 v[5] = { a }, *p = v + 3; return *(p - b); }",
        CheckKind.INDEX,
        lambda a, b: b < 4,
    ),
    "element wider than the array's": (
        "u64 f(u8 a, u8 b) { u8 v[8] = { a }; return *(u32 *)(v + b); }",
        CheckKind.INDEX,
        lambda a, b: b < 5,
    ),
    "two indices": (
        "u64 f(u8 a, u8 b) { u8 v[3][4] = { { 0 } }; return v[a][b]; }",
        CheckKind.INDEX,
        lambda a, b: a < 3 and b < 4,
    ),
    "null on one path": (
        "u64 f(u8 a, u8 b) { u8 *p = a > 7 ? &b : NULL; return *p; }",
        CheckKind.NULL,
        lambda a, b: a > 7,
    ),
    "null called": (
        "static u64 g(u8 a) { return a; } u64 f(u8 a, u8 b) { u64 (*h)(u8) = a > 7 ? g : NULL; return h(b); }",
        CheckKind.NULL,
        lambda a, b: a > 7,
    ),
    "null tested": (
        "u64 f(u8 a, u8 b) { u8 *p = a > 7 ? &b : NULL; if (a < 3 || p) return *p; return 1; }",
        CheckKind.NULL,
        lambda a, b: a >= 3,
    ),
    "variable set on one path": (
        "u64 f(u8 a, u8 b) { u32 x; if (a > 3) x = b; return x + 1; }",
        CheckKind.UNSET,
        lambda a, b: a > 3,
    ),
    "either of two conditions, one of them set on one path": (
        "u64 f(u8 a, u8 b) { _Bool y; if (a > 3) y = b; _Bool x = a <= 2 || y; return x; }",
        CheckKind.UNSET,
        lambda a, b: a != 3,
    ),
    "both of two conditions, one of them set on one path": (
        "u64 f(u8 a, u8 b) { _Bool y; if (a > 3) y = b; _Bool x = a > 2 && y; return x; }",
        CheckKind.UNSET,
        lambda a, b: a != 3,
    ),
    "pointer set on one path": (
        "u64 f(u8 a, u8 b) { u8 *p; if (a > 3) p = &b; return *p; }",
        CheckKind.UNSET,
        lambda a, b: a > 3,
    ),
    "variable set in a loop that may not run": (
        "u64 f(u8 a, u8 b) { u32 x; for (u32 i = 0; i < (a & 1); i++) x = b; return x; }",
        CheckKind.UNSET,
        lambda a, b: a & 1 == 1,
    ),
    "variable set by a switch": (
        "u64 f(u8 a, u8 b) { u32 x; switch (a) { case 1: x = b; break; case 2: x = 3; } return x; }",
        CheckKind.UNSET,
        lambda a, b: a in (1, 2),
    ),
    "jump past an initializer": (
        "u64 f(u8 a, u8 b) { if (a > 3) goto out; u32 x = b; out: return x; }",
        CheckKind.UNSET,
        lambda a, b: a <= 3,
    ),
    "out parameter left unset": (
        "static void g(u8 a, u32 *o) { if (a & 1) *o = a; } u64 f(u8 a, u8 b) { u32 x; g(a, &x); return x; }",
        CheckKind.UNSET,
        lambda a, b: a & 1 == 1,
    ),
    "element set elsewhere": (
        "u64 f(u8 a, u8 b) { u8 v[4]; v[a & 3] = 1; return v[b & 3]; }",
        CheckKind.UNSET,
        lambda a, b: (a & 3) == (b & 3),
    ),
    "function that does not always return a value": (
        "static u32 g(u8 a) { if (a < 9) return a; } u64 f(u8 a, u8 b) { return g(a); }",
        CheckKind.UNSET,
        lambda a, b: a < 9,
    ),
    "block's local escapes on one path": (
        "u64 f(u8 a, u8 b) { u8 *p = &b; { u8 x = 2; if (a < 4) p = &x; } if (a < 4) return *p; return 1; }",
        CheckKind.LIFETIME,
        lambda a, b: a >= 4,
    ),
    "unset where short circuit evaluates it": (
        "u64 f(u8 a, u8 b) { u8 x; return a > 3 && x; }",
        CheckKind.UNSET,
        lambda a, b: a <= 3,
    ),
}
SAMPLE = (0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 63, 64, 127, 128, 255)


@pytest.mark.parametrize("name", POSSIBLE)
def test_check_says_exactly_when_it_is_defined(name: str, program: Callable[[str], LiftedFile]) -> None:
    text, kind, defined = POSSIBLE[name]
    lifted = program(text).lift("f")
    assert {check.kind for check in lifted.checks} == {kind}
    assert {str(check.at) for check in lifted.checks} == {"program.c:1"}
    for a, b in product(SAMPLE, SAMPLE):
        held = evaluate_all([check.holds for check in lifted.checks], {"p0": a, "p1": b})
        assert all(held) == defined(a, b), (a, b)


DEFINED = {
    "guarded division": "u64 f(u8 a, u8 b) { return b ? a / b : 0; }",
    "division by a sum that is not zero": "u64 f(u8 a, u8 b) { return a / (b | 1); }",
    "masked shift": "u64 f(u8 a, u8 b) { return 1ull << (b & 63); }",
    "masked index": "u64 f(u8 a, u8 b) { u8 v[8] = { a }; return v[b & 7]; }",
    "pointer to the end that is not followed": "u64 f(u8 a, u8 b) { u8 v[2], *p = v + 2; return p == v + 2; }",
    "variable set on both paths": "u64 f(u8 a, u8 b) { u32 x; if (a) x = b; else x = 2; return x; }",
    "set and used under one condition": "u64 f(u8 a, u8 b) { u32 x; if (a) x = b; return a ? x : 0; }",
    "copy of a partly unset struct": (
        "struct s { u8 x, y; }; u64 f(u8 a, u8 b) { struct s s, t; s.x = a; t = s; return t.x; }"
    ),
    "function whose missing value nobody uses": (
        "static u32 g(u8 a) { if (a < 9) return a; } u64 f(u8 a, u8 b) { g(a); (void)g(b); ({ g(a); }); return b; }"
    ),
    "function that never returns the value that nobody uses": (
        "static u32 g(u8 a) { } u64 f(u8 a, u8 b) { if (a) g(a); return b; }"
    ),
    "dead division": "u64 f(u8 a, u8 b) { if (0) return a / 0; return b; }",
    "operand that sizeof does not evaluate": "u64 f(u8 a, u8 b) { u32 x; return sizeof(x); }",
}


@pytest.mark.parametrize("text", DEFINED.values(), ids=DEFINED)
def test_what_is_always_defined_leaves_no_failing_check(text: str, program: Callable[[str], LiftedFile]) -> None:
    lifted = program(text).lift("f")
    for a, b in product(SAMPLE, SAMPLE):
        assert all(evaluate_all([check.holds for check in lifted.checks], {"p0": a, "p1": b}))


def test_an_unset_variable_never_has_a_definite_value(program: Callable[[str], LiftedFile]) -> None:
    lifted = program("u64 f(u8 a) { u32 x, y; if (a) x = 1, y = 1; return x == y; }").lift("f")
    # Two unset variables are not known to be equal either.
    unset = [name for name in variables(lifted.result) if "unset" in name]
    assert len(unset) == 2
    assert {evaluate_all([lifted.result], {"p0": 0, unset[0]: value})[0] for value in (0, 1)} == {0, 1}
