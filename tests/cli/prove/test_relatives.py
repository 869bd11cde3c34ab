"""A result of one tree is taken for another exactly if all that it rests on is the same in both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.prove.relatives import (
    BodyChange,
    BodyLayout,
    Moved,
    RestsOn,
    WritingBody,
    change_between,
    layout_content,
    read_layout,
)
from mmuproof.cli.prove.running import Proved
from mmuproof.cli.prove.saved import SavedResults
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task
from mmuproof.lift.effects import EffectsOf
from mmuproof.lift.errors import ParseFailed
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.ran import Ran, Read, collected, remembered
from mmuproof.lift.skeleton import BodyText, Skeleton
from mmuproof.lift.syntax import Location
from mmuproof.lift.tree.source import Contents, KernelTree
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.lifted.unit_paths import MMU_C, SMM_C, SPTE_C, X86_C
from mmuproof.model.lifted.units import Units
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Verdict
from tests.lift.machine.conftest import CLANG

HEADER, BESIDE, LIST = "arch/x86/kvm/mmu.h", "arch/x86/kvm/pmu.c", "arch/x86/kvm/Kconfig"
TEXTS = {
    HEADER: """#define BIG(x) \\
	((x) > 7)
static inline int half(int v)
{
	return v / 2;
}
""",
    MMU_C: """#include "../mmu.h"
int table[4] = { 1, 2, 3, 4 };

int one(int v)
{
	if (BIG(v))
		return half(v);
	return 1;
}
#define MAKE(name) int name(int v) { return one(v); }
MAKE(made)
int two(int v) { return made(v) + 2; }
int three(int v)
{
#define THREE 3
	return THREE;
}
""",
    BESIDE: "int pmu(int v) { return v; }\n",
    LIST: "config KVM\n",
}


def tree_of(folder: Path, texts: Mapping[str, str]) -> KernelBodies:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    tree = KernelTree(root=folder, description="a tree", version="7.3.4")
    return KernelBodies(tree, Units(folder, lambda path: Unit(folder, path, CLANG)))


Edited = Callable[..., BodyChange | None]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """The change that some replacements in some files make."""

    def edit(*edits: tuple[str, str, str]) -> BodyChange | None:
        texts = dict(TEXTS)
        for file, old, new in edits:
            assert texts[file].count(old) == 1
            texts[file] = texts[file].replace(old, new)
        before = BodyLayout.of(tree_of(tmp_path / "old", TEXTS))
        return change_between(before, tree_of(tmp_path / "new", texts))

    return edit


def changed(change: BodyChange | None) -> set[tuple[str, int]]:
    assert change is not None
    return set(change.bodies)


ONE, TWO, HALF = (MMU_C, 0), (MMU_C, 1), (HEADER, 0)


@pytest.mark.parametrize(
    ("edit", "bodies"),
    [
        ((MMU_C, "return 1;", "return 5;"), {ONE}),
        ((MMU_C, "return 1;", "/* a comment\n\n */ return 1;"), set()),
        ((MMU_C, "return 1;", "return 1; // a comment \\\n that goes on\n\n"), set()),
        ((MMU_C, "\nint one(", '\n/* A comment\n * "of its own */\nint one('), set()),
        ((HEADER, "static inline", "// a word's\nstatic inline"), set()),
        ((MMU_C, "+ 2; }", '+ /* " */ 3 /* " */; }'), {TWO}),
        ((MMU_C, "+ 2; }", "+ 2;\n}"), {TWO}),
        ((HEADER, "v / 2", "v / 3"), {HALF}),
        ((BESIDE, "return v", "return 1"), set()),
    ],
    ids=[
        "a value",
        "a comment",
        "a comment at an end",
        "a comment outside",
        "a comment in a header",
        "quotes in comments",
        "the last line",
        "a header",
        "a file that nobody reads",
    ],
)
def test_of_what_is_changed_inside_a_body_only_that_body_is_another(
    edit: tuple[str, str, str], bodies: set[tuple[str, int]], edited: Edited
) -> None:
    assert changed(edited(edit)) == bodies


@pytest.mark.parametrize(
    "edit",
    [
        (MMU_C, "{ 1, 2, 3", "{ 1, 2, 9"),
        (MMU_C, "int one(int v)", "int one(long v)"),
        (MMU_C, "#define MAKE(name) int name(int v) { return one(v)", "#define MAKE(name) int name(int v) { return 1"),
        (MMU_C, "#define THREE 3", "#define THREE 4"),
        (MMU_C, "int two(int v) {", "int four(int v) { return 4; }\nint two(int v) {"),
        (MMU_C, "return 1;\n}", "return 1;\n}\nint more(int v)\n{\n\treturn v;\n}"),
        (MMU_C, "return 1;", "\n#define half(v) 0\n\treturn 1;"),
        (HEADER, "> 7", "> 8"),
        (HEADER, "#define BIG(x) \\\n", '#define NOTE "/*"\n#define BIG(x) \\\n'),
        (HEADER, "#define BIG(x) \\\n", "/* */ int a; /* */\n#define BIG(x) \\\n"),
        (HEADER, "static inline", "static __inline"),
        (LIST, "KVM", "KVM2"),
    ],
    ids=[
        "a variable",
        "a parameter",
        "what a macro makes",
        "a macro that is defined in a body",
        "a function before others",
        "a function between others",
        "a body that defines a macro",
        "a macro",
        "a string that looks like a comment",
        "between comments",
        "a word before a function",
        "what configures it",
    ],
)
def test_what_is_changed_outside_of_bodies_may_change_everything(edit: tuple[str, str, str], edited: Edited) -> None:
    assert edited(edit) is None


def test_a_file_that_comes_or_goes_may_change_everything(tmp_path: Path) -> None:
    before = BodyLayout.of(tree_of(tmp_path / "old", TEXTS))
    assert change_between(before, tree_of(tmp_path / "new", {**TEXTS, "arch/x86/kvm/new.h": ""})) is None
    less = {name: text for name, text in TEXTS.items() if name != BESIDE}
    assert change_between(before, tree_of(tmp_path / "less", less)) is None


@pytest.mark.parametrize("file", ["include/linux/kvm_host.h", "arch/x86/include/asm/kvm_host.h", "arch/x86/Kconfig"])
def test_a_file_that_is_not_of_kvm_alone_may_change_everything(file: str, tmp_path: Path) -> None:
    before = BodyLayout.of(tree_of(tmp_path / "old", {**TEXTS, file: "int f(void) { return 1; }"}))
    after = tree_of(tmp_path / "new", {**TEXTS, file: "int f(void) { return 2; }"})
    assert change_between(before, after) is None


def test_a_tree_that_does_not_parse_is_no_relative_of_another(edited: Edited) -> None:
    with pytest.raises(ParseFailed):
        edited((MMU_C, "return 1;", "return absent;"))


@pytest.mark.parametrize(
    ("body", "assertion", "stays"),
    [(TWO, False, True), (ONE, False, False), (TWO, True, True)],
    ids=["on another body", "on that body", "on assertions"],
)
def test_a_result_stays_if_nothing_changes_that_it_rests_on(
    *, body: tuple[str, int], assertion: bool, stays: bool, edited: Edited
) -> None:
    change = edited((MMU_C, "return 1;", "return 5;"))
    assert change is not None
    assert change.leaves(RestsOn(frozenset({body}), assertion)) is stays
    assert not change.leaves(None)


def test_what_rests_on_assertions_goes_if_one_fails_in_a_body(edited: Edited) -> None:
    change = edited((MMU_C, "return 1;", '_Static_assert(1 > 2, "wrong"); return 1;'))
    assert change is not None
    assert not change.leaves(RestsOn(frozenset(), assertions=True))
    assert change.leaves(RestsOn(frozenset(), assertions=False))


BODY_OF_ONE = range(5, 10)


@pytest.mark.parametrize("added", [0, 1, 5])
def test_lines_are_told_as_they_are_after_the_change(added: int, edited: Edited) -> None:
    change = edited((MMU_C, "return 1;", "return 1;" + "\n" * added + "/* */"))
    assert change is not None
    old = TEXTS[MMU_C].splitlines()
    new = TEXTS[MMU_C].replace("return 1;", "return 1;" + "\n" * added + "/* */").splitlines()
    for line, text in enumerate(old, 1):
        if line not in BODY_OF_ONE:
            told = change.lines_moved(f"at {MMU_C}:{line}, {HEADER}:{line}")
            found = re.fullmatch(rf"at {MMU_C}:(\d+), {HEADER}:{line}", told)
            assert found is not None
            assert new[int(found[1]) - 1] == text


def test_no_line_is_told_of_a_body_that_has_changed(edited: Edited) -> None:
    change = edited((MMU_C, "return 1;", "return 2;"))
    assert change is not None
    with pytest.raises(Moved):
        change.lines_moved(f"{MMU_C}:8")


WRITING = """int kept;
struct pair { int first, second; };
int four(struct pair *p);
static void store(struct pair *p, int v) { p->first = v; }
int four(struct pair *p)
{
	store(p, 4);
	return p->first;
}
"""


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        ("{ p->first = v; }", "{ int w = v + 0; /* at length */\n p->first = w; }", True),
        ("{ p->first = v; }", "{ if (v) p->first = 1; }", True),
        ("{ p->first = v; }", "{ p->second = v; }", False),
        ("{ p->first = v; }", "{ p->first = v; kept = v; }", False),
        ("{ p->first = v; }", "{ p->first = v; four(p); }", False),
        ("{ p->first = v; }", '{ p->first = v; asm("mov %1, %0" : "=m"(p->second) : "r"(v)); }', False),
        ("{ p->first = v; }", "{ }", False),
        ("store(p, 4);", "store(p, 5);", False),
    ],
    ids=["in other words", "another value", "elsewhere", "more", "a call", "assembly", "nothing", "what is run"],
)
def test_of_a_body_that_is_only_asked_what_it_writes_nothing_else_counts(
    old: str, new: str, stays: bool, tmp_path: Path
) -> None:
    def made(folder: Path, text: str) -> KernelBodies:
        return tree_of(folder, {**TEXTS, MMU_C: f"{TEXTS[MMU_C]}{text}"})

    before = BodyLayout.of(made(tmp_path / "old", WRITING))
    unit = Unit(tmp_path / "old", MMU_C, CLANG)
    with collected() as ran:
        assert unit.find_function("four") is not None
        assert unit.effects("store") is not None
    rests_on = before.rests_on(ran.read())
    assert [each.function for each in rests_on.writes] == ["store"]
    change = change_between(before, made(tmp_path / "new", WRITING.replace(old, new)))
    assert change is not None
    assert change.leaves(rests_on) is stays


def test_a_body_that_is_run_as_well_counts_as_it_is(tmp_path: Path) -> None:
    layout = BodyLayout.of(tree_of(tmp_path, TEXTS))
    unit = Unit(tmp_path, MMU_C, CLANG)
    with collected() as ran:
        assert unit.effects("one") is not None
        assert unit.function("one")
    found = layout.rests_on(ran.read())
    assert found.bodies == {ONE}
    assert {each.body for each in found.writes} == {HALF}


def test_where_a_comment_outside_of_bodies_is_another_only_lines_of_bodies_are_told(edited: Edited) -> None:
    change = edited((MMU_C, "\nint one(", "\n/* A comment\n * of its own. */\nint one("))
    assert change is not None
    assert change.lines_moved(f"{MMU_C}:8, {HEADER}:5") == f"{MMU_C}:10, {HEADER}:5"
    with pytest.raises(Moved):
        change.lines_moved(f"{MMU_C}:2")


def test_what_is_read_stands_for_bodies(tmp_path: Path) -> None:
    layout = BodyLayout.of(tree_of(tmp_path, TEXTS))
    unit = Unit(tmp_path, MMU_C, CLANG)
    with collected() as ran:
        assert unit.function("two")
        assert unit.effects("one") is not None
        # They have no body of their own in the text.
        assert unit.function("made", "three")
    found = layout.rests_on(ran.read())
    assert found.bodies == {TWO}
    assert {each.body for each in found.writes} == {ONE, HALF}
    assert all(isinstance(each, WritingBody) and each.unit == MMU_C for each in found.writes)


def test_a_remembered_answer_rests_on_what_was_read_for_it(tmp_path: Path) -> None:
    tree_of(tmp_path, TEXTS)
    unit = Unit(tmp_path, MMU_C, CLANG)
    effects = EffectsOf(unit)

    def lines() -> set[int]:
        with collected() as ran:
            effects.find("two")
        return {each.at.line for each in ran.read().writes}

    assert lines() == lines()
    assert len(lines()) > 2


def test_what_failed_rests_on_what_was_read_for_it(tmp_path: Path) -> None:
    tree_of(tmp_path, TEXTS)
    unit = Unit(tmp_path, MMU_C, CLANG)

    def fail(ran: Ran) -> None:
        unit.function("one")
        raise ValueError(ran)

    with collected() as ran, pytest.raises(ValueError, match="Ran"), remembered() as inner:
        fail(inner)
    assert {each.line for each in ran.read().bodies} == {4}


names = st.sampled_from(["arch/x86/kvm/a.c", "arch/x86/kvm/b.h"])
digests = st.text("0123456789abcdef", min_size=4, max_size=4)
bodies = st.builds(
    BodyText, named=st.integers(1), first=st.integers(1), last=st.integers(1), digest=digests, layout=digests
)
layouts = st.builds(
    BodyLayout,
    contents=st.builds(Contents, st.dictionaries(names, digests), digests),
    units=st.dictionaries(names, st.frozensets(names)),
    skeletons=st.dictionaries(names, st.builds(Skeleton, digests, digests, st.lists(bodies).map(tuple))),
    fails=st.booleans(),
)


@given(layouts)
def test_a_layout_comes_back_as_it_was(layout: BodyLayout) -> None:
    assert read_layout(json.loads(json.dumps(layout_content(layout)))) == layout


def test_a_function_with_two_names_on_a_line_is_taken_for_both(tmp_path: Path) -> None:
    text = TEXTS[MMU_C] + "int a(int v) { return v; } int b(int v) { return v; }\n"
    layout = BodyLayout.of(tree_of(tmp_path, {**TEXTS, MMU_C: text}))
    unit = Unit(tmp_path, MMU_C, CLANG)
    with collected() as ran:
        unit.function("b")
    assert layout.rests_on(ran.read()).bodies == {(MMU_C, 2), (MMU_C, 3)}


PROVED = Proved(result=Result(theorem="t", vendor=Vendor.AMD, verdict=Verdict.PROVED, seconds=0.0), read=Read())
TASK = Task(Theorem(name="t", claim="", source="", state=lambda _kvm, _vendor: (), catches=()), Vendor.AMD)


@pytest.mark.parametrize("changed_meanwhile", [False, True])
def test_of_a_tree_that_is_changed_while_it_is_proved_nothing_is_kept(changed_meanwhile: bool, tmp_path: Path) -> None:
    tree, cache = tree_of(tmp_path / "tree", TEXTS), tmp_path / "cache"
    cache.mkdir()
    saved = SavedResults(cache, (), tree)
    if changed_meanwhile:
        (tmp_path / "tree" / MMU_C).write_text(TEXTS[MMU_C].replace("return 1", "return 2"))
    saved.keep([PROVED], (), Read())
    found = SavedResults(cache, (), tree_of(tmp_path / "again", TEXTS)).recall([TASK])
    assert bool(found.results) is not changed_meanwhile


def resting_on(*names: str) -> list[Proved]:
    """Results of which each rests on one function's body."""
    found = []
    for name in names:
        line = TEXTS[MMU_C][: TEXTS[MMU_C].index(f"int {name}(")].count("\n") + 1
        result = Result(theorem=name, vendor=Vendor.AMD, verdict=Verdict.PROVED, seconds=0.0)
        found.append(Proved(result=result, read=Read(frozenset({Location(MMU_C, line)}))))
    return found


ONE_EDITED, TWO_EDITED = ("return 1;", "return 5;"), ("+ 2; }", "+ 6; }")


def kept_of(folder: Path, names: Sequence[str], *edits: tuple[str, str]) -> SavedResults:
    """The results of a tree with some edits, in which some are decided."""
    text = TEXTS[MMU_C]
    for old, new in edits:
        text = text.replace(old, new)
    tree, cache = tree_of(folder / f"tree{len(list(folder.iterdir()))}", TEXTS | {MMU_C: text}), folder / "cache"
    cache.mkdir(exist_ok=True)
    # Every unit is to have been parsed.
    BodyLayout.of(tree)
    saved = SavedResults(cache, (), tree)
    if names:
        saved.keep(resting_on(*names), (), Read())
    return saved


def recalled(saved: SavedResults, *names: str) -> set[str]:
    tasks = [
        Task(Theorem(name=name, claim="", source="", state=lambda _kvm, _vendor: (), catches=()), Vendor.AMD)
        for name in names
    ]
    return {task.theorem.name for task in saved.recall(tasks).results}


def test_what_a_tree_shares_with_an_earlier_one_than_the_last_is_known(tmp_path: Path) -> None:
    kept_of(tmp_path, ("one", "two", "three"))
    kept_of(tmp_path, ("one",), ONE_EDITED)
    assert recalled(kept_of(tmp_path, (), TWO_EDITED), "one", "two", "three") == {"one", "three"}


def test_what_one_tree_has_of_two_earlier_ones_is_known_from_both(tmp_path: Path) -> None:
    kept_of(tmp_path, ("one", "three"), ONE_EDITED)
    kept_of(tmp_path, ("two",), TWO_EDITED)
    both = kept_of(tmp_path, (), ONE_EDITED, TWO_EDITED)
    assert recalled(both, "one", "two", "three") == {"one", "two", "three"}


def test_what_nearly_all_theorems_need_is_read_beside_what_has_changed(tmp_path: Path) -> None:
    read: list[str] = []

    def unit(path: str) -> Unit:
        read.append(path)
        return Unit(tmp_path, path, CLANG)

    for path in (X86_C, MMU_C, SPTE_C, SMM_C):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("int f(int v) { return v; }\n")
    units = Units(tmp_path, unit)
    bodies = KernelBodies(KernelTree(root=tmp_path, description="a tree", version="7.3.4"), units)
    assert bodies.skeletons([X86_C], [X86_C]).keys() == {X86_C}
    # Nothing is at work any more: this process may be copied.
    assert {each.path for each in units.parsed} == {X86_C, MMU_C, SPTE_C}
    bodies.skeletons([X86_C], [X86_C])
    assert sorted(read) == sorted([X86_C, MMU_C, SPTE_C])
