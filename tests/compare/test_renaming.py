"""A tree that has renamed things is read under its earlier names: what is what is found, and nothing is made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mmuproof.compare.looks import ReleasedLooks, looks_before, looks_of
from mmuproof.compare.renamed_constants import renamed_constants
from mmuproof.compare.renamed_functions import tokens
from mmuproof.compare.renaming import MapError, find_names, place_names
from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.tree.kvm_text import macros_of_kvm, words_of_kvm
from mmuproof.model.lifted.unit_paths import MMU_C
from tests.lift.machine.conftest import CLANG, PROGRAMS, LiftedFile

S = """
struct s { u32 a, b; struct s *next; };
u64 nx_mask, x_mask;
static u32 twice(u32 v) { return v + v; }
u64 outside(void);
u64 f(struct s *p) { return p->a - p->b + (nx_mask & x_mask) + twice(p->a); }
u64 h(void) { return outside() + 1; }
u64 g(struct s *p, u32 access) { return access & 4 ? nx_mask : x_mask | p->b; }
"""


@pytest.fixture
def unit(tmp_path: Path) -> Callable[..., Unit]:
    """A unit of a few lines of C."""

    def make(text: str, *constants: str) -> Unit:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / MMU_C).parent.mkdir(parents=True)
        (folder / "types.h").write_text((PROGRAMS / "types.h").read_text())
        (folder / MMU_C).write_text(text)
        return Unit(folder, MMU_C, [*CLANG, "-include", str(folder / "types.h")], ConstantNames(constants))

    return make


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"twice": "doubled"}, FormerNames(functions={"doubled": "twice"})),
        (
            {"static u32 twice(u32 v) { return v + v; }": "static u32 two(u32 v) { return 2 * v; }", "twice(": "two("},
            FormerNames(functions={"two": "twice"}),
        ),
        ({"outside": "external"}, FormerNames(functions={"external": "outside"})),
        ({"nx_mask": "no_exec"}, FormerNames(variables={"no_exec": "nx_mask"})),
        ({"struct s": "struct page"}, FormerNames(records={"struct page": "struct s"})),
        ({"u32 a,": "u32 first,", "p->a": "p->first"}, FormerNames(members={("struct s", "first"): "a"})),
        (
            {"u32 a, b;": "struct { u32 a, b; } pair;", "p->a": "p->pair.a", "p->b": "p->pair.b"},
            FormerNames(members={("struct s", "pair"): ""}),
        ),
        (
            {"u32 a, b;": "u32 b; struct { u32 value; } first;", "p->a": "p->first.value"},
            FormerNames(members={("struct s", "first"): "", ("struct s", "value"): "a"}),
        ),
        (
            {
                "u32 a, b;": "u32 b; struct { u32 one, two; } pair;",
                "u32 b;": "",
                "p->a": "p->pair.one",
                "p->b": "p->pair.two",
            },
            FormerNames(members={("struct s", "pair"): "", ("struct s", "one"): "a", ("struct s", "two"): "b"}),
        ),
        ({"access": "acc"}, FormerNames(parameters={("g", "acc"): "access"})),
        (
            {"u64 nx_mask, x_mask;": "struct { u64 nx, x; } masks;", "nx_mask": "masks.nx", "x_mask": "masks.x"},
            FormerNames(parts={("masks", "nx"): "nx_mask", ("masks", "x"): "x_mask"}),
        ),
        ({"next": "n", "u32 a,": "u32 a, unused,"}, THE_SAME_NAMES),
        ({"+ twice(p->a)": "+ p->a + p->a", "static u32 twice(u32 v) { return v + v; }": ""}, THE_SAME_NAMES),
    ],
    ids=[
        "a function",
        "a function that says it otherwise, by its callers",
        "a function without a body",
        "a variable",
        "a struct",
        "a member",
        "members in a struct of their own",
        "a member of another name in a struct of its own",
        "members of other names in a struct of their own",
        "a parameter",
        "variables gathered in a struct",
        "not a member that nobody reads, where another has come",
        "not a function that is gone",
    ],
)
def test_what_a_tree_calls_otherwise_is_found(
    unit: Callable[..., Unit], changes: Mapping[str, str], names: FormerNames
) -> None:
    text = S
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    found = find_names([unit(S)], [unit(text)])
    assert found == names


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"twice": "doubled"}, FormerNames(functions={"doubled": "twice"})),
        ({"outside": "external"}, FormerNames(functions={"external": "outside"})),
        ({"nx_mask": "no_exec"}, FormerNames(variables={"no_exec": "nx_mask"})),
        ({"struct s": "struct page"}, FormerNames(records={"struct page": "struct s"})),
        ({"u32 a,": "u32 first,", "p->a": "p->first"}, FormerNames(members={("struct s", "first"): "a"})),
        ({"access": "acc"}, FormerNames(parameters={("g", "acc"): "access"})),
        (
            {"nx_mask": "no_exec", "p->a": "p->first", "u32 a,": "u32 first,", "access": "acc"},
            FormerNames(
                variables={"no_exec": "nx_mask"},
                members={("struct s", "first"): "a"},
                parameters={("g", "acc"): "access"},
            ),
        ),
        ({"level": "depth", "sum": "total"}, FormerNames(parameters={("q", "depth"): "level"})),
        ({"both(u32": "two(u32", "both(1)": "two(1)"}, FormerNames(functions={"two": "both"})),
        ({"nx_mask": "x_mask", "u64 x_mask, x_mask;": "u64 x_mask;"}, THE_SAME_NAMES),
        ({"nx_mask": "stays", "u64 stays, x_mask, stays;": "u64 x_mask, stays;"}, THE_SAME_NAMES),
        ({"nx_mask": "no_exec", "? no_exec": "? ~no_exec", "(no_exec &": "(no_exec |"}, THE_SAME_NAMES),
    ],
    ids=[
        "a function",
        "a function without a body",
        "a variable",
        "a struct",
        "a member",
        "a parameter",
        "several at once",
        "a parameter, where a variable has another name as well",
        "a function that a member has the name of",
        "not what was there and stands in its place",
        "not what was there and is mentioned by nobody else",
        "not where something else has changed as well",
    ],
)
def test_what_a_tree_calls_otherwise_is_found_by_how_the_release_looked(
    unit: Callable[..., Unit], changes: Mapping[str, str], names: FormerNames
) -> None:
    before = S.replace("u64 nx_mask, x_mask;", "u64 nx_mask, x_mask, stays;\nu64 k(void) { return stays; }\n")
    before += "struct t { u32 both; };\nu32 both(u32 x) { return x ^ 77; }\n"
    before += "u32 q(struct s *p, u32 level) { u32 sum = level + p->b; return sum << 1; }\n"
    before += "u32 m(struct t *p) { return both(1); }\nu32 n(struct t *p) { return p->both; }\n"
    words = set(tokens(before))
    looks = ReleasedLooks.read(json.loads(json.dumps(looks_of([unit(before)], words, {}, words).content)))
    text = before
    for old, new in changes.items():
        text = text.replace(old, new)
    assert text != before
    assert looks.find([unit(text)]) == names


def test_a_member_of_another_name_is_found_in_a_struct_without_a_tag(unit: Callable[..., Unit]) -> None:
    text = """
struct s { struct { u32 flags, token; } apf; u32 flags; };
u64 f(struct s *p) { return p->apf.flags + p->flags; }
u64 g(struct s *p) { return p->apf.token - p->apf.flags; }
"""
    renamed = text.replace("u32 flags, token", "u32 host_flags, token").replace("apf.flags", "apf.host_flags")
    found = find_names([unit(text)], [unit(renamed)])
    assert found == FormerNames(members={("struct s", "host_flags"): "flags"})


def test_a_macro_of_another_name_is_told_by_what_it_stands_for(unit: Callable[..., Unit]) -> None:
    looks = looks_of([unit(S)], {"ACC_EXEC_MASK", "ACC_ALL"}, {"ACC_EXEC_MASK": "1", "ACC_ALL": "7", "PT_BIT": "1"}, ())
    assert looks.renamed_constants({"ACC_X": "1", "ACC_ALL": "7", "PT_BIT": "1"}) == {"ACC_X": "ACC_EXEC_MASK"}
    assert looks.renamed_constants({"ACC_X": "1", "ACC_Y": "1", "ACC_ALL": "7"}) == {}
    assert looks.renamed_constants({"ACC_ALL": "7", "PT_BIT": "1"}) == {}


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("build twice find cached", ()),
        ("build twice find cached more", ()),
        ("build twice_of find cached", ("twice",)),
        ("build twice found cached", ("find",)),
        ("twice find cached_reg", ("build", "cached")),
    ],
    ids=["all are there", "and others", "another name", "made by a template", "two, one called through a trampoline"],
)
def test_a_name_is_gone_if_no_word_of_the_text_makes_it(
    unit: Callable[..., Unit], words: str, gone: Sequence[str]
) -> None:
    text = "int __SCT__kvm_x86_cached(int a); int ept_find(int a); int _made(int a);\n"
    text += "int twice(int a) { return a; }\n"
    text += "int build(int a) { return __SCT__kvm_x86_cached(ept_find(_made(twice(a)))); }\n"
    here = ["build", "twice", "find", "cached"]
    looks = looks_of([unit(text)], set(tokens(text)), {}, here)
    assert looks.gone(words.split()) == gone


def test_a_function_of_which_a_macro_has_the_name_now_is_gone(unit: Callable[..., Unit]) -> None:
    text = "int twice(int a) { return a; }\nint both(int a) { return a; }\n"
    looks = looks_of([unit(text)], set(tokens(text)), {}, ["twice", "both"], ["both"])
    assert looks.gone(["twice", "both"], ["twice", "both"]) == ("twice",)
    assert looks.gone(["twice", "both"], ["other"]) == ()


def test_a_release_is_seen_as_the_last_before_it() -> None:
    assert looks_before("5.4") is None
    assert looks_before("99.0-rc1") is not None


def test_nothing_is_taken_for_what_both_trees_have(unit: Callable[..., Unit]) -> None:
    swapped = S.replace("nx_mask", "y").replace("x_mask", "nx_mask").replace("y", "x_mask")
    assert not find_names([unit(S)], [unit(swapped)])


MOVED = """
struct inner { u32 a, b; };
struct page { struct inner pair; u32 level; };
struct { u64 nx, x; } masks;
static u32 two(u32 v) { return v + v; }
u64 whole(u64 v) { masks.nx = v; masks.x = ~v; return masks.nx ^ masks.x; }
u64 all(void) { typeof(masks) copy = masks; return copy.nx; }
u32 f(u32 acc, u32 level)
{
	struct page p = { .pair = { .a = acc, .b = 3 }, .level = level };
	struct page *q = &p;
	return two(q->pair.a) + p.pair.b * q->level + BIT_FOR_EXEC;
}
"""
NAMES = FormerNames(
    functions={"two": "twice"},
    variables={},
    records={"struct page": "struct kvm_mmu_page"},
    constants={"BIT_FOR_EXEC": "ACC_EXEC_MASK"},
    members={("struct page", "pair"): "", ("struct inner", "a"): "first"},
    parameters={("f", "acc"): "access"},
    parts={("masks", "nx"): "nx_mask", ("masks", "x"): "x_mask"},
)


@pytest.fixture
def moved(unit: Callable[..., Unit]) -> Unit:
    return unit("#define BIT_FOR_EXEC 9\n" + MOVED, "BIT_FOR_EXEC").under(NAMES)


def test_a_unit_is_asked_by_the_earlier_names_and_answers_in_them(moved: Unit) -> None:
    assert moved.function("twice").name == "twice"
    assert [each.name for each in moved.function("f").parameters] == ["access", "level"]
    record = moved.record("struct kvm_mmu_page")
    assert record.name == "struct kvm_mmu_page"
    assert list(record.members) == ["first", "b", "level"]
    assert moved.has_variable("nx_mask")
    assert not moved.has_variable("no_mask")
    assert moved.variable("nx_mask") is moved.variable("nx_mask")


def test_a_function_without_a_body_has_the_earlier_names_of_its_parameters(unit: Callable[..., Unit]) -> None:
    names = FormerNames(functions={"told": "said"}, parameters={("told", "acc"): "access"})
    assert unit("u32 told(u32 acc, u32 level);").under(names).parameter_names("said") == ("access", "level")


def test_it_means_the_same(unit: Callable[..., Unit], moved: Unit) -> None:
    plain = unit("#define BIT_FOR_EXEC 9\n" + MOVED)
    inputs = (5, 4)
    assert LiftedFile(moved).lift("f").evaluate(inputs) == LiftedFile(plain).lift("f").evaluate(inputs) == 10 + 12 + 9
    assert LiftedFile(moved).lift("whole").evaluate((6,)) == (1 << 64) - 1


def test_a_constant_is_told_by_its_earlier_name(unit: Callable[..., Unit]) -> None:
    constants = ConstantNames(("ACC_EXEC_MASK", "BIT_FOR_EXEC"))
    opened = unit("#define BIT_FOR_EXEC 9\nint x;", *constants.names)
    assert opened.constant("ACC_EXEC_MASK") is None
    assert opened.under(NAMES).constant("ACC_EXEC_MASK") == 9


def test_a_struct_of_what_were_variables_is_not_looked_at_as_a_whole(moved: Unit) -> None:
    with pytest.raises(Refused, match=r"masks as a whole.*"):
        _ = moved.function("all").body


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"two": "twice"}, FormerNames(functions={"two": "twice"})),
        ({"masks": "all_masks"}, FormerNames(variables={"masks": "all_masks"})),
        ({"struct page": "struct p"}, FormerNames(records={"struct page": "struct p"})),
        ({"BIT_FOR_EXEC": "ACC_EXEC"}, FormerNames(constants={"BIT_FOR_EXEC": "ACC_EXEC"})),
        ({"pair": "both"}, FormerNames(members={("struct page", "pair"): "both"})),
        ({"acc": "access"}, FormerNames(parameters={("f", "acc"): "access"})),
    ],
    ids=["a function", "a variable", "a struct", "a constant", "a member", "a parameter"],
)
def test_a_name_that_is_given_is_placed_by_what_it_is_a_name_of(
    unit: Callable[..., Unit], given: Mapping[str, str], names: FormerNames
) -> None:
    assert place_names([unit("#define BIT_FOR_EXEC 9\n" + MOVED, "BIT_FOR_EXEC")], given) == names


@pytest.mark.parametrize(
    ("given", "why"),
    [({"no_such": "x"}, "has no function, .* no_such"), ({"two": "whole"}, "has whole itself")],
    ids=["the tree has no such name", "the tree has the earlier name as well"],
)
def test_a_name_that_cannot_be_is_refused(unit: Callable[..., Unit], given: Mapping[str, str], why: str) -> None:
    with pytest.raises(MapError, match=why):
        place_names([unit("#define BIT_FOR_EXEC 9\n" + MOVED)], given)


def test_what_is_said_of_names_tells_each() -> None:
    assert set(NAMES.said) == {
        "two() is what twice() was",
        "struct page is what struct kvm_mmu_page was",
        "BIT_FOR_EXEC is what ACC_EXEC_MASK was",
        "struct page.pair holds what was in struct page itself",
        "struct inner.a is what struct inner.first was",
        "parameter acc of f() is what access was",
        "masks.nx is what nx_mask was",
        "masks.x is what x_mask was",
    }


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"A": "4"}, {"B": "4"}, {"B": "A"}),
        ({"A": "4"}, {"A": "4", "B": "4"}, {}),
        ({"A": "4"}, {"B": "8"}, {}),
        ({"A": "4", "B": "4"}, {"B": "4"}, {}),
        ({"ACC_X": "4"}, {"ACC_UX": "4", "OTHER": "4"}, {"ACC_UX": "ACC_X"}),
        ({"A_MASK": "4"}, {"XYZ": "4", "OTHER": "4"}, {}),
    ],
    ids=["renamed", "still there", "another value", "both were there", "the one like it", "none like it"],
)
def test_a_constant_is_another_if_it_stands_for_the_same(
    old: Mapping[str, str], new: Mapping[str, str], found: Mapping[str, str]
) -> None:
    assert renamed_constants(old, new, ["A", "ACC_X", "A_MASK"]) == found


def test_macros_are_read_off_the_text(tmp_path: Path) -> None:
    folder = tmp_path / "arch/x86/kvm"
    folder.mkdir(parents=True)
    (folder / "spte.h").write_text(
        "#define A 1 /* one */\n# define B (A | \\\n\tC)\n#define F(x) x\n#define EMPTY\n// #define NO 3\n"
    )
    assert macros_of_kvm(tmp_path) == {"A": "1", "B": "(A | C)"}


def test_words_are_read_off_the_text_without_its_comments(tmp_path: Path) -> None:
    folder = tmp_path / "arch/x86/kvm/mmu"
    folder.mkdir(parents=True)
    (folder / "mmu.c").write_text("int f(int a) /* of */ { return a + B2; } // no\n")
    assert words_of_kvm(tmp_path) == {"int", "f", "a", "return", "B2"}
