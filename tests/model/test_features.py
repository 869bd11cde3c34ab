"""A feature is told by marks that agree; a tree that has lost one of them is not taken for one without the feature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.model.features import MARKS, Contradiction, Feature, FeatureMark, told
from mmuproof.model.reference.kvm import ReferenceKvm
from tests.kernels import kernel_at
from tests.long_run import only

# What each series has, by the releases in which the features came.
HAS = {
    "6.1": set[Feature](),
    "6.12": {
        Feature.DUMMY_ROOT,
        Feature.LISTED_FLUSHES,
        Feature.MIXED_ATTRIBUTES,
        Feature.NONPRESENT_VALUE,
        Feature.PRE_FAULT,
        Feature.PRIVATE_ACCESS,
        Feature.SYNC_ONE,
    },
    "7.2": set(Feature) - {Feature.SPTE_PERMISSIONS},
    "7.3": set(Feature),
}


def named(feature: Feature) -> str:
    return feature.name.lower()


@pytest.mark.parametrize("feature", Feature, ids=named)
def test_every_feature_has_two_marks_at_least(feature: Feature) -> None:
    assert len(set(MARKS[feature])) >= 2


@pytest.mark.parametrize("feature", Feature, ids=named)
def test_a_feature_is_there_with_all_of_its_marks_and_absent_without_any(feature: Feature) -> None:
    assert told(feature, dict.fromkeys(MARKS[feature], True))
    assert not told(feature, dict.fromkeys(MARKS[feature], False))


@pytest.mark.parametrize(
    ("feature", "mark"),
    [pytest.param(feature, mark, id=f"{named(feature)}-{mark}") for feature in Feature for mark in MARKS[feature]],
)
def test_a_single_mark_that_is_missing_is_a_contradiction(feature: Feature, mark: FeatureMark) -> None:
    with pytest.raises(Contradiction) as raised:
        told(feature, {each: each != mark for each in MARKS[feature]})
    assert raised.value.missing == (mark,)
    assert str(mark) in str(raised.value)


@pytest.mark.parametrize("feature", Feature, ids=named)
def test_the_reference_model_has_every_feature(feature: Feature) -> None:
    assert ReferenceKvm().has(feature)


@pytest.mark.kernel
@pytest.mark.parametrize("version", only((max(HAS),), HAS))
def test_a_real_kernel_has_the_features_of_its_time(kernel_tree: Callable[[str], Path], version: str) -> None:
    with kernel_at(kernel_tree(version)) as kvm:
        assert {feature for feature in Feature if kvm.has(feature)} == HAS[version]


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("is_large_spte()", "is_large_pte()"),
        ("make_nonleaf_spte()", "make_nonleaf_spte() in arch/x86/kvm/mmu/spte.c"),
        ("struct kvm_vcpu.arch.guest_mmus", "guest_mmu"),
        ("struct kvm_mmu_pages", "struct kvm_mmu_page"),
        ("shadow_access_track_mask", "shadow_acc_track_mask"),
    ],
)
def test_what_is_not_found_is_told_with_what_is_like_it(
    kernel_tree: Callable[[str], Path], name: str, like: str
) -> None:
    with kernel_at(kernel_tree("7.2")) as kvm:
        assert kvm.constant("ACC_ALL")
        assert like in kvm.near(name)
