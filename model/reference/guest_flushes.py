"""What Linux 7.2.13 flushes for a guest."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.guest_flushes import (
    LISTED,
    FlushAsked,
    GuestFlushes,
    ListedRound,
    ListFilled,
    PcidInvalidated,
    VpidInvalidated,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    sext,
    slt,
    ult,
    var,
    zext,
)

_READ = "kvm_read_guest_virt()"
_TYPE = var("type", 64)
_ALL, _PAGE = bv(-1, 64), 12
_WIDE = bit(var("kvm_cpu_caps[16]", 32), 16)
_ONE, _SINGLE, _EVERY, _ALL_INCLUDED = range(4)
"""The types of INVVPID and INVPCID."""

_MOST_VCPUS = 4096
"""KVM_MAX_VCPUS."""


class ReferenceGuestFlushes(ReferenceArea, GuestFlushes):
    """``kvm_hv_vcpu_flush_tlb()``, ``handle_invvpid()`` and ``kvm_handle_invpcid()``."""

    def listed(self) -> ListedRound:
        """See `GuestFlushes.listed`."""
        serves = all_of(ne(var("tdp_enabled", 1), 0), negate(bool_var("vcpu->arch.hyperv == NULL")))
        index, page = var("i after some rounds", 32), var("j after some rounds#2", 32)
        count = var("__kfifo_out()", 32)
        entry = var("entries[0] after __kfifo_out()", 64)
        for each in range(1, LISTED):
            entry = ite(eq(index, each), var(f"entries[{each}] after __kfifo_out()", 64), entry)
        enough_before, enough = (ne(var(f"full after some rounds{each}", 1), 0) for each in ("", "#2"))
        here = all_of(serves, slt(index, count), negate(enough_before), ne(entry, _ALL))
        pages = self._pages(entry)
        in_entry = all_of(here, ult(sext(page, 64), pages), negate(enough))
        address = (entry & -(1 << _PAGE)) + (sext(page, 64) << _PAGE)
        told = all_of(in_entry, self._judged(address, entry))
        next_entry = all_of(here, negate(all_of(ult(sext(page, 64), pages), negate(enough))))
        # All is to be flushed only where the list says so.
        stops = all_of(serves, slt(index, count), negate(enough_before), eq(entry, _ALL))
        return ListedRound(
            serves=serves,
            index=index,
            count=count,
            entry=entry,
            page=page,
            index_first=bv(0, 32),
            page_first=bv(0, 32),
            told=told,
            address=address,
            enough=enough,
            enough_before=enough_before,
            next_page=in_entry,
            page_after=page + 1,
            next_entry=next_entry,
            index_after=index + 1,
            succeeds=all_of(serves, negate(in_entry), negate(next_entry), negate(all_of(stops, self._hands_on()))),
            wide_processor=_WIDE,
            evidence=Evidence(),
        )

    def _pages(self, entry: BitVec) -> BitVec:
        """How many pages an entry means."""
        return (entry & ((1 << _PAGE) - 1)) + 1

    def _judged(self, address: BitVec, _entry: BitVec) -> Bool:
        """Whether an address can be flushed."""
        return _canonical(address)

    def _hands_on(self) -> Bool:
        """Whether the caller is told that all is to be flushed."""
        return TRUE

    def filled(self) -> ListFilled:
        """See `GuestFlushes.filled`."""
        named, count = negate(bool_var("entries == NULL")), var("count", 32)
        words = var("fifo->entries.kfifo.word0", 64), var("fifo->entries.kfifo.word1", 64)
        room = extract(words[1], 31, 0) + 1 - (extract(words[0], 31, 0) - extract(words[0], 63, 32))
        fits = all_of(named, ne(count, 0), self._fits(count, room))
        return ListFilled(
            own_list=TRUE, named=named, count=count, room=room, puts=fits, puts_all=negate(fits), evidence=Evidence()
        )

    def _fits(self, count: BitVec, room: BitVec) -> Bool:
        """Whether entries are put in, by how many, and the room that there is."""
        return ult(count, room)

    def asked(self) -> FlushAsked:
        """See `GuestFlushes.asked`."""
        return FlushAsked(
            number=var("i after some rounds#3", 64),
            room=bv(_MOST_VCPUS, 64),
            all_at_once=self._is_all_at_once(),
            each_filled=TRUE,
            each_asked=TRUE,
            named_found=self._is_found(),
            named_filled=TRUE,
            of_l2_filled=self._is_filled_of_l2(),
            of_l2_noted=TRUE,
            noted_asked=TRUE,
            entries_read=self._is_read(),
            evidence=Evidence(),
        )

    def _is_all_at_once(self) -> Bool:
        """Whether all vCPUs are asked where all are meant."""
        return TRUE

    def _is_found(self) -> Bool:
        """Whether the vCPUs that are named are gone through, all of them."""
        return TRUE

    def _is_filled_of_l2(self) -> Bool:
        """Whether L2's list is filled where L2 asks."""
        return TRUE

    def _is_read(self) -> Bool:
        """Whether lists are filled with what the hypercall has."""
        return TRUE

    def by_vpid(self) -> VpidInvalidated:
        """See `GuestFlushes.by_vpid`."""
        caps = zext(var("vmx->nested.msrs.vpid_caps", 32), 64)
        may = all_of(bit(var("vmx->nested.msrs.secondary_ctls_high", 32), 5), bit(caps, 0))
        types = (caps >> 8) & 0xF
        vpid, address = (var(f"operand.{name} after {_READ}", 64) for name in ("vpid", "gla"))
        offered = self._offered(types)
        readable = all_of(
            may,
            ne(var("nested_vmx_check_permission()", 32), 0),
            offered,
            eq(var("get_vmx_mem_address()", 32), 0),
            eq(var(_READ, 32), 0),
        )
        bad = any_of(
            ne(vpid >> 16, 0), all_of(ne(_TYPE, _EVERY), eq(vpid, 0)), all_of(eq(_TYPE, _ONE), self._unfit(address))
        )
        done = all_of(readable, negate(bad))
        elsewhere = ne(var("this_processor_number", 32), var("vmx->nested.vmcs02.cpu", 32))
        here = all_of(done, negate(elsewhere))
        single = eq(_TYPE, _ONE)
        last = var("vmx->nested.last_vpid", 16)
        all_now = all_of(here, negate(single))
        deferred = any_of(eq(last, 0), all_of(done, elsewhere, self._defers()))
        shadows = negate(ne(var("enable_ept", 1), 0))
        refused = all_of(may, ne(var("nested_vmx_check_permission()", 32), 0), negate(offered))
        return VpidInvalidated(
            may=may,
            types=types,
            type=_TYPE,
            vpid=vpid,
            address=address,
            readable=readable,
            succeeds=done,
            fails=any_of(refused, all_of(readable, bad)),
            one=all_of(here, single),
            all=any_of(all_now, deferred),
            shadows=shadows,
            given_up=all_of(done, shadows, self._gives_up()),
            five_level=bit(var("vmx->vcpu.arch.cr4", 64), 12),
            wide_processor=_WIDE,
            evidence=Evidence(),
        )

    def _offered(self, types: BitVec) -> Bool:
        """Whether a type is one that L1 is offered."""
        return all_of(ult(_TYPE, 32), ne((types >> _TYPE) & 1, 0))

    def _unfit(self, address: BitVec) -> Bool:
        """Whether a linear address is one that INVVPID refuses."""
        return negate(_canonical(address))

    def _defers(self) -> Bool:
        """Whether a flush is put off that another processor has to do."""
        return TRUE

    def _gives_up(self) -> Bool:
        """Whether what shadows L2's tables is given up."""
        return TRUE

    def by_pcid(self) -> PcidInvalidated:
        """See `GuestFlushes.by_pcid`."""
        pcid, address = (var(f"operand.{name} after {_READ}", 64) for name in ("pcid", "gla"))
        readable = eq(var(_READ, 32), 0)
        has_pcid = bit(var("vcpu->arch.cr4", 64), 17)
        shadows = negate(ne(var("tdp_enabled", 1), 0))
        large = ne(pcid >> 12, 0)
        served = all_of(readable, negate(large), shadows)
        wrong = all_of(negate(has_pcid), ne(pcid, 0))
        one = all_of(served, eq(_TYPE, _ONE), negate(any_of(wrong, negate(_canonical(address)))))
        context = all_of(served, eq(_TYPE, _SINGLE), negate(all_of(wrong, self._judges_pcid())))
        every = all_of(served, any_of(eq(_TYPE, _EVERY), eq(_TYPE, _ALL_INCLUDED)))
        done = any_of(one, context, every)
        return PcidInvalidated(
            type=_TYPE,
            pcid=pcid,
            address=address,
            has_pcid=has_pcid,
            readable=readable,
            shadowed=shadows,
            done=done,
            faults=all_of(readable, any_of(large, all_of(shadows, negate(done)))),
            one=one,
            context=context,
            all=all_of(every, self._flushes_all()),
            five_level=bit(var("vcpu->arch.cr4", 64), 12),
            wide_processor=_WIDE,
            evidence=Evidence(),
        )

    def _judges_pcid(self) -> Bool:
        """Whether all of a PCID is refused where the guest has turned PCIDs off."""
        return TRUE

    def _flushes_all(self) -> Bool:
        """Whether all that the guest can see is flushed where all PCIDs are meant."""
        return TRUE


def _canonical(address: BitVec) -> Bool:
    """Whether an address can be translated on this processor, whatever tables there are."""
    wide, narrow = (sext(extract(address, width - 1, 0), 64) for width in (57, 48))
    return ite(_WIDE, eq(wide, address), eq(narrow, address))
