"""The roots of an MMU: the one in use, and those that its vCPU had before; which of them are given up."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.lift.machine.memory import Object, pointer_to, same_place
from mmuproof.model.cuts.invalidations import FREE_ROOTS
from mmuproof.model.invalidations import CachedRoot
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.named import kvm_mmu
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.smt.terms import TRUE, BitVec, all_of, any_of, bit

ROOTS = ("root", *(f"prev_roots[{number}]" for number in range(KEPT_ROOTS - 1)))
"""Where an MMU has them, the one in use first."""


def roots_of(bench: Bench, owner: Object, mmu: str) -> list[tuple[BitVec, BitVec]]:
    """The address of each root, and the tables that it is for (64 each), as they are now."""
    return [
        (bench.read(owner, f"{mmu}.{root}.{kvm_mmu.HPA}"), bench.read(owner, f"{mmu}.{root}.{kvm_mmu.PGD}"))
        for root in ROOTS
    ]


def given_up(bench: Bench, owner: Object, mmu: str, roots: list[tuple[BitVec, BitVec]]) -> Iterator[CachedRoot]:
    """The same roots after a call, and which of them it has had ``kvm_mmu_free_roots()`` give up."""
    place = pointer_to(owner, bench.place(owner, mmu).offset)
    for number, (root, pgd) in enumerate(roots):
        freed = (
            all_of(
                call.guard,
                same_place(bench.session.pointer_argument(call, "mmu"), place),
                bit(bench.session.argument(call, "roots_to_free"), number),
            )
            for call in bench.session.calls(FREE_ROOTS.function)
        )
        yield CachedRoot(root=root, pgd=pgd, named=TRUE, forgotten=any_of(*freed))
