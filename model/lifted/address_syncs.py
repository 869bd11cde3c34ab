"""How a lifted tree brings an address up to date: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.address_syncs import AddressStep, AddressSyncs
from mmuproof.model.cuts import address_syncs as cuts
from mmuproof.model.cuts import map_rounds, roles
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, numbers_given
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.variables import variable_of
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vcpu, shadow_iterator
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, eq, ne, slt, var

_STEPS = functions.INNER_KVM_MMU_INVALIDATE_ADDR

_NO_ROOT = bv(-1, 64)


class LiftedAddressSyncs(AddressSyncs, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``mmu.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def step(self) -> AddressStep:
        """See `AddressSyncs.step`."""
        page = Object(name="sp", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        # Synchronizing an entry changes nothing of what is asked of its page.
        page.settled = True
        of_entry = replace(roles.SPTEP_TO_SP, gives=pointer_to(page))
        bench = Bench(self._unit, (*cuts.CUTS, of_entry), any_round=frozenset({_STEPS}))
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        mmus.connect(bench.memory, nested=False, l2=False)
        for part in (Part.ROOT_MMU, Part.GUEST_WALK):
            place = mmus.find(part)
            bench.objects.setdefault(place.type.name, pointer_to(vcpu, place.offset))
        address, root = var("address", 64), var("root", 64)
        bench.call(_STEPS, addr=address, root_hpa=root)
        session, walk = bench.session, variable_of(bench.session.round(_STEPS), shadow_iterator.STRUCT)
        finds, sync = session.only_call(of_entry.function), session.only_call(cuts.SYNC.function)
        entry, answer = finds.arguments[0], answer_of(sync, 32)
        assert isinstance(entry, Pointer)
        right = all_of(
            is_given(sync, pointer_to(page)), eq(_last(sync), bench.read(walk, shadow_iterator.INDEX, sync.memory))
        )
        starts = session.calls(cuts.START.function)
        return AddressStep(
            has_root=ne(root, _NO_ROOT),
            walks=_done(
                starts,
                lambda call: all_of(
                    eq(session.argument(call, "root"), root), eq(session.argument(call, "addr"), address)
                ),
            ),
            forgets_mmio=_done(session.calls(cuts.FORGET.function), lambda call: eq(_last(call), address)),
            here=all_of(_done(starts), session.says(map_rounds.OKAY.function)),
            unsync=ne(bench.read(page, kvm_mmu_page.UNSYNC), 0),
            below=ne(bench.read(page, kvm_mmu_page.UNSYNC_CHILDREN), 0),
            synced=all_of(sync.guard, right),
            fails=slt(answer, bv(0, 32)),
            changes=ne(answer, 0),
            dropped=_done(
                session.calls(cuts.DROP.function),
                lambda call: all_of(is_given(call, pointer_to(page)), is_given(call, entry)),
            ),
            flushed=_done(session.calls(cuts.FLUSH.function), lambda call: is_given(call, entry)),
            goes_on=_done(session.calls(map_rounds.NEXT.function)),
            evidence=session.evidence(),
        )


def _done(calls: Sequence[CallMade], right: Callable[[CallMade], Bool] = lambda _call: TRUE) -> Bool:
    """Whether one of some calls is made, and is right."""
    return any_of(*(all_of(call.guard, right(call)) for call in calls))


def _last(call: CallMade) -> BitVec:
    """The last number that a call is given."""
    return numbers_given(call)[-1]
