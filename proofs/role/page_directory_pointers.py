"""PDPTEs of PAE paging: the four that the root names, as they are read, kept and given to the processor."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import BitVec, all_of, any_of, iff, ne, negate, zext
from mmuproof.spec import paging_mode

_PAGE = 12
_ROOT = "SDM Table 4-7, APM 5.2.3: bits 11:5 of CR3 say where in the page the PDPTEs begin, and bits 4:0 are ignored"
_LOAD = "SDM 4.4.1: a load fails for a reserved bit of a present PDPTE, and then changes none"


def _loaded(kvm: Kvm) -> Claim:
    made, name = kvm.page_directory_pointers.loaded(), "load_pdptrs()"
    elsewhere = any_of(
        ne(made.frame, made.real >> _PAGE),
        ne(zext(made.offset, 64), made.cr3 & paging_mode.PDPTES_IN_PAGE),
        ne(made.size, paging_mode.PDPTES_BYTES),
    )
    others = any_of(*(ne(new, old) for new, old in zip(made.read, made.before, strict=True)))
    fits = all_of(made.reads, negate(made.failed), negate(made.refused))
    return never(
        given(
            shown=(
                Shown("cr3", made.cr3),
                Shown("offset in the page", made.offset),
                Shown("a present PDPTE has a reserved bit", made.refused),
                Shown("tdp_enabled", made.with_tdp),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("read-elsewhere", all_of(made.reads, elsewhere), f"{name} reads PDPTEs where CR3 has none.").told(
            "another address", _ROOT
        ),
        Wrong(
            "wrongly-loaded",
            negate(iff(made.accepted, fits)),
            f"{name} loads PDPTEs that do not load, or refuses those that do.",
        ).told("another answer", _LOAD),
        Wrong(
            "others-kept",
            all_of(made.accepted, any_of(*(ne(new, kept) for new, kept in zip(made.read, made.kept, strict=True)))),
            f"{name} lets the vCPU have other PDPTEs than were read.",
        ).told("another PDPTE", "SDM 4.4.1: the registers hold what was loaded until CR3 is loaded again"),
        Wrong(
            "former-root-kept",
            all_of(made.accepted, negate(made.with_tdp), others, negate(made.gives_up)),
            f"{name} keeps the root that was made by other PDPTEs than those that count now.",
        ).told("the root stays in use", "KVM's comment in it: roots have to be built anew without TDP"),
    )


def _given(kvm: Kvm) -> Claim:
    made, name = kvm.page_directory_pointers.given(), "vmx_ept_load_pdptrs()"
    due = all_of(made.changed, made.used)
    untold = any_of(*(negate(told) for told in made.told))
    other = any_of(
        *(all_of(told, ne(value, held)) for told, value, held in zip(made.told, made.given, made.held, strict=True))
    )
    return never(
        given(
            shown=(Shown("they have changed", made.changed), Shown("PAE paging is on", made.used)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("not-given", all_of(due, untold), f"{name} lets the processor go on with former PDPTEs.").told(
            "a field of the VMCS stays", "SDM 26.4.1: with EPT the PDPTEs are those in the VMCS"
        ),
        Wrong("another-given", other, f"{name} gives the processor another PDPTE than the vCPU has there.").told(
            "another value", "SDM 26.4.1: guest PDPTE0 to PDPTE3"
        ),
    )


def _fetched(kvm: Kvm) -> Claim:
    made, name = kvm.page_directory_pointers.fetched(), "nested_svm_get_tdp_pdptr()"
    begins: BitVec = made.nested_cr3 & paging_mode.PDPTES_IN_PAGE
    elsewhere = any_of(
        ne(made.frame, made.nested_cr3 >> _PAGE),
        ne(zext(made.offset, 64), begins + (zext(made.index, 64) << 3)),
        ne(made.size, paging_mode.PDPTE_BYTES),
    )
    return never(
        given(
            shown=(
                Shown("L1's nested CR3", made.nested_cr3),
                Shown("which PDPTE", made.index),
                Shown("offset in the page", made.offset),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("nested-elsewhere", elsewhere, f"{name} reads a PDPTE where L1's nested CR3 does not have it.").told(
            "another address", _ROOT
        ),
        Wrong(
            "nested-other",
            any_of(all_of(made.failed, ne(made.answer, 0)), all_of(negate(made.failed), ne(made.answer, made.read))),
            f"{name} answers another PDPTE than it has read, or one that it could not read.",
        ).told("another answer", "APM 15.25.4: nested tables in PAE's format have their PDPTEs in memory"),
    )


def _pointers(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _loaded(kvm)
    if vendor is Vendor.INTEL:
        yield _given(kvm)
    if vendor is Vendor.AMD:
        yield _fetched(kvm)


THEOREMS = (
    Theorem(
        name="role.page-directory-pointers",
        claim="PDPTEs are read where CR3, or L1's nested CR3, has them: four of them, from an address of which the "
        "low five bits do not count. Those that load are kept as they were read, and the root that was made by others "
        "is given up where KVM's tables count. With EPT the processor is given each at its place.",
        source="SDM 4.4.1, Table 4-7, 26.4.1; APM 5.2.3, 15.25.4; KVM's comments in load_pdptrs()",
        assumes=(
            "which bits of a PDPTE are reserved is right: entry.reserved-pae",
            "for L2, the frame is where L1's tables have it: nested.structure-access",
        ),
        state=several(_pointers),
        catches=(
            Catch("pdptes-from-page-start", "read-elsewhere"),
            Catch("pdptes-keep-root", "former-root-kept"),
            Catch("nested-pdptes-from-page-start", "nested-elsewhere"),
            Catch("nested-pdptes-unaligned", "nested-elsewhere"),
            Catch("pdptes-last-given-twice", "another-given"),
        ),
    ),
)
