"""Walks over the tables that Linux 7.2.13 builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.shadow_walks import (
    PAE_ROOTS,
    SPTES,
    LastSpteFound,
    MmioSpteFound,
    RootInUse,
    RootKind,
    ShadowWalks,
    SpteRead,
    SptesFound,
    TdpWalkRound,
    WalkBegun,
    WalkMoved,
)
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    boolean,
    bv,
    concat,
    eq,
    extract,
    ite,
    ne,
    negate,
    sle,
    ult,
    var,
    zext,
)

_INVALID, _FRAME_BITS = (1 << 64) - 1, (1 << 52) - (1 << 12)
_ROOT, _ADDR, _BASE = var("vcpu->arch.root_mmu.root.hpa", 64), var("addr", 64), var("page_offset_base", 64)
_PAGE_SHIFT, _INDEX_BITS, _ENTRY_SHIFT = 12, 9, 3
_FOUND_ROOT = concat(bv(0, 12), var("frame of the root", 40), bv(0, 12))
_ROUNDS = "after some rounds"


@dataclass(frozen=True)
class _Step:
    """One step of a walk: the read, at which level it is, and whether the walk goes on behind it."""

    read: SpteRead
    level: int
    goes_on: Bool


class ReferenceShadowWalks(ReferenceArea, ShadowWalks):
    """``mmu.c`` and ``tdp_mmu.c``.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    def begun(self, root_level: int) -> WalkBegun:
        """See `ShadowWalks.begun`."""
        dummy = eq(_ROOT >> _PAGE_SHIFT, var("zero_page_pfn", 64))
        some = all_of(ne(_ROOT, _INVALID), negate(dummy))
        return WalkBegun(
            root=_ROOT,
            dummy=dummy,
            level=ite(some, bv(root_level, 32), bv(0, 32)),
            root_level=root_level,
            evidence=Evidence(),
        )

    def _begins(self) -> RootInUse:
        return RootInUse(
            root=_FOUND_ROOT,
            pae_root=tuple(var(f"pae_root[{number}]", 64) for number in range(PAE_ROOTS)),
            addr=_ADDR,
            linear_base=_BASE,
            frame_bits=bv(_FRAME_BITS, 64),
        )

    def _start(self, kind: RootKind, begins: RootInUse) -> tuple[int, BitVec, Bool]:
        """``shadow_walk_init()``: the level and the table at which a walk begins, if there is any."""
        if not kind.is_pae:
            return kind.root_level, begins.root, TRUE
        entry, number = bv(0, 64), extract(_ADDR, 31, 30)
        for each, value in enumerate(begins.pae_root):
            entry = ite(eq(number, each), value, entry)
        table = entry & begins.frame_bits
        return kind.levels, table, ne(table, 0)

    def _steps(self, level: int, table: BitVec, some: Bool) -> tuple[_Step, ...]:
        """``shadow_walk_okay()``, ``mmu_spte_get_lockless()`` and ``__shadow_walk_next()`` in turn."""
        steps: list[_Step] = []
        for number in range(level):
            spte, at = var(numbered("mmu_spte_get_lockless()", number + 1), 64), level - number
            address = table + _BASE + zext(concat(self._index(at), bv(0, _ENTRY_SHIFT)), 64)
            goes_on = all_of(some, self._sptes.is_shadow_present_pte(spte), negate(self._is_last(spte, at)))
            steps.append(_Step(SpteRead(happens=some, address=address, spte=spte), at, goes_on))
            table, some = spte & self._frame_bits(), goes_on
        return tuple(steps)

    def _index(self, level: int) -> BitVec:
        low = _PAGE_SHIFT + (level - 1) * _INDEX_BITS
        return extract(_ADDR, low + _INDEX_BITS - 1, low)

    def _is_last(self, spte: BitVec, level: int) -> Bool:
        return self._sptes.is_last_spte(spte, bv(level, 32))

    def _frame_bits(self) -> int:
        return _FRAME_BITS

    @staticmethod
    def _reads(steps: Sequence[_Step]) -> tuple[SpteRead, ...]:
        return tuple(step.read for step in steps)

    @staticmethod
    def _last(steps: Sequence[_Step], values: Sequence[BitVec], otherwise: BitVec) -> BitVec:
        """Of some values, one for each step, that of the last that there is."""
        found = otherwise
        for step, value in zip(steps, values, strict=True):
            found = ite(step.read.happens, value, found)
        return found

    def sptes(self, kind: RootKind) -> SptesFound:
        """See `ShadowWalks.sptes`."""
        begins = self._begins()
        level, table, some = self._start(kind, begins)
        steps = self._steps(level, table, some)
        before = tuple(var(f"sptes[{number}]", 64) for number in range(SPTES))
        kept = list(before)
        for step in steps:
            kept[step.level] = ite(step.read.happens, step.read.spte, kept[step.level])
        return SptesFound(
            begins=begins,
            reads=self._reads(steps),
            reads_more=FALSE,
            root_level=ite(some, bv(level, 32), bv(0, 32)),
            leaf=self._last(steps, [bv(step.level, 32) for step in steps], bv(-1, 32)),
            sptes=tuple(kept),
            sptes_before=before,
            evidence=Evidence(),
        )

    def last_spte(self, kind: RootKind) -> LastSpteFound:
        """See `ShadowWalks.last_spte`."""
        begins = self._begins()
        steps = self._steps(*self._start(kind, begins))
        reads = self._reads(steps)
        return LastSpteFound(
            begins=begins,
            reads=reads,
            reads_more=FALSE,
            found=reads[0].happens,
            address=self._last(steps, [each.address for each in reads], bv(0, 64)),
            spte=self._last(steps, [each.spte for each in reads], var("*spte", 64)),
            evidence=Evidence(),
        )

    def mmio_spte(self, root_level: int) -> MmioSpteFound:
        """See `ShadowWalks.mmio_spte`."""
        steps = self._steps(root_level, _FOUND_ROOT, TRUE)
        reads = self._reads(steps)
        judged = [all_of(step.read.happens, self._is_judged(step.read.spte, step.goes_on)) for step in steps]
        answers = [var(name, 1) for name in self._judgements(root_level)]
        reserved = tuple(all_of(asked, bit(answer, 0)) for asked, answer in zip(judged, answers, strict=True))
        return MmioSpteFound(
            root=_FOUND_ROOT,
            reads=reads,
            reads_more=FALSE,
            judged=tuple(judged),
            reserved=reserved,
            spte=self._last(steps, [each.spte for each in reads], bv(0, 64)),
            broken=any_of(*reserved),
            asks_tdp_mmu=TRUE,
            evidence=Evidence(),
        )

    def _is_judged(self, spte: BitVec, _goes_on: Bool) -> Bool:
        """Whether an SPTE on the way is asked for reserved bits: one of MMIO has some by design."""
        return self._sptes.is_shadow_present_pte(spte)

    @staticmethod
    def _judgements(root_level: int) -> tuple[str, ...]:
        return tuple(numbered("is_rsvd_spte()", number + 1) for number in range(root_level))

    def moved(self) -> WalkMoved:
        """See `ShadowWalks.moved`."""
        level, spte = var("iterator->level", 32), var("**sptep", 64)
        present = self._sptes.is_shadow_present_pte(spte)
        goes_down = all_of(present, negate(self._sptes.is_last_spte(spte, level)))
        after = ite(goes_down, level - 1, bv(0, 32))
        return WalkMoved(
            level=level,
            spte=spte,
            level_after=after,
            goes_on=sle(bv(1, 32), after),
            table_after=ite(goes_down, spte & self._frame_bits(), var("iterator->shadow_addr", 64)),
            frame_bits=bv(_FRAME_BITS, 64),
            evidence=Evidence(),
        )

    def _tdp(self, function: str, frame: BitVec) -> TdpWalkRound:
        in_range = all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), ult(var(f"iter.gfn {_ROUNDS}", 64), frame + 1))
        return TdpWalkRound(
            function=function,
            frame=frame,
            first_gfn=frame,
            lowest=bv(1, 32),
            root=_ROOT,
            root_walked=_ROOT,
            finds_none=TRUE,
            in_range=in_range,
            level=var(f"iter.level {_ROUNDS}", 32),
            goes_on=in_range,
            keeps=boolean(self._keeps(function)),
            ends=negate(in_range),
            hands_on=TRUE,
            evidence=Evidence(),
        )

    def _keeps(self, function: str) -> bool:
        """Whether a walk keeps the content of its entry."""
        return bool(function)

    def tdp_sptes(self) -> TdpWalkRound:
        """See `ShadowWalks.tdp_sptes`."""
        return self._tdp("kvm_tdp_mmu_get_walk", _ADDR >> _PAGE_SHIFT)

    def tdp_last_spte(self) -> TdpWalkRound:
        """See `ShadowWalks.tdp_last_spte`."""
        return self._tdp("kvm_tdp_mmu_fast_pf_get_last_sptep", var("gfn", 64))
