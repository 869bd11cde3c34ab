"""Flushing the TLB of a processor with SVM in a lifted tree: ``svm.c``."""

from __future__ import annotations

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import svm_flushes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import constants, functions, vcpu_svm, vmcb_fields
from mmuproof.model.svm_flushes import AsidFlushed, SvmFlush, SvmFlushes
from mmuproof.smt.terms import Bool, all_of, any_of, eq, ne, resize, var

_ASID = 32


class LiftedSvmFlushes(SvmFlushes, Remembers):
    """What flushes the TLB in a lifted tree.

    Args:
        svm: ``svm.c``.
        _x86: ``x86.c``, in which is read what those write that are not followed.
    """

    def __init__(self, svm: Unit, _x86: Unit) -> None:
        super().__init__()
        self._svm = svm

    @once
    def flushed(self, flush: SvmFlush) -> AsidFlushed:
        """See `SvmFlushes.flushed`."""
        bench = Bench(self._svm, cuts.CUTS)
        svm, vmcb = bench.add("svm", vcpu_svm.STRUCT), bench.add("vmcb", vmcb_fields.STRUCT)
        current = bench.add("current", vcpu_svm.VMCB_INFO)
        bench.lend_vcpu(svm)
        bench.write(svm, vcpu_svm.VMCB, pointer_to(vmcb))
        bench.write(svm, vcpu_svm.CURRENT_VMCB, pointer_to(current))
        bench.write(current, vcpu_svm.INFO_PTR, pointer_to(vmcb))
        Mmus(svm, "vcpu.").connect(bench.memory, nested=False, l2=False)
        asid, before = bench.read(vmcb, vmcb_fields.CONTROL_ASID), bench.read(current, vcpu_svm.INFO_ASID_GENERATION)
        address, full = var("address", 64), IntType(8, False, "bool", is_bool=True)
        # Before guests had a flush of their own, that of the ASID was one.
        names = (flush.value, functions.SVM_FLUSH_TLB_ASID) if flush is SvmFlush.GUEST else (flush.value,)
        found = Object(name="full", type=full, kind=ObjectKind.INPUT, by_pointer=True)
        bench.session.call(
            bench.memory,
            names,
            objects=bench.objects,
            values={"gva": address, "addr": address},
            pointers={"full": pointer_to(found)},
        )
        return AsidFlushed(
            function=flush.value,
            by_asid=self._by_asid(bench),
            control=resize(bench.read(vmcb, vmcb_fields.CONTROL_TLB_CTL), 8),
            another_asid=ne(bench.read(current, vcpu_svm.INFO_ASID_GENERATION), before),
            one_address=any_of(
                *(
                    all_of(
                        call.guard,
                        eq(numbers_given(call)[0], address),
                        eq(resize(numbers_given(call)[1], _ASID), resize(asid, _ASID)),
                    )
                    for call in bench.session.calls(cuts.ONE_ADDRESS.function)
                )
            ),
            evidence=bench.session.evidence(),
        )

    def _by_asid(self, bench: Bench) -> Bool:
        """Whether the processor can flush one ASID, if the code has asked."""
        feature = constant_of(self._svm, constants.X86_FEATURE_FLUSHBYASID)
        asks = (functions.INNER_STATIC_CPU_HAS, functions.STATIC_CPU_HAS)
        return any_of(*(ne(var(f"{name}({feature})", 1), 0) for name in asks if bench.session.calls(name)))
