"""Which faults Linux 7.2.13 may fix without KVM's lock."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.fast_faults import FastFaults, FastJudged
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import Bool, all_of, any_of, bool_var, iff, ite, ne, negate, var


class ReferenceFastFaults(ReferenceArea, FastFaults):
    """``page_fault_can_be_fast()``."""

    def judged(self) -> FastJudged:
        """See `FastFaults.judged`."""
        reserved, private, present, write = (
            ne(var(f"fault->{name}", 1), 0) for name in ("rsvd", "is_private", "present", "write")
        )
        tells_apart = ne(var("kvm->arch.has_private_mem", 1), 0)
        asks = all_of(negate(reserved), tells_apart)
        told = ne(var("kvm_mem_is_private()", 1), 0)
        possible = ite(present, write, negate(ne(var("kvm_ad_enabled", 1), 0)))
        return FastJudged(
            reserved=reserved,
            private=private,
            tells_apart=tells_apart,
            frame_private=any_of(all_of(asks, told), all_of(negate(asks), bool_var("the frame is private memory"))),
            may=all_of(negate(reserved), self._fits(tells_apart, iff(private, told)), possible),
            evidence=Evidence(),
        )

    def _fits(self, tells_apart: Bool, alike: Bool) -> Bool:
        """Whether the fault is on memory of the kind that its frame has."""
        return any_of(negate(tells_apart), alike)
