from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.selection import select_tasks, select_theorems, select_vendors
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Theorem

NAMES = ["permission.ept", "permission.ept-mbec", "permission.npt", "layout.frozen"]


def theorem(name: str) -> Theorem:
    vendor = Vendor.AMD if "npt" in name else Vendor.INTEL
    return Theorem(
        name=name, claim="", source="", assumes=(), vendors=(vendor,), state=lambda _kvm, _vendor: (), catches=()
    )


THEOREMS = [theorem(name) for name in NAMES]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ([], NAMES),
        (["permission.ept"], ["permission.ept"]),
        (["permission.*"], NAMES[:3]),
        (["layout.frozen", "permission.?pt"], ["permission.ept", "permission.npt", "layout.frozen"]),
        (["*", "*"], NAMES),
    ],
)
def test_names_and_patterns(wanted: list[str], names: list[str]) -> None:
    assert [each.name for each in select_theorems(THEOREMS, wanted)] == names


@given(st.text(max_size=20))
def test_a_name_selects_itself_or_is_refused(wanted: str) -> None:
    if any(fnmatch.fnmatchcase(name, wanted) for name in NAMES):
        assert select_theorems(THEOREMS, [wanted])
        return
    with pytest.raises(UsageProblem, match="no theorem") as problem:
        select_theorems(THEOREMS, [wanted])
    assert "\n" not in problem.value.message


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("permission.ept-mbce", "permission.ept-mbec"),
        ("Permission.EPT", "permission.ept"),
        ("permision.*", "permission.*"),
        ("mbec", "permission.ept-mbec"),
        ("frozen*", "layout.frozen"),
    ],
)
def test_a_mistyped_name_is_answered_with_near_ones(wanted: str, near: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        select_theorems(THEOREMS, [wanted])
    assert near in problem.value.message.partition("did you mean")[2]


def test_no_theorems_at_all_is_no_success() -> None:
    with pytest.raises(UsageProblem):
        select_theorems([], [])
    with pytest.raises(UsageProblem):
        select_tasks(THEOREMS, [], ["shadow"])


def test_a_pattern_leaves_out_what_is_not_stated_for_the_vendor() -> None:
    tasks = select_tasks(THEOREMS, ["permission.*"], ["amd"])
    assert [(task.theorem.name, task.vendor) for task in tasks] == [("permission.npt", Vendor.AMD)]


def test_vendors_come_in_one_order() -> None:
    assert select_vendors(["shadow", "intel", "shadow"]) == (Vendor.INTEL, Vendor.SHADOW)
    assert select_vendors([]) == tuple(Vendor)
