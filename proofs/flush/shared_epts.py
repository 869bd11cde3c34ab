"""A fault that L1 is told of: no root of the vCPU keeps what it translates the address with by the same tables."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, eq, ne, negate
from mmuproof.spec import ept_pointer


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.shared_epts.at_fault()
    tables = ept_pointer.root(made.eptp)
    left = any_of(
        *(
            all_of(ne(each.root, made.no_root), eq(ept_pointer.root(each.pgd), tables), negate(each.forgotten))
            for each in made.kept
        )
    )
    return never(
        given(
            shown=(
                Shown("EPTP of L2", made.eptp),
                Shown("fault->address", made.address),
                *(Shown(f"EPTP of former root {number}", root.pgd) for number, root in enumerate(made.kept)),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "root-left",
            all_of(negate(made.log_full), left),
            "L1 is told of a fault in its EPT, and a former root for the same tables keeps what it has of the address.",
        ).told(
            "L2 may go on by SPTEs of the root",
            "SDM 31.4.3.1: an EPT violation invalidates what is cached of the tables at the address in the EPTP",
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.shared-tables",
        claim="Before L1 is told of an EPT violation or misconfiguration, each root that the vCPU had before is "
        "synchronized at the address, if it is for the tables at the address in L2's EPTP. What else its own EPTP says "
        "does not matter.",
        source="SDM 31.4.3.1; KVM's comment in nested_ept_inject_page_fault()",
        assumes=(
            "the root in use is synchronized by whoever gives L1 the fault: fault.injected",
            "roots that are named are synchronized: flush.address",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_state),
        catches=(
            Catch("ept-fault-forgets-misconfigured-only", "root-left"),
            Catch("ept-fault-by-whole-eptp", "root-left"),
            Catch("ept-fault-forgets-another", "root-left"),
        ),
    ),
)
