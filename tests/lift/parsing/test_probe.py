"""Text that is parsed behind a unit: expressions with free variables, and files of properties."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.lift.parsing.expression_text import read_question
from mmuproof.lift.parsing.probe import CompiledFile, OpenUnit, QuestionWrong, compile_file, compile_questions
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.stand_ins import clang_arguments

UNIT = "arch/x86/kvm/mmu/spte.c"
TEXT = """\
typedef unsigned long long u64;
struct inner { u64 value; };
struct page { int level; struct inner inner; union { u64 raw; struct { unsigned low:4, high:4; }; }; };
enum kind { PLAIN, ODD };
#define MASK_LOW 0xfULL
#define is_low(x) (!((x) & ~MASK_LOW))
static u64 shadow_mask;
static inline int is_set(u64 entry) { return (entry & shadow_mask) != 0; }
int level_of(const struct page *page, enum kind kind) { return page->level + kind; }
void make(u64 *made, u64 entry) { *made = entry | 1; }
int by_callback(int (*callback)(int)) { return callback(1); }
int elsewhere(u64 entry);
void prefetch(const void *at) { }
"""


@pytest.fixture
def unit(kernel: Path, tmp_path: Path) -> OpenUnit:
    (kernel / UNIT).write_text(TEXT)
    units = SavedUnits(tmp_path / "cache")
    return OpenUnit(kernel, UNIT, clang_arguments(kernel, units.stand_ins(kernel), UNIT), units)


def parameters(unit: OpenUnit, *texts: str) -> list[str]:
    compiled = compile_questions(unit, [read_question(text) for text in texts])
    functions = [compiled.unit.function(name) for name in compiled.functions]
    assert len({tuple(each.name for each in function.parameters) for function in functions}) == 1
    return [each.declaration for each in compiled.inferred]


@pytest.mark.parametrize(
    ("text", "inferred"),
    [
        ("u64 s: is_set(s)", []),
        ("is_set(s)", ["u64 s"]),
        ("is_set(s) && (s & MASK_LOW)", ["u64 s"]),
        ("level_of(p, k) == ODD", ["const struct page *p", "enum kind k"]),
        ("({ make(&out, in); is_set(out); })", ["u64 out", "u64 in"]),
        ("u64 s: is_low(s)", []),
        ("u64 a[2]: is_set(a[1])", []),
        ("shadow_mask == 0", []),
        ("sizeof(struct page) == 24", []),
    ],
)
def test_free_variables_are_declared_or_taken_from_the_function(unit: OpenUnit, text: str, inferred: list[str]) -> None:
    assert parameters(unit, text) == inferred


def test_questions_share_their_free_variables(unit: OpenUnit) -> None:
    assert parameters(unit, "u64 t: is_set(s)", "s & t", "unsigned n: n") == ["u64 s"]


@pytest.mark.parametrize(
    ("texts", "places", "says"),
    [
        (["is_sett(s)"], [(0, 1, 1), (0, 1, 9)], "undeclared function 'is_sett'"),
        (["u64 s: s & MASK_LO"], [(0, 1, 12)], "undeclared identifier 'MASK_LO'"),
        (["s & 1"], [(0, 1, 1)], "undeclared identifier 's'"),
        (["is_low(s)"], [(0, 1, 1)], "undeclared identifier 's'"),
        (["struct page *p: p->levle"], [(0, 1, 20)], "no member named 'levle'"),
        (["u46 s: s"], [(0, 1, 1)], "unknown type name 'u46'"),
        (["u64 a, u46 b: a"], [(0, 1, 8)], "unknown type name 'u46'"),
        (["u64 s: s <"], [(0, 1, 11)], "expected expression"),
        (["u64 s:\n  is_set(s) &&\n  is_set(t +)"], [(0, 3, 10), (0, 3, 13)], "undeclared identifier 't'"),
        (["u64 s: s", "u64 s: r"], [(1, 1, 8)], "undeclared identifier 'r'"),
        (["u64 s: s", "u32 s: s"], [(1, 1, 1)], "'s' is declared as 'u64 s' as well"),
        (["is_set(p) && level_of(p, 0)"], [(0, 1, 8)], "'p' is 'u64' for is_set"),
        (["struct page p: p"], [(0, 1, 16)], "incompatible"),
        (["struct page *p: is_set(p)"], [(0, 1, 24)], "incompatible pointer to integer"),
        (["level_of(p, prefetch)"], [(0, 1, 13)], "incompatible pointer to integer"),
        (["_Bool b: prefetch"], [(0, 1, 10)], "address of function 'prefetch' will always evaluate"),
    ],
)
def test_errors_have_the_place_that_the_user_typed(
    unit: OpenUnit, texts: list[str], places: list[tuple[int, int, int]], says: str
) -> None:
    with pytest.raises(QuestionWrong, match=says) as caught:
        compile_questions(unit, [read_question(text) for text in texts])
    problems = caught.value.problems
    assert set(places) >= {(each.text, each.line, each.column) for each in problems if each.column}
    assert (problems[0].text, problems[0].line, problems[0].column) == places[0]


def test_names_that_may_have_been_meant(unit: OpenUnit) -> None:
    assert unit.near("is_sett") == ("is_set",)
    assert unit.near("MASK_LO") == ("MASK_LOW",)
    assert "shadow_mask" in unit.near("shadow_maks")
    assert unit.near("u46") == ("u64",)
    assert unit.near("nothing_like_it") == ()
    assert unit.near_members("struct page", "levle") == ("level",)
    assert unit.near_members("struct page", "lo") == ("low",)
    assert unit.near_members("struct missing", "level") == ()


def test_what_is_called_and_what_has_no_body(unit: OpenUnit) -> None:
    compiled = compile_questions(unit, [read_question("is_set(s) && elsewhere(s) && is_low(s)")])
    assert compiled.unit.called(compiled.functions) == ("is_set", "elsewhere")
    assert compiled.missing == ("elsewhere",)


FILE = """\
#include "own.h"
#include "helpers.h"
static int helper(u64 s) { return is_set(s); }
NOTED _Bool first(u64 s) { return helper(s) || also(s); }
_Bool second(struct page *p, u64 s)
{
	return p->level && elsewhere(s);
}
"""


def compiled_file(unit: OpenUnit, folder: Path, text: str = FILE) -> CompiledFile:
    (folder / "helpers.h").write_text("static int also(u64 s) { return s > 1; }\n")
    header = '#define NOTED __attribute__((annotate("noted")))\n'
    return compile_file(unit, text, ("own.h", header), folder)


def test_a_file_of_properties(unit: OpenUnit, tmp_path: Path) -> None:
    compiled = compiled_file(unit, tmp_path)
    assert [(each.function.name, each.annotations) for each in compiled.properties] == [
        ("first", ("noted",)),
        ("second", ()),
    ]
    assert compiled.properties[1].function.location.line == 5
    assert compiled.missing == ("elsewhere",)


def test_errors_in_a_file_have_its_lines(unit: OpenUnit, tmp_path: Path) -> None:
    with pytest.raises(QuestionWrong) as caught:
        compiled_file(unit, tmp_path, FILE.replace("p->level", "p->levle"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (7, 12)
