"""A call that is not followed leaves what it only reads as it was; two such calls may change places."""
# A C function reads best on one line.

from __future__ import annotations

import pytest

from mmuproof.cli.diff.judging import Judge
from mmuproof.compare.claims import Change
from tests.compare.small_versions import Versions, versions

__all__ = ["versions"]

#: Neither of them is followed: how often it goes round is not known.
COMMON = """struct s { u32 a, b; struct s *next; }; void lockdep_assert(struct s *p);
static u32 look(struct s *p) { lockdep_assert(p); while (p->a) p = p->next; return p->b; }
static u32 turn(struct s *p) { while (p->a) { p->a--; p = p->next; } return p->b; }
static u32 hold(struct s *p) { while (p->a) { asm volatile("hlt" : : "r"(p->a)); p = p->next; } return p->b; }
static struct s *find(struct s *p) { while (p->a) p = p->next; return p; }
void ext(struct s *p);
"""
BEFORE, AFTER = "u32 x = p->a; return {0}(p) + x;", "u32 x = {0}(p); return x + p->a;"
FIRST, SECOND = "u32 x = {0}(q); {1}(p); return x;", "{1}(p); return {0}(q);"
CASES = {
    "read before it or behind it": ("look", "", BEFORE, AFTER, Change.EQUAL),
    "changed by it": ("turn", "", BEFORE, AFTER, Change.DIFFERS),
    "two that read": ("look", "find", FIRST, SECOND, Change.EQUAL),
    "behind one that may change it": ("look", "ext", FIRST, SECOND, Change.DIFFERS),
    "two that have instructions": ("hold", "hold", FIRST, SECOND, Change.DIFFERS),
}


@pytest.mark.parametrize("name", CASES)
def test_only_what_a_call_may_change_is_another(name: str, versions: Versions) -> None:
    *called, old, new, change = CASES[name]
    texts = [f"u32 f(struct s *p, struct s *q) {{ {each.format(*called)} }}" for each in (old, new)]
    found = versions(COMMON, *texts)
    judge = Judge(old=found.old, new=found.new, given=found.given, set_ups=(found.set_up(),), budget=400_000)
    (pair,) = (each for each in found.pairing.pairs if each.new == "f")
    assert [each.change for each in judge.judge(pair)] == [change]


def test_a_pointer_that_is_found_is_the_one_that_is_found_later(versions: Versions) -> None:
    old = "u32 f(struct s *p) { struct s *q = find(p); u32 x = p->b; return q->b + x; }"
    new = "u32 f(struct s *p) { u32 x = p->b; struct s *q = find(p); return q->b + x; }"
    found = versions(COMMON, old, new)
    judge = Judge(old=found.old, new=found.new, given=found.given, set_ups=(found.set_up(),), budget=400_000)
    (pair,) = (each for each in found.pairing.pairs if each.new == "f")
    assert [each.change for each in judge.judge(pair)] == [Change.EQUAL]
