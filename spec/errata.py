"""Where processors are known to differ from the manuals, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mmuproof.smt.terms import Bool, all_of, any_of, iff


class Vendor(enum.Enum):
    """Who makes the processor."""

    INTEL = "Intel"
    AMD = "AMD"


@dataclass(frozen=True)
class Erratum:
    """A published departure of processors from their manual.

    Attributes:
        name: the vendor's name or number.
        vendor: whose processors.
        title: the vendor's title, or what the vendor calls it.
        condition: when it can show.
        may_differ: what can then be other than the manual says.
        source: where it is published.
        touches: modules and functions of this package whose statements it weakens.
    """

    name: str
    vendor: Vendor
    title: str
    condition: str
    may_differ: str
    source: str
    touches: tuple[str, ...]


AMD_1218 = Erratum(
    name="1218",
    vendor=Vendor.AMD,
    title="EXITINFO1[2] May Be Incorrectly Set When GMET (Guest Mode Execute Trap extension) is Enabled",
    condition="a nested page fault on a guest instruction fetch while GMET is enabled",
    may_differ="bit 2 (US) of EXITINFO1; the access is judged correctly, and only what is reported of it "
    "can be wrong.  Which models have it is not stated here, so any may.",
    source="AMD revision guides, erratum 1218 (as cited in public; the guide itself was not at hand); "
    "footnote in APM 15.25.13",
    touches=("errata.reported_user_flag_possible",),
)

L1TF = Erratum(
    name="L1TF",
    vendor=Vendor.INTEL,
    title="L1 Terminal Fault (CVE-2018-3615, CVE-2018-3620, CVE-2018-3646)",
    condition="a translation ends at an entry that is not present or has a reserved bit set, and the "
    "physical address in that entry is cached in the level-1 data cache",
    may_differ="loads that will fault can be speculatively served from the address in the entry, so bits the "
    "manual calls ignored have a side effect; architectural results are as specified",
    source="Intel, Deep Dive: Intel Analysis of L1 Terminal Fault, 2018",
    touches=("ept.present", "ept.misconfigured", "paging.present"),
)

ITLB_MULTIHIT = Erratum(
    name="iTLB multihit",
    vendor=Vendor.INTEL,
    title="Machine Check Error Avoidance on Page Size Change (CVE-2018-12207)",
    condition="a fetch hits two instruction-TLB entries of different page sizes for one address, after the "
    "page size was changed without invalidation in between",
    may_differ="the fetch can end in a machine check instead of using either translation; pages above "
    "4 KByte that cannot be executed from are safe",
    source="Intel, Machine Check Error Avoidance on Page Size Change, 2019",
    touches=("ept.allows",),
)

ERRATA: tuple[Erratum, ...] = (AMD_1218, L1TF, ITLB_MULTIHIT)


def reported_user_flag_possible(true_user: Bool, reported_user: Bool, *, gmet: Bool, instruction_fetch: Bool) -> Bool:
    """Whether EXITINFO1 bit 2 of a nested page fault can read so, on a processor with erratum 1218.

    Args:
        true_user: the value the manual gives the bit.
        reported_user: the value read.
        gmet: GMET was enabled when the fault occurred.
        instruction_fetch: the fault was on an instruction fetch (EXITINFO1 bit 4).

    Source: `AMD_1218`.
    """
    return any_of(all_of(gmet, instruction_fetch), iff(true_user, reported_user))
