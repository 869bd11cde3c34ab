"""How an MMU of a lifted tree gives roots up: ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import released_roots as cuts
from mmuproof.model.kept_roots import PAE_ENTRIES, RootMet
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.cached_roots import ROOTS
from mmuproof.model.lifted.calls_made import is_called
from mmuproof.model.lifted.kept_roots import RootDesk
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import functions, kvm_mmu, page_role
from mmuproof.model.released_roots import ReleasedRoots, RootReleased, RootsReleased
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bit, implies, ne, var

_ALL = (1 << len(ROOTS)) - 1


class LiftedReleasedRoots(ReleasedRoots, Remembers):
    """How a lifted tree gives roots up.

    Args:
        mmu: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def released(self) -> RootsReleased:
        """See `ReleasedRoots.released`."""
        desk = RootDesk(self._mmu, added=cuts.RELEASES)
        asked = var("roots_to_free", 64) & _ALL
        direct = ne(desk.flag(desk.mmu, kvm_mmu.ROOT_ROLE, page_role.DIRECT), 0)
        # What the lock keeps from changing.
        desk.mmu.settled = desk.table.settled = True
        of_tdp = all_of(uses_tdp_mmu(desk, desk.kvm), direct)
        desk.call(functions.KVM_MMU_FREE_ROOTS, roots_to_free=asked)
        calls = desk.session.calls(cuts.RELEASE.function)

        def is_released(owner: Object, offset: int) -> Bool:
            return is_called(calls, pointer_to(owner, offset))

        places = [desk.place(desk.mmu, f"{root}.{kvm_mmu.HPA}").offset for root in ROOTS]
        return RootsReleased(
            asked=tuple(bit(asked, number) for number in range(len(ROOTS))),
            met=tuple(self._met(desk, number) for number in range(len(ROOTS))),
            roots=tuple(
                RootReleased(
                    address=desk.hpas[number],
                    address_after=desk.read(desk.mmu, f"{root}.{kvm_mmu.HPA}"),
                    released=is_released(desk.mmu, places[number]),
                )
                for number, root in enumerate(ROOTS)
            ),
            entries=tuple(
                RootReleased(
                    address=desk.entries[number],
                    address_after=read(desk.memory, desk.table, number * 64, 64),
                    released=is_released(desk.table, number * 64),
                )
                for number in range(PAE_ENTRIES)
            ),
            of_tdp=of_tdp,
            committed=all_of(*(_is_committed(desk, call) for call in calls)),
            evidence=desk.session.evidence(),
        )

    def _met(self, desk: RootDesk, number: int) -> RootMet:
        """A root as it was; older kernels have no page of zeros that is one."""
        met = desk.met(number)
        return met if self._mmu.has_function(functions.KVM_MMU_IS_DUMMY_ROOT) else replace(met, dummy=FALSE)


def _is_committed(desk: Bench, call: CallMade) -> Bool:
    """Whether what a call leaves to be freed is freed after it."""
    order = desk.session.machine.calls_made
    later = order[order.index(call) + 1 :]
    commits = (each.guard for each in later if each.function == cuts.COMMIT.function)
    return implies(call.guard, any_of(*commits))
