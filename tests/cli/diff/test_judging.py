"""From two versions of a function to a verdict: what is allowed, under which condition, and who guarantees it."""
# A C function reads best on one line.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from mmuproof.cli.diff import conditions, judging, tree_comparison
from mmuproof.cli.diff.cases import difference_run
from mmuproof.cli.diff.changes import Difference, Judgement
from mmuproof.cli.diff.judging import Half, Judge, whole
from mmuproof.cli.diff.tree_comparison import judge_all
from mmuproof.cli.shared.forked import nothing
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.compare.claims import Change
from mmuproof.compare.encodings import Bits
from mmuproof.compare.ways import SetUp
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, bv, ult, var
from tests.cli.conftest import Watching
from tests.compare.small_versions import Versions, versions

__all__ = ["versions"]

S = "struct s { u32 a, b; }; u32 get(u32 x);\n"

BUDGET = 400_000
Judged = Callable[..., Judgement]


@pytest.fixture
def judge(versions: Versions) -> Judged:
    """What has become of a function."""

    def judged(old: str, new: str, function: str = "f", masks: Sequence[tuple[Bits, Bits]] = ()) -> Judgement:
        found = versions(S, old, new)
        set_ups = (found.set_up(), *(found.set_up(each) for each in masks))
        (result,) = Judge(old=found.old, new=found.new, given=found.given, set_ups=set_ups, budget=BUDGET).judge(
            found.pair(function)
        )
        return result

    return judged


#: What changes -> the function, its old result, its new one, and what that is.
PERMISSIONS = {
    "a bit more is allowed": ("u32 pte_access(u32 x)", "x & 3", "x & 7", Change.MORE),
    "a bit less is allowed": ("u32 pte_access(u32 x)", "x & 7", "x & 3", Change.LESS),
    "one state of 2^32 is allowed": ("u32 pte_access(u32 x)", "x & 6", "x & 6 | (x == 0x12345678)", Change.MORE),
    "a fault is none any more": ("u8 permission_fault(u32 x)", "x & 6 ? 3 : 0", "x & 2 ? 3 : 0", Change.MORE),
    "a fault is new": ("u8 permission_fault(u32 x)", "x & 2 ? 3 : 0", "x & 6 ? 3 : 0", Change.LESS),
    "reserved bits are fewer": ("u64 rsvd_bits_mask(u64 x)", "x | 0xff0", "x | 0xf0", Change.MORE),
    "nothing": ("u32 pte_access(u32 x)", "x & 3", "(x & 1) + (x & 2)", Change.EQUAL),
    "a bit more is allowed without a warning": (
        "u32 pte_access(u32 x)",
        "({ WARN_ON(x == 9); x & 3; })",
        "x & 7",
        Change.MORE,
    ),
    "a warning alone": ("u32 pte_access(u32 x)", "x & 3", "({ WARN_ON(x == 9); x & 3; })", Change.DIFFERS),
    "no permission": ("u32 f(u32 x)", "x * 5 + 3", "x * 5 + 4", Change.DIFFERS),
}


@pytest.mark.parametrize(("head", "old", "new", "change"), PERMISSIONS.values(), ids=PERMISSIONS.keys())
def test_what_is_allowed_more_or_less_is_told(head: str, old: str, new: str, change: Change, judge: Judged) -> None:
    name = head.split("(")[0].split()[-1]
    found = judge(f"{head} {{ return {old}; }}", f"{head} {{ return {new}; }}", name)
    assert found.change is change
    assert (found.witness is None) is (change is Change.EQUAL)


@pytest.mark.parametrize(("head", "old", "new", "change"), PERMISSIONS.values(), ids=PERMISSIONS.keys())
def test_where_no_witness_is_wanted_the_verdict_is_the_same(
    head: str, old: str, new: str, change: Change, versions: Versions
) -> None:
    found = versions(S, f"{head} {{ return {old}; }}", f"{head} {{ return {new}; }}")
    judge = Judge(
        old=found.old,
        new=found.new,
        given=found.given,
        set_ups=(found.set_up(),),
        budget=BUDGET,
        thorough=False,
        tells=False,
    )
    (result,) = judge.judge(found.pair(head.split("(")[0].split()[-1]))
    assert result.change is change
    assert result.witness is None
    assert bool(result.differs_in) is (change is not Change.EQUAL)


@pytest.mark.parametrize(("old", "new"), [("x & 6", "x & 3"), ("x & 6 ? 3 : 0", "x & 2 ? 1 : 0")])
def test_what_allows_something_else_is_no_equality(old: str, new: str, judge: Judged) -> None:
    name = "pte_access" if "?" not in old else "permission_fault"
    assert (
        judge(f"u8 {name}(u32 x) {{ return {old}; }}", f"u8 {name}(u32 x) {{ return {new}; }}", name).change
        is Change.DIFFERS
    )


def test_a_condition_that_nobody_guarantees_is_told_and_no_verdict(judge: Judged) -> None:
    found = judge("u32 f(u32 flags) { return flags & 3; }", "u32 f(u32 flags) { return flags & 7; }")
    assert (found.change, found.condition) == (Change.DIFFERS, "!(flags & BIT(2))")
    assert not found.is_equal


#: How a function is called whose new version looks at another bit -> its callers, and what is known of each.
CALLERS = {
    "with that bit clear": ("u32 h(u32 x) { return f(x & 3); }", {"h": True}),
    "after a test": ("u32 h(u32 x) { return x < 4 ? f(x) : 0; }", {"h": True}),
    "with a constant": ("u32 h(void) { return f(0) + f(2); }", {"h": True}),
    "with anything": ("u32 h(u32 x) { return f(x); }", {"h": False}),
    "with what a call returns": ("u32 h(u32 x) { return f(get(x)); }", {"h": False}),
    "once with anything": ("u32 h(u32 x) { return f(x & 3) + f(x); }", {"h": False}),
    "by one that sees to it and one that does not": (
        "u32 h(u32 x) { return f(x & 1); } u32 k(u32 x) { return f(x); }",
        {"h": True, "k": False},
    ),
    "through another": ("static u32 h(u32 x) { return f(x & 1); } u32 k(u32 x) { return h(x); }", {"h": True}),
    "in a loop that is not understood": ("u32 h(u32 x) { while (get(x)) x = f(x & 1); return x; }", {"h": None}),
    "through a pointer": ("struct o { u32 (*g)(u32); }; void h(struct o *o) { o->g = f; }", {"h": None}),
    "nowhere": ("u32 h(u32 x) { return x; }", {}),
}
HEAD = "static u32 f(u32 flags) { return flags & "


@pytest.mark.parametrize(("callers", "known"), CALLERS.values(), ids=CALLERS.keys())
def test_who_calls_it_has_to_guarantee_the_condition(
    callers: str, known: dict[str, bool | None], judge: Judged
) -> None:
    found = judge(f"{HEAD}3; }} {callers}", f"{HEAD}7; }} {callers}")
    assert found.condition == "!(flags & BIT(2))"
    assert {each.caller: each.guarantees for each in found.callers} == known
    assert found.is_equal is (bool(known) and all(known.values()))
    assert (found.change is Change.EQUAL_IF) is found.is_equal


def test_a_permission_that_no_caller_can_use_is_none(judge: Judged) -> None:
    text = "static u32 pte_access(u32 flags) {{ return flags & {}; }} u32 h(u32 x) {{ return pte_access(x & 1); }}"
    found = judge(text.format(3), text.format(7), "pte_access")
    assert found.change is Change.EQUAL_IF
    assert found.is_equal


def test_a_function_that_others_may_call_is_guaranteed_nothing(judge: Judged) -> None:
    text = "u32 f(u32 flags) {{ return flags & {}; }} u32 h(u32 x) {{ return f(x & 1); }}"
    found = judge(text.format(3), text.format(7))
    assert [each.guarantees for each in found.callers] == [True, None]
    assert found.change is Change.DIFFERS


def test_the_witness_is_small_and_tells_both_sides(judge: Judged) -> None:
    found = judge(
        "u32 f(u32 x, u32 y) { u32 z = x & 0xf0; return z + y; }",
        "u32 f(u32 x, u32 y) { u32 z = x & 0xf4; return z + y; }",
    )
    witness = found.witness
    assert witness is not None
    assert [(each.name, each.text) for each in witness.inputs] == [("x", "4")]
    assert (int(witness.old, 0), int(witness.new, 0)) == (0, 4)
    assert any("z = 4" in each.text for each in witness.new_steps)
    assert all(each.at.startswith("arch/x86/kvm/mmu/mmu.c:") for each in (*witness.old_steps, *witness.new_steps))


def test_a_truth_value_differs_as_yes_and_no(judge: Judged) -> None:
    found = judge("u32 f(u32 x) { WARN_ON(x == 7); return x; }", "u32 f(u32 x) { return x; }")
    assert found.witness is not None
    assert (found.witness.what, found.witness.old, found.witness.new) == ("a WARN", "yes", "no")
    assert [(each.name, each.text) for each in found.witness.inputs] == [("x", "7")]


def test_the_bits_that_can_differ_are_told(judge: Judged) -> None:
    assert judge("u64 f(u64 x) { return x * 3 & ~(5ull << 40); }", "u64 f(u64 x) { return x * 3; }").bits == (40, 42)


def test_what_is_not_understood_is_not_compared_with_the_place(judge: Judged) -> None:
    text = 'u32 f(u32 x) {{ asm volatile("" :: "r"(x)); return x + {}; }}'
    found = judge(text.format(1), text.format(2))
    assert found.change is Change.NOT_COMPARED
    assert "arch/x86/kvm/mmu/mmu.c" in found.reason
    assert "inline assembly" in found.reason


def test_what_is_undefined_for_certain_is_not_compared(judge: Judged) -> None:
    found = judge("u32 f(u32 x) { return x & 1 ? 1u << 32 : 1u << 33; }", "u32 f(u32 x) { return 1; }")
    assert found.change is Change.NOT_COMPARED


def test_what_is_undefined_for_certain_in_both_alike_is_not_equal_for_that(judge: Judged) -> None:
    found = judge(
        "u32 f(u32 x) { return x & 1 ? 1u << 32 : 1u << 33; }",
        "u32 f(u32 x) { u32 y = x & 1; return y ? 1u << 32 : 1u << 33; }",
    )
    assert found.change is Change.NOT_COMPARED


def test_what_is_undefined_in_both_alike_is_no_difference(judge: Judged) -> None:
    found = judge("u32 f(u32 x) { return 1u << x; }", "u32 f(u32 x) { u32 y = 1u << x; return y; }")
    assert (found.change, found.assumptions) == (Change.EQUAL, ())


def test_what_is_undefined_in_the_new_version_alone_is_a_difference(judge: Judged) -> None:
    found = judge("u32 f(u32 x) { return x < 32 ? 1u << x : 0; }", "u32 f(u32 x) { return 1u << x; }")
    assert found.change is not Change.EQUAL
    assert "undefined behaviour" in found.differs_in


#: What changes -> a function in both versions, and for how many kinds of masks it is judged by itself.
BY_MASKS = {
    "what no mask matters to": ("shadow_x_mask * 0 + 1", "1 + shadow_x_mask * 0", 1),
    "for any masks nothing": ("shadow_x_mask | 1", "1 | shadow_x_mask", 1),
    "for one kind of masks": ("shadow_x_mask & 4", "4", 2),
    "for both kinds": ("shadow_x_mask & 3", "7", 1),
}
MASKS: Sequence[tuple[Mapping[str, int], Mapping[str, BitVec]]] = [
    ({}, {"shadow_x_mask": bv(4, 64)}),
    ({}, {"shadow_x_mask": bv(0, 64)}),
]


@pytest.mark.parametrize(("old", "new", "count"), BY_MASKS.values(), ids=BY_MASKS.keys())
def test_half_by_half_the_same_comes_out(old: str, new: str, count: int, versions: Versions) -> None:
    text = "u64 shadow_x_mask; u64 f(u64 x) {{ return x + ({}); }}"
    found = versions(S, text.format(old), text.format(new))
    names = ("intel", "amd, shadow")
    set_ups = (
        found.set_up(),
        *(SetUp(name, Bits(*each), Bits(*each)) for name, each in zip(names, MASKS, strict=True)),
    )
    judge, pair = (
        Judge(old=found.old, new=found.new, given=found.given, set_ups=set_ups, budget=BUDGET),
        found.pair("f"),
    )
    at_once = judge.judge(pair)
    by_halves = whole(judge.half(Half(pair, True)), judge.half(Half(pair, False)))
    assert [replace(each, seconds=0.0) for each in by_halves] == [replace(each, seconds=0.0) for each in at_once]
    assert len(at_once) == count


def test_of_many_functions_the_few_that_differ_are_looked_at_thoroughly(versions: Versions) -> None:
    def text(each: str) -> str:
        return "".join(f"u32 f{number}(u32 flags) {{ return {each.format(number)}; }}\n" for number in range(40))

    same = text("{} + (flags & 7)")
    found = versions(S, same, same.replace("39 + (flags & 7)", "39 + (flags & 3)"))
    judge = Judge(
        old=found.old,
        new=found.new,
        given=found.given,
        set_ups=(found.set_up(),),
        budget=BUDGET,
        thorough=False,
        tells=False,
    )
    judged = judge_all(judge, found.pairing.pairs, 2, Unwatched(), nothing)
    assert [each.function for (each,) in judged] == [pair.new for pair in found.pairing.pairs]
    (differing,) = (each for (each,) in judged if each.change is not Change.EQUAL)
    assert differing.function == "f39"
    assert differing.witness is not None
    assert differing.condition == "!(flags & BIT(2))"
    # What only a thorough look finds.
    assert differing.bits


def test_what_it_rests_on_is_told(judge: Judged) -> None:
    found = judge("u32 f(u32 x) { return get(x) + 1; }", "u32 f(u32 x) { return 1 + get(x); }")
    assert (found.change, found.calls) == (Change.EQUAL, ("get",))


@pytest.mark.parametrize("jobs", [1, 2], ids=["at once", "in halves"])
def test_a_mistake_of_ours_is_told_with_where_it_comes_from(
    jobs: int, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_judge: Judge, _compared: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Judge, "_for_any_masks", fail)
    monkeypatch.setattr(Judge, "_try", fail)
    found = versions("", "u32 f(u32 x) { return x; }", "u32 f(u32 x) { return x + 1; }")
    set_ups = (found.set_up(), SetUp("intel", found.set_up().old, found.set_up().new))
    judge = Judge(old=found.old, new=found.new, given=found.given, set_ups=set_ups, budget=BUDGET)
    watching = Watching()
    judged = judge_all(judge, [found.pair("f")], jobs, watching, nothing)
    assert {each.reason for (each,) in judged} == {"comparing it failed: ZeroDivisionError: by nothing"}
    assert watching.failures
    for trace in watching.failures.values():
        assert trace.startswith("Traceback")
        assert trace.endswith("ZeroDivisionError: by nothing")


@pytest.mark.parametrize("module", [judging, tree_comparison, conditions], ids=lambda module: str(module.__name__))
def test_what_is_printed_decides_nothing_of_what_is_judged(module: ModuleType) -> None:
    assert "cli.diff.report" not in Path(str(module.__file__)).read_text("utf-8")


# What a run comes to

EQUAL = Judgement(function="f", change=Change.EQUAL)
STATUS = {
    "nothing has changed": ((), 0),
    "all is equal": ((EQUAL,), 0),
    "something differs": ((EQUAL, Judgement(function="g", change=Change.DIFFERS)), 1),
    "something allows more": ((Judgement(function="g", change=Change.MORE),), 1),
    "something allows less": ((Judgement(function="g", change=Change.LESS),), 1),
    "a condition that nobody has looked at": ((Judgement(function="g", change=Change.EQUAL_IF, condition="x"),), 1),
    "something could not be compared": ((EQUAL, Judgement(function="g", change=Change.NOT_COMPARED)), 3),
    "something is not decided": ((EQUAL, Judgement(function="g", change=Change.UNKNOWN)), 3),
    "something differs and something is not decided": (
        (Judgement(function="f", change=Change.UNKNOWN), Judgement(function="g", change=Change.DIFFERS)),
        1,
    ),
}


@pytest.mark.parametrize(("judgements", "status"), STATUS.values(), ids=STATUS.keys())
def test_the_exit_status_says_whether_anything_changes(judgements: tuple[Judgement, ...], status: int) -> None:
    kernel = KernelIdentity(source="linux", version="7.2", digest="")
    report = Difference(old=kernel, new=kernel, judgements=judgements, unchanged=0)
    assert difference_run(report).exit_status == status


# -- what the user assumes ------------------------------------------------------------------------

FLAGS = var("flags", 32)
SMALL = Assumption("flags < 4 (--assume)", ult(FLAGS, 4))


@pytest.fixture
def judge_assuming(versions: Versions) -> Callable[..., Judgement]:
    """What has become of a function of `flags` under what somebody assumes."""

    def judged(old: str, new: str, *assumed: Assumption) -> Judgement:
        found = versions(S, *(f"u32 f(u32 flags, u32 level) {{ return {each}; }}" for each in (old, new)))
        given = replace(found.given, assumed=assumed)
        judge = Judge(old=found.old, new=found.new, given=given, set_ups=(found.set_up(),), budget=BUDGET)
        (result,) = judge.judge(found.pair("f"))
        return result

    return judged


def test_what_is_assumed_can_make_two_versions_equal_and_is_told(judge_assuming: Callable[..., Judgement]) -> None:
    found = judge_assuming("flags & 3", "flags", SMALL)
    assert found.change is Change.EQUAL
    assert found.assumptions == (SMALL.label,)


def test_what_is_assumed_is_not_told_where_nothing_needs_it(judge_assuming: Callable[..., Judgement]) -> None:
    found = judge_assuming("flags % 4", "flags & 3", SMALL)
    assert found.change is Change.EQUAL
    assert found.assumptions == ()


def test_a_witness_is_one_of_what_is_assumed(judge_assuming: Callable[..., Judgement]) -> None:
    found = judge_assuming("flags", "flags & 1", SMALL)
    assert found.change is Change.DIFFERS
    assert found.witness is not None
    assert found.witness.values["flags"] in (2, 3)
    assert found.assumptions == (SMALL.label,)


def test_what_is_assumed_of_something_else_changes_nothing(judge_assuming: Callable[..., Judgement]) -> None:
    other = Assumption("others < 4 (--assume)", ult(var("others", 32), 4))
    narrower = Assumption("flags < 4, of another width (--assume)", ult(var("flags", 8), 4))
    found = judge_assuming("flags & 3", "flags", other, narrower)
    assert found.change is Change.DIFFERS
    assert found.assumptions == ()


def test_what_leaves_no_input_makes_nothing_equal(judge_assuming: Callable[..., Judgement]) -> None:
    large = Assumption("flags > 9 (--assume)", ult(bv(9, 32), FLAGS))
    found = judge_assuming("flags & 3", "flags", SMALL, large)
    assert found.change is Change.NOT_COMPARED
    assert found.reason == f"no input is left under what is assumed: {SMALL.label}, {large.label}"
    assert not found.is_equal


# -- what variables start with --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("u32 v = 1;", "u32 v = 2;", Change.DIFFERS),
        ("static u32 v;", "static u32 v = 2;", Change.DIFFERS),
        ("static u32 v;", "static u32 v = 0;", Change.EQUAL),
        ("u32 v = 16;", "u32 v = 0x10u;", Change.EQUAL),
        ("u32 v = 2;", "u32 v = 1 + 1;", Change.NOT_COMPARED),
        ("static const u32 v = 2;", "static const u32 v = 1 + 1;", Change.EQUAL),
        ("extern u32 v;", "u32 v = 3;", Change.EQUAL),
    ],
)
def test_a_variable_that_starts_with_something_else_is_a_difference(
    old: str, new: str, change: Change, judge: Judged
) -> None:
    text = "u32 f(void) {{ return {}; }}"
    found = judge(f"{old} {text.format('v')}", f"{new} {text.format('v + 0')}")
    assert found.change is change
    assert found.differs_in == (("what v starts with",) if change is Change.DIFFERS else ())


#: What a pointer from outside leads to is known to be one object: what is written beyond it is not followed.
BEYOND = {
    "an index": ("void f(u64 *p, u32 i)", "p[i] = 1", "p[i] = i ? 2 : 1"),
    "an index into what a member leads to": ("void f(struct r *r, u32 i)", "r->p[i] = 1", "r->p[i] = i ? 2 : 1"),
    "a step": ("void f(u64 *p, u32 x)", "if (x) return; p++; *p = x", "if (x) return; p++; *p = x + 1"),
    "a pointer that is read": ("u64 f(u64 **p, u32 i)", "return *p[i]", "return *p[i] + (i == 3)"),
}


@pytest.mark.parametrize(("head", "old", "new"), BEYOND.values(), ids=BEYOND.keys())
def test_what_is_beyond_a_pointers_first_element_is_not_called_equal(
    head: str, old: str, new: str, judge: Judged
) -> None:
    found = judge(f"struct r {{ u64 *p; }}; {head} {{ {old}; }}", f"struct r {{ u64 *p; }}; {head} {{ {new}; }}")
    assert found.change is Change.NOT_COMPARED
    assert "beyond the first element" in found.reason


@pytest.mark.parametrize(
    ("head", "old", "new"),
    [
        ("u64 f(struct t *t, u32 i)", "return t->a[i & 3] * 2", "return t->a[i & 3] << 1"),
        ("u64 f(struct t *t, u32 i)", "return t->a[i] * 2", "return t->a[i] << 1"),
        ("u64 f(u64 *p)", "return p[0] * 2", "return *p << 1"),
    ],
    ids=["an array inside", "an array inside, and beyond it", "the first element"],
)
def test_an_array_whose_size_is_known_is_compared(head: str, old: str, new: str, judge: Judged) -> None:
    found = judge(
        f"struct t {{ u64 a[4], b; }}; {head} {{ {old}; }}", f"struct t {{ u64 a[4], b; }}; {head} {{ {new}; }}"
    )
    assert found.change is Change.EQUAL


def test_what_is_called_and_goes_beyond_is_called_alike(judge: Judged) -> None:
    common = "u64 g(u64 **p, u32 i) { return *p[i]; } u64 f(u64 **p, u32 i)"
    found = judge(f"{common} {{ return g(p, i) * 2; }}", f"{common} {{ return g(p, i) << 1; }}")
    assert found.change is Change.EQUAL
    assert found.calls == ("g",)
    assert judge(f"{common} {{ return g(p, i); }}", f"{common} {{ return g(p, i + 1); }}").change is Change.DIFFERS


def test_what_calls_too_much_that_is_not_followed_is_given_up_soon(judge: Judged) -> None:
    text = "void g(u64 *); u64 f(u64 *p) {{ for (u32 i = 0; i < 200; i++) g(p); return *p{}; }}"
    found = judge(text.format(""), text.format(" + 0"))
    assert found.change is Change.NOT_COMPARED
    assert "more is called and not followed than is worth it" in found.reason
