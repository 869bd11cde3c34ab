"""How a lifted tree gives pages of SPTEs up: ``mmu.c`` and ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import zapped_pages as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_called, is_given, is_request
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import (
    constants,
    functions,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    list_heads,
    page_role,
    vcpu_requests,
)
from mmuproof.model.zapped_pages import AllGivenUp, LateFlush, LeftBehindFreed, PageGivenUp, RootEmptied, ZappedPages
from mmuproof.smt.terms import TRUE, Bool, all_of, any_of, bv, eq, iff, ite, ne, negate, ule, var, zext

_GIVES_UP, _ENDS = functions.INNER_KVM_MMU_PREPARE_ZAP_PAGE, functions.KVM_MMU_REMOTE_FLUSH_OR_ZAP
_ALL = (functions.INNER_KVM_MMU_ZAP_ALL_FAST_FRONT_HALF, functions.KVM_MMU_ZAP_ALL_FAST)
_EMPTIES, _LEFT_BEHIND = functions.TDP_MMU_ZAP_ROOT, functions.KVM_MMU_FREE_OBSOLETE_ROOTS


_DIRECT_ROOTS, _IN_USE = constants.KVM_DIRECT_ROOTS, 1
"""The kind of roots that are no mirrors, and what means the root in use."""


class LiftedZappedPages(ZappedPages, Remembers):
    """What a lifted tree gives up.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
    """

    def __init__(self, mmu: Unit, tdp: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    def _told(self, bench: Bench) -> list[CallMade]:
        """The calls that tell vCPUs to let go of roots."""
        calls = bench.session.calls(cuts.TELL.function)
        return [call for call in calls if is_request(call, vcpu_requests.MMU_FREE_OBSOLETE_ROOTS) is TRUE]

    @once
    def given_up(self) -> PageGivenUp:
        """See `ZappedPages.given_up`."""
        bench = Bench(self._mmu, cuts.GIVES_UP)
        kvm, page, queue = (
            bench.add("kvm", kvm_vm.STRUCT),
            bench.add("sp", kvm_mmu_page.STRUCT),
            bench.add("invalid_list", list_heads.LIST),
        )
        # No call takes this page away or uses it anew: what they change of pages is of others.
        kvm.settled = page.settled = True
        number = Object(name="nr_zapped", type=IntType(32, True, "int"), kind=ObjectKind.INPUT, by_pointer=True)
        uses, unsync = ne(bench.read(page, kvm_mmu_page.ROOT_COUNT), 0), ne(bench.read(page, kvm_mmu_page.UNSYNC), 0)
        invalid, direct, through = (
            ne(bench.flag(page, kvm_mmu_page.ROLE, n), 0)
            for n in (page_role.INVALID, page_role.DIRECT, page_role.PASSTHROUGH)
        )
        old = ne(bench.read(page, kvm_mmu_page.MMU_VALID_GEN), bench.read(kvm, kvm_vm.MMU_VALID_GEN))
        of_tdp = ne(bench.read(page, kvm_mmu_page.TDP_MMU_PAGE), 0)
        session = bench.session
        session.call(bench.memory, _GIVES_UP, objects=bench.objects, pointers={"nr_zapped": pointer_to(number)})
        link = pointer_to(page, bench.place(page, kvm_mmu_page.LINK).offset)
        queues = session.calls(*(cut.function for cut in cuts.QUEUE))
        told = self._told(bench)

        def done(cut: Cut) -> Bool:
            return is_called(session.calls(cut.function), pointer_to(page))

        return PageGivenUp(
            in_use=uses,
            was_invalid=invalid,
            shadows=negate(any_of(direct, through)),
            unsync=unsync,
            may_be_loaded=all_of(negate(invalid), any_of(of_tdp, negate(old))),
            children_given_up=done(cuts.CHILDREN),
            emptied=done(cuts.EMPTY),
            unlinked=done(cuts.UNLINK),
            uncounted=done(cuts.UNCOUNT),
            synced=done(cuts.SYNCED),
            queued=is_called(queues, link, pointer_to(queue)),
            invalid=ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.INVALID), 0),
            told=any_of(*(call.guard for call in told)),
            told_late=all_of(
                *(
                    any_of(
                        negate(call.guard), ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.INVALID, call.memory), 0)
                    )
                    for call in told
                )
            ),
            evidence=session.evidence(),
        )

    @once
    def all_at_once(self) -> AllGivenUp:
        """See `ZappedPages.all_at_once`."""
        bench = Bench(self._mmu, cuts.ALL)
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        kvm.settled = True
        place = kvm_vm.MMU_VALID_GEN
        before, tdp_mmu = bench.read(kvm, place), uses_tdp_mmu(bench, kvm)
        bench.call(self._mmu.function(*_ALL).name)
        session, told = bench.session, self._told(bench)
        roots = session.calls(*(cut.function for cut in cuts.ROOTS))
        kinds = [
            eq(session.argument(call, "root_types"), constant_of(self._mmu, _DIRECT_ROOTS))
            for call in roots
            if call.function == cuts.ROOTS[0].function
        ]
        # Who is told has been told after what the calls before have given up, in their order.
        first = next((number for number, call in enumerate(session.machine.calls_made) if call in told), None)
        earlier = session.machine.calls_made[: first or 0]
        ready = all_of(any_of(*(call.guard for call in roots if call in earlier), negate(tdp_mmu)))
        moved = (ne(bench.read(kvm, place, call.memory), before) for call in told)
        return AllGivenUp(
            tdp_mmu=tdp_mmu,
            before=before,
            after=bench.read(kvm, place),
            told_of_tdp=any_of(*(call.guard for call in roots)),
            only_direct=all_of(*kinds),
            told=any_of(*(call.guard for call in told)),
            told_late=all_of(ready, *moved),
            zaps=session.called(cuts.SWEEP.function),
            evidence=session.evidence(),
        )

    @once
    def root_emptied(self) -> RootEmptied:
        """See `ZappedPages.root_emptied`."""
        bench = Bench(self._tdp, cuts.EMPTIES)
        bench.add("kvm", kvm_vm.STRUCT)
        root, shared = bench.add("root", kvm_mmu_page.STRUCT), var("shared", 8) & 1
        root.settled = True
        level = zext(bench.flag(root, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        bench.call(_EMPTIES, shared=shared)
        session = bench.session
        calls = session.calls(cuts.EMPTY_FROM.function)
        last, right, rising = bv(0, 32), [TRUE], [TRUE]
        for call in calls:
            at, held = (session.argument(call, name) for name in ("zap_level", "shared"))
            right.append(
                any_of(negate(call.guard), all_of(is_given(call, pointer_to(root)), iff(ne(held, 0), ne(shared, 0))))
            )
            rising.append(any_of(negate(call.guard), ule(last, at)))
            last = ite(call.guard, at, last)
        return RootEmptied(
            level=level, last=last, right=all_of(*right), rising=all_of(*rising), evidence=session.evidence()
        )

    @once
    def left_behind(self) -> LeftBehindFreed:
        """See `ZappedPages.left_behind`."""
        bench = Bench(self._mmu, cuts.LEFT_BEHIND)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        mmus = Mmus(vcpu)
        bench.call(_LEFT_BEHIND)
        calls = bench.session.calls(cuts.FREE_OF_MMU.function)
        own, nested = (
            is_called(calls, pointer_to(vcpu, mmus.find(part).offset)) for part in (Part.ROOT_MMU, Part.NESTED_MMU)
        )
        return LeftBehindFreed(own=own, nested=nested, evidence=bench.session.evidence())

    @once
    def late_flush(self) -> LateFlush:
        """See `ZappedPages.late_flush`."""
        some = negate(eq(var("the list is empty", 1), 1))
        known = tuple(cut for cut in cuts.LATE if cut is not cuts.SOME)
        bench = Bench(self._mmu, (*known, replace(cuts.SOME, gives=var("the list is empty", 1))))
        bench.add("kvm", kvm_vm.STRUCT)
        queue = bench.add("invalid_list", list_heads.LIST)
        due = var("remote_flush", 8) & 1
        answer = bench.integer(_ENDS, remote_flush=due)
        session = bench.session
        frees = session.calls(cuts.FREE.function)
        return LateFlush(
            due=ne(due, 0),
            some=some,
            flushed=session.called(cuts.FLUSH.function),
            freed=is_called(frees, pointer_to(queue)),
            answer=ne(answer, 0),
            evidence=session.evidence(),
        )
