"""KVM's own accesses to linear addresses in a lifted tree."""

from __future__ import annotations

from mmuproof.lift.c_types import IntType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.linear_accesses import CUTS, GET_CPL, WALKS
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.linear_accesses import Accessor, LinearAccesses, LinearAsk
from mmuproof.model.named import functions, kvm_vcpu, x86_exception
from mmuproof.smt.terms import BitVec, bool_var, resize, to_bv, var

_WORD = IntType(64, False, "u64")
_ACCESS = {functions.GVA_TO_GPA: 3}
_HELPERS_ACCESS = 4
"""Where the walk, and where its helpers, have the access among their arguments."""


class LiftedLinearAccesses(LinearAccesses, Remembers):
    """The part of a lifted tree that accesses linear addresses (``x86.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def asks(self, accessor: Accessor) -> LinearAsk:
        """See `LinearAccesses.asks`."""
        bench = Bench(self._unit, CUTS)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        bench.add("exception", x86_exception.STRUCT)
        bench.write(bench.add("ctxt", kvm_vcpu.EMULATE), kvm_vcpu.VCPU, pointer_to(vcpu))
        system, write = bool_var("system"), bool_var("write")
        address, size = var("address", 64), var("bytes", 32)
        values = {"gva": address, "addr": address, "bytes": size, "system": to_bv(system, 8), "write": to_bv(write, 8)}
        pointers = {
            name: pointer_to(Object(name=f"*{name}", type=_WORD, kind=ObjectKind.INPUT)) for name in ("val", "gpa")
        }
        bench.session.call(bench.memory, accessor.value, objects=bench.objects, values=values, pointers=pointers)
        call = bench.session.only_call(*WALKS)
        access = call.arguments[_ACCESS.get(call.function, _HELPERS_ACCESS)]
        if not isinstance(access, BitVec):
            raise Refused(f"{accessor.value}(): the access is no number")
        cpl = var(f"{GET_CPL.function}()", 32)
        return LinearAsk(
            guard=call.guard,
            access=resize(access, 64),
            cpl=cpl,
            system=system,
            write=write,
            evidence=bench.session.evidence(),
        )
