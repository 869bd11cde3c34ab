"""What a guest of a lifted tree has flushed: ``hyperv.c``, ``vmx/nested.c`` and ``x86.c``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.machine.findings import CallMade, RoundMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, choose, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import guest_flushes as cuts
from mmuproof.model.cuts import invalidations
from mmuproof.model.guest_flushes import (
    FlushAsked,
    GuestFlushes,
    ListedRound,
    ListFilled,
    PcidInvalidated,
    VpidInvalidated,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.asked_flushes import flushes_asked
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import (
    answer_of,
    is_called,
    is_given,
    is_nonzero,
    is_request,
    left_at,
    numbers_given,
)
from mmuproof.model.lifted.cr4_bits import LA57, PCIDE
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import ENTRIES, FLAG, NUMBER, WIDE, has_variable_like, leads_to, variable_like
from mmuproof.model.lifted.wide_addresses import has_wide_addresses
from mmuproof.model.named import (
    functions,
    host_kernel,
    hyperv_calls,
    kvm_mmu,
    kvm_vcpu,
    kvm_vm,
    list_heads,
    switches,
    vcpu_requests,
    vcpu_vmx,
)
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    iff,
    implies,
    ite,
    ne,
    negate,
    resize,
    var,
    zext,
)

_SET = 3
"""The argument behind which the set of those is that are named."""
_ASKS, _PLAIN, _OF_ALL = "kvm_hv_flush_tlb", (0x0002, 0x0003), (0x0002, 0x0013)
"""What hypercalls do that flush; those that name at most 64 vCPUs, and those that flush all: TLFS, HvCallFlush*."""
_FILLS, _ALL = "hv_tlb_flush_enqueue", (1 << 64) - 1
"""What fills the list, and the entry that means all."""
_LIST, _INVVPID, _INVPCID = "kvm_hv_vcpu_flush_tlb", "handle_invvpid", "kvm_handle_invpcid"
_ENTRIES, _INDEX, _PAGE, _ENOUGH = "entries", "i", "j", "full"
"""The variables of what goes through the list."""
_INTO = 2
"""The argument behind which the operand comes that the guest has."""
_TELLS, _ANSWERS = "flush_tlb_gva", "_Bool *)"
"""What tells the vendor of an address, and how its type ends where it can answer that all is flushed."""


_ENABLES_VPID, _OFFERS, _TYPES_FROM, _TYPES = 5, 32, 40, 0xF
"""The control, and where IA32_VMX_EPT_VPID_CAP tells of INVVPID and of its types: SDM A.3.3, A.10."""


class LiftedGuestFlushes(GuestFlushes, Remembers):
    """What a lifted tree flushes for a guest.

    Args:
        nested_vmx: ``vmx/nested.c``.
        x86: ``x86.c``.
        hyperv: ``hyperv.c``; None in a configuration without Hyper-V.
    """

    def __init__(self, nested_vmx: Unit, x86: Unit, hyperv: Unit | None = None) -> None:
        super().__init__()
        self._hyperv, self._nested_vmx, self._x86 = hyperv, nested_vmx, x86

    @once
    def listed(self) -> ListedRound:
        """See `GuestFlushes.listed`."""
        if self._hyperv is None:
            raise NotThere([f"{_LIST}()"])
        vendors = self._hyperv.record(host_kernel.OPS_STRUCT).members.get(_TELLS)
        if vendors is None:
            raise NotThere([f"struct kvm_x86_ops.{_TELLS}"])
        tells = cuts.TELL_AND_ASK if vendors.type.name.endswith(_ANSWERS) else cuts.TELL
        bench = Bench(self._hyperv, (*cuts.LISTED, tells), any_round=frozenset({_LIST}))
        bench.add("vcpu", kvm_vcpu.STRUCT)
        answer = bench.integer(_LIST)
        pages, entries = bench.session.rounds(_LIST, 2)
        taken = bench.session.only_call(cuts.TAKEN.function)
        page = variable_like(pages, NUMBER, _PAGE)
        index = variable_like(entries, NUMBER, _INDEX, besides=(page,))
        full = variable_like(pages, FLAG, _ENOUGH) if has_variable_like(pages, FLAG) else None

        def number(memory: Memory | None, object_: Object) -> BitVec:
            return read(memory or pages.head, object_, 0, 32)

        def enough(memory: Memory) -> Bool:
            return FALSE if full is None else ne(read(memory, full, 0, 8), 0)

        told, address = FALSE, var("no address", 64)
        for call in bench.session.calls(cuts.TELL.function):
            place = call.arguments[1]
            assert isinstance(place, BitVec)
            told, address = any_of(told, call.guard), ite(call.guard, place, address)
        return ListedRound(
            serves=taken.guard,
            index=number(entries.head, index),
            count=answer_of(taken, 32),
            entry=self._entry(entries.head, variable_like(entries, ENTRIES, _ENTRIES), number(entries.head, index)),
            page=number(pages.head, page),
            index_first=number(entries.entered, index),
            page_first=number(pages.entered, page),
            told=told,
            address=address,
            enough=enough(pages.head),
            enough_before=enough(entries.head),
            next_page=pages.goes_on,
            page_after=number(pages.end, page),
            next_entry=entries.goes_on,
            index_after=number(entries.end, index),
            succeeds=all_of(eq(answer, 0), negate(pages.goes_on), negate(entries.goes_on)),
            wide_processor=has_wide_addresses(bench),
            evidence=bench.session.evidence(),
        )

    def _entry(self, memory: Memory, entries: Object, index: BitVec) -> BitVec:
        found = read(memory, entries, 0, 64)
        for each in range(1, entries.type.bits // 64):
            found = ite(eq(index, each), read(memory, entries, each * 64, 64), found)
        return found

    @once
    def filled(self) -> ListFilled:
        """See `GuestFlushes.filled`."""
        if self._hyperv is None:
            raise NotThere([f"{_FILLS}()"])
        unit, entries = self._hyperv, page_table("entries")
        fifo = Object(name="fifo", type=unit.record(list_heads.FLUSHES), kind=ObjectKind.INPUT, by_pointer=True)
        find = replace(cuts.FIFO, gives=pointer_to(fifo))
        bench = Bench(unit, (find, *(cut for cut in cuts.FILLS if cut is not cuts.FIFO)))
        owner = bench.add("vcpu", kvm_vcpu.STRUCT)
        vcpu = pointer_to(owner)
        # A vCPU that uses Hyper-V's calls has what they need.
        bench.write(owner, kvm_vcpu.HYPERV, pointer_to(bench.add("hyperv", kvm_vcpu.HYPERV_STATE)))
        bench.objects[list_heads.FLUSHES] = pointer_to(fifo)
        fifo.settled = entries.settled = True
        into, out, mask = (
            bench.read(fifo, name) for name in (list_heads.FLUSHES_IN, list_heads.FLUSHES_OUT, list_heads.FLUSHES_MASK)
        )
        count, of_l2, none = var("count", 32), var("is_guest_mode", 8) & 1, bool_var("entries == NULL")
        session, given = bench.session, choose(none, NULL, pointer_to(entries))
        assert isinstance(given, Pointer)
        session.call(
            bench.memory,
            _FILLS,
            objects=bench.objects,
            values={"count": count, "is_guest_mode": of_l2},
            pointers={"entries": given},
        )
        puts, puts_all = [], []
        for call in session.calls(cuts.PUT.function):
            number, own_fifo = (
                numbers_given(call)[-1],
                pointer_to(fifo, bench.place(fifo, list_heads.FLUSHES_IN).offset),
            )
            right, source = all_of(call.guard, is_given(call, own_fifo)), session.pointer_argument(call, "buf")
            if any(each.place is not None and each.place.object is entries for each in source.targets):
                puts.append(all_of(right, eq(resize(number, 32), count), same_place(source, pointer_to(entries))))
                continue
            (place,) = (each.place for each in source.targets)
            assert place is not None
            assert call.memory is not None
            told = read(call.memory, place.object, place.offset, 64)
            puts_all.append(all_of(right, eq(resize(number, 32), 1), eq(told, _ALL)))
        finds = session.calls(cuts.FIFO.function)
        own = (
            all_of(is_given(call, vcpu), iff(ne(session.argument(call, "is_guest_mode"), 0), ne(of_l2, 0)))
            for call in finds
        )
        return ListFilled(
            own_list=all_of(*own),
            named=negate(none),
            count=count,
            room=mask + 1 - (into - out),
            puts=any_of(*puts),
            puts_all=any_of(*puts_all),
            evidence=session.evidence(),
        )

    @once
    def asked(self) -> FlushAsked:
        """See `GuestFlushes.asked`."""
        unit = self._hyperv
        if unit is None or not unit.has_function(cuts.FILL.function):
            raise NotThere([f"{cuts.FILL.function}()"])
        other = Object(name="another vCPU", type=unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        finds = (
            replace(cut, gives=choose(bool_var(f"{cut.function}() finds none"), NULL, pointer_to(other)))
            for cut in (*cuts.OTHERS, cuts.OTHER)
        )
        bench = Bench(unit, (*cuts.ASKED, *finds), any_round=frozenset({_ASKS}))
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        own, call = bench.add("hyperv", kvm_vcpu.HYPERV_STATE), bench.add("hc", hyperv_calls.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(kvm))
        bench.write(vcpu, kvm_vcpu.HYPERV, pointer_to(own))
        for each in (vcpu, kvm, own, other, call):
            each.settled = True
        fast, code, count = (
            bench.read(call, name) for name in (hyperv_calls.FAST, hyperv_calls.CODE, hyperv_calls.COUNT)
        )
        of_all = any_of(*(eq(code, each) for each in _OF_ALL))
        flags = bench.read(call, hyperv_calls.OUTPUT)
        own_vm = bench.read(own, kvm_vcpu.HYPERV_VM)
        bench.integer(_ASKS)
        session = bench.session
        each_one, named, of_l2 = session.rounds(_ASKS, 3)
        lists = session.calls(cuts.FIFO.function)
        fills = list(session.calls(cuts.FILL.function))
        named_masks = session.calls(cuts.NAMED.function)
        own_mask, room = _set_of(session.only_call(cuts.NAMED.function))

        def filled(vcpu: Pointer, l2: bool) -> Bool:
            """Whether the list of a vCPU is filled, as L1's or as L2's."""
            found = FALSE
            for fill in fills:
                told = [each for each in (fill, *lists) if "is_guest_mode" in unit.parameter_names(each.function)]
                right = any_of(
                    *(
                        all_of(
                            each.guard,
                            is_given(each, vcpu),
                            eq(resize(session.argument(each, "is_guest_mode"), 8), int(l2)),
                        )
                        for each in told
                    )
                )
                found = any_of(found, all_of(fill.guard, is_given(fill, vcpu), right))
            return found

        def is_asked(calls: Iterable[CallMade]) -> Bool:
            return any_of(*(all_of(each.guard, is_request(each, vcpu_requests.HV_TLB_FLUSH)) for each in calls))

        entries = session.calls(cuts.ENTRIES.function)
        asks = [each for each in session.calls(cuts.ASK.function) if is_given(each, own_mask) is not FALSE]
        says = [all_of(each.guard, negate(is_nonzero(each))) for each in session.calls(cuts.IS_NAMED.function)]
        state, vm = self._l2_of(bench, of_l2)
        meant = all_of(of_l2.goes_on, negate(state.is_null), eq(vm, own_vm), negate(any_of(*says)))
        number = read(of_l2.head, variable_like(of_l2, WIDE, "i"), 0, 64)
        there = negate(bool_var(f"{cuts.OTHER.function}() finds none"))
        steps = session.calls(*(cut.function for cut in cuts.NEXT_NAMED))
        return FlushAsked(
            number=number,
            room=bv(room, 64),
            all_at_once=negate(
                all_of(named.begins, eq(fast, 1), any_of(*(eq(code, each) for each in _PLAIN)), eq(flags & 1, 1))
            ),
            each_filled=implies(each_one.goes_on, filled(_vcpu_of(each_one), l2=False)),
            each_asked=implies(
                all_of(each_one.begins, negate(each_one.goes_on)), is_asked(session.calls(cuts.ASK_ALL.function))
            ),
            named_found=all_of(
                implies(named.begins, is_called(named_masks, own_mask)),
                *(
                    implies(each.guard, all_of(is_given(each, own_mask), eq(numbers_given(each)[0], room)))
                    for each in steps
                ),
            ),
            named_filled=implies(all_of(named.goes_on, there), filled(pointer_to(other), l2=False)),
            of_l2_filled=implies(meant, filled(_vcpu_of(of_l2), l2=True)),
            of_l2_noted=implies(
                meant,
                any_of(
                    *(
                        all_of(each.guard, is_given(each, own_mask), eq(numbers_given(each)[0], number))
                        for each in session.calls(cuts.NOTE.function)
                    )
                ),
            ),
            noted_asked=all_of(
                *(implies(all_of(made.begins, negate(made.goes_on)), is_asked(asks)) for made in (named, of_l2))
            ),
            entries_read=all_of(*(self._is_read(bench, each, entries, of_all, count) for each in fills)),
            evidence=session.evidence(),
        )

    @staticmethod
    def _l2_of(bench: Bench, made: RoundMade) -> tuple[Pointer, BitVec]:
        """The state of Hyper-V's of the vCPU at which a round is, and of which VM the L2 is that it runs."""
        owner = _only(_vcpu_of(made))
        state = as_pointer(made.head.read(owner, bench.place(owner, kvm_vcpu.HYPERV).offset, 64))
        if state is None:
            raise NotThere([f"{kvm_vcpu.STRUCT}.{kvm_vcpu.HYPERV}"])
        return state, bench.read(_only(state), kvm_vcpu.HYPERV_VM, made.head)

    @staticmethod
    def _is_read(bench: Bench, fill: CallMade, entries: Sequence[CallMade], of_all: Bool, count: BitVec) -> Bool:
        """Whether a list is filled with the entries that were read, and with none where all is meant."""
        given = bench.session.pointer_argument(fill, "entries")
        right = [given.is_null]
        for each in entries:
            into = each.arguments[2]
            assert isinstance(into, Pointer)
            right.append(all_of(each.guard, negate(is_nonzero(each)), same_place(given, into), negate(of_all)))
        return implies(
            fill.guard, all_of(any_of(*right), eq(resize(bench.session.argument(fill, "count"), count.width), count))
        )

    @once
    def by_vpid(self) -> VpidInvalidated:
        """See `GuestFlushes.by_vpid`."""
        kind = var("type", 64)
        known = (replace(invalidations.TYPE, gives=kind), *cuts.VPID)
        bench = Bench(
            self._nested_vmx,
            tuple(each for each in known if each.function != invalidations.TYPE.function or each.gives is not None),
        )
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        caps = zext(bench.read(vmx, vcpu_vmx.NESTED_MSRS_VPID_CAPS), 64)
        may = all_of(
            bit(bench.read(vmx, vcpu_vmx.NESTED_MSRS_SECONDARY_CTLS_HIGH), _ENABLES_VPID), bit(caps, _OFFERS - 32)
        )
        own = bench.read(vmx, vcpu_vmx.NESTED_VPID02)
        tag = ite(ne(own, 0), own, resize(bench.read(vmx, vcpu_vmx.VPID), own.width))
        bench.call(_INVVPID)
        session = bench.session
        address, vpid = (_operand(bench, name) for name in ("gla", "vpid"))
        one = any_of(
            *(
                all_of(call.guard, _is_tag(bench, call, tag), eq(session.argument(call, "addr"), address))
                for call in session.calls(cuts.VPID_ADDRESS.function)
            )
        )
        now = any_of(*(all_of(call.guard, _is_tag(bench, call, tag)) for call in session.calls(cuts.VPID_ALL.function)))
        forgotten = eq(bench.read(vmx, vcpu_vmx.NESTED_LAST_VPID), 0)
        mmu = pointer_to(vmx, bench.place(vmx, f"{kvm_vcpu.IN_VENDORS}.{kvm_mmu.ROOT_MMU}").offset)
        given_up = any_of(
            *(
                all_of(call.guard, same_place(session.pointer_argument(call, "mmu"), mmu))
                for call in session.calls(cuts.GIVE_UP.function)
            )
        )
        reads = session.only_call(cuts.READ.function)
        return VpidInvalidated(
            may=may,
            types=(caps >> (_TYPES_FROM - 32)) & _TYPES,
            type=kind,
            vpid=vpid,
            address=address,
            readable=all_of(reads.guard, negate(is_nonzero(reads))),
            succeeds=session.called(functions.NESTED_VMX_SUCCEED),
            fails=session.called(cuts.FAIL.function),
            one=one,
            all=any_of(now, forgotten),
            shadows=negate(bench.setting(switches.ENABLE_EPT)),
            given_up=given_up,
            five_level=bit(bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR4), LA57),
            wide_processor=has_wide_addresses(bench),
            evidence=session.evidence(),
        )

    @once
    def by_pcid(self) -> PcidInvalidated:
        """See `GuestFlushes.by_pcid`."""
        bench = Bench(self._x86, cuts.PCID)
        vcpu = bench.add("vcpu", kvm_vcpu.STRUCT)
        kind = var("type", 64)
        bench.call(_INVPCID, type=kind, gva=var("gva", 64))
        session = bench.session
        pcid, address = (_operand(bench, name) for name in ("pcid", "gla"))
        reads = session.only_call(cuts.READ.function)
        _, all_ = flushes_asked(self._x86, bench)
        return PcidInvalidated(
            type=kind,
            pcid=pcid,
            address=address,
            has_pcid=bit(bench.read(vcpu, kvm_vcpu.CR4), PCIDE),
            readable=all_of(reads.guard, negate(is_nonzero(reads))),
            shadowed=negate(bench.setting(switches.TDP_ENABLED)),
            done=session.called(cuts.SKIP.function),
            faults=session.called(cuts.FAULT.function, cuts.FAULT_INLINE.function),
            one=any_of(
                *(
                    all_of(
                        call.guard, eq(session.argument(call, "gva"), address), eq(session.argument(call, "pcid"), pcid)
                    )
                    for call in session.calls(cuts.ADDRESS.function)
                )
            ),
            context=any_of(
                *(
                    all_of(call.guard, eq(session.argument(call, "pcid"), pcid))
                    for call in session.calls(cuts.CONTEXT.function)
                )
            ),
            all=all_,
            five_level=bit(bench.read(vcpu, kvm_vcpu.CR4), LA57),
            wide_processor=has_wide_addresses(bench),
            evidence=session.evidence(),
        )


def _is_tag(bench: Bench, call: CallMade, tag: BitVec) -> Bool:
    told = bench.session.argument(call, "vpid")
    return eq(resize(told, tag.width), tag)


def _operand(bench: Bench, name: str) -> BitVec:
    """What the guest has in its memory, as it was read."""
    return left_at(bench.session.only_call(cuts.READ.function), _INTO, 64, name)


def _set_of(named: CallMade) -> tuple[Pointer, int]:
    """The set into which vCPUs are put that are named, and for how many it has room.

    Raises:
        NotThere: there is no one set.
    """
    found = named.arguments[_SET]
    places = [each.place for each in found.targets if each.place] if isinstance(found, Pointer) else []
    if len(places) != 1 or not isinstance(found, Pointer):
        raise NotThere([f"the set that {named.function}() fills"])
    owner, offset = places[0].object, places[0].offset
    if isinstance(owner.type, RecordType):
        return found, next(each.type.bits for each in owner.type.members.values() if each.offset == offset)
    return found, owner.type.bits


def _vcpu_of(made: RoundMade) -> Pointer:
    """The vCPU at which a round is.

    Raises:
        NotThere: it is at none.
    """
    found = as_pointer(made.head.read(variable_like(made, leads_to(kvm_vcpu.STRUCT), "v"), 0, 64))
    if found is None:
        raise NotThere([f"a vCPU at which a round of {made.function}() is"])
    return found


def _only(pointer: Pointer) -> Object:
    """The one object that a pointer leads to, if to any.

    Raises:
        NotThere: it may lead to several.
    """
    found = [each.place.object for each in pointer.targets if each.place]
    if len(found) != 1:
        raise NotThere(["the one thing that a pointer leads to"])
    return found[0]
