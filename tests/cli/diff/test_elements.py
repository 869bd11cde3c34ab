"""What is read of an array from outside is compared element by element; what is written there is not."""
# A C function reads best on one line.

from __future__ import annotations

import pytest

from mmuproof.cli.diff.judging import Judge
from mmuproof.compare.claims import Change
from tests.compare.small_versions import Versions, versions

__all__ = ["versions"]

COMMON = """struct info { u32 count; bool off; struct info *more; };
struct slot { u64 base; u64 *pages; struct info *infos; };
void ext(struct slot *s);
"""
EQUAL, DIFFERS, NOT = Change.EQUAL, Change.DIFFERS, Change.NOT_COMPARED
CASES = {
    "the same index": ("return s->pages[i] & 7;", "return s->pages[i] % 8;", EQUAL),
    "an index that is worked out otherwise": (
        "return s->pages[(u64)i * 2 + 2];",
        "u64 *p = s->pages + 2; return p[(u64)i << 1];",
        EQUAL,
    ),
    "another index": ("return s->pages[i];", "return s->pages[i + 1];", DIFFERS),
    "another index for some": ("return s->pages[i & 7];", "return s->pages[i & 3];", DIFFERS),
    "the first element": ("return s->pages[i];", "return i ? s->pages[i] : *s->pages;", EQUAL),
    "a known index": ("return s->pages[3];", "return *(s->pages + 3);", EQUAL),
    "another known index": ("return s->pages[3];", "return s->pages[4];", DIFFERS),
    "a member": (
        "if (s->infos[i].off) return 0; return s->infos[i].count;",
        "return s->infos[i].off ? 0 : s->infos[i].count;",
        EQUAL,
    ),
    "another member": ("return s->infos[i].off;", "return s->infos[i].count;", DIFFERS),
    "behind a call": ("ext(s); return s->pages[i];", "u64 x = s->pages[i]; ext(s); return x;", DIFFERS),
    "behind a call on one path": (
        "if (i > 9) ext(s); return s->pages[i];",
        "if (i <= 9) return s->pages[i]; ext(s); return s->pages[i];",
        EQUAL,
    ),
    "where something was written": (
        "s->pages[i] = 1; return s->pages[j];",
        "s->pages[i] = 1; return i == j ? 1 : s->pages[j];",
        NOT,
    ),
    "where the first was written": (
        "*s->pages = 1; return s->pages[i];",
        "*s->pages = 1; return i ? s->pages[i] : 1;",
        EQUAL,
    ),
    "a pointer in it": ("return s->infos[i].more->count;", "struct info *m = s->infos[i].more; return m->count;", NOT),
}


@pytest.mark.parametrize("name", CASES)
def test_an_element_is_the_one_of_its_index(name: str, versions: Versions) -> None:
    old, new, change = CASES[name]
    found = versions(COMMON, *(f"u64 f(struct slot *s, u32 i, u32 j) {{ {each} }}" for each in (old, new)))
    judge = Judge(old=found.old, new=found.new, given=found.given, set_ups=(found.set_up(),), budget=400_000)
    (pair,) = (each for each in found.pairing.pairs if each.new == "f")
    assert [each.change for each in judge.judge(pair)] == [change]
