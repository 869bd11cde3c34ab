"""Two versions of a function held against each other: what makes no difference, and what does."""
# A C function reads best on one line.

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate, evaluate_all
from tests.lift.machine.conftest import SEED
from tests.lift.machine.test_random_expressions import PREAMBLE as RANDOM_PREAMBLE
from tests.lift.machine.test_random_expressions import _expressions, _function, _statements

from .small_versions import Versions, versions

__all__ = ["versions"]

S = """
struct s { u32 a, b; bool c; struct s *next; u32 arr[4]; u64 (*fn)(u32); u64 (*other)(u32);
	union { u32 word; struct { u32 x : 3; u32 y : 4; u32 z : 25; }; } role; };
void ext(struct s *p); u32 get(u32 x); struct s *find(u32 x); void two(struct s *p, u32 x);
struct v { u32 a, b; }; union w { u32 word; struct { u32 x : 3; u32 y : 4; u32 z : 25; }; };
struct held { struct v *v; }; void by_value(struct v v); void word(union w w); void holding(struct held h);
void both(struct v *p, struct v *q); u32 look(struct v *p); u32 cpuid_eax(struct v v);
extern u32 glob, glob2; extern u64 shadow_m_mask, shadow_n_mask;
"""

#: What is changed -> the function in the old version, and in the new one.
SAME = {
    "a parameter has another name": ("u32 f(u32 a) { return a + 1; }", "u32 f(u32 q) { return q + 1; }"),
    "parameters are in another order": (
        "u32 f(u32 a, u32 b) { return a - b; }",
        "u32 f(u32 b, u32 a) { return a - b; }",
    ),
    "De Morgan": (
        "u32 f(u32 a, u32 b) { return !(a && b) ? 1 : 2; }",
        "u32 f(u32 a, u32 b) { return !a || !b ? 1 : 2; }",
    ),
    "branches turned round": (
        "u32 f(u32 a) { if (a) return 1; else return 2; }",
        "u32 f(u32 a) { if (!a) return 2; return 1; }",
    ),
    "a loop unrolled": (
        "u32 f(u32 a) { for (int i = 0; i < 3; i++) a += i; return a; }",
        "u32 f(u32 a) { return a + 3; }",
    ),
    "a helper split out": (
        "u32 f(u32 a, u32 b) { if (a & 1 && b & 1) return 1; return a & b; }",
        "static bool odd(u32 a, u32 b) { return a & b & 1; } u32 f(u32 a, u32 b) { if (odd(a, b)) return 1; return a & b; }",
    ),
    "a helper inlined": (
        "static void g(struct s *q) { q->c = !q->a; } void f(struct s *p) { p->a = p->b; g(p); }",
        "void f(struct s *p) { p->a = p->b; p->c = !p->a; }",
    ),
    "two writes in another order": (
        "void f(struct s *p) { p->a = 1; p->b = 2; }",
        "void f(struct s *p) { p->b = 2; p->a = 1; }",
    ),
    "a write that writes what is there": (
        "void f(struct s *p) { if (p->a == 3) p->a = 3; }",
        "void f(struct s *p) { }",
    ),
    "a call that never happens": ("void f(u32 x) { if (x > 5 && x < 4) get(x); }", "void f(u32 x) { }"),
    "an argument computed otherwise": ("u32 f(u32 x) { return get(x * 2); }", "u32 f(u32 x) { return get(x + x); }"),
    "a loop of calls unrolled": (
        "void f(u32 x) { for (int i = 0; i < 3; i++) get(x + i); }",
        "void f(u32 x) { get(x); get(x + 1); get(x + 2); }",
    ),
    "a WARN that another implies": (
        "u32 f(u32 x) { WARN_ON(x > 7); WARN_ON(x > 8); return x; }",
        "u32 f(u32 x) { WARN_ON(x > 7); return x; }",
    ),
    "a wider return type": ("int f(u32 a) { return a & 1; }", "bool f(u32 a) { return a & 1; }"),
    "what follows a BUG": (
        "u32 f(u32 x) { BUG_ON(x == 7); return x; }",
        "u32 f(u32 x) { BUG_ON(x == 7); return x == 7 ? 3 : x; }",
    ),
    "the last part of a struct handed out": (
        "void f(u32 x) { struct s l; l.a = x; l.b = 2; ext(&l); }",
        "void f(u32 x) { struct s l; l.b = 2; l.a = x; ext(&l); }",
    ),
    "the order of parameters of a function that is not followed": (
        "static u32 g(u32 x, u32 y) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(x, 1); }",
        "static u32 g(u32 y, u32 x) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(1, x); }",
    ),
    "a function that is not followed has another name": (
        "static u32 g(u32 x) { while (get(x)) x++; return x; } u32 f(u32 x) { return g(x); }",
        "static u32 h(u32 x) { while (get(x)) x++; return x; } u32 f(u32 x) { return h(x); }",
    ),
    "a struct passed by value is written after the call": (
        "void f(u32 x) { struct v l = { x, 2 }; by_value(l); }",
        "void f(u32 x) { struct v m = { .a = x }; m.b = 2; by_value(m); m.a = 7; }",
    ),
    "a struct passed by value stands elsewhere": (
        "struct o { u32 i; struct v v; u32 j; }; void f(struct o *p) { by_value(p->v); }",
        "struct o { u32 i; struct v v; u32 j; }; void f(struct o *p) { struct v l = p->v; by_value(l); }",
    ),
    "a local that is handed out has another name": (
        "u32 f(u32 x) { struct v l = { x }; both(&l, NULL); return l.a; }",
        "u32 f(u32 x) { struct v m = { x }; both(&m, NULL); return m.a; }",
    ),
    "locals that are handed out have other names": (
        "u32 f(void) { struct v l, m; both(&l, &m); return l.a - m.a; }",
        "u32 f(void) { struct v n, o; both(&n, &o); return n.a - o.a; }",
    ),
    "a local behind one that is handed out has another name": (
        "u32 f(u32 x) { struct v l = { x }; struct held h = { &l }; holding(h); return l.a; }",
        "u32 f(u32 x) { struct v m = { x }; struct held i = { &m }; holding(i); return m.a; }",
    ),
}

DIFFERENT = {
    "a struct passed by value has another member": (
        "void f(u32 x) { struct v l = { x, 2 }; by_value(l); }",
        "void f(u32 x) { struct v l = { x, 3 }; by_value(l); }",
        "argument 1 of by_value().b",
    ),
    "a struct passed by value is written before the call and not after it": (
        "void f(u32 x) { struct v l = { x, 2 }; l.a = 7; by_value(l); }",
        "void f(u32 x) { struct v l = { x, 2 }; by_value(l); l.a = 7; }",
        "argument 1 of by_value().a",
    ),
    "a struct passed by value is no longer set": (
        "void f(u32 x) { struct v l; l.a = x; l.b = 2; by_value(l); }",
        "void f(u32 x) { struct v l; l.a = x; by_value(l); }",
        "argument 1 of by_value().b",
    ),
    "a union passed by value is written before the call and not after it": (
        "void f(union w w) { w.x = 1; word(w); }",
        "void f(union w w) { word(w); w.x = 1; }",
        "argument 1 of word()",
    ),
    "a function that only answers is given another struct": (
        "u32 f(u32 x) { struct v l = { x, 2 }; return cpuid_eax(l); }",
        "u32 f(u32 x) { struct v l = { x, 3 }; return cpuid_eax(l); }",
        "the return value",
    ),
    "what a struct passed by value leads to has another value": (
        "void f(u32 x) { struct v l = { x, 2 }; struct held h = { &l }; holding(h); }",
        "void f(u32 x) { struct v l = { x, 3 }; struct held h = { &l }; holding(h); }",
        "what argument 1 of holding() points to",
    ),
    "what a struct passed by value leads to is taken for unchanged": (
        "u32 f(void) { struct v l = { 1, 2 }; struct held h = { &l }; holding(h); return l.a; }",
        "u32 f(void) { struct v l = { 1, 2 }; struct held h = { &l }; holding(h); return 1; }",
        "the return value",
    ),
    "locals that are handed out change places": (
        "u32 f(void) { struct v l, m; both(&l, &m); return l.a; }",
        "u32 f(void) { struct v l, m; both(&m, &l); return l.a; }",
        "argument 1 of both()",
    ),
    "locals of other names that are handed out change places": (
        "u32 f(void) { struct v l, m; both(&l, &m); return l.a; }",
        "u32 f(void) { struct v n, o; both(&n, &o); return o.a; }",
        "the return value",
    ),
    "another local is handed out under the same condition": (
        "u32 f(u32 x) { struct v l = { 1 }, m = { 1 }; both(x ? &l : &m, NULL); return l.a; }",
        "u32 f(u32 x) { struct v l = { 1 }, m = { 1 }; both(x ? &m : &l, NULL); return l.a; }",
        "argument 1 of both()",
    ),
    "another part of a local is handed out": (
        "u32 f(u32 x) { struct v l[2] = { { 1 }, { 1 } }; both(&l[0], NULL); return l[0].a; }",
        "u32 f(u32 x) { struct v l[2] = { { 1 }, { 1 } }; both(&l[1], NULL); return l[0].a; }",
        "argument 1 of both()",
    ),
    "locals of one name in two functions are handed out": (
        "static void g(struct v *p) { struct v l = { 1 }; both(p, &l); p->b = l.a; }"
        " u32 f(u32 x) { struct v l = { 1 }; g(&l); return l.a - l.b; }",
        "static void g(struct v *p) { struct v l = { 1 }; both(p, &l); p->b = p->a; }"
        " u32 f(u32 x) { struct v l = { 1 }; g(&l); return l.a - l.b; }",
        "the return value",
    ),
    "another member is read": (
        "u32 f(struct s *p) { return p->a; }",
        "u32 f(struct s *p) { return p->b; }",
        "the return value",
    ),
    "another member is written": ("void f(struct s *p) { p->a = 1; }", "void f(struct s *p) { p->b = 1; }", "p->a"),
    "another struct's member is read": (
        "u32 f(struct s *p) { return p->a; }",
        "u32 f(struct s *p) { return p->next->a; }",
        "the return value",
    ),
    "another element is read": (
        "u32 f(struct s *p) { return p->arr[1]; }",
        "u32 f(struct s *p) { return p->arr[2]; }",
        "the return value",
    ),
    "another element is written": (
        "void f(struct s *p) { p->arr[1] = 5; }",
        "void f(struct s *p) { p->arr[2] = 5; }",
        "p->arr[2]",
    ),
    "an index is one off": (
        "u32 f(struct s *p, u32 i) { return p->arr[i & 3]; }",
        "u32 f(struct s *p, u32 i) { return p->arr[(i + 1) & 3]; }",
        "the return value",
    ),
    "another bit-field is read": (
        "u32 f(struct s *p) { return p->role.x; }",
        "u32 f(struct s *p) { return p->role.y; }",
        "the return value",
    ),
    "another bit-field is written": (
        "void f(struct s *p) { p->role.x = 1; }",
        "void f(struct s *p) { p->role.y = 1; }",
        "p->role",
    ),
    "another member of what a call returns is written": (
        "void f(u32 x) { find(x)->a = 1; }",
        "void f(u32 x) { find(x)->b = 1; }",
        "find()->a",
    ),
    "the result of another call is used": (
        "u32 f(void) { struct s *p = find(1), *q = find(2); return p->a; }",
        "u32 f(void) { struct s *p = find(1), *q = find(2); return q->a; }",
        "the return value",
    ),
    "another variable is read": ("u32 f(void) { return glob; }", "u32 f(void) { return glob2; }", "the return value"),
    "another mask is read": (
        "u64 f(void) { return shadow_m_mask; }",
        "u64 f(void) { return shadow_n_mask; }",
        "the return value",
    ),
    "another pointer is returned": (
        "struct s *f(struct s *p) { return p; }",
        "struct s *f(struct s *p) { return p->next; }",
        "the return value",
    ),
    "another pointer is written": (
        "void f(struct s *p) { p->next = p; }",
        "void f(struct s *p) { p->next = NULL; }",
        "p->next",
    ),
    "parameters of other names are swapped": (
        "u32 f(u32 a, u32 b) { return a - b; }",
        "u32 f(u32 x, u32 y) { return y - x; }",
        "the return value",
    ),
    "branches swapped without negating": (
        "u32 f(u32 a) { return a ? 1 : 2; }",
        "u32 f(u32 a) { return a ? 2 : 1; }",
        "the return value",
    ),
    "one state of 2^64": (
        "u32 f(u64 a) { return a & 1; }",
        "u32 f(u64 a) { return (a & 1) | (a == 0x123456789abcdee) << 1; }",
        "the return value",
    ),
    "a mask is one bit off": (
        "u64 f(u64 a) { return a & (BIT_ULL(52) - 1); }",
        "u64 f(u64 a) { return a & (BIT_ULL(51) - 1); }",
        "the return value",
    ),
    "a sign": ("bool f(int a) { return a < 3; }", "bool f(u32 a) { return a < 3; }", "the return value"),
    "a narrower return type": ("u64 f(u64 a) { return a; }", "u32 f(u64 a) { return a; }", "the return value"),
    "a WARN is gone": ("u32 f(u32 x) { WARN_ON(x == 7); return x; }", "u32 f(u32 x) { return x; }", "a WARN"),
    "a WARN has come": ("u32 f(u32 x) { return x; }", "u32 f(u32 x) { WARN_ON(x == 7); return x; }", "a WARN"),
    "a WARN has another condition": (
        "u32 f(u32 x) { WARN_ON(x == 7); return x; }",
        "u32 f(u32 x) { WARN_ON(x == 8); return x; }",
        "a WARN",
    ),
    "a BUG has become a WARN": (
        "u32 f(u32 x) { BUG_ON(x == 7); return x; }",
        "u32 f(u32 x) { WARN_ON(x == 7); return x; }",
        "a BUG",
    ),
    "a shift may be undefined": (
        "u32 f(u32 a) { return 1u << (a & 31); }",
        "u32 f(u32 a) { return 1u << a; }",
        "undefined behaviour",
    ),
    "a write is dropped": ("void f(struct s *p) { p->a = 1; p->c = 0; }", "void f(struct s *p) { p->a = 1; }", "p->c"),
    "a write is moved behind a call": (
        "void f(struct s *p) { p->a = 1; ext(p); }",
        "void f(struct s *p) { ext(p); p->a = 1; }",
        "p->a when ext() is called",
    ),
    "a read is moved behind a call": (
        "u32 f(struct s *p) { u32 x = p->a; ext(p); return x; }",
        "u32 f(struct s *p) { ext(p); return p->a; }",
        "the return value",
    ),
    "a call is dropped": ("void f(struct s *p) { ext(p); }", "void f(struct s *p) { }", "a call of ext()"),
    "a call has come": ("void f(struct s *p) { }", "void f(struct s *p) { ext(p); }", "a call of ext()"),
    "a call has another condition": (
        "void f(struct s *p) { if (p->a) ext(p); }",
        "void f(struct s *p) { if (p->a & 1) ext(p); }",
        "a call of ext()",
    ),
    "a call has another argument": (
        "u32 f(u32 x) { return get(x); }",
        "u32 f(u32 x) { return get(x + 1); }",
        "argument 1 of get()",
    ),
    "a call has another pointer": (
        "void f(struct s *p) { ext(p); }",
        "void f(struct s *p) { ext(p->next); }",
        "argument 1 of ext()",
    ),
    "calls of one function change places": (
        "void f(void) { get(1); get(2); }",
        "void f(void) { get(2); get(1); }",
        "argument 1 of get()",
    ),
    "calls of two functions change places": (
        "void f(struct s *p) { ext(p); get(1); }",
        "void f(struct s *p) { get(1); ext(p); }",
        "the order of ext() and get()",
    ),
    "a loop of calls goes round once more": (
        "void f(u32 x) { for (int i = 0; i < 3; i++) get(x + i); }",
        "void f(u32 x) { for (int i = 0; i <= 3; i++) get(x + i); }",
        "a call of get()",
    ),
    "another pointer in memory is called": (
        "u64 f(struct s *p) { return p->fn(1); }",
        "u64 f(struct s *p) { return p->other(1); }",
        "a call of fn()",
    ),
    "a pointer in another struct is called": (
        "u64 f(struct s *p) { return p->fn(1); }",
        "u64 f(struct s *p) { return p->next->fn(1); }",
        "the pointer through which fn() is called",
    ),
    "a struct that is handed out has a member less": (
        "void f(u32 x) { struct s l; l.a = x; l.b = 2; ext(&l); }",
        "void f(u32 x) { struct s l; l.a = x; ext(&l); }",
        "what argument 1 of ext() points to",
    ),
    "a struct that is handed out has a member more": (
        "void f(u32 x) { struct s l; l.a = x; ext(&l); }",
        "void f(u32 x) { struct s l; l.a = x; l.b = 2; ext(&l); }",
        "what argument 1 of ext() points to",
    ),
    "a struct that is handed out has another value": (
        "void f(u32 x) { struct s l = { .a = x }; ext(&l); }",
        "void f(u32 x) { struct s l = { .a = 1 }; ext(&l); }",
        "what argument 1 of ext() points to",
    ),
    "a struct behind one that is handed out has another value": (
        "void f(u32 x) { struct s k = { .a = x }, l = { .next = &k }; ext(&l); }",
        "void f(u32 x) { struct s k = { .a = 1 }, l = { .next = &k }; ext(&l); }",
        "what argument 1 of ext() points to",
    ),
    "what a call may have changed is taken for unchanged": (
        "u32 f(struct s *p) { struct s l = { .a = 1 }; p->next = &l; ext(p); return l.a; }",
        "u32 f(struct s *p) { struct s l = { .a = 1 }; p->next = &l; ext(p); return 1; }",
        "the return value",
    ),
    "a test for null is dropped": (
        "u32 f(struct s *p) { if (!p->next) return 0; return p->next->a; }",
        "u32 f(struct s *p) { return p->next->a; }",
        "the return value",
    ),
    "a table has another number": (
        "static const u32 t[4] = { 1, 2, 3, 4 }; u32 f(u32 i) { return t[i & 3]; }",
        "static const u32 t[4] = { 1, 2, 3, 5 }; u32 f(u32 i) { return t[i & 3]; }",
        "the return value",
    ),
    "arguments in another order for parameters that are not": (
        "static u32 g(u32 x, u32 y) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(x, 1); }",
        "static u32 g(u32 x, u32 y) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(1, x); }",
        "argument 1 of g()",
    ),
    "parameters in another order for arguments that are not": (
        "static u32 g(u32 x, u32 y) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(x, 1); }",
        "static u32 g(u32 y, u32 x) { while (get(x)) x++; return x - y; } u32 f(u32 x) { return g(x, 1); }",
        "argument 1 of g()",
    ),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME.keys())
def test_what_makes_no_difference_is_equal(old: str, new: str, versions: Versions) -> None:
    held = versions(S, old, new).hold()
    assert held.equal, held.differs_in


@pytest.mark.parametrize(("old", "new", "what"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_makes_a_difference_is_not_equal(old: str, new: str, what: str, versions: Versions) -> None:
    found = versions(S, old, new)
    assert not found.unchanged()
    held = found.hold()
    assert not held.equal, held.notes
    assert what in held.differs_in


@pytest.mark.parametrize(("text", "_other", "_what"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_function_is_equal_to_itself(text: str, _other: str, _what: str, versions: Versions) -> None:
    found = versions(S, text, f"\n/* other lines */\n{text}")
    assert found.unchanged()
    assert found.hold().equal


#: A function whose branches call another -> one with the branches turned round.
TURNED_ROUND = {
    "calls of one function in branches turned round": (
        "u32 f(u32 x) { if (x) return get(1); else return get(2); }",
        "u32 f(u32 x) { if (!x) return get(2); else return get(1); }",
    ),
    "calls of one function with pointers in branches turned round": (
        "void f(struct s *p) { if (p->a) ext(p); else ext(p->next); }",
        "void f(struct s *p) { if (!p->a) ext(p->next); else ext(p); }",
    ),
    "what the calls leave behind is looked at": (
        "u32 f(struct s *p) { if (p->a) ext(p); else ext(p->next); return p->b; }",
        "u32 f(struct s *p) { if (!p->a) ext(p->next); else ext(p); return p->b; }",
    ),
}

#: The same, but not all is turned round with them.
NOT_ALL_TURNED_ROUND = {
    "the arguments are not": (
        "u32 f(u32 x) { if (x) return get(1); else return get(2); }",
        "u32 f(u32 x) { if (!x) return get(1); else return get(2); }",
    ),
    "both calls are made, in another order": (
        "u32 f(u32 x) { u32 a = get(1); return a - get(2); }",
        "u32 f(u32 x) { u32 a = get(2); return get(1) - a; }",
    ),
    "one result is used for the other": (
        "u32 f(u32 x) { u32 a = 0, b = 0; if (x) a = get(1); else b = get(2); return a + 2 * b; }",
        "u32 f(u32 x) { u32 a = 0, b = 0; if (!x) a = get(2); else b = get(1); return a + 2 * b; }",
    ),
}


@pytest.mark.parametrize(("old", "new"), NOT_ALL_TURNED_ROUND.values(), ids=NOT_ALL_TURNED_ROUND.keys())
def test_branches_that_are_turned_round_in_part_are_not_equal(old: str, new: str, versions: Versions) -> None:
    assert not versions(S, old, new).hold().equal


@pytest.mark.parametrize(("old", "new"), TURNED_ROUND.values(), ids=TURNED_ROUND.keys())
def test_branches_with_calls_may_be_turned_round(old: str, new: str, versions: Versions) -> None:
    assert versions(S, old, new).hold().equal


MOVED = "u32 g(struct s *p) { p->a++; return p->b; }"


def test_a_function_that_moves_to_another_file_leaves_its_callers_equal(versions: Versions) -> None:
    caller = "u32 g(struct s *p); u32 f(struct s *p) { return g(p) + 1; } "
    there = versions(S, caller + MOVED, caller, elsewhere=("int other;", MOVED))
    back = versions(S, caller, caller + MOVED, elsewhere=(MOVED, "int other;"))
    assert there.hold().equal
    assert back.hold().equal
    changed = versions(S, caller + MOVED, caller, elsewhere=("int other;", MOVED.replace("++", "--")))
    assert not changed.hold("g").equal
    # Where it is not known to have a body, its call is none that was there.
    assert not versions(S, caller + MOVED, caller).hold().equal


def test_another_pointer_is_compared_with(versions: Versions) -> None:
    found = versions(
        S,
        "bool f(struct s *p) { return p == glob_s; }".replace("glob_s", "p->next"),
        "bool f(struct s *p) { return p == p->next->next; }",
    )
    assert not found.hold().equal


def test_a_test_for_null_of_a_parameter_is_dropped(versions: Versions) -> None:
    found = versions(S, "u32 f(struct s *p) { if (!p) return 0; return p->a; }", "u32 f(struct s *p) { return p->a; }")
    assert not found.hold().equal


#: What becomes of a struct that a function uses without naming the members -> the function.
SIZES = {
    "its size is told": "u64 f(void) { return sizeof(struct t); }",
    "a member's place is told": "u64 f(void) { return offsetof(struct t, c); }",
    "all of it is copied": "void f(struct t *p, struct t *q) { *p = *q; }",
}


@pytest.mark.parametrize("text", SIZES.values(), ids=SIZES.keys())
def test_a_struct_with_another_member_has_changed_where(text: str, versions: Versions) -> None:
    found = versions("", "struct t { u32 a; u32 c; }; " + text, "struct t { u32 a; u32 b; u32 c; }; " + text)
    assert not found.hold().equal
    assert not found.unchanged()


# Random functions

_SOME = settings(
    phases=[Phase.generate], max_examples=12, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@seed(SEED)
@_SOME
@given(statements=_statements(), value=_expressions())
def test_a_random_function_of_other_names_is_equal(statements: str, value: str, versions: Versions) -> None:
    text = _function(statements, value)
    head, brace, body = text.partition("{")
    renamed = head
    new_body = body
    for name in ("a", "h"):
        renamed = renamed.replace(f" {name},", f" {name}_new,")
    new = f"{renamed}{brace} typeof(a_new) a = a_new; typeof(h_new) h = h_new; {new_body}"
    held = versions(RANDOM_PREAMBLE, f"s64 f{text}", f"s64 new_f{new}", {"new_f": "f"}).hold("new_f")
    assert held.equal, f"MMUPROOF_SEED={SEED}\n{text}"
    assert {"its parameter a_new is what a was", "its parameter h_new is what h was"} <= set(held.notes)


@seed(SEED)
@_SOME
@given(
    statements=_statements(),
    value=_expressions(),
    change=st.sampled_from(["h == 0x123456789abcdef", "d == -77 && c == 3", "!i && a == 5 && b == -1 && e == 9"]),
)
def test_a_random_function_with_one_other_state_is_not_equal(
    statements: str, value: str, change: str, versions: Versions
) -> None:
    text = _function(statements, value)
    head, brace, body = text.partition("{")
    new = f"{head}{brace} bool here = {change}; {body.replace('return ', 'return here + ')}"
    held = versions(RANDOM_PREAMBLE, f"s64 f{text}", f"s64 f{new}").hold()
    if "return" in statements:
        return
    assert not held.equal, f"MMUPROOF_SEED={SEED}\n{text}"
    assert held.answer.assignment is not None
    values = held.answer.assignment.values
    assert all(evaluate_all([each.term for each in held.comparison.assumptions], values))
    (aspect,) = (each for each in held.comparison.aspects if evaluate(each.differs, values))
    assert aspect.old is not None
    assert aspect.new is not None
    old, changed = evaluate_all([aspect.old, aspect.new], values)
    # An int that is one more than the largest wraps around before it becomes what is returned.
    assert (changed - old) % (1 << 32) == 1
