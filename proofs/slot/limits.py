"""What bounds the size of pages beside slots: the host, what KVM is set up for, and how a guest runs."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.level_limits import GuestMemoryLimit
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, bv, eq, iff, ite, ne, negate, ult

_PRESENT, _LARGE = 0, 7
"""Bits of an entry of the host's tables: SDM 4.5, APM 5.3."""
_UNPAGED, _HUGEST = 2, 3


def _host(kvm: Kvm) -> Claim:
    made, name = kvm.level_limits.of_host(), "host_pfn_mapping_level()"
    giga = all_of(made.reads_pud, bit(made.pud, _PRESENT), bit(made.pud, _LARGE))
    mega = all_of(made.reads_pmd, bit(made.pmd, _LARGE))
    return never(
        given(
            shown=(
                Shown("entry of level 3", made.pud),
                Shown("entry of level 2", made.pmd),
                Shown("level that is told", made.level),
            ),
            evidence=made.evidence,
            part="pages of the host's",
        ),
        Wrong(
            "another-address", made.another_address, f"{name} looks for another address than that of the frame."
        ).told("another address of the host's", "KVM: the slot says where userspace has the frame"),
        Wrong(
            "below-no-table",
            any_of(
                all_of(made.reads_pud, negate(bit(made.above[-1], _PRESENT))),
                all_of(made.reads_pmd, negate(all_of(bit(made.pud, _PRESENT), negate(bit(made.pud, _LARGE))))),
            ),
            f"{name} reads below an entry that leads to no table.",
        ).told("something else is read as an entry", "SDM 4.5, APM 5.3: P and PS; KVM's comment in it: read once"),
        Wrong(
            "too-large",
            any_of(
                all_of(eq(made.level, _HUGEST), negate(giga)),
                all_of(eq(made.level, 2), negate(mega)),
                ult(bv(_HUGEST, 32), made.level),
                eq(made.level, 0),
            ),
            f"{name} takes a page of the host's for larger than it is.",
        ).told("frames of others behind it", "SDM 4.5, APM 5.3: an entry maps a page if PS is set"),
    )


def _configured(kvm: Kvm) -> Claim:
    made, name = kvm.level_limits.configured(), "kvm_configure_mmu()"
    without = ite(made.gigabyte, bv(_HUGEST, 32), bv(2, 32))
    return never(
        given(
            shown=(
                Shown("TDP is to be used", made.tdp_told),
                Shown("levels of a root at most, as told", made.most_told),
                Shown("level of the largest page, as told", made.huge_told),
                Shown("the processor has pages of 1 GByte", made.gigabyte),
            ),
            evidence=made.evidence,
            part="what KVM is set up for",
        ),
        Wrong(
            "tdp-otherwise",
            any_of(
                negate(iff(made.tdp, made.tdp_told)), negate(iff(made.tdp_mmu, all_of(made.allowed, made.tdp_told)))
            ),
            f"{name} turns TDP or the TDP MMU on or off against what is told.",
        ).told("the other one", "KVM: the vendor's module says whether there is TDP; the TDP MMU needs it"),
        Wrong(
            "levels-otherwise",
            any_of(ne(made.forced, made.forced_told), ne(made.most, made.most_told)),
            f"{name} lets roots have other levels than those that are told.",
        ).told("other levels", "KVM: the vendor's module says what its paging has"),
        Wrong(
            "pages-otherwise",
            ne(made.huge, ite(made.tdp_told, made.huge_told, without)),
            f"{name} lets pages be of another size than the paging that is used has.",
        ).told("another largest page", "KVM's comment in it; SDM 4.5: pages of 1 GByte need CPUID's PDPE1GB"),
    )


def _unpaged(kvm: Kvm) -> Claim:
    made, name = kvm.level_limits.unpaged(), "nonpaging_page_fault()"
    return never(
        given(shown=(Shown("largest page", made.level),), evidence=made.evidence, part="a guest without paging"),
        Wrong(
            "too-large",
            any_of(negate(made.handled), ult(bv(_UNPAGED, 32), made.level)),
            f"{name} lets pages be larger than PAE's tables have them, or handles no fault.",
        ).told("a page of 1 GByte", "KVM's comment in it: this path builds a PAE page table; SDM 4.4"),
    )


def _guest_memory(made: GuestMemoryLimit) -> Claim:
    name, known = "kvm_gmem_max_mapping_level()", ne(made.vendor, 0)
    return never(
        given(
            Assumption(
                "the vendor's tables can have pages of one of three levels, or says 0 for any",
                ult(made.vendor, _HUGEST + 1),
            ),
            shown=(Shown("by guest memory", made.found), Shown("by the vendor", made.vendor)),
            evidence=made.evidence,
            part="guest memory",
        ),
        Wrong(
            "too-large",
            any_of(ult(made.found, made.level), all_of(known, ne(made.found, 1), ult(made.vendor, made.level))),
            f"{name} lets a page be larger than guest memory or the vendor's tables have it.",
        ).told("a larger page", "KVM's comment in it: CoCo may influence the maximum mapping level"),
    )


def _limits(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _host(kvm)
    yield _configured(kvm)
    if vendor is Vendor.SHADOW:
        yield _unpaged(kvm)
    memory = kvm.level_limits.of_guest_memory()
    if memory is not None:
        yield _guest_memory(memory)


THEOREMS = (
    Theorem(
        name="slot.page-size",
        claim="A page of the host's is not taken for larger than its tables say, and nothing is read below an entry "
        "that leads to no table. KVM is set up for the levels and page sizes that its paging has. A guest without "
        "paging gets no larger pages than PAE has. A page of guest memory is no larger than that memory and the "
        "vendor's own tables have it.",
        source="SDM 4.4 and 4.5; APM 5.3; KVM's comments in host_pfn_mapping_level() and kvm_configure_mmu()",
        assumes=("what a vendor says of guest memory is a level, or 0",),
        state=several(_limits),
        catches=(
            Catch("host-2m-taken-for-1g", "too-large"),
            Catch("configured-1g-always", "pages-otherwise"),
            Catch("configured-levels-swapped", "levels-otherwise"),
            Catch("unpaged-1g", "too-large"),
            Catch("guest-memory-larger-than-vendor", "too-large"),
        ),
    ),
)
