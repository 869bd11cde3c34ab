"""The mistakes that review found in the MBEC/GMET series, version by version, each as a defect that a theorem catches.

`test_defects.py` shows that each defect is refuted for the reason given here, and by no other theorem than those
that say so, in the reference model and in the real C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.edits import SourceEdit
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.statement import Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.known_findings import KNOWN_FINDINGS, known_as, known_in
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import bool_var, iff, ne, var
from tests.kernels import opened_kernel

# What the changelog says, the defect that puts it back, the theorem that catches it, and the symptom shown.
V2_TO_V3 = (
    (
        "do not clear ACC_USER_EXEC_MASK for NX huge pages on AMD",
        "nx-huge-page-clears-user",
        "acc.one-to-one",
        "user-lost",
    ),
    ("is_executable_pte() works only because XS==XU", "split-forgets-xu", "spte.direct-execution", "modes-differ"),
    ("handle XU in __is_bad_mt_xwr", "misconfig-ignores-xu", "entry.misconfig", "misconfiguration-missed"),
    ("use CPL<3, not CPL==0, for the U bit of nested #NPF", "npf-1218-by-cpl-0", "exit.npf-1218", "user-below-3"),
    ("clear GMET_ENABLE in the cached vmcb12", "cached-gmet-kept", "gating.vmcb12-cache", "gmet-kept"),
    ("offer MBEC only if it is on", "mbec-offered-while-off", "gating.advertised-only-when-on", "offered-while-off"),
    ("offer GMET only if it is on", "gmet-offered-while-off", "gating.advertised-only-when-on", "offered-while-off"),
    ("MBEC in translate_nested_gpa", "nested-user-by-cpl", "nested.judgement", "supervisor-fetch-allowed"),
    ("GMET in translate_nested_gpa", "nested-npt-always-user", "nested.judgement", "supervisor-fetch-allowed"),
)
V1_TO_V2 = (
    ("drop bit 10 from FROZEN_SPTE", "frozen-has-bit-10", "layout.frozen", "hardware-present"),
    (
        "fix the exit qualification for page-table EPT violations",
        "injected-stale-stage",
        "exit.injected-qualification",
        "linear-address-valid",
    ),
    ("add XU to shadow_acc_track_mask", "track-mask-without-xu", "tracking.not-present", "hardware-present"),
    (
        "propagate root_role->access in the shadow MMU's direct_map()",
        "direct-map-maps-all",
        "role.root-access",
        "leaf-access",
    ),
    (
        "pass advanced information on EPT violations to the guest",
        "injected-without-advanced",
        "exit.injected-qualification",
        "user-mode-address",
    ),
    (
        "require advanced information for MBEC",
        "mbec-without-advanced-info",
        "gating.mbec-needs-advanced-info",
        "mbec-without-advanced-info",
    ),
    (
        "gate XS and XU by the U bit of paging structures",
        "nested-user-by-cpl",
        "nested.user-address",
        "supervisor-address-as-user",
    ),
    (
        "drop SECONDARY_EXEC_MODE_BASED_EPT_EXEC if L1 does not set it",
        "vmcs02-inherits-mbec",
        "gating.vmcs02",
        "mbec-inherited",
    ),
    ("fix running L1 without GMET: L2 on L1's tables", "vmcb02-inherits-gmet", "gating.vmcb02", "gmet-not-l2s"),
    ("fix running L1 without GMET: L2 on KVM's tables", "vmcb02-without-l1s-gmet", "gating.vmcb02", "gmet-not-l1s"),
)


@pytest.mark.parametrize(
    ("defect", "theorem", "symptom"),
    [pytest.param(*rest, id=says.replace(" ", "-")) for says, *rest in (*V2_TO_V3, *V1_TO_V2)],
)
def test_the_mistake_is_a_defect_that_a_theorem_catches(defect: str, theorem: str, symptom: str) -> None:
    catches = {each.name: each.catches for each in THEOREMS}
    assert defect in DEFECTS
    assert Catch(defect, symptom) in catches[theorem]


# The third version had XU in shadow_acc_track_mask only with MBEC; what was merged has it always.  For the hardware
# that makes no difference, because without MBEC it does not look at bit 10: no theorem on tracking may raise an alarm.
# But two places in KVM do look at it, and are wrong then about an SPTE that is access-tracked and has bit 10 left.
_USES_MBEC = "uses_mbec"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_XU_TRACKED_WITH_MBEC_ONLY = (
    SourceEdit(_SPTE_C, r"(?m)^u64 __read_mostly shadow_acc_track_mask;", r"\g<0>\nstatic bool uses_mbec;"),
    SourceEdit(
        _SPTE_C,
        r"(shadow_acc_track_mask\s*= VMX_EPT_RWX_MASK) \| (VMX_EPT_USER_EXECUTABLE_MASK);",
        r"\1 | (uses_mbec ? \2 : 0);",
    ),
)
_WHERE_KVM_LOOKS = {
    # __is_bad_mt_xwr() takes bit 10 for execution without reading, and make_spte() warns.
    ("entry.shadow-reserved", "own-check-fails"),
    # is_executable_pte() takes the SPTE for executable, and fast_page_fault() the fault for spurious.
    ("spte.direct-execution", "modes-differ"),
}


def refuted_with_agreeing_mbec(claim: Claim) -> Symptom | None:
    """What a counterexample shows in which the hardware has MBEC on exactly if KVM uses it, by whatever name.

    None if there is none.
    """
    obligation, ways = claim.obligation, claim.ways_to_fail
    names = variables(obligation.claim, *(each.term for each in obligation.assumptions))
    agree = (
        Assumption(f"{name} is as KVM has it", iff(bool_var(name), ne(var(_USES_MBEC, 1), 0)))
        for name in names
        if "MBEC" in name
    )
    answer = decide(
        Obligation((*obligation.assumptions, *agree), obligation.claim), preferred=[way.when for way in ways]
    )
    if answer.verdict is Verdict.PROVED:
        return None
    assert answer.assignment is not None, answer
    values = answer.assignment.values
    return next(way for way in ways if evaluate(way.when, values))


def stated(theorem: Theorem, kvm: Kvm) -> Sequence[Claim]:
    """What a theorem claims of a tree, which may lack what it speaks of."""
    try:
        return theorem.state(kvm, Vendor.INTEL)
    except NotThere:
        return ()


@pytest.mark.kernel
@pytest.mark.long
def test_tracking_xu_with_mbec_only_is_harmless_but_for_what_kvm_itself_reads(
    kernel_tree: Callable[[str], Path],
) -> None:
    touched, refuted = set(), set()
    with open_source(str(kernel_tree("7.2"))) as tree, opened_kernel(tree, _XU_TRACKED_WITH_MBEC_ONLY) as kvm:
        for theorem in (each for each in THEOREMS if Vendor.INTEL in each.vendors):
            for claim in stated(theorem, kvm):
                if _USES_MBEC not in variables(claim.obligation.claim):
                    continue
                touched.add(theorem.name)
                way = refuted_with_agreeing_mbec(claim)
                if way is None:
                    continue
                shape = Shape(
                    theorem=theorem.name, vendor=Vendor.INTEL, part=claim.case.part, symptom=way.name, place=way.place
                )
                if known_as(shape, known_in(kvm, KNOWN_FINDINGS, tree.version)) is None:
                    refuted.add((theorem.name, way.name))
    assert touched >= {"tracking.round-trip", "tracking.not-present", "tracking.idempotent", "lifecycle.enough"}
    assert refuted == _WHERE_KVM_LOOKS
