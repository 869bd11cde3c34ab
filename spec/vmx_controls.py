"""The controls of VMX that decide about mode-based execute control for EPT (SDM 27.6.2, 29.2.1.1, appendix A).

Primary and secondary processor-based controls are vectors of 32 bits, as they stand in a VMCS.
"""

from __future__ import annotations

from mmuproof.smt.terms import BitVec, Bool, all_of, bit, negate
from mmuproof.spec.reports import ReportField

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
UNCACHEABLE_BIT, WRITE_BACK_BIT = 8, 14
"""IA32_VMX_EPT_VPID_CAP: the memory types by which tables may be read."""
EPTP_ACCESSED_DIRTY_BIT = 6
"""EPTP: accessed and dirty flags are on (SDM 27.6.11)."""
ADVANCED_INFORMATION_BIT = 22
"""IA32_VMX_EPT_VPID_CAP: exit qualifications of EPT violations have bits 9 to 11, and with them tell user-mode
linear addresses from others."""


PRIMARY_CONTROLS = (
    ReportField("interrupt-window exiting", 2, "interrupt-window exiting"),
    ReportField("use TSC offsetting", 3, "use TSC offsetting"),
    ReportField("HLT exiting", 7, "HLT exiting"),
    ReportField("INVLPG exiting", 9, "INVLPG exiting"),
    ReportField("MWAIT exiting", 10, "MWAIT exiting"),
    ReportField("RDPMC exiting", 11, "RDPMC exiting"),
    ReportField("RDTSC exiting", 12, "RDTSC exiting"),
    ReportField("CR3-load exiting", 15, "CR3-load exiting"),
    ReportField("CR3-store exiting", 16, "CR3-store exiting"),
    ReportField("activate tertiary controls", 17, "activate tertiary controls"),
    ReportField("CR8-load exiting", 19, "CR8-load exiting"),
    ReportField("CR8-store exiting", 20, "CR8-store exiting"),
    ReportField("use TPR shadow", 21, "use TPR shadow"),
    ReportField("NMI-window exiting", 22, "NMI-window exiting"),
    ReportField("MOV-DR exiting", 23, "MOV-DR exiting"),
    ReportField("unconditional I/O exiting", 24, "unconditional I/O exiting"),
    ReportField("use I/O bitmaps", 25, "use I/O bitmaps"),
    ReportField("monitor trap flag", 27, "monitor trap flag"),
    ReportField("use MSR bitmaps", 28, "use MSR bitmaps"),
    ReportField("MONITOR exiting", 29, "MONITOR exiting"),
    ReportField("PAUSE exiting", 30, "PAUSE exiting"),
    ReportField("activate secondary controls", ACTIVATE_SECONDARY_BIT, "activate secondary controls"),
)
"""The primary processor-based controls by their names (SDM 27.6.2, Table 27-6)."""

ALWAYS_ONE = (1, 4, 5, 6, 8, 13, 14, 26)
"""Primary controls that are reserved and have to be 1 (SDM appendix A.3.2)."""

SECONDARY_CONTROLS = (
    ReportField("virtualize APIC accesses", 0, "virtualize APIC accesses"),
    ReportField("enable EPT", EPT_BIT, "enable EPT"),
    ReportField("descriptor-table exiting", 2, "descriptor-table exiting"),
    ReportField("enable RDTSCP", 3, "enable RDTSCP"),
    ReportField("virtualize x2APIC mode", 4, "virtualize x2APIC mode"),
    ReportField("enable VPID", 5, "enable VPID"),
    ReportField("WBINVD exiting", 6, "WBINVD exiting"),
    ReportField("unrestricted guest", 7, "unrestricted guest"),
    ReportField("APIC-register virtualization", 8, "APIC-register virtualization"),
    ReportField("virtual-interrupt delivery", 9, "virtual-interrupt delivery"),
    ReportField("PAUSE-loop exiting", 10, "PAUSE-loop exiting"),
    ReportField("RDRAND exiting", 11, "RDRAND exiting"),
    ReportField("enable INVPCID", 12, "enable INVPCID"),
    ReportField("enable VM functions", 13, "enable VM functions"),
    ReportField("VMCS shadowing", 14, "VMCS shadowing"),
    ReportField("enable ENCLS exiting", 15, "enable ENCLS exiting"),
    ReportField("RDSEED exiting", 16, "RDSEED exiting"),
    ReportField("enable PML", 17, "enable PML"),
    ReportField("EPT-violation #VE", 18, "EPT-violation #VE"),
    ReportField("conceal VMX from PT", 19, "conceal VMX from PT"),
    ReportField("enable XSAVES/XRSTORS", 20, "enable XSAVES/XRSTORS"),
    ReportField("PASID translation", 21, "PASID translation"),
    ReportField("mode-based execute control for EPT", MBEC_BIT, "mode-based execute control for EPT"),
    ReportField("sub-page write permissions for EPT", 23, "sub-page write permissions for EPT"),
    ReportField("Intel PT uses guest physical addresses", 24, "Intel PT uses guest physical addresses"),
    ReportField("use TSC scaling", 25, "use TSC scaling"),
    ReportField("enable user wait and pause", 26, "enable user wait and pause"),
    ReportField("enable PCONFIG", 27, "enable PCONFIG"),
    ReportField("enable ENCLV exiting", 28, "enable ENCLV exiting"),
    ReportField("VMM bus-lock detection", 30, "VMM bus-lock detection"),
    ReportField("instruction timeout", 31, "instruction timeout"),
)
"""The secondary processor-based controls by their names (SDM 27.6.2, Table 27-7)."""

TERTIARY_CONTROLS = (
    ReportField("LOADIWKEY exiting", 0, "LOADIWKEY exiting"),
    ReportField("enable HLAT", 1, "enable HLAT"),
    ReportField("EPT paging-write control", 2, "EPT paging-write control"),
    ReportField("guest-paging verification", 3, "guest-paging verification"),
    ReportField("IPI virtualization", 4, "IPI virtualization"),
    ReportField("enable MSR-list instructions", 6, "enable MSR-list instructions"),
    ReportField("virtualize IA32_SPEC_CTRL", 7, "virtualize IA32_SPEC_CTRL"),
)
"""The tertiary processor-based controls, a word of 64 bits (SDM 27.6.2, Table 27-8)."""


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
