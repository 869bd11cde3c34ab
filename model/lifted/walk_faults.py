"""What walks of guest page tables leave when they fail, in a lifted tree (``paging_tmpl.h``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.walk_ends import HAS_NO_PLACE, IS_VISIBLE, READ_ENTRY, UPDATES_FLAGS
from mmuproof.model.lifted.calls_made import answer_of, is_nonzero
from mmuproof.model.lifted.nested import read_entries, with_entries
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.walk_bench import WalkOnBench
from mmuproof.model.named import guest_walker, kvm_vcpu, x86_exception
from mmuproof.model.walk_faults import FailedWalk, WalkFaults
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, any_of, bit, bv, eq, implies, ne, negate, resize, var

_EFER_LMA, _CR4_PAE = 10, 5
_INT_BITS, _SIGN, _ANY = 32, 1 << 31, (1 << 32) - 1
_STAGE_BITS = 33
"""An error code tells the stage in bits 33:32."""


class LiftedWalkFaults(WalkFaults, Remembers):
    """The part of a lifted tree that tells why a walk of guest page tables has failed (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def failed_walk(
        self,
        gpte_format: GpteFormat,
        levels: int,
        entries: Sequence[BitVec],
        *,
        role: BitVec,
        cr4_pse: Bool,
        accessed_dirty: Bool,
        nested: bool,
    ) -> FailedWalk:
        """See `WalkFaults.failed_walk`."""
        begun = WalkOnBench(self._unit, gpte_format, nested=nested)
        begun.set_role(role)
        begun.set_flags(levels, cr4_pse=cr4_pse, accessed_dirty=accessed_dirty)
        earlier = begun.bench.memory.copy()
        answer = begun.walk()
        return _LeftByWalk(begun, gpte_format, read_entries(entries), earlier).told(levels, answer)


class _LeftByWalk:
    """What a walk has left.

    Args:
        begun: where it has run.
        gpte_format: the code that has walked.
        given: what stands for each value that it has read.
        earlier: the memory before.
    """

    def __init__(self, begun: WalkOnBench, gpte_format: GpteFormat, given: dict[Term, Term], earlier: Memory) -> None:
        self._begun, self._bench, self._format = begun, begun.bench, gpte_format
        self._given, self._earlier = given, earlier

    def told(self, levels: int, answer: BitVec) -> FailedWalk:
        """All of it, of a walk from a number of levels on that has given an answer."""
        session, first = self._bench.session, self._begun.first_read(levels)
        checks = session.calls(f"{self._format.value}_is_rsvd_bits_set")
        code, (qualification, before) = self._left(x86_exception.ERROR_CODE), self._qualification()
        fails = substitute(eq(answer, 0), self._given)
        return FailedWalk(
            addr=var("addr", 64),
            access=var("access", 64),
            first=var(f"{first.function}()", 64),
            reserved=tuple(is_nonzero(check) for check in checks),
            long_mode_has_pae=self._long_mode_has_pae(),
            judgement=self._begun.judgement,
            happens=all_of(fails, negate(self._host_fails())),
            vector=self._left(x86_exception.VECTOR),
            has_error_code=ne(self._left(x86_exception.ERROR_CODE_VALID), 0),
            error_code=resize(code, 64),
            keeps_stage=code.width > _STAGE_BITS,
            address=self._left(x86_exception.ADDRESS),
            asynchronous=ne(self._left(x86_exception.ASYNC_PAGE_FAULT), 0),
            nested=ne(self._left(x86_exception.NESTED_PAGE_FAULT), 0),
            exit_qualification=qualification,
            earlier_qualification=before,
            evidence=with_entries(self._given, session.evidence()),
        )

    def _left(self, member: str) -> BitVec:
        """What the walk leaves for whoever injects the fault, in its walker or where that points to."""
        return substitute(self._bench.inner(self._begun.walker, guest_walker.FAULT, member), self._given)

    def _qualification(self) -> tuple[BitVec, BitVec | None]:
        """What an exit qualification is to be made of, and what was in its place before if that counts."""
        if self._format is not GpteFormat.EPT:
            return bv(0, 64), None
        if self._bench.unit.has_member(x86_exception.STRUCT, x86_exception.EXIT_QUALIFICATION):
            return self._left(x86_exception.EXIT_QUALIFICATION), None
        # Before, a walk changed what the last EPT violation had left.
        after, before = (
            self._bench.read(self._begun.vcpu, kvm_vcpu.EXIT_QUALIFICATION, memory)
            for memory in (self._bench.memory, self._earlier)
        )
        return substitute(after, self._given), before

    def _long_mode_has_pae(self) -> Bool:
        efer, cr4 = (self._bench.read(self._begun.vcpu, each, self._earlier) for each in (kvm_vcpu.EFER, kvm_vcpu.CR4))
        return implies(bit(efer, _EFER_LMA), bit(cr4, _CR4_PAE))

    def _host_fails(self) -> Bool:
        """Whether the host has no memory where the tables are, or cannot read or write it."""

        def answers(function: str, mask: int) -> Iterator[tuple[Bool, Bool]]:
            for each in self._bench.session.calls(function):
                yield substitute(each.guard, self._given), ne(answer_of(each, _INT_BITS) & mask, 0)

        fails = (
            *answers(HAS_NO_PLACE.function, _ANY),
            *answers(READ_ENTRY.function, _ANY),
            *answers(f"{self._format.value}{UPDATES_FLAGS}", _SIGN),
            *((made, negate(answer)) for made, answer in answers(IS_VISIBLE.function, _ANY)),
        )
        return any_of(*(all_of(made, failed) for made, failed in fails))
