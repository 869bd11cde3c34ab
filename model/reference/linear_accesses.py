"""KVM's own accesses to linear addresses in the reference model."""

from __future__ import annotations

from mmuproof.model.cuts.linear_accesses import GET_CPL
from mmuproof.model.linear_accesses import Accessor, LinearAccesses, LinearAsk
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, bv, eq, ite, negate, var

_WRITES = (Accessor.WRITE, Accessor.WRITE_VIRT_SYSTEM, Accessor.EMULATOR_WRITE)
_FOR_THE_SYSTEM = (Accessor.SYSTEM, Accessor.WRITE_VIRT_SYSTEM)
_EMULATOR = (Accessor.EMULATOR_READ, Accessor.EMULATOR_WRITE)


class ReferenceLinearAccesses(ReferenceArea, LinearAccesses):
    """What Linux 7.2's functions ask for."""

    def asks(self, accessor: Accessor) -> LinearAsk:
        """See `LinearAccesses.asks`."""
        c, trace = self.constants, Trace(accessor.value)
        cpl, system, write = var(f"{GET_CPL.function}()", 32), bool_var("system"), bool_var("write")
        if accessor not in _FOR_THE_SYSTEM:
            trace.cut(GET_CPL)
        writes = write if accessor is Accessor.MMIO else TRUE if accessor in _WRITES else FALSE
        implicit = system if accessor in _EMULATOR else FALSE
        access = (
            _if(self._is_user(accessor, cpl, implicit), c.PFERR_USER_MASK)
            | _if(writes, c.PFERR_WRITE_MASK)
            | _if(TRUE if accessor is Accessor.FETCH_VIRT else FALSE, c.PFERR_FETCH_MASK)
            | _if(self._is_marked(accessor, implicit), c.PFERR_IMPLICIT_ACCESS)
        )
        return LinearAsk(
            guard=TRUE,
            access=trace.step("access", access),
            cpl=cpl,
            system=system,
            write=write,
            evidence=trace.evidence,
        )

    def _is_marked(self, accessor: Accessor, implicit: Bool) -> Bool:
        """Whether the access says that the processor makes it by itself."""
        return implicit

    def _is_user(self, accessor: Accessor, cpl: BitVec, implicit: Bool) -> Bool:
        """Whether the access is one of CPL 3."""
        if accessor in _FOR_THE_SYSTEM:
            return FALSE
        return all_of(self._is_user_cpl(cpl), negate(implicit))

    def _is_user_cpl(self, cpl: BitVec) -> Bool:
        return eq(cpl, 3)


def _if(condition: Bool, mask: int) -> BitVec:
    return ite(condition, bv(mask, 64), 0)
