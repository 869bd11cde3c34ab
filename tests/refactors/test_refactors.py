"""Honest refactors of a real kernel: what `prove` and `diff` say of it is what they said before, or is told as lost."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.prove.running import Prover
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import select_tasks
from mmuproof.cli.shared.solving import Solver
from mmuproof.lift.tree.source import open_source
from mmuproof.proofs.known_findings import KNOWN_FINDINGS, known_in
from mmuproof.smt.backend import DEFAULT_BUDGET
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.together import prove_together
from mmuproof.spec.hardware import Hardware
from tests.kernels import opened_kernel
from tests.long_run import only
from tests.refactors.code import CODE
from tests.refactors.corpus import CORPUS
from tests.refactors.names import NAMES
from tests.refactors.places import PLACES
from tests.refactors.refactor import Refactor, refactored
from tests.refactors.signatures import SIGNATURES
from tests.refactors.vendors import VENDORS

pytestmark = pytest.mark.kernel

SERIES = ("7.2", "7.3")
#: What is run by itself, and one of them always: a refactor, and the theorems that are proved with it.
QUICK = {
    "the parameters of a set-up change their order": ("gating.vmcs02", "gating.nested-ept"),
    "shifts become FIELD_GET and FIELD_PREP": ("mmio.generation-round-trip",),
    "an operation on SPTEs has another name": ("spte.collapse",),
}
#: What has another name, and is found again by how the released kernel looked.
FOUND = (
    "an operation on SPTEs has another name",
    "questions of one line about SPTEs have other names",
    "the permission table is filled by a function of another name",
    "helpers of the walk have other names",
    "reserved bits are worked out by functions of other names",
    "parameters have other names",
    "a member has another name",
    "a member of a page of SPTEs has another name",
    "a mask has another name",
    "a macro has another name",
    "a question to the vendor has another name",
    "an inline function becomes a macro",
    "inline functions of headers become macros",
    "capabilities of nested VMX have other names",
    "calls of the vendor have other names",
    "macros of error codes have other names",
)
#: What is proved of a refactor that may lose anything, with ``--like`` or without.
LIKE = (
    "entry.shadow-reserved",
    "exit.ept-violation",
    "mmio.generation-round-trip",
    "permission.ept-mbec",
    "permission.nested-set-up",
    "role.root-nested",
    "spte.collapse",
    "spte.page",
    "spte.permissions",
    "tracking.round-trip",
)
#: What else is proved of some.
ASKED = {
    "an iterator and its members have other names": ("loop.iterator", "spte.page"),
    "functions and switches of VMX have other names": ("role.eptp",),
    "functions and switches of SVM have other names": ("role.loaded-cr3", "flush.tag"),
    "write tracking has other names": ("slot.shadowed-table",),
    "levels of a fault have other names": ("slot.huge-page",),
    "members of a page have other names": ("walk.sync",),
    "results of a fault are called otherwise": ("spte.fast-fault",),
    "roots have other names": ("role.root-reuse", "flush.address"),
    "calls of the vendor have other names": ("role.loaded-cr3", "role.eptp"),
    "capabilities of nested VMX have other names": ("gating.nested-ept", "gating.vmcs02"),
    "levels of an iterator are gathered, and a function renamed": ("loop.iterator", "loop.iterator-start"),
    "levels of a fault are gathered in a struct": ("slot.huge-page",),
    "inline functions of headers become macros": ("slot.shadowed-table", "spte.split"),
    "a function that is not followed is merged into its only caller": ("stored.collapsed",),
    "an embedded root MMU becomes a pointer": ("setup.created", "role.root-tdp"),
    "parameters of a set-up are gathered in a struct": ("gating.vmcs02", "permission.nested-set-up"),
    "all arrays of a walker become an array of structs": ("walk.reached", "walk.granted"),
}
QUICK_DIFF = ("masks are gathered in a struct", "parameters change their order")

Results = Mapping[str, Result]
Tree = Callable[[str], Path]


class Proving:
    """Proves a tree, and remembers what is proved already: a refactor leaves nearly all claims as they are."""

    def __init__(self) -> None:
        self._proved: set[Obligation] = set()
        self.plain = cache(self.of)

    def _together(self, obligations: Sequence[Obligation]) -> list[Answer | None]:
        left = [each for each in obligations if each not in self._proved]
        answers = dict(zip(left, prove_together(left), strict=True))
        self._proved |= {each for each, answer in answers.items() if answer and answer.verdict is Verdict.PROVED}
        return [answers.get(each, Answer(verdict=Verdict.PROVED, seconds=0.0)) for each in obligations]

    def of(self, root: Path, theorems: tuple[str, ...] = ()) -> Results:
        """The results of a tree, by theorem and vendor."""
        ask = Solver(
            lambda obligation, preferred: decide(obligation, DEFAULT_BUDGET, preferred),
            partial(satisfiable, budget=DEFAULT_BUDGET),
            self._together,
        )
        with open_source(str(root)) as tree, opened_kernel(tree) as kvm:
            known = known_in(kvm, KNOWN_FINDINGS, tree.version)
            prover = Prover(kvm=kvm, solver=ask, known=known, hardware=Hardware(), release=tree.version)
            results = [each.result for each in prover.all(select_tasks(Installed().theorems(), theorems, ()))]
        return {f"{each.theorem} {each.vendor.value}": each for each in results}


@pytest.fixture(scope="module")
def proving() -> Proving:
    return Proving()


def check(how: Refactor, before: Results, after: Results) -> None:
    """Nothing is refuted that was not, and nothing has gone unsaid."""
    assert after.keys() == before.keys()
    lost: list[str] = []
    for name, old in before.items():
        new = after[name]
        may_be_lost = any(fnmatch.fnmatchcase(new.theorem, each) for each in how.lost)
        if may_be_lost and new.verdict in (Verdict.LOST, Verdict.ERROR):
            lost.append(new.reason or "")
            continue
        assert (new.verdict, new.known, new.claims) == (old.verdict, old.known, old.claims), (name, new.reason)
    if how.names:
        assert any(was in reason and now in reason for reason in lost for was, now in how.names.items()), lost


GROUPS: Mapping[str, Mapping[str, Refactor]] = {
    "names": NAMES,
    "signatures": SIGNATURES,
    "code": CODE,
    "places": PLACES,
    "vendors": VENDORS,
}


def quiet(group: Mapping[str, Refactor], series: str) -> Refactor:
    """All refactors of a group after which nothing may be lost, in one."""
    them = [each for each in group.values() if series in each.trees and not each.lost]
    return Refactor(edits=tuple(edit for each in them for edit in each.edits))


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("name", CORPUS)
def test_a_refactor_fits_the_trees_that_it_is_for(name: str, series: str, kernel_tree: Tree) -> None:
    if series in CORPUS[name].trees:
        CORPUS[name].changes(kernel_tree(series))


@pytest.mark.parametrize("name", only(("an operation on SPTEs has another name",), QUICK))
def test_a_refactor_changes_no_verdict_unsaid(name: str, kernel_tree: Tree, tmp_path: Path, proving: Proving) -> None:
    root = kernel_tree("7.2")
    new = refactored(root, CORPUS[name], tmp_path)
    check(CORPUS[name], proving.plain(root, QUICK[name]), proving.of(new, QUICK[name]))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "series"), [(name, series) for name in GROUPS for series in SERIES if quiet(GROUPS[name], series).edits]
)
def test_refactors_change_no_verdict(
    name: str, series: str, kernel_tree: Tree, tmp_path: Path, proving: Proving
) -> None:
    root, how = kernel_tree(series), quiet(GROUPS[name], series)
    check(how, proving.plain(root), proving.of(refactored(root, how, tmp_path)))


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, each in CORPUS.items() if each.lost])
def test_what_a_refactor_loses_is_told_with_what_is_like_it(
    name: str, kernel_tree: Tree, tmp_path: Path, proving: Proving
) -> None:
    root, how = kernel_tree(CORPUS[name].trees[0]), CORPUS[name]
    after = proving.of(refactored(root, how, tmp_path))
    check(how, proving.plain(root), after)
    assert {Verdict.LOST, Verdict.ERROR} & {each.verdict for each in after.values()}


@pytest.mark.long
@pytest.mark.parametrize("name", FOUND)
def test_what_has_another_name_is_proved_as_the_released_kernel_is(
    name: str, kernel_tree: Tree, tmp_path: Path
) -> None:
    is_proved(name, kernel_tree, tmp_path, asked(name))


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, each in CORPUS.items() if each.lost])
def test_what_a_refactor_loses_is_proved_like_the_kernel_before(name: str, kernel_tree: Tree, tmp_path: Path) -> None:
    is_proved(name, kernel_tree, tmp_path, asked(name), "--like", str(kernel_tree(CORPUS[name].trees[0])))


def asked(name: str) -> Sequence[str]:
    """The theorems that are proved of what a refactor has renamed or reshaped."""
    lost = CORPUS[name].lost
    return ASKED.get(name) or QUICK.get(name) or (LIKE if lost == ("*",) else lost)


def is_proved(name: str, kernel_tree: Tree, tmp_path: Path, theorems: Sequence[str], *options: str) -> None:
    """Some theorems are proved of a refactored tree, and what was taken for what is said."""
    root, how = kernel_tree(CORPUS[name].trees[0]), CORPUS[name]
    (tmp_path / "new").mkdir()
    new, written = refactored(root, how, tmp_path / "new"), tmp_path / "results.json"
    words = ["prove", *theorems, "--kernel", str(new), *options, "--allow-known", "--json", str(written)]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert done.exit_code == 0, done.output
    content = json.loads(written.read_text())
    assert any(each["under_former_names"] for each in content["results"])
    for each in content["carried_names"]:
        assert each in done.output


@pytest.mark.parametrize("name", only(QUICK_DIFF, (name for name, each in CORPUS.items() if each.functions)))
def test_what_a_refactor_touches_is_equal_or_equal_under_a_relation(
    name: str, kernel_tree: Tree, tmp_path: Path
) -> None:
    how, results, new = CORPUS[name], tmp_path / "results.json", tmp_path / "new"
    root = kernel_tree(how.trees[0])
    new.mkdir()
    words = ["diff", str(root), str(refactored(root, how, new)), *how.functions, "--json", str(results), "-j", "1"]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert results.is_file(), (done.output, done.exception)
    content: dict[str, Any] = json.loads(results.read_text())
    assert {(each["function"], each["verdict"]) for each in content["results"] if each["verdict"] != "equal"} == set()
    assert set(how.relation) <= {
        *content["renamed"],
        *(note for each in content["results"] for note in each["relation"]),
    }
    assert len({each["function"] for each in content["results"]}) + content["unchanged"] == len(how.functions)
