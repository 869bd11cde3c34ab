"""The tables that a lifted tree makes above a PAE root: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mmuproof.lift.machine.memory import Object, Pointer, Value, pointer_to, same_place
from mmuproof.lift.machine.values import Target, as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import special_roots as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import has_member
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_vcpu, page_role
from mmuproof.model.special_roots import SpecialRoots, SpecialRootsMade, SpecialTable
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, ite, ne, negate, resize

_PAGE, _NEW = 1 << 12, 1 << 32
"""Where pages are: the former tables, each at its level, and the new ones, one after the other."""
_TABLES = {3: kvm_mmu.PAE_ROOT, 4: kvm_mmu.PML4_ROOT, 5: kvm_mmu.PML5_ROOT}


class LiftedSpecialRoots(SpecialRoots, Remembers):
    """What a lifted tree makes.

    Args:
        mmu: ``mmu.c``.
    """

    def __init__(self, mmu: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def made(self) -> SpecialRootsMade:
        """See `SpecialRoots.made`."""
        pages = _NewPages(constant_of(self._mmu, constants.GFP_ZERO))
        found = {cut: pages.getter(zeroed=cut in cuts.ZEROED) for cut in (*cuts.ZEROED, *cuts.PLAIN)}
        bench = Bench(self._mmu, tuple(replace(cut, gives=found.get(cut)) for cut in cuts.CUTS))
        vcpu, mmu = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("mmu", kvm_mmu.MMU)
        bench.write(vcpu, kvm_mmu.IN_USE, pointer_to(mmu))
        walk = mmu
        if has_member(self._mmu.record(kvm_mmu.MMU), [kvm_mmu.W]):
            walk = bench.add("walk", kvm_mmu.WALKERS[-1])
            bench.write(mmu, kvm_mmu.W, pointer_to(walk))
        before = {level: self._had(bench, mmu, level) for level in _TABLES}
        answer = bench.integer(functions.MMU_ALLOC_SPECIAL_ROOTS)
        after = {level: self._held(bench, mmu, level) for level in _TABLES}
        frees = bench.session.calls(cuts.GIVE_BACK.function)

        def is_page(table: Pointer, page: BitVec) -> Bool:
            return same_place(table, _at(page))

        def of_level(level: int) -> SpecialTable:
            held, (had, old) = after[level], before[level]
            others = (each for other, each in after.items() if other != level)
            back = (all_of(call.guard, is_page(held, numbers_given(call)[0])) for call in frees)
            return SpecialTable(
                level=level,
                had=had,
                has=negate(held.is_null),
                kept=same_place(held, old),
                zeroed=any_of(*(all_of(is_page(held, page), zero) for page, zero in pages.taken)),
                own=any_of(held.is_null, negate(any_of(*(same_place(held, each) for each in others)))),
                freed=all_of(negate(held.is_null), any_of(*back)),
            )

        return SpecialRootsMade(
            direct=ne(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0),
            guest_level=resize(bench.flag(walk, kvm_mmu.CPU_ROLE_BASE, page_role.LEVEL), 32),
            root_level=resize(bench.flag(mmu, kvm_mmu.ROOT_ROLE, page_role.LEVEL), 32),
            tables=tuple(map(of_level, _TABLES)),
            answer=answer,
            evidence=bench.session.evidence(),
        )

    @staticmethod
    def _had(bench: Bench, mmu: Object, level: int) -> tuple[Bool, Pointer]:
        """Let the MMU have a table of a level already, or none."""
        had = bool_var(f"there is a table of level {level}")
        before = _at(ite(had, bv(_PAGE * level, 64), 0))
        bench.write(mmu, _TABLES[level], before)
        return had, before

    @staticmethod
    def _held(bench: Bench, mmu: Object, level: int) -> Pointer:
        place = bench.place(mmu, _TABLES[level])
        held = as_pointer(bench.memory.read(mmu, place.offset, place.width))
        assert held is not None
        return held


class _NewPages:
    """Pages that are taken one after the other.

    Args:
        zero: the flag by which a page is asked for that is zeroed.
    """

    def __init__(self, zero: int) -> None:
        self._zero = zero
        self.taken: list[tuple[BitVec, Bool]] = []

    def getter(self, *, zeroed: bool) -> Callable[[Sequence[Value | None]], Value]:
        """What a function gives that takes a page, or none."""

        def get(arguments: Sequence[Value | None]) -> Value:
            flags, number = arguments[0], len(self.taken) + 1
            asked = ne(flags & self._zero, 0) if isinstance(flags, BitVec) else FALSE
            page = ite(bool_var(f"there is no page {number}"), bv(0, 64), _NEW + _PAGE * number)
            self.taken.append((page, TRUE if zeroed else asked))
            return page

        return get


def _at(address: BitVec) -> Pointer:
    """A pointer to the page of an address, of which no more is known."""
    return Pointer((Target(guard=TRUE, address=address),))
