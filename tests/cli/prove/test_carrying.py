"""What is lost under a tree's own names is proved under those of an earlier kernel, and said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.prove.carrying import carry_over, doubts, is_new_refuted
from mmuproof.cli.prove.running import Proved
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.results import CarriedNames, Result
from mmuproof.cli.shared.selection import Task
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.obligation import Verdict
from tests.cli.conftest import Cli

RENAMED = FormerNames(functions={"build_spte": "make_spte"})
TASKS = [Task(theorem, Vendor.INTEL) for theorem in THEOREMS[:3]]


def results(*verdicts: Verdict) -> tuple[Result, ...]:
    return tuple(
        Result(theorem=task.theorem.name, vendor=task.vendor, verdict=verdict, seconds=0)
        for task, verdict in zip(TASKS, verdicts, strict=False)
    )


def test_what_a_form_takes_for_granted_is_an_assumption_of_what_rests_on_it() -> None:
    said = "struct s.p leads to what was struct s.p itself"
    names = FormerNames(embedded={("struct s", "p"): "struct t"}, forms={"struct s.p": said, "f": "a macro"})
    other = cast(Kvm, object())

    def proving(tasks: Sequence[Task], kvm: Kvm) -> tuple[Proved, ...]:
        (task,) = tasks
        result = Result(theorem=task.theorem.name, vendor=task.vendor, verdict=Verdict.PROVED, seconds=0)
        return (Proved(result=result),)

    (first, second), _ = carry_over(TASKS[:2], results(Verdict.PROVED, Verdict.LOST), lambda: (other, names), proving)
    assert (first.assumptions, second.assumptions) == ((), (said,))


@pytest.mark.parametrize(
    ("first", "names", "second", "comes_to", "rest_on_names"),
    [
        ("PROVED PROVED PROVED", RENAMED, "", "PROVED PROVED PROVED", ()),
        ("PROVED LOST ERROR", RENAMED, "PROVED PROVED", "PROVED PROVED PROVED", (1, 2)),
        ("LOST PROVED LOST", RENAMED, "REFUTED LOST", "REFUTED PROVED LOST", (0,)),
        ("ERROR PROVED PROVED", RENAMED, "ERROR", "ERROR PROVED PROVED", ()),
        ("LOST PROVED PROVED", RENAMED, "ERROR", "LOST PROVED PROVED", ()),
        ("REFUTED NOT_APPLICABLE UNKNOWN", RENAMED, "PROVED", "PROVED NOT_APPLICABLE UNKNOWN", (0,)),
        ("LOST PROVED PROVED", THE_SAME_NAMES, "", "LOST PROVED PROVED", ()),
    ],
)
def test_only_what_is_lost_or_wrong_is_proved_again(
    first: str, names: FormerNames, second: str, comes_to: str, rest_on_names: Sequence[int]
) -> None:
    own, other = cast(Kvm, object()), cast(Kvm, object())
    again = iter(second.split())

    def proving(tasks: Sequence[Task], kvm: Kvm) -> tuple[Proved, ...]:
        assert kvm is other
        made = (
            Result(theorem=task.theorem.name, vendor=task.vendor, verdict=Verdict(next(again)), seconds=0)
            for task in tasks
        )
        return tuple(Proved(result=each) for each in made)

    assert own is not other
    found, carried = carry_over(
        TASKS, results(*(Verdict(each) for each in first.split())), lambda: (other, names), proving
    )
    assert " ".join(each.verdict.value for each in found) == comes_to
    assert carried == CarriedNames(names.said if rest_on_names else (), tuple(rest_on_names))
    assert next(again, None) is None


@pytest.mark.parametrize(
    ("verdicts", "is_known", "is_new"),
    [("PROVED LOST ERROR", False, False), ("PROVED REFUTED LOST", False, True), ("PROVED REFUTED LOST", True, False)],
    ids=["no counterexample", "a new one", "only a known finding"],
)
def test_names_are_asked_for_where_a_counterexample_is_new(verdicts: str, *, is_known: bool, is_new: bool) -> None:
    found = [
        replace(each, known=(7,) if is_known and each.verdict is Verdict.REFUTED else ())
        for each in results(*(Verdict(each) for each in verdicts.split()))
    ]
    assert is_new_refuted(found) == is_new


@pytest.mark.parametrize(
    ("verdict", "gone", "said", "named"),
    [
        (Verdict.REFUTED, "a b", "", "no a, b, which"),
        (Verdict.REFUTED, "a b c d e", "", "no a, b, c and 2 more, which"),
        (Verdict.REFUTED, "a b", "x() is what a() was", "no b, which"),
        (Verdict.REFUTED, "a", "x() is what a() was", ""),
        (Verdict.REFUTED, "", "", ""),
        (Verdict.LOST, "a", "", ""),
    ],
    ids=["some", "many", "one was found", "all were found", "none is gone", "no counterexample"],
)
def test_a_counterexample_is_doubted_where_a_name_is_found_nowhere(
    verdict: Verdict, gone: str, said: str, named: str
) -> None:
    carried = CarriedNames((said,) if said else (), ())
    doubted = "".join(doubts(results(verdict), gone.split(), carried))
    assert named in doubted
    assert bool(named) == bool(doubted)


@pytest.mark.kernel
@pytest.mark.long
def test_a_call_that_is_not_followed_is_found_under_its_new_name(
    renamed_tree: Callable[[Mapping[str, str]], Path],
) -> None:
    tree = renamed_tree({"kvm_mmu_find_shadow_page": "kvm_mmu_lookup_page"})
    exit_code, output = prove("role.root-access", "--kernel", str(tree))
    assert exit_code == 0, output
    assert "kvm_mmu_lookup_page() is what kvm_mmu_find_shadow_page() was" in output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--like", "linux"], "give a --kernel"),
        (["--map", "a=b"], "give a --kernel"),
        (["--kernel", "linux", "--like", "linux", "--defect", "nx-ignored"], "do not go with --defect"),
        (["--kernel", "linux", "--map", "ab"], "--map takes OLD=NEW"),
    ],
)
def test_what_does_not_go_together_is_said(cli: Cli, words: Sequence[str], why: str) -> None:
    done = cli("prove", *words)
    assert done.exit_code == 2
    assert why in done.output


def prove(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(build_app(Installed()), ["prove", *words])
    return done.exit_code, done.output


@pytest.mark.long
@pytest.mark.parametrize("like", [pytest.param(False, id="as it looked"), pytest.param(True, id="like its tree")])
def test_a_real_kernel_that_renames_is_proved_like_the_one_before(
    renamed_tree: Callable[[Mapping[str, str]], Path], kernel_tree: Callable[[str], Path], tmp_path: Path, like: bool
) -> None:
    words = {
        "make_huge_spte": "build_huge_spte",
        "is_executable_pte": "spte_is_executable",
        "pte_access": "access_bits",
        "shadow_nx_mask": "spte_nx_mask",
        "ACC_USER_EXEC_MASK": "ACC_UEXEC_MASK",
        "kvm_mmu_page": "kvm_table_page",
    }
    tree, written = str(renamed_tree(words)), tmp_path / "results.json"
    asked = ("spte.collapse", "spte.permissions", "permission.ept-mbec", "--vendor", "intel", "--kernel", tree)
    earlier = ("--like", str(kernel_tree("7.2"))) if like else ()
    status, told = prove(*asked, *earlier, "--json", str(written))
    assert status == 0, told
    content = json.loads(written.read_text())
    assert [each["verdict"] for each in content["results"]] == ["PROVED"] * 3
    assert all(each["under_former_names"] for each in content["results"])
    assert "build_huge_spte() is what make_huge_spte() was" in content["carried_names"]
    for each in content["carried_names"]:
        assert each in told


@pytest.mark.long
def test_a_name_that_is_given_is_enough(renamed_tree: Callable[[Mapping[str, str]], Path]) -> None:
    tree = str(renamed_tree({"make_huge_spte": "build_huge_spte"}))
    asked = ("spte.collapse", "--vendor", "intel", "--kernel", tree)
    status, told = prove(*asked, "--map", "make_huge_spte=build_huge_spte")
    assert status == 0, told
    assert "build_huge_spte() is what make_huge_spte() was" in told
    status, told = prove(*asked, "--map", "make_huge_spte=make_hugest_spte")
    assert status == 2
    assert "the tree has no function" in told
    assert "make_hugest_spte" in told
