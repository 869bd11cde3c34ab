"""What is stated of a released kernel is stated of those after it, part by part, or it is lost."""

from __future__ import annotations

import pytest

from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.stated import StatedParts, kind_of, series_before, stated

SOME = StatedParts({"": ["6.1", "7.2"], "with MBEC": ["7.2", "7.10"], "gone since": ["6.1"]})


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("", ""),
        ("with MBEC", "with MBEC"),
        ("fast_page_fault(): is_tdp_mmu()", "fast_page_fault()"),
        ("rmap_write_protect() for dirty logging: mmu_spte_set()", "rmap_write_protect() for dirty logging"),
        ("ept_sync_spte() for make_spte()", "ept_sync_spte() for make_spte()"),
    ],
)
def test_in_which_function_an_assertion_stands_is_no_part(part: str, kind: str) -> None:
    assert kind_of(part) == kind


@pytest.mark.parametrize(
    ("found", "series", "missing"),
    [
        (["", "with MBEC"], "7.2", ()),
        ([""], "7.2", ("with MBEC",)),
        ([], "7.2", ("", "with MBEC")),
        (["", "gone since"], "6.1", ()),
        ([], None, ()),
    ],
)
def test_a_part_that_its_series_has_is_missing(found: list[str], series: str | None, missing: tuple[str, ...]) -> None:
    assert SOME.missing(found, series) == missing


def test_the_last_series_is_told_by_its_number() -> None:
    assert (SOME.last(), SOME.last("gone since"), SOME.last("never")) == ("7.10", "6.1", "")


@pytest.mark.parametrize(
    ("release", "series"),
    [
        ("5.15.3", None),
        ("6.1.176", "6.1"),
        ("6.6.1", "6.1"),
        ("6.12.117", "6.12"),
        ("7.1.9", "6.12"),
        ("7.2.13", "7.2"),
        ("7.3.0-rc7", "7.3"),
        ("8.0.0-rc1", "7.3"),
        ("no number", None),
    ],
)
def test_a_release_is_held_against_the_last_series_before_it(release: str, series: str | None) -> None:
    assert series_before(release) == series


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_every_theorem_is_stated_of_the_newest_series_for_each_of_its_vendors(theorem: object) -> None:
    found = next(each for each in THEOREMS if each is theorem)
    assert all(stated(found.name, vendor).last() == "7.3" for vendor in found.vendors)


def test_a_theorem_that_is_new_has_nothing_to_lose() -> None:
    assert stated("no.such-theorem", Vendor.AMD).missing([], "7.2") == ()
