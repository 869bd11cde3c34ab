"""The registers that a guest runs with: as its own where its own tables count, and as KVM's tables need elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.guest_registers import Register
from mmuproof.model.hardware_registers import RegisterRun
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import CR0_FLAGS, CR4_FLAGS
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bit, implies, ne, negate
from mmuproof.spec import paging_mode

_EFER_FLAGS = ((paging_mode.EFER_NXE_BIT, "NXE"),)
_FLAGS = {Register.CR0: CR0_FLAGS, Register.CR4: CR4_FLAGS, Register.EFER: _EFER_FLAGS}
_ON = {
    Register.CR0: (paging_mode.CR0_PG_BIT, paging_mode.CR0_WP_BIT),
    Register.CR4: (paging_mode.CR4_PAE_BIT,),
    Register.EFER: (paging_mode.EFER_NXE_BIT,),
}
"""What KVM's own tables need: entries of 8 bytes, writes of supervisors judged by them, and XD."""
_RIGHTS = (paging_mode.CR4_SMEP_BIT, paging_mode.CR4_SMAP_BIT, paging_mode.CR4_PKE_BIT)


def _lacks(run: RegisterRun, register: Register) -> Bool:
    return any_of(*(negate(bit(run.hardware, each)) for each in _ON[register]))


def _not_flat(run: RegisterRun, register: Register) -> Bool:
    """Paging by KVM's table for a guest without paging is not on, or its entries are not those of 4-MByte pages."""
    if register is Register.CR0:
        return negate(bit(run.hardware, paging_mode.CR0_PG_BIT))
    if register is Register.EFER:
        return any_of()
    return any_of(negate(bit(run.hardware, paging_mode.CR4_PSE_BIT)), bit(run.hardware, paging_mode.CR4_PAE_BIT))


def _run(kvm: Kvm, vendor: Vendor, register: Register) -> Claim:
    run = kvm.hardware_registers.run(vendor, register)
    own = negate(run.with_tdp)
    emulates_none = all_of(negate(run.paging), negate(run.any_mode))
    counts = all_of(run.with_tdp, negate(emulates_none))
    rights = any_of(*(bit(run.hardware, each) for each in _RIGHTS)) if register is Register.CR4 else any_of()
    told = run.told
    return never(
        given(
            Assumption(
                "a guest runs without paging only by EPT or nested paging: SDM 26.2.1.1, the VMX set-up",
                implies(run.any_mode, run.with_tdp),
            ),
            shown=(
                Shown("the guest's", run.asked, _FLAGS[register]),
                Shown("the processor's", run.hardware, _FLAGS[register]),
                Shown("the guest has paging on", run.paging),
                Shown("the guest's own tables are walked", run.with_tdp),
            ),
            evidence=run.evidence,
            part=register.value,
        ),
        Wrong("not-told", negate(told), f"The processor is not told of {register.value}.").told(
            "no value", "KVM: the guest has another value then"
        ),
        Wrong(
            "tables-unprotected",
            all_of(told, own, _lacks(run, register)),
            "The processor walks KVM's own tables without a control that these rely on.",
        ).told("the control is off", "SDM 4.6: without CR0.WP or EFER.NXE entries forbid less than they say"),
        Wrong(
            "flat-paging-off",
            all_of(told, run.with_tdp, emulates_none, _not_flat(run, register)),
            "A guest without paging runs without KVM's table of 4-MByte pages that stands for that.",
        ).told("another mode", "SDM 4.3; KVM's comment in vmx_set_cr4()"),
        Wrong(
            "rights-without-paging",
            all_of(told, emulates_none, rights),
            "A guest without paging runs with controls that the processor applies to KVM's tables.",
        ).told("CR4.SMEP, SMAP or PKE is set", "SDM 4.1.3: without paging they deny nothing"),
        Wrong(
            "another-value",
            all_of(told, counts, ne(run.hardware, run.asked)),
            "The processor walks a guest's own tables by other controls than the guest has set.",
        ).told("another value", "SDM 4.1.3, APM 5.1: they decide how the tables are read"),
    )


def _registers(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield from (_run(kvm, vendor, register) for register in Register)


THEOREMS = (
    Theorem(
        name="role.run-registers",
        claim="Where the processor walks KVM's own tables, it has paging, PAE, write protection for supervisors and "
        "execute-disable on. Where a guest has no paging and the processor has, SMEP, SMAP and protection keys are "
        "off. Where a guest's own tables count, so do its controls.",
        source="SDM 4.1.3, 4.3, 4.6; APM 5.1, 15.25; KVM's comments in vmx_set_cr4() and update_transition_efer()",
        assumes=(
            "a guest runs without paging only by EPT or nested paging",
            "MSRs that KVM switches by itself are kept for EFER: vmx_setup_uret_msrs()",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_registers),
        catches=(
            Catch("run-without-write-protect", "tables-unprotected"),
            Catch("run-without-execute-disable", "tables-unprotected"),
            Catch("run-smep-without-paging", "rights-without-paging"),
        ),
    ),
)
