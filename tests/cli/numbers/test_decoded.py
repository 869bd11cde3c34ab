"""What numbers say, by values whose bits were worked out by hand from the manuals' tables."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.numbers.decoded import VENDORS, Assumed, Decoded, Decoder
from mmuproof.cli.numbers.layout import WIDTH
from mmuproof.lift.errors import Gone
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor

INTEL, AMD, SHADOW = Vendor
WORDS = [(kind, vendor) for kind in NumberKind for vendor in VENDORS.get(kind, (INTEL,))]


@cache
def decoder(level: int | None = None, width: int = 48) -> Decoder:
    return Decoder(ReferenceKvm(), Assumed(level, width))


def decoded(kind: NumberKind, number: int, vendor: Vendor = INTEL, level: int | None = None) -> Decoded:
    return decoder(level).decode(kind, number, vendor)


def named(told: Decoded) -> set[str]:
    """The manual's names of all bits that are set; with KVM's where the manual has none."""
    return {row.hardware if row.hardware not in ("ignored", "") else row.kernel for row in told.rows if row.value}


@given(
    st.sampled_from(WORDS),
    st.integers(0, 2**WIDTH - 1),
    st.one_of(st.none(), st.integers(1, 5)),
    st.sampled_from([32, 39, 48, 52]),
)
def test_each_bit_is_told_exactly_once(
    word: tuple[NumberKind, Vendor], number: int, level: int | None, width: int
) -> None:
    kind, vendor = word
    told = decoder(level, width).decode(kind, number, vendor)
    bits = [bit for row in told.rows for bit in range(row.high, row.low - 1, -1)]
    assert bits == list(reversed(range(WIDTH)))
    assert sum(row.value << row.low for row in told.rows) == number
    assert all(row.hardware or row.kernel or not row.value or kind is NumberKind.ROLE for row in told.rows)


# SDM Tables 31-1 to 31-7: R 0, W 1, X 2, memory type 5:3, ignore PAT 6, A 8, D 9, XU 10, suppress #VE 63.
EPT = [
    (1 << 0, {"read"}),
    (1 << 1, {"write"}),
    (1 << 2, {"execute"}),
    (1 << 10, {"user execute"}),
    (6 << 3, {"memory type"}),
    (1 << 6, {"ignore PAT"}),
    (1 << 8, {"accessed"}),
    (1 << 9, {"dirty"}),
    (1 << 63, {"suppress #VE"}),
    (0x1234 << 12, {"address"}),
    (1 << 51, {"must be 0: above MAXPHYADDR"}),
    (1 << 7, {""}),
]
# SDM Table 5-20, APM 5.3: P 0, W 1, U 2, PWT 3, PCD 4, A 5, D 6, G 8, protection key 62:59, XD 63.
PAGING = [
    (1 << 0, {"present"}),
    (1 << 1, {"read/write"}),
    (1 << 2, {"user/supervisor"}),
    (1 << 3, {"page-level write-through"}),
    (1 << 4, {"page-level cache disable"}),
    (1 << 5, {"accessed"}),
    (1 << 6, {"dirty"}),
    (1 << 7, {"PAT"}),
    (1 << 8, {"global"}),
    (9 << 59, {"protection key"}),
    (1 << 63, {"execute-disable"}),
    (1 << 47, {"address"}),
]
# SDM Table 30-7.
QUALIFICATION = [
    (1 << 0, {"data-read"}),
    (1 << 1, {"data-write"}),
    (1 << 2, {"fetch"}),
    (1 << 3, {"readable"}),
    (1 << 4, {"writable"}),
    (1 << 5, {"executable"}),
    (1 << 6, {"user-executable"}),
    (1 << 7, {"linear-address-valid"}),
    (1 << 8, {"final"}),
    (1 << 9, {"user-mode-address"}),
    (1 << 12, {"nmi-unblocking"}),
    (1 << 20, {"undefined"}),
]
# APM 15.25.6, 15.36.10.
EXIT_INFO_1 = [
    (1 << 0, {"present"}),
    (1 << 1, {"write"}),
    (1 << 2, {"user"}),
    (1 << 3, {"reserved"}),
    (1 << 4, {"fetch"}),
    (1 << 6, {"shadow-stack"}),
    (1 << 31, {"rmp"}),
    (1 << 32, {"final"}),
    (1 << 33, {"guest-page-table"}),
    (1 << 36, {"vmpl"}),
    (1 << 5, {"must be 0"}),
]
# SDM 5.7.
ERROR_CODE = [
    (1 << 0, {"P"}),
    (1 << 1, {"W/R"}),
    (1 << 2, {"U/S"}),
    (1 << 3, {"RSVD"}),
    (1 << 4, {"I/D"}),
    (1 << 5, {"PK"}),
    (1 << 6, {"SS"}),
    (1 << 7, {"HLAT"}),
    (1 << 15, {"SGX"}),
    (1 << 31, {"RMP"}),
]
# SDM Table 27-7.
SECONDARY = [
    (1 << 1, {"enable EPT"}),
    (1 << 5, {"enable VPID"}),
    (1 << 7, {"unrestricted guest"}),
    (1 << 13, {"enable VM functions"}),
    (1 << 14, {"VMCS shadowing"}),
    (1 << 17, {"enable PML"}),
    (1 << 18, {"EPT-violation #VE"}),
    (1 << 22, {"mode-based execute control for EPT"}),
    (1 << 23, {"sub-page write permissions for EPT"}),
    (1 << 25, {"use TSC scaling"}),
    (1 << 29, {"must be 0"}),
]
# SDM Table 27-6, and appendix A.3.2.
PRIMARY = [
    (1 << 7, {"HLT exiting"}),
    (1 << 15, {"CR3-load exiting"}),
    (1 << 17, {"activate tertiary controls"}),
    (1 << 21, {"use TPR shadow"}),
    (1 << 28, {"use MSR bitmaps"}),
    (1 << 31, {"activate secondary controls"}),
    (1 << 26, {"must be 1"}),
    (1 << 18, {"must be 0"}),
]
TABLES = [
    *((NumberKind.GUEST_ENTRY, INTEL, *row) for row in EPT),
    *((NumberKind.GUEST_ENTRY, SHADOW, *row) for row in PAGING),
    *((NumberKind.EPT_VIOLATION, INTEL, *row) for row in QUALIFICATION),
    *((NumberKind.EXIT_INFO_1, AMD, *row) for row in EXIT_INFO_1),
    *((NumberKind.ERROR_CODE, INTEL, *row) for row in ERROR_CODE),
    *((NumberKind.PRIMARY_CONTROLS, INTEL, *row) for row in PRIMARY),
    *((NumberKind.SECONDARY_CONTROLS, INTEL, *row) for row in SECONDARY),
]


@pytest.mark.parametrize(("kind", "vendor", "number", "names"), TABLES)
def test_a_bit_has_the_manuals_name(kind: NumberKind, vendor: Vendor, number: int, names: set[str]) -> None:
    assert named(decoded(kind, number, vendor, level=1)) == names


@pytest.mark.parametrize(
    ("number", "vendor", "summary"),
    [
        (0x80A0_0001_2345_6F77, INTEL, "R|W|XS|IPAT|A|D|XU|MMU-present|host-writable|MMU-writable|SVE, memory type WB"),
        (0x0000_0000_0000_0C04, INTEL, "XS|XU|MMU-present"),
        (0x0000_0001_2345_6E67, AMD, "P|W|U|A|D|host-writable|MMU-writable|MMU-present"),
        (0x8000_0001_2345_6867, AMD, "P|W|U|A|D|MMU-present|NX"),
        (0x8000_0000_0000_0000, INTEL, "SHADOW_NONPRESENT_VALUE"),
        (0x8000_0000_0000_01A0, AMD, "FROZEN_SPTE"),
        (0x0010_0000_FEE0_0006, INTEL, "MMIO, gfn 0xfee00, generation 128"),
        (0x0008_0000_FEE0_0007, AMD, "MMIO, gfn 0xfee00, generation 0"),
        (0xD0F0_0001_2345_6830, INTEL, "MMU-present|saved R|host-writable|saved X|MMU-writable|saved XU|SVE"),
        (0x1010_0000_0000_0800, INTEL, "MMU-present|saved R, pfn 0, access-tracked, SPTE_TDP_AD_DISABLED"),
    ],
)
def test_an_spte_is_told_in_one_line(number: int, vendor: Vendor, summary: str) -> None:
    assert decoded(NumberKind.SPTE, number, vendor).summary.startswith(summary)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0x0020_0000_0000_0801, "not MMU-writable"),
        (0x00A0_0000_0000_0801, "but MMU-writable"),
        (0x0000_0000_0000_0801, "not host-writable"),
        (0x1010_0000_0000_0800, "access-tracked"),
        (0x0000_0000_0000_1007, "no SPTE of KVM's"),
    ],
)
def test_what_an_spte_is_to_kvm_is_told(number: int, words: str) -> None:
    assert words in " ".join(decoded(NumberKind.SPTE, number).words)


@pytest.mark.parametrize(
    ("role", "summary"),
    [
        (0x4, "level=0x4"),
        (0x84, "level=0x4 direct"),
        (0xF84, "level=0x4 direct access=READ|WRITE|USER|EXEC"),
        (0x14, "level=0x4 has_4_byte_gpte"),
        (0x1004, "level=0x4 invalid"),
        (0x10_0004, "level=0x4 cr4_smep"),
        (0x1_0004, "level=0x4 ad_disabled"),
        (0x2_0004, "level=0x4 guest_mode"),
        (0x1_0000_0005, "level=0x5 valid"),
        (0x20_0004, "level=0x4 unnamed bit 21"),
    ],
)
def test_a_role_is_told_by_its_members(role: int, summary: str) -> None:
    assert decoded(NumberKind.ROLE, role).summary == summary


def _passes(number: int, vendor: Vendor) -> dict[tuple[str, str], str]:
    told = decoded(NumberKind.SPTE, number, vendor, level=1).passages
    return {(each.setting, each.who): each.instead or " ".join(each.allowed) for each in told}


def test_mbec_decides_by_the_mode_of_the_address() -> None:
    told = _passes(0x403, INTEL)
    assert told["MBEC off", "user-mode address"] == "read write"
    assert told["MBEC on", "supervisor-mode address"] == "read write"
    assert told["MBEC on", "user-mode address"] == "read write fetch"
    # With only XU, the entry is present exactly with MBEC.
    assert _passes(0x400, INTEL)["MBEC off", "user-mode address"] == "EPT violation: not present"
    assert _passes(0x400, INTEL)["MBEC on", "user-mode address"] == "fetch"
    assert set(_passes(0x6, INTEL).values()) == {"EPT misconfiguration"}


def test_gmet_denies_supervisors_what_users_may_execute() -> None:
    assert _passes(0x7, AMD) == {
        ("GMET off", "any access"): "read write fetch",
        ("GMET on", "CPL 0 to 2"): "read write",
        ("GMET on", "CPL 3"): "read write fetch",
    }
    assert _passes(0x3, AMD)["GMET off", "any access"] == ""
    assert _passes(0x3, AMD)["GMET on", "CPL 0 to 2"] == "read write fetch"
    assert set(_passes(1 << 50 | 0x7, AMD).values()) == {"nested page fault: a reserved bit is set"}


def test_smep_and_smap_keep_supervisors_out_of_user_pages() -> None:
    told = _passes(0x7, SHADOW)
    assert told["SMEP, SMAP on", "supervisor"] == ""
    assert told["SMEP, SMAP on", "user"] == told["SMEP, SMAP off", "supervisor"] == "read write fetch"


@pytest.mark.parametrize(
    ("kind", "number", "words"),
    [
        (NumberKind.EPT_VIOLATION, 0x1AC, "MBEC on, user-mode address: the permissions of these entries deny it"),
        (NumberKind.EPT_VIOLATION, 0x1AC, "MBEC on, supervisor-mode address: the permissions of these entries allow"),
        (NumberKind.EPT_VIOLATION, 0x182, "write of the translation of a linear address"),
        (NumberKind.EPT_VIOLATION, 0x083, "read and write of a guest paging structure"),
        (NumberKind.EXIT_INFO_1, 0x2_0000_0007, "on the page of a guest page-table entry"),
        (NumberKind.EXIT_INFO_1, 0x1_0000_000D, "a reserved bit is set in an entry"),
        (NumberKind.ERROR_CODE, 0x15, "fetch, user-mode access"),
        (NumberKind.ERROR_CODE, 0x2, "an entry is not present"),
        (NumberKind.PRIMARY_CONTROLS, 0xB5A0_6DFA, "the secondary controls are in force"),
        (NumberKind.PRIMARY_CONTROLS, 0x0400_6172, "as good as 0: no EPT"),
        (NumberKind.PRIMARY_CONTROLS, 0x0400_6170, "reserved bits that have to be 1 are clear: 1"),
        (NumberKind.SECONDARY_CONTROLS, 0x40_0002, "mode-based execute control is on"),
        (NumberKind.SECONDARY_CONTROLS, 0x40_0000, "VM entry fails"),
    ],
)
def test_what_happened_is_told_in_words(kind: NumberKind, number: int, words: str) -> None:
    told = "; ".join(decoded(kind, number, VENDORS.get(kind, (INTEL,))[0]).words)
    assert words in told


def test_a_name_that_is_lost_is_told() -> None:
    class LaterKernel(ReferenceKvm):
        def _constant(self, name: str) -> int | None:
            if name == "PFERR_SS_MASK":
                raise Gone(name)
            return super()._constant(name)

    told = Decoder(LaterKernel()).decode(NumberKind.ERROR_CODE, 0x40, INTEL)
    assert told.summary == "SS"
    assert told.words[-1] == "LOST: PFERR_SS_MASK, which an earlier kernel defines"
