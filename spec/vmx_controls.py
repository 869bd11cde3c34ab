"""The controls of VMX that decide about mode-based execute control for EPT (SDM 27.6.2, 29.2.1.1, appendix A).

Primary and secondary processor-based controls are vectors of 32 bits, as they stand in a VMCS.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, bit, negate

ACTIVATE_SECONDARY_BIT = 31
"""Primary control: without it, every secondary control is as good as 0."""
EPT_BIT = 1
"""Secondary control: enable EPT."""
MBEC_BIT = 22
"""Secondary control: mode-based execute control for EPT."""
EXECUTE_ONLY_BIT, FOUR_LEVELS_BIT, FIVE_LEVELS_BIT = 0, 6, 7
"""IA32_VMX_EPT_VPID_CAP: execute-only translations, and how many levels the tables may have."""
PAGES_2M_BIT, PAGES_1G_BIT, ACCESSED_DIRTY_BIT = 16, 17, 21
"""IA32_VMX_EPT_VPID_CAP: pages of 2 MByte and of 1 GByte, and accessed and dirty flags."""
EPTP_ACCESSED_DIRTY_BIT = 6
"""EPTP: accessed and dirty flags are on (SDM 27.6.11)."""
ADVANCED_INFORMATION_BIT = 22
"""IA32_VMX_EPT_VPID_CAP: exit qualifications of EPT violations have bits 9 to 11, and with them tell user-mode
linear addresses from others."""


def secondary_control(primary: BitVec, secondary: BitVec, number: int) -> Bool:
    """Whether a secondary control is in force.  Source: SDM 27.6.2."""
    return all_of(bit(primary, ACTIVATE_SECONDARY_BIT), bit(secondary, number))


def mode_based_execute_control(primary: BitVec, secondary: BitVec) -> Bool:
    """Whether XS and XU are told apart.  Source: SDM 27.6.2."""
    return secondary_control(primary, secondary, MBEC_BIT)


def mbec_without_ept(primary: BitVec, secondary: BitVec) -> Bool:
    """Whether VM entry fails because mode-based execute control is on and EPT is off.  Source: SDM 29.2.1.1."""
    with_ept = secondary_control(primary, secondary, EPT_BIT)
    return all_of(mode_based_execute_control(primary, secondary), negate(with_ept))


def allowed_to_be_set(capability: BitVec, number: int) -> Bool:
    """Whether a capability MSR of 64 bits allows a control to be 1.  Source: SDM appendix A.3."""
    return bit(capability, 32 + number)


def advanced_information(ept_vpid_capability: BitVec) -> Bool:
    """Whether exits tell user-mode linear addresses from others.  Source: SDM appendix A.10.

    Args:
        ept_vpid_capability: IA32_VMX_EPT_VPID_CAP, or its low half.
    """
    return bit(ept_vpid_capability, ADVANCED_INFORMATION_BIT)
