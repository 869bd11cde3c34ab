"""System-management mode and CPUID: MMUs are set up for what the vCPU is now."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bv, ne, negate, ule, zext

_PE, _PG, _WIDEST = 1 << 0, 1 << 31, 52


def _changed(kvm: Kvm, begins: bool) -> Claim:
    made, name = kvm.mode_changes.smm_changed(begins), "kvm_smm_changed()"
    wrong: Bool = negate(made.in_smm) if begins else made.in_smm
    return never(
        given(evidence=made.evidence, part="the mode begins" if begins else "the mode ends"),
        Wrong("another-mode", wrong, f"{name} leaves the vCPU marked as in the mode that it leaves.").told(
            "slots and tables of the other mode are used", "KVM: HF_SMM_MASK; SDM 34.4, APM 10.3.2: SMRAM is apart"
        ),
        Wrong(
            "tables-kept",
            negate(all_of(made.resets, made.ready)),
            f"{name} does not set the MMUs up anew, or does so for the mode that it leaves.",
        ).told("the vCPU goes on with the tables of the other mode", "KVM: role.smm is that of the vCPU's mode"),
        Wrong(
            "pdptes-kept",
            FALSE if begins else made.own_pdptes,
            f"{name} lets PDPTEs be used that userspace has set before.",
        ).told("other PDPTEs than the guest's", "KVM's comment in it: they are reloaded from guest memory"),
    )


def _entered(kvm: Kvm) -> Claim:
    made, name = kvm.mode_changes.smm_entered(), "enter_smm()"
    return never(
        given(
            shown=(
                Shown("the vCPU has long mode", made.long_mode),
                Shown("CR0 is set to", made.cr0),
                Shown("CR4 is set to", made.cr4),
                Shown("EFER is set to", made.efer),
            ),
            evidence=made.evidence,
            part="a vCPU enters the mode",
        ),
        Wrong(
            "registers-kept",
            all_of(
                made.succeeds,
                any_of(
                    negate(made.loads),
                    ne(made.cr0 & (_PE | _PG), 0),
                    ne(made.cr4, 0),
                    all_of(made.long_mode, ne(made.efer, 0)),
                ),
            ),
            f"{name} lets the vCPU run in the paging mode that it had.",
        ).told("CR0.PE, CR0.PG, CR4 or EFER stay set", "SDM table 34-4, APM 10.3.3: CR0.PE and PG, CR4 and EFER are 0"),
        Wrong(
            "not-told",
            all_of(made.succeeds, negate(all_of(made.told, made.resets))),
            f"{name} does not set the MMUs up for the mode and the registers.",
        ).told("MMUs are as they were", "KVM: MMUs are reset when all that their role is made of is in place"),
    )


def _smm(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return _changed(kvm, True), _changed(kvm, False), _entered(kvm)


def _cpuid(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.mode_changes.cpuid_set(), "kvm_vcpu_after_set_cpuid()"
    below = (bv(1, 64) << zext(made.asked, 64)) - 1
    return never(
        given(
            Assumption("a physical address has at most 52 bits", ule(made.asked, _WIDEST)),
            shown=(
                Shown("bits of a physical address", made.asked),
                Shown("bits by the vCPU", made.width),
                Shown("reserved bits by the vCPU", made.reserved),
            ),
            evidence=made.evidence,
        ),
        Wrong("not-told", negate(made.told), f"{name} does not tell the MMUs.").told(
            "tables are judged by the former CPUID", "KVM's comment in it"
        ),
        Wrong(
            "told-stale",
            all_of(made.told, any_of(ne(made.width, made.asked), ne(made.reserved, ~below))),
            f"{name} tells the MMUs while the vCPU has other reserved bits than those of its CPUID.",
        ).told(
            "MMUs take other bits for reserved",
            "SDM 4.1.4, APM 5.3: bits from MAXPHYADDR on are reserved; KVM's comment in it",
        ),
        Wrong(
            "told-before-vendor",
            all_of(made.told, negate(made.vendor_before)),
            f"{name} tells the MMUs before the vendor has changed which bits are reserved.",
        ).told("a bit of encryption counts as reserved", "KVM's comment in it: the MMU comes last"),
    )


THEOREMS = (
    Theorem(
        name="role.smm",
        claim="When a vCPU's system-management mode begins or ends it is marked so, and its MMUs are set up anew "
        "then. PDPTEs that userspace has set are not used behind it. A vCPU enters the mode without paging, protected "
        "mode, CR4's flags and EFER's, and its MMUs are set up when all of that is in place.",
        source="SDM 34.4 and table 34-4; APM 10.3; KVM's comment in kvm_smm_changed()",
        assumes=("what sets MMUs up does so by role.* and setup.consistent",),
        state=several(_smm),
        catches=(
            Catch("smm-keeps-tables", "tables-kept"),
            Catch("smm-never-left", "another-mode"),
            Catch("smm-own-pdptes", "pdptes-kept"),
            Catch("smm-entered-paged", "registers-kept"),
        ),
    ),
    Theorem(
        name="role.new-cpuid",
        claim="When a vCPU gets another CPUID its MMUs are told, after it is noted how many bits a physical address "
        "has by it and which are reserved, and after the vendor has changed them.",
        source="SDM 4.1.4; APM 5.3; KVM's comments in kvm_vcpu_after_set_cpuid()",
        assumes=("a physical address has at most 52 bits, as userspace is to say",),
        state=alone(_cpuid),
        catches=(Catch("cpuid-keeps-reserved", "told-stale"),),
    ),
)
