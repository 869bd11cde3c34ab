"""What a vCPU flushes of what it is asked to, before its guest runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.machine.memory import Value
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import asked_flushes as cuts
from mmuproof.model.cuts import common
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.named import kvm_vcpu
from mmuproof.smt.terms import BitVec, Bool, bv, ite, ne, resize, to_bv, zext

_REQUESTS, _REQUEST = 64, 0x3F
"""How many things a vCPU can be asked for, and the bits that tell which."""


def flushes_asked(x86: Unit, asking: Bench) -> tuple[Bool, Bool]:
    """Whether what a call has asked lets a vCPU flush what has the tag in use, and what its guest can see.

    Args:
        x86: the unit that serves what is asked.
        asking: where the call was made.
    """
    asked = bv(0, _REQUESTS)
    for call in asking.session.calls(cuts.REQUEST.function):
        number = zext(asking.session.argument(call, "req"), _REQUESTS) & _REQUEST
        asked |= ite(call.guard, bv(1, _REQUESTS) << number, bv(0, _REQUESTS))

    def is_asked(arguments: Sequence[Value | None]) -> Value:
        number = arguments[0]
        assert isinstance(number, BitVec)
        return to_bv(ne(asked & (bv(1, _REQUESTS) << (resize(number, _REQUESTS) & _REQUEST)), 0), 8)

    bench = Bench(x86, (replace(cuts.TEST, gives=is_asked), *common.CUTS, cuts.FLUSH_CURRENT, cuts.FLUSH_GUEST))
    bench.add("vcpu", kvm_vcpu.STRUCT)
    bench.call("kvm_service_local_tlb_flush_requests")
    return bench.session.called(cuts.FLUSH_CURRENT.function), bench.session.called(cuts.FLUSH_GUEST.function)
