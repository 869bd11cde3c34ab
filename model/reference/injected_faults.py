"""How Linux 7.2.13 gives a page fault to whoever's tables deny an access."""

from __future__ import annotations

from mmuproof.model.evidence import Check, Evidence
from mmuproof.model.injected_faults import FaultOfProcessor, InjectedFault, InjectedFaults, QueuedFault
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bv, extract, ne, negate, var, zext

_PRESENT, _RESERVED = 0, 3
"""The bits of an error code."""
_PF_VECTOR = 14


class ReferenceInjectedFaults(ReferenceArea, InjectedFaults):
    """``__kvm_inject_emulated_page_fault()`` and ``kvm_inject_page_fault()``."""

    def injected(self, nested: bool) -> InjectedFault:
        """See `InjectedFaults.injected`."""
        code = var("fault->error_code", 64)
        forgets = all_of(bit(code, _PRESENT), self._forgets(negate(bit(code, _RESERVED))))
        return InjectedFault(
            nested=nested,
            error_code=code,
            address=var("fault->address", 64),
            invalidated=forgets,
            right_mmu=forgets,
            in_use=forgets,
            told=self._goes_to(nested),
            unchanged=self._stays(code),
            evidence=Evidence(),
        )

    def _forgets(self, not_reserved: Bool) -> Bool:
        """Whether an address is forgotten whose entry is present, by whether no reserved bit is set."""
        return not_reserved

    def _goes_to(self, _nested: bool) -> Bool:
        """Whether the fault goes to those whose tables it is of."""
        return TRUE

    def _stays(self, _code: BitVec) -> Bool:
        """Whether the fault is handed on as it is."""
        return TRUE

    def of_processor(self) -> FaultOfProcessor:
        """See `InjectedFaults.of_processor`."""
        code, address = var("error_code", 16), var("gva", 64)
        return FaultOfProcessor(
            error_code=code,
            address=address,
            walked=var("what the walk answers", 64),
            none=bv(-1, 64),
            queued=TRUE,
            exits=FALSE,
            vector=bv(_PF_VECTOR, 32),
            code=zext(self._of_processor(code), 32),
            payload=address,
            evidence=Evidence(self._told()),
        )

    def _of_processor(self, code: BitVec) -> BitVec:
        """What is told of what the processor reports."""
        return code

    def _told(self) -> tuple[Check, ...]:
        """What has to hold so that all is set that is told."""
        return ()

    def queued(self) -> QueuedFault:
        """See `InjectedFaults.queued`."""
        code, address = var("fault->error_code", 64), var("fault->address", 64)
        asynchronous = ne(var("fault->async_page_fault", 8), 0)
        in_guest_mode = ne(var("vcpu->arch.hflags", 32) & self.constants.HF_GUEST_MASK, 0)
        exits = all_of(in_guest_mode, self._waits(asynchronous))
        return QueuedFault(
            error_code=code,
            address=address,
            asynchronous=asynchronous,
            in_guest_mode=in_guest_mode,
            queued=negate(exits),
            exits=exits,
            vector=bv(_PF_VECTOR, 32),
            code=self._code(extract(code, 31, 0)),
            payload=self._payload(address),
            evidence=Evidence(),
        )

    def _waits(self, asynchronous: Bool) -> Bool:
        """Whether a fault of L2's goes to L1 in any case."""
        return asynchronous

    def _code(self, code: BitVec) -> BitVec:
        return code

    def _payload(self, address: BitVec) -> BitVec:
        return address
