"""CR3 as the processor is told of it: the guest's own with two-dimensional paging, and KVM's root without."""

from __future__ import annotations

from mmuproof.model.hardware_controls import Cr3Loaded
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, any_of, boolean, bv, eq, ite, ne, negate, ule

_PCID, _LAM = 0xFFF, 1 << 61 | 1 << 62
_THREE, _FOUR, _FIVE, _WIDE = 3, 4, 5, (1 << 52) - 1


def _own(loaded: Cr3Loaded) -> BitVec:
    """CR3 without two-dimensional paging: tables of 3 levels are read as PAE paging's, which are not encrypted."""
    whole = ule(bv(_FOUR, 32), loaded.level)
    encryption = ite(whole, loaded.encryption, bv(0, 64))
    return loaded.root | encryption | ite(loaded.has_pcid, loaded.guest_cr3 & _PCID, bv(0, 64))


def _loaded_cr3(kvm: Kvm, vendor: Vendor) -> Claim:
    loaded = kvm.hardware_controls.load_cr3(vendor)
    guests = all_of(loaded.told, loaded.with_tdp, negate(loaded.unpaged))
    own = all_of(loaded.told, negate(loaded.with_tdp))
    # A processor that is told nothing goes on with the guest's CR3, which it has: only with EPT, and if it has it.
    skipped = all_of(negate(loaded.told), any_of(negate(loaded.with_tdp), loaded.unpaged, loaded.changed))
    lam = loaded.cr3 & _LAM
    wrong_lam = all_of(ne(lam, 0), ne(lam, loaded.guest_cr3 & _LAM))
    is_amd = boolean(vendor is Vendor.AMD)
    return never(
        given(
            Assumption(
                "a page of the host is aligned, and its address has 52 bits at most",
                eq(loaded.root & ~bv(_WIDE & ~_PCID, 64), 0),
            ),
            Assumption("encryption bits are among the bits of an address", eq(loaded.encryption & ~bv(_WIDE, 64), 0)),
            Assumption(
                "KVM's tables have 3 to 5 levels: role.root-tdp, role.root-shadow",
                all_of(ule(bv(_THREE, 32), loaded.level), ule(loaded.level, _FIVE)),
            ),
            Assumption(
                "PCIDs are on only with tables of 4 levels or more: SDM 4.10.1, APM 5.5.1, they need long mode",
                any_of(negate(loaded.has_pcid), ule(bv(_FOUR, 32), loaded.level)),
            ),
            shown=(
                Shown("root_hpa", loaded.root),
                Shown("root_level", loaded.level),
                Shown("vcpu->arch.cr3", loaded.guest_cr3),
                Shown("sme_me_mask", loaded.encryption),
                Shown("CR3 that is loaded", loaded.cr3),
                Shown("nested CR3 that is loaded", loaded.nested_cr3),
            ),
            evidence=loaded.evidence,
        ),
        Wrong(
            "another-cr3",
            all_of(guests, ne(loaded.cr3, loaded.guest_cr3)),
            "A guest whose tables the processor walks gets another CR3 than its own.",
        ).told("another value", "SDM 28.3.1, APM 15.25.2: with EPT or nested paging CR3 is the guest's"),
        Wrong(
            "another-root",
            all_of(own, any_of(ne(loaded.cr3 & ~bv(_LAM, 64), _own(loaded)), wrong_lam)),
            "CR3 is not the root of KVM's tables, encrypted as the host's memory is, with the guest's PCID.",
        ).told("another value", "SDM Table 4-12, APM 5.5.1: CR3 has the address of the tables, and the PCID"),
        Wrong(
            "nested-root-wrong",
            all_of(is_amd, loaded.with_tdp, ne(loaded.nested_cr3, loaded.root | loaded.encryption)),
            "Nested paging begins at another page than the root of KVM's tables, or takes it for one not encrypted.",
        ).told("another nested CR3", "APM 15.25.3, 7.10.3: nCR3 has the address of the tables, and the C-bit"),
        Wrong(
            "not-loaded", skipped, "The processor goes on with the CR3 that it has, which may be that of other tables."
        ).told("CR3 is not written", "KVM: without EPT CR3 is the root; SDM 28.3.1: with EPT it is the guest's"),
        Wrong("not-noted", negate(loaded.noted), "The processor may go on with what it has cached of the VMCB.").told(
            "the clean bit stays", "APM 15.15.3: bits 4 and 5 are clear where nCR3 and CR3 have changed"
        ),
    )


THEOREMS = (
    Theorem(
        name="role.loaded-cr3",
        claim="With EPT or nested paging the processor is given the guest's CR3, and nested paging the root of KVM's "
        "tables, encrypted as the host's memory is. Without, CR3 is that root with the guest's PCID. What has "
        "changed in a VMCB is noted there.",
        source="SDM 28.3.1, Table 4-12; APM 5.5.1, 7.10.3, 15.15.3, 15.25",
        assumes=(
            "a page of the host is aligned, and its address has 52 bits at most",
            "KVM's tables have 3 to 5 levels",
            "what KVM has read of the guest's registers is what they hold",
            "PCIDs are on only where KVM's tables have 4 levels or more",
            "with EPT, CR3 in the VMCS is the guest's where KVM has not noted another",
            "the bits of LAM are the guest's, or clear where it has no LAM",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_loaded_cr3),
        catches=(
            Catch("ncr3-of-guest", "nested-root-wrong"),
            Catch("npt-cr3-is-root", "another-cr3"),
            Catch("shadow-cr3-without-pcid", "another-root"),
            Catch("guests-cr3-stale", "not-loaded"),
        ),
    ),
)
