"""Logs of pages that the processor has written to, in a lifted tree: ``vmx.c`` and ``vmx/nested.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.memory import Memory, Object, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import page_logs as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_nonzero, numbers_given
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import VariableKind, variable_like
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import functions, vcpu_vmx, vmcs12_fields
from mmuproof.model.page_logs import ENTRIES, LogRound, LogWritten, PageLogs, logged_in
from mmuproof.smt.terms import FALSE, BitVec, all_of, any_of, bit, bv, eq, ite, ne, resize, sext, var, zext

_DRAINS, _LOGS = "vmx_flush_pml_buffer", "nested_vmx_write_pml_buffer"
_PML_INDEX = 0x812
"""The guest's PML index among the fields of the VMCS: SDM appendix B.1.2."""
_SECONDARY, _ENABLE_PML, _PAGE = 31, 17, 12
"""The bits of execution controls, SDM tables 27-6 and 27-7, and of an address in its page."""
_INDEX = VariableKind("a small number", lambda type_: isinstance(type_, IntType) and type_.bits in (16, 32))


class LiftedPageLogs(PageLogs, Remembers):
    """What a lifted tree does with logs of pages.

    Args:
        vmx: ``vmx.c``.
        nested_vmx: ``vmx/nested.c``.
    """

    def __init__(self, vmx: Unit, nested_vmx: Unit) -> None:
        super().__init__()
        self._vmx, self._nested_vmx = vmx, nested_vmx

    @once
    def round(self) -> LogRound:
        """See `PageLogs.round`."""
        log = page_table("log")
        known = tuple(replace(cut, gives=pointer_to(log)) if cut is cuts.LOG else cut for cut in cuts.DRAINS)
        bench = Bench(self._vmx, known, any_round=frozenset({_DRAINS}))
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        for each in range(ENTRIES):
            bench.memory.write(log, each * 64, 64, logged_in(bv(each, 32)))
        bench.call(_DRAINS)
        session = bench.session
        made, index = session.round(_DRAINS), session.only_call(cuts.READ.function)
        variable = variable_like(made, _INDEX, "i")
        at = _number(made.head, variable)
        marks = session.calls(cuts.MARK.function)
        gfn = var("no frame", 64)
        for call in marks:
            gfn = ite(call.guard, session.argument(call, "gfn"), gfn)
        resets, reset_to = written(session.calls(cuts.RESET.function), _PML_INDEX, 16)
        return LogRound(
            index=answer_of(index, 16),
            of_index=eq(resize(numbers_given(index)[0], 64), _PML_INDEX),
            reads=made.begins,
            first=_number(made.entered, variable),
            at=at,
            entry=logged_in(at),
            marks=any_of(*(call.guard for call in marks)),
            gfn=gfn,
            goes_on=made.goes_on,
            next=_number(made.end, variable) if made.end else at,
            resets=resets,
            reset_to=reset_to,
            evidence=session.evidence(),
        )

    @once
    def written(self) -> LogWritten:
        """See `PageLogs.written`."""
        bench = Bench(self._nested_vmx, cuts.WRITES)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        vmcs12 = lent_vmcs12(bench, vmx)
        gpa, was_full = var("gpa", 64), ne(bench.read(vmx, vcpu_vmx.NESTED_PML_FULL), 0)
        l2 = ne(bench.integer(functions.IS_GUEST_MODE), 0)
        log, index = (bench.read(vmcs12, each) for each in (vmcs12_fields.PML_ADDRESS, vmcs12_fields.GUEST_PML_INDEX))
        enabled = all_of(
            bit(bench.read(vmcs12, vmcs12_fields.CPU_BASED_VM_EXEC_CONTROL), _SECONDARY),
            bit(bench.read(vmcs12, vmcs12_fields.SECONDARY_VM_EXEC_CONTROL), _ENABLE_PML),
        )
        answer = bench.integer(_LOGS, gpa=gpa)
        session, writes, fails = bench.session, FALSE, FALSE
        value, length, where = (bv(0, 64) for _ in range(3))
        for call in session.calls(cuts.WRITE.function):
            gfn, offset, size = (zext(session.argument(call, each), 64) for each in ("gfn", "offset", "len"))
            source = session.pointer_argument(call, "data")
            (place,) = (each.place for each in source.targets)
            assert place is not None
            assert call.memory is not None
            told = read(call.memory, place.object, place.offset, 64)
            writes, fails = any_of(writes, call.guard), any_of(fails, all_of(call.guard, is_nonzero(call)))
            value, length, where = (
                ite(call.guard, new, former)
                for new, former in ((told, value), (size, length), ((gfn << _PAGE) + offset, where))
            )
        return LogWritten(
            gpa=gpa,
            l2=l2,
            was_full=was_full,
            enabled=enabled,
            log=log,
            index=index,
            writes=writes,
            written=value,
            length=length,
            where=where,
            fails=fails,
            index_after=bench.read(vmcs12, vmcs12_fields.GUEST_PML_INDEX),
            full=ne(bench.read(vmx, vcpu_vmx.NESTED_PML_FULL), 0),
            refused=ne(answer, 0),
            evidence=session.evidence(),
        )


def _number(memory: Memory, variable: Object) -> BitVec:
    """What the variable holds that tells an entry."""
    held = read(memory, variable, 0, variable.type.bits)
    signed = isinstance(variable.type, IntType) and variable.type.signed
    return held if held.width == 32 else (sext if signed else zext)(held, 32)
