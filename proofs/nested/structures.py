"""What KVM's own accesses to L2's paging structures count as for L1's EPT or nested page tables."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.nested import NestedTranslation
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.nested.translation import access_shown, handed_on, linear_walks, no_stage
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bool_var, negate, var
from mmuproof.spec import ept, npt
from mmuproof.spec.access import DATA_READ, Access

_FLAGS_SET = bool_var("an accessed or dirty flag has to be set")
_EPT_FLAGS = bool_var("EPTP bit 6")


def _structure_access(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    pdptrs = kvm.nested.load_pdptrs(var("cr3", 64)).translation
    if vendor is Vendor.AMD:
        counts = npt.guest_page_table_access(read_only_guest_page_tables=FALSE, updates_flags=_FLAGS_SET)
        return [*_walks(kvm, vendor, counts, (), ""), _claim(kvm, vendor, (pdptrs,), counts, (), "PDPTEs")]
    counts = ept.guest_paging_structure_access(accessed_dirty_enabled=_EPT_FLAGS, updates_flags=_FLAGS_SET)
    enabled = Assumption("L1's EPT has accessed and dirty flags: EPTP bit 6", _EPT_FLAGS)
    disabled = Assumption("L1's EPT has no accessed and dirty flags: EPTP bit 6 is clear", negate(_EPT_FLAGS))
    return [
        *_walks(kvm, vendor, counts, (enabled,), ", flags in EPT"),
        *_walks(kvm, vendor, counts, (disabled,), ", no flags in EPT"),
        _claim(kvm, vendor, (pdptrs,), DATA_READ, (), "PDPTEs"),
    ]


def _walks(kvm: Kvm, vendor: Vendor, counts: Access, assumptions: tuple[Assumption, ...], part: str) -> Sequence[Claim]:
    return [
        _claim(kvm, vendor, walk.structures, counts, assumptions, f"{levels} levels{part}")
        for levels, _, walk in linear_walks(kvm)
    ]


def _claim(
    kvm: Kvm,
    vendor: Vendor,
    structures: Sequence[NestedTranslation],
    counts: Access,
    assumptions: tuple[Assumption, ...],
    part: str,
) -> Claim:
    """Each access is a write exactly where the processor's is, and never a fetch."""
    through, evidence = handed_on(kvm, vendor)
    access = var("access", 64)
    more: list[Bool] = []
    less: list[Bool] = []
    fetches: list[Bool] = []
    for asked in structures:
        handed = through(asked)
        write = has(handed, kvm.constant("PFERR_WRITE_MASK"))
        more.append(all_of(asked.guard, write, negate(counts.write)))
        less.append(all_of(asked.guard, counts.write, negate(write)))
        fetches.append(all_of(asked.guard, has(handed, kvm.constant("PFERR_FETCH_MASK"))))
    extra, missing, fetch = any_of(*more), any_of(*less), any_of(*fetches)
    manual = "SDM 31.3.3.2" if vendor is Vendor.INTEL else "APM 15.25"
    return always(
        negate(any_of(extra, missing, fetch)),
        given(
            no_stage(kvm, access),
            *assumptions,
            shown=(
                access_shown(kvm, "access", access),
                Shown(_EPT_FLAGS.name, _EPT_FLAGS),
                Shown(_FLAGS_SET.name, _FLAGS_SET),
            ),
            evidence=evidence,
            part=part,
        ),
        Wrong(
            "write-taken-for-read", missing, "KVM reads a paging structure of L2 where the processor writes it."
        ).told("a read", f"{manual}: the access is a write"),
        Wrong(
            "read-taken-for-write",
            extra,
            "KVM takes an access to a paging structure of L2 for a write where the processor only reads.",
        ).told("a write", f"{manual}: the access is a read"),
        Wrong("structure-fetched", fetch, "KVM takes an access to a paging structure of L2 for a fetch.").told(
            "a fetch", f"{manual}: the access is none"
        ),
    )


THEOREMS = (
    Theorem(
        name="nested.structure-access",
        claim="What KVM asks L1's EPT or nested page tables for a paging structure of L2 is what the processor asks. "
        "With EPT that is a read, and a write as well if EPT has accessed and dirty flags or the entry's are "
        "updated. With nested paging it is a write. For PDPTEs that are loaded under EPT it is a read.",
        source="SDM 31.3.3.2; APM 15.25",
        assumes=("read-only guest page tables are off in vmcb12: KVM does not offer them",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_structure_access,
        catches=(Catch("structure-access-as-read", "write-taken-for-read"),),
    ),
)
