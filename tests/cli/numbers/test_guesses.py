from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.numbers.guesses import guesses
from mmuproof.cli.numbers.kernel import KernelNumbers
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reference.kvm import ReferenceKvm

KVM = ReferenceKvm()
NUMBERS = KernelNumbers(KVM)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0x80A0_0001_2345_6F77, NumberKind.SPTE),
        (0x8000_0000_0000_01A0, NumberKind.SPTE),
        (0x8000_0000_0000_0000, NumberKind.SPTE),
        (0x0000_0001_2345_6067, NumberKind.GUEST_ENTRY),
        (0x184, NumberKind.EPT_VIOLATION),
        (0x18B, NumberKind.EPT_VIOLATION),
        (0x14, NumberKind.ERROR_CODE),
        (0x7, NumberKind.ERROR_CODE),
        (0x1_0000_0014, NumberKind.EXIT_INFO_1),
        (0x2_0000_000F, NumberKind.EXIT_INFO_1),
        (0x1_0000_0F84, NumberKind.ROLE),
        (0x40_10AA, NumberKind.SECONDARY_CONTROLS),
        (0xB5A0_6DFA, NumberKind.PRIMARY_CONTROLS),
    ],
)
def test_the_likeliest_kind_comes_first(number: int, kind: NumberKind) -> None:
    assert guesses(KVM, NUMBERS, number)[0].kind is kind


@given(st.integers(0, 2**64 - 1))
def test_every_number_may_be_something(number: int) -> None:
    found = guesses(KVM, NUMBERS, number)
    assert found
    assert all(each.why for each in found)
    assert [each.likely for each in found] == sorted((each.likely for each in found), reverse=True)
    assert len({each.kind for each in found}) == len(found)
