from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.errors import Gone, UnlistedConstant
from mmuproof.model import bit_names
from mmuproof.model.bit_names import BIT_NAMES, FORMER_BIT_NAMES
from mmuproof.model.reference.kvm import ReferenceKvm
from tests.kernels import kernel_at

TABLES = (
    bit_names.ERROR_CODE,
    bit_names.EPT_VIOLATION,
    bit_names.EPT_ENTRY,
    bit_names.PAGING_ENTRY,
    bit_names.PRIMARY_CONTROLS,
    bit_names.SECONDARY_CONTROLS,
    bit_names.TERTIARY_CONTROLS,
)


@pytest.mark.parametrize("names", TABLES)
def test_each_name_is_of_a_bit_of_its_own(names: tuple[str, ...]) -> None:
    told = ReferenceKvm().named_bits(names)
    assert told.lost == ()
    assert set(told.names.values()) == set(names) - FORMER_BIT_NAMES


def test_a_name_that_is_not_listed_is_a_mistake() -> None:
    with pytest.raises(UnlistedConstant, match=r"model/bit_names\.py"):
        ReferenceKvm().named_bits(["PFERR_OTHER_MASK"])


def test_a_name_that_a_kernel_has_lost_is_told() -> None:
    class Later(ReferenceKvm):
        def _constant(self, name: str) -> int | None:
            if name == "PFERR_SS_MASK":
                raise Gone(name)
            return super()._constant(name)

    told = Later().named_bits(bit_names.ERROR_CODE)
    assert told.lost == ("PFERR_SS_MASK",)
    assert 6 not in told.names


@pytest.mark.kernel
def test_a_trees_names_and_roles_are_those_of_the_model(kernel_tree: Callable[[str], Path]) -> None:
    model = ReferenceKvm()
    with kernel_at(kernel_tree("7.2")) as kvm:
        assert kvm.named_bits(BIT_NAMES) == model.named_bits(BIT_NAMES)
        assert [kvm.named_bits(names) for names in TABLES] == [model.named_bits(names) for names in TABLES]
        assert set(kvm.roles.layout()) == set(model.roles.layout())
