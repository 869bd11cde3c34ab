"""The root below which the TDP MMU maps the page of a fault is the one that the fault's address is translated by."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, ite, ne, negate, ult

_PAGE, _FRAME_BITS, _SMALL = 12, 40, 1
_NAME = "kvm_tdp_mmu_map()"
_TABLES = (
    "Intel TDX module: a bit of the address says whether memory is shared; shared memory is translated by the tables "
    "of the host, private memory by those of the module"
)


def _mapped(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.fault_roots.mapped()
    private = all_of(ne(made.direct_bits, 0), eq((made.address >> _PAGE) & made.direct_bits, 0))
    wanted = ite(private, made.mirror, made.root)
    return never(
        given(
            Assumption("the bit of shared frames is one of an address", ult(made.direct_bits, 1 << _FRAME_BITS)),
            shown=(
                Shown("fault->addr", made.address),
                Shown("the bits of shared frames", made.direct_bits),
                Shown("root.hpa", made.root),
                Shown("mirror_root_hpa", made.mirror),
                Shown("the root that is walked", made.walked),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-root",
            any_of(negate(made.of_root), ne(made.walked, wanted)),
            f"{_NAME} maps the page of a fault below a root by which its address is not translated.",
        ).told("another root", _TABLES),
        Wrong(
            "another-start",
            any_of(ne(made.first_gfn, made.gfn), ne(made.lowest, _SMALL)),
            f"{_NAME} begins its walk for another frame, or ends it above small pages.",
        ).told("another frame or level", "KVM: the frame of the fault, down to the level at which it is mapped"),
    )


THEOREMS = (
    Theorem(
        name="role.fault-root",
        claim="In the TDP MMU the page of a fault is mapped below the vCPU's root, for the fault's frame. If KVM "
        "mirrors tables of TDX and the address is one of private memory, it is mapped below the mirror instead.",
        source=f"{_TABLES}; KVM's comments at kvm_gfn_direct_bits() and kvm_mirror_root in tdp_mmu.h",
        assumes=(
            "the bit of shared frames is one of a frame, which has at most 40: TDX sets bit 35 or 39",
            "that the vCPU's roots are those of its address space is role.tdp-root",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=alone(_mapped),
        catches=(Catch("fault-root-private-shared", "another-root"), Catch("fault-root-swapped", "another-root")),
    ),
)
