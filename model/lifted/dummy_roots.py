"""The root that stands for tables a guest cannot have, in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import dummy_roots as cuts
from mmuproof.model.dummy_roots import DummyRoot, DummyRoots
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import given_last
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, host_kernel, kvm_mmu_page
from mmuproof.smt.graph import variables
from mmuproof.smt.terms import ne, negate, var

_PAGE = 12


class LiftedDummyRoots(DummyRoots, Remembers):
    """What stands for them in a lifted tree.

    Args:
        mmu: ``mmu.c``.
    """

    def __init__(self, mmu: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def told(self) -> DummyRoot:
        """See `DummyRoots.told`."""
        record = self._mmu.record(kvm_mmu_page.STRUCT)
        page = Object(name="page of the root", type=record, kind=ObjectKind.INPUT, by_pointer=True)
        known = tuple(replace(cut, gives=pointer_to(page)) if cut is cuts.PAGE else cut for cut in cuts.CUTS)
        bench, root = Bench(self._mmu, known), var("root", 64)
        address = bench.integer(functions.KVM_MMU_GET_DUMMY_ROOT)
        asked = var("pfn", 64)
        names = set(variables(bench.integer(host_kernel.IS_ZERO_PFN, pfn=asked))) - set(variables(asked))
        if len(names) != 1:
            raise Refused(f"{host_kernel.IS_ZERO_PFN}() does not compare with the one frame of zeros")
        dummy = bench.integer(functions.KVM_MMU_IS_DUMMY_ROOT, shadow_page=root)
        found = bench.session.call(
            bench.memory, functions.ROOT_TO_SP, objects=bench.objects, values={"root": root, "shadow_page": root}
        )
        if not isinstance(found, Pointer):
            raise Refused(f"{functions.ROOT_TO_SP}() gives no pointer")
        return DummyRoot(
            address=address,
            zeros=var(names.pop(), 64),
            root=root,
            is_dummy=ne(dummy, 0),
            has_page=negate(found.is_null),
            page_sought=given_last(bench.session.calls(cuts.PAGE.function), 64),
            evidence=bench.session.evidence(),
        )
