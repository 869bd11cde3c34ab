"""What the reference model says of MBEC and GMET on their way to L2 is what Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.svm_gating import ReferenceSvmGating
from mmuproof.model.reference.vmx_gating import ReferenceVmxGating
from mmuproof.model.vmx_gating import Controls
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import FALSE, TRUE, Bool, Term, all_of, bit, bool_var, bv, eq, iff, implies, negate, var

pytestmark = pytest.mark.kernel

EPT, MBEC, ACTIVATE = 1, 22, 31
OF_THE_PROCESSOR = (0, 6, 7, 22)
"""Execute-only, 4 and 5 levels, advanced information."""
SECONDARY, CAPABILITY = var("secondary", 32), var("capability", 32)
ASKED, ENABLE_EPT, ENABLE_MBEC = bool_var("asked for"), bool_var("ept"), bool_var("mbec")
VMCS01, VMCS12 = (Controls(var(f"{name} primary", 32), var(f"{name} secondary", 32)) for name in ("01", "12"))


@pytest.fixture(scope="module")
def lifted(kernel_tree: Callable[[str], Path]) -> Iterator[LiftedKvm]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as kvm:
        yield kvm


def prove(claim: Bool, where: Bool = TRUE) -> None:
    answer = decide(Obligation((Assumption("where", where),), claim))
    assert answer.verdict is Verdict.PROVED, answer


def test_the_configuration_is_the_kernels(lifted: LiftedKvm) -> None:
    mine, theirs = (kvm.vmx_gating.setup_vmcs_config() for kvm in (ReferenceKvm(), lifted))
    assert mine.allowed_secondary is theirs.allowed_secondary
    assert mine.ept_vpid_capability is theirs.ept_vpid_capability
    prove(
        all_of(
            eq(mine.ept_capability, theirs.ept_capability),
            *(iff(bit(mine.secondary, number), bit(theirs.secondary, number)) for number in (EPT, MBEC)),
        ),
        theirs.succeeds,
    )


def test_the_setting_of_mbec_is_the_kernels(lifted: LiftedKvm) -> None:
    theirs = lifted.vmx_gating.hardware_setup(SECONDARY, ASKED)
    mine = ReferenceVmxGating().mbec_setting(SECONDARY, ASKED, theirs.enable_ept)
    prove(iff(mine, theirs.enable_mbec), theirs.succeeds)
    prove(implies(theirs.enable_ept, bit(SECONDARY, EPT)), theirs.succeeds)


def test_what_l1_is_offered_is_the_kernels(lifted: LiftedKvm) -> None:
    mine, theirs = (
        kvm.vmx_gating.setup_secondary_ctls(ENABLE_EPT, ENABLE_MBEC, SECONDARY, CAPABILITY)
        for kvm in (ReferenceKvm(), lifted)
    )
    prove(
        all_of(
            *(iff(bit(mine.secondary, number), bit(theirs.secondary, number)) for number in (EPT, MBEC)),
            *(iff(bit(mine.ept_capability, number), bit(theirs.ept_capability, number)) for number in OF_THE_PROCESSOR),
        )
    )


def test_what_is_offered_of_ept_whatever_the_settings_is_the_kernels(lifted: LiftedKvm) -> None:
    for kvm in (ReferenceKvm(), lifted):
        offered = kvm.vmx_gating.offered_ept_capability(CAPABILITY, ASKED).ept_capability
        prove(implies(bit(offered, 21), ASKED))
        for number in OF_THE_PROCESSOR:
            prove(implies(bit(offered, number), bit(CAPABILITY, number)))
            # It is offered with EPT and not otherwise.
            held = decide(Obligation((Assumption("offered", bit(offered, number)),), bool_var("never mentioned")))
            assert held.verdict is Verdict.REFUTED


def test_what_the_mmu_is_told_of_ept_is_the_kernels(lifted: LiftedKvm) -> None:
    mine, theirs = (kvm.vmx_gating.ept_use() for kvm in (ReferenceKvm(), lifted))
    prove(
        all_of(
            eq(mine.largest_page, substitute(theirs.largest_page, {theirs.ept_capability: mine.ept_capability})),
            *(implies(each.with_ad_bits, bit(each.ept_capability, 21)) for each in (mine, theirs)),
            negate(mine.with_execute_only),
            negate(theirs.with_execute_only),
        )
    )
    for each in (mine, theirs):
        prove(iff(each.sets_masks, each.with_ept), each.configures)


def test_what_the_nested_mmu_is_told_of_ept_is_the_kernels(lifted: LiftedKvm) -> None:
    mine, theirs = (kvm.vmx_gating.nested_ept_set_up() for kvm in (ReferenceKvm(), lifted))
    inputs: dict[Term, Term] = {mine.offered: theirs.offered, mine.eptp: theirs.eptp}
    prove(
        all_of(
            iff(substitute(mine.execute_only, inputs), theirs.execute_only),
            iff(substitute(mine.accessed_dirty, inputs), theirs.accessed_dirty),
            eq(substitute(mine.largest_page, inputs), theirs.largest_page),
            eq(substitute(mine.told_eptp, inputs), theirs.told_eptp),
        )
    )


def test_vm_entry_fails_where_the_kernels_does(lifted: LiftedKvm) -> None:
    offered = var("offered", 32)
    mine, theirs = (
        kvm.vmx_gating.check_vm_execution_controls(VMCS12, offered).fails for kvm in (ReferenceKvm(), lifted)
    )
    own = substitute(mine, {bool_var("another check of VM entry fails"): FALSE})
    prove(implies(own, theirs))
    mine, theirs = (kvm.vmx_gating.check_mbec_controls(VMCS12).fails for kvm in (ReferenceKvm(), lifted))
    prove(iff(mine, theirs))


def test_l2s_controls_are_the_kernels(lifted: LiftedKvm) -> None:
    mine, theirs = (kvm.vmx_gating.prepare_vmcs02_early(VMCS01, VMCS12).controls for kvm in (ReferenceKvm(), lifted))
    prove(
        all_of(
            iff(bit(mine.primary, ACTIVATE), bit(theirs.primary, ACTIVATE)),
            iff(bit(mine.secondary, MBEC), bit(theirs.secondary, MBEC)),
        )
    )
    told, truly = (kvm.vmx_gating.new_eptp(VMCS12).mbec for kvm in (ReferenceKvm(), lifted))
    prove(iff(told, truly))


def test_enlightened_vmcss_are_filtered_and_checked_as_the_kernel_does(lifted: LiftedKvm) -> None:
    data = var("data", 64)
    mine, theirs = (kvm.vmx_gating.evmcs_filter(data).data for kvm in (ReferenceKvm(), lifted))
    prove(eq(mine, theirs))
    refused, truly = (kvm.vmx_gating.evmcs_check(VMCS12).fails for kvm in (ReferenceKvm(), lifted))
    own = substitute(refused, {bool_var("another control is not for enlightened VMCSs"): FALSE})
    prove(implies(own, truly))


def test_the_setting_of_gmet_is_the_kernels(lifted: LiftedKvm) -> None:
    theirs = lifted.svm_gating.hardware_setup(ASKED)
    mine = ReferenceSvmGating().gmet_setting(ASKED, theirs.npt_enabled, theirs.has_gmet)
    prove(iff(mine, theirs.gmet_enabled), theirs.succeeds)


def test_whether_guests_may_have_gmet_is_the_kernels(lifted: LiftedKvm) -> None:
    nested, enabled = bool_var("nested"), bool_var("gmet")
    mine, theirs = (kvm.svm_gating.set_cpu_caps(nested, enabled) for kvm in (ReferenceKvm(), lifted))
    prove(all_of(iff(mine.gmet, theirs.gmet), iff(mine.before, theirs.before)))


def test_the_cached_vmcb12_is_the_kernels(lifted: LiftedKvm) -> None:
    misc_ctl, enabled = var("misc_ctl", 64), bool_var("gmet")
    mine, theirs = (kvm.svm_gating.copy_vmcb_control_to_cache(misc_ctl, enabled) for kvm in (ReferenceKvm(), lifted))
    prove(
        all_of(
            eq(mine.misc_ctl, theirs.misc_ctl),
            iff(mine.guest_has_gmet, theirs.guest_has_gmet),
            iff(mine.guest_has_npt, theirs.guest_has_npt),
        )
    )


def test_the_vmcb_of_l2_is_the_kernels(lifted: LiftedKvm) -> None:
    outer, cached = var("vmcb01", 64), var("vmcb12", 64)
    mine, theirs = (kvm.svm_gating.vmcb02_prepare_control(outer, cached) for kvm in (ReferenceKvm(), lifted))
    prove(all_of(eq(mine.misc_ctl, theirs.misc_ctl), iff(mine.shadows, theirs.shadows)))
    of_l1: dict[Term, Term] = {mine.l1_cr4: theirs.l1_cr4, mine.l1_efer: theirs.l1_efer}
    for field in ("shadow_misc_ctl", "shadow_cr4", "shadow_efer"):
        prove(eq(substitute(getattr(mine, field), of_l1), getattr(theirs, field)), theirs.shadows)


def test_vm_entry_and_the_settings_can_succeed(lifted: LiftedKvm) -> None:
    # What is proved of a success says nothing if there is none.
    gating = lifted.vmx_gating
    for possible in (
        gating.setup_vmcs_config().succeeds,
        gating.hardware_setup(SECONDARY, ASKED).succeeds,
        ~gating.check_vm_execution_controls(VMCS12, bv(-1, 32)).fails,
        ~gating.evmcs_check(VMCS12).fails,
        lifted.svm_gating.hardware_setup(ASKED).succeeds,
    ):
        answer = decide(Obligation((Assumption("possible", possible),), bool_var("never mentioned")))
        assert answer.verdict is Verdict.REFUTED
