"""A function whose text is the same is equal because its callees are, and is not where that is not certain."""
# A C function reads best on one line.

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.judging import Judge
from mmuproof.cli.diff.tree_comparison import judge_changed
from mmuproof.cli.shared.forked import nothing
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.compare.claims import Change
from mmuproof.compare.versions import unchanged
from tests.compare.small_versions import Versions, versions

__all__ = ["versions"]

S = "struct s { u32 a, b; struct s *next; }; u32 get(u32 x); u32 has_loops(u32 x);\n"
#: Such a function is not understood.
CALLER = "u32 h(u32 x) {{ while (get(x)) x = {}; return x; }}"
EVEN, ALSO_EVEN = "u32 f(u32 x) { return x % 2; }", "u32 f(u32 x) { return x & 1; }"
ODD = "u32 f(u32 x) { return x & 2; }"
Judged = Callable[..., dict[str, tuple[Judgement, ...]]]


@pytest.fixture
def judged(versions: Versions) -> Judged:
    """What has become of every function that has changed."""

    def of(common: str, old: str, new: str) -> dict[str, tuple[Judgement, ...]]:
        found = versions(S + common, old, new)
        pairs = [each for each in found.pairing.pairs if not unchanged(found.old, found.new, each, {})]
        judge = Judge(old=found.old, new=found.new, given=found.given, set_ups=(found.set_up(),), budget=400_000)
        return {
            each.new: rows
            for each, rows in zip(pairs, judge_changed(judge, pairs, (), 1, Unwatched(), nothing), strict=True)
        }

    return of


#: Two versions, and because of what h() is equal in both; None if that is not known.
CASES = {
    "the callee is equal": (EVEN, ALSO_EVEN, CALLER.format("f(x)"), ("f",)),
    "the callee differs": (EVEN, ODD, CALLER.format("f(x)"), None),
    "one of two differs": (
        f"{EVEN} u32 g(u32 x) {{ return x; }}",
        f"{ALSO_EVEN} u32 g(u32 x) {{ return x + 1; }}",
        CALLER.format("f(g(x))"),
        None,
    ),
    "both are equal": (
        f"{EVEN} u32 g(u32 x) {{ return x; }}",
        f"{ALSO_EVEN} u32 g(u32 x) {{ return x + 0; }}",
        CALLER.format("f(g(x))"),
        ("f", "g"),
    ),
    "through one that says the same": (
        f"{EVEN} u32 g(u32 x) {{ return f(x); }}",
        f"{ALSO_EVEN} u32 g(u32 x) {{ return f(x); }}",
        CALLER.format("g(x)"),
        ("f",),
    ),
    "the callee takes less": (
        "u32 f(u32 x) { return x & 1; }",
        "u32 f(u8 x) { return x & 1; }",
        CALLER.format("f(x)"),
        None,
    ),
    "the callee gives less": (
        "u32 f(u32 x) { return x & 1; }",
        "u8 f(u32 x) { return x & 1; }",
        CALLER.format("f(x)"),
        None,
    ),
    "the callee gives a number that is 0 or 1": (
        "bool f(u32 x) { return x & 1; }",
        "int f(u32 x) { return x & 1; }",
        CALLER.format("f(x)"),
        ("f",),
    ),
    "the callee gives a number for a truth value": (
        "bool f(u32 x) { return x & 2; }",
        "int f(u32 x) { return x & 2; }",
        CALLER.format("f(x)"),
        None,
    ),
    "the callee is not known either": (
        CALLER.replace("h(", "f(").format("x + 1"),
        CALLER.replace("h(", "f(").format("x + 2"),
        CALLER.format("f(x)"),
        None,
    ),
    "in a circle": (
        "u32 h(u32 x); u32 f(u32 x) { return x ? h(x - 1) + 0 : 0; }",
        "u32 h(u32 x); u32 f(u32 x) { return x ? h(x - 1) : 0; }",
        CALLER.format("f(x)"),
        ("f",),
    ),
    "in a circle with one that differs": (
        "u32 h(u32 x); u32 f(u32 x) { return x ? h(x - 1) : 0; }",
        "u32 h(u32 x); u32 f(u32 x) { return x ? h(x - 2) : 0; }",
        CALLER.format("f(x)"),
        None,
    ),
}


@pytest.mark.parametrize(("old", "new", "caller", "through"), CASES.values(), ids=CASES.keys())
def test_a_function_that_is_not_understood_rests_on_what_it_calls(
    old: str, new: str, caller: str, through: tuple[str, ...] | None, judged: Judged
) -> None:
    (row,) = judged("", f"{old} {caller}", f"{new} {caller}")["h"]
    assert row.change is (Change.NOT_COMPARED if through is None else Change.EQUAL)
    assert sorted(row.through) == sorted(through or ())
    assert not row.through or not row.directly


def test_a_function_whose_own_text_differs_rests_on_nothing(judged: Judged) -> None:
    (row,) = judged("", f"{EVEN} {CALLER.format('f(x)')}", f"{ALSO_EVEN} {CALLER.format('f(x) + 0')}")["h"]
    assert row.change is Change.NOT_COMPARED


def test_a_type_that_the_caller_uses_counts_as_its_text(judged: Judged) -> None:
    caller = "struct t {{ {} v; }}; u32 h(struct t *t, u32 x) {{ while (get(x)) x = f(t->v); return x; }}"
    (row,) = judged("", f"{EVEN} {caller.format('u32')}", f"{ALSO_EVEN} {caller.format('u16')}")["h"]
    assert row.change is Change.NOT_COMPARED


SWAPPED = ("void f(u32 *p, u32 *q) { *p = 1; *q = 2; }", "void f(u32 *p, u32 *q) { *q = 2; *p = 1; }")


def test_two_pointers_to_one_thing_are_seen_in_the_caller(judged: Judged) -> None:
    caller = "u32 h(u32 x) { f(&x, &x); return x; }"
    rows = judged("", f"{SWAPPED[0]} {caller}", f"{SWAPPED[1]} {caller}")
    assert [each.change for each in rows["f"]] == [Change.EQUAL]
    assert [each.change for each in rows["h"]] == [Change.DIFFERS]


def test_a_caller_that_is_not_understood_says_that_nothing_may_overlap(judged: Judged) -> None:
    caller = "u32 h(u32 x, u32 y) { while (get(x)) f(&x, &y); return x; }"
    (row,) = judged("", f"{SWAPPED[0]} {caller}", f"{SWAPPED[1]} {caller}")["h"]
    assert row.change is Change.EQUAL
    assert "f() is given nothing that overlaps" in row.assumptions


@pytest.mark.parametrize(
    ("function", "apart"),
    [
        ("u32 f(u32 x) { return x & 1; }", False),
        ("u32 f(struct s *p) { return p->a; }", False),
        ("void f(struct s *p) { p->a = p->b; }", False),
        ("void f(struct s *p) { p->a = p->next->b; }", True),
        ("u32 f(struct s *p, struct s *q) { return p == q; }", True),
        ("u32 f(struct s *p, struct s *q) { return p->a + q->a; }", False),
        ("u32 f(struct s *p, struct s *q) { return p && q && p->a == q->a; }", False),
        ("u32 f(struct s *p, struct s *q) { return p->next == q; }", True),
        ("u32 v; void f(struct s *p) { p->a = v; }", True),
        ("u32 v; u32 f(struct s *p) { return p->a + v; }", False),
        ("u32 v; u32 f(struct s *p) { return get(p->a) + v; }", True),
    ],
)
def test_what_may_overlap_is_known(function: str, apart: bool, judged: Judged) -> None:
    (row,) = judged("", function, function.replace("{ ", "{ u32 unused = 0; "))["f"]
    assert row.change is Change.EQUAL
    assert row.apart is apart


def test_what_a_callee_takes_for_granted_its_caller_does(judged: Judged) -> None:
    callee = "u32 f(u32 index) {{ return {}; }}"
    caller = CALLER.format("f(x)")
    (row,) = judged("", f"{callee.format('index < 512')} {caller}", f"{callee.format('1')} {caller}")["h"]
    assert row.change is Change.EQUAL
    assert row.assumptions == ("an index into a page table is below 512",)
