"""What is made of an entry of guest tables by who does not walk there: synchronizing an SPTE, and mapping ahead."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.evidence import CheckKind
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.resyncs import GuestEntryRead
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.walked_tables import Rights, WalkedTables, less, more, of_each_format, outside, together
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, extract, iff, ne, negate, zext
from mmuproof.spec.linear_walk import translated_to

_PAGE_BITS, _ENTRIES = 12, 512
_PFN = (1 << 52) - (1 << _PAGE_BITS)
_MANUALS = "SDM 5.3 to 5.5, 31.3.2, APM 5.2, 5.3"
_ALL = "SDM 5.6.1, 31.3.3.2, APM 5.6: every entry on the way has to grant it"
_KVM = "KVM's comments at FNAME(sync_spte)()"


class _Read:
    """A guest entry that is read by itself, by the manuals."""

    def __init__(self, kvm: Kvm, tables: WalkedTables, read: GuestEntryRead) -> None:
        entry = extract(read.gpte, tables.entry_format.width - 1, 0)
        flags = read.accessed_dirty
        together_ = together([(TRUE, tables.rights(kvm, entry)), (TRUE, tables.granted(kvm, read.role_access))])
        may_write = any_of(negate(flags), tables.flag("dirty", entry))
        self.wanted: Rights = {**together_, "write": all_of(together_["write"], may_write)}
        self.usable = all_of(
            tables.present(entry), any_of(negate(flags), tables.flag("accessed", entry)), negate(read.reserved)
        )
        self.gfn = translated_to(tables.entry_format, entry, 1, bv(0, 64), {}) >> _PAGE_BITS
        acc = relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)
        self.shown = (
            Shown("gpte", entry, kind=tables.entry_kind),
            Shown("accessed and dirty flags", flags),
            Shown("sp->role.access", read.role_access, acc),
            Shown("reserved bits are set", read.reserved),
        )


def _rights(kvm: Kvm, tables: WalkedTables, told: BitVec, wanted: Rights) -> tuple[Bool, Bool]:
    """Whether ACC_* bits are more, or less, than what is to be granted."""
    granted = tables.granted(kvm, told)
    return any_of(more(granted, wanted), outside(kvm, told)), less(granted, wanted)


# -- walk.ahead ----------------------------------------------------------------------------------------------


def _ahead(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for tables in of_each_format(vendor):
        found = kvm.resyncs.prefetch_gpte(tables.code)
        read = _Read(kvm, tables, found.entry)
        too_much, too_little = _rights(kvm, tables, found.access, read.wanted)
        yield never(
            given(
                shown=(
                    *read.shown,
                    Shown("pte_access", found.access, relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)),
                ),
                evidence=found.evidence,
                part=tables.entry_format.name,
            ),
            Wrong(
                "unusable-mapped",
                all_of(found.asked, negate(read.usable)),
                f"{found.caller}() maps ahead what an entry says that is not present, not accessed or malformed.",
            ).told("the page is mapped", f"{_MANUALS}: the access would fault, or set the accessed flag"),
            Wrong(
                "more-granted", all_of(found.asked, too_much), f"{found.caller}() maps a page for more than is granted."
            ).told("more is asked for", f"{_ALL}, and a write sets the dirty flag"),
            Wrong(
                "less-granted",
                all_of(found.asked, too_little),
                f"{found.caller}() maps a page for less than is granted.",
            ).told("less is asked for", f"{_MANUALS}: what every entry on the way grants is granted"),
            Wrong(
                "another-frame", all_of(found.asked, ne(found.gfn, read.gfn)), f"{found.caller}() maps another frame."
            ).told("another frame", f"{_MANUALS}: the page's address in the entry"),
        )


# -- walk.sync -----------------------------------------------------------------------------------------------


def _sync(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    nothing = kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0
    for tables in of_each_format(vendor):
        found = kvm.resyncs.sync_spte(tables.code)
        read, name = _Read(kvm, tables, found.entry), f"{found.caller}()"
        size, short = tables.entry_format.width // 8, tables.entry_format.width != 64
        index = zext(found.quadrant, 64) * _ENTRIES if short else bv(0, 64)
        at = (found.table_gfn << _PAGE_BITS) + (index + zext(found.index, 64)) * size
        too_much, too_little = _rights(kvm, tables, found.made_access, read.wanted)
        mmio_more, mmio_less = _rights(kvm, tables, found.mmio_access, read.wanted)
        stale, _ = _rights(kvm, tables, found.noted_access, read.wanted)
        left = all_of(found.replaced, ne(found.after, nothing))
        untouched = all_of(left, negate(found.made), negate(found.mmio))
        own = (found.caller, found.caller.replace("sync_spte", "get_level1_sp_gpa"))
        asserted = [
            each.holds for each in found.evidence.checks if each.kind is CheckKind.WARN and each.function in own
        ]
        other_note = all_of(left, negate(found.mmio), ne(read.gfn, found.noted_gfn))
        yield never(
            given(
                Assumption(
                    "there is an SPTE of level 1 with a note of what it maps, and the entry is read", found.ready
                ),
                shown=(
                    *read.shown,
                    Shown("the noted gfn", found.noted_gfn),
                    Shown(
                        "the noted access",
                        found.noted_access,
                        relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT),
                    ),
                    Shown("the SPTE", found.before, kind=NumberKind.SPTE),
                    Shown("pte_access", found.made_access, relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)),
                ),
                evidence=found.evidence,
                part=tables.entry_format.name,
            ),
            Wrong("fires", negate(all_of(*asserted)), f"A WARN of {name} fires.").told(
                "the WARN fires", "KVM's own assertion: it never does"
            ),
            Wrong("another-spte", found.beside, f"{name} changes or notes another SPTE than its own.").told(
                "another SPTE", _KVM
            ),
            Wrong("another-entry", ne(found.asked_gpa, at), f"{name} reads another entry than the SPTE's.").told(
                "another entry", f"{_MANUALS}: the entry of the same index"
            ),
            Wrong(
                "unusable-kept",
                all_of(left, negate(read.usable)),
                f"{name} keeps an SPTE of an entry that is not present, not accessed or malformed.",
            ).told("the SPTE stays", f"{_MANUALS}: the access faults, or sets the accessed flag"),
            Wrong("other-frame-kept", other_note, f"{name} keeps an SPTE of a frame that the entry has left.").told(
                "the SPTE stays", f"{_MANUALS}: the page's address in the entry"
            ),
            Wrong(
                "rights-kept",
                all_of(untouched, stale),
                f"{name} leaves an SPTE that grants more than the entry does now.",
            ).told("the SPTE stays", _ALL),
            Wrong(
                "more-granted",
                any_of(all_of(found.made, too_much), all_of(found.mmio, mmio_more)),
                f"{name} makes an SPTE for more than the entry grants now.",
            ).told("more is asked for", f"{_ALL}, and a write sets the dirty flag"),
            Wrong(
                "less-granted",
                any_of(all_of(found.made, too_little), all_of(found.mmio, mmio_less)),
                f"{name} makes an SPTE for less than the entry grants now.",
            ).told("less is asked for", f"{_MANUALS}: what every entry on the way grants is granted"),
            Wrong(
                "another-frame",
                any_of(
                    all_of(found.made, ne(found.made_gfn, read.gfn)),
                    all_of(found.made, ne(found.made_pfn, (found.before & _PFN) >> _PAGE_BITS)),
                    all_of(found.mmio, ne(found.mmio_gfn, read.gfn)),
                ),
                f"{name} makes an SPTE of another frame.",
            ).told("another frame", _KVM),
            Wrong(
                "host-writable-changed",
                all_of(found.made, negate(iff(found.made_host_writable, found.host_writable))),
                f"{name} takes a page of the host's for writable that is not, or the other way round.",
            ).told("another answer", "KVM: the host's page stays the same, and with it what the SPTE says of it"),
            Wrong(
                "another-slot",
                all_of(found.made, negate(found.made_in_slot)),
                f"{name} makes an SPTE by what another slot, or another page, says of it.",
            ).told("another slot", "KVM: a slot says which of its frames are logged, and of which writes are tracked"),
            Wrong(
                "unsynced-meanwhile",
                all_of(found.made, negate(found.made_synchronizing)),
                f"{name} lets another page get out of sync while the guest's flush is under way.",
            ).told(
                "a page may get out of sync",
                "KVM's comment in mmu_try_to_unsync_pages(): the guest's flush has to be complete before",
            ),
            Wrong(
                "another-predecessor",
                all_of(found.made, ne(found.made_old_spte, found.before)),
                f"{name} does not tell which SPTE is replaced.",
            ).told("another SPTE", "KVM: old_spte of make_spte() is what the entry holds"),
            Wrong(
                "not-stored",
                all_of(
                    found.replaced,
                    any_of(
                        all_of(found.made, ne(found.after, found.new)),
                        all_of(found.mmio, ne(found.after, found.new_mmio)),
                        all_of(untouched, ne(found.after, found.before)),
                    ),
                ),
                f"{name} leaves another SPTE than the one that was made.",
            ).told("another SPTE", "KVM: what was made for this entry"),
            Wrong(
                "noted-otherwise",
                all_of(found.made, ne(found.renoted_access, found.made_access)),
                f"{name} notes another access than the SPTE is made for.",
            ).told("another access", "KVM: the note is what the next synchronization compares with"),
            Wrong(
                "no-flush", all_of(found.dropped, negate(found.flushes)), f"{name} drops an SPTE without a flush."
            ).told("no flush", "KVM's comment at FNAME(sync_spte)(): above 0, a flush is needed"),
        )


_VENDORS = (Vendor.INTEL, Vendor.SHADOW)
_ASSUMES = (
    "which bits are reserved, and what is a misconfiguration, is any answer: entry.* speaks of these",
    "role.access is what the entries above grant: walk.granted, role.page-sharing",
    "nested page tables of L1 on AMD are followed by the code that follows a guest's own",
)

THEOREMS = (
    Theorem(
        name="walk.ahead",
        claim="A page is prefetched only by an entry that is present, well-formed and accessed. It is for the "
        "frame of this entry, and for exactly what this entry and those above it grant. It can be written "
        "only if the entry is dirty, if there are such flags.",
        source="SDM 4.8, 5.6.1, 31.3.3.2, 31.3.5; APM 5.4.2, 5.6",
        assumes=_ASSUMES,
        vendors=_VENDORS,
        state=several(_ahead),
        catches=(
            *showing(
                "more-granted",
                "clean-gpte-writable",
                "dirty-flag-is-accessed",
                "prefetch-ignores-clean",
                "follows-entry-without-parents",
                "gpte-access-ignores-nx",
            ),
            Catch("gpte-access-drops-read", "less-granted"),
            Catch("prefetch-not-accessed", "unusable-mapped"),
        ),
    ),
    Theorem(
        name="walk.sync",
        claim="An SPTE that is synchronized is dropped, or is one of the frame and of exactly the rights that the "
        "guest's entry of its index grants now. What is made is stored there and noted; what is dropped is "
        "flushed. It is made in the slot of its frame, and no page gets out of sync for it.",
        source="SDM 4.8, 5.6.1, 31.3.3.2, 31.3.5; APM 5.4.2, 5.6; KVM's comments at FNAME(sync_spte)()",
        assumes=_ASSUMES,
        vendors=_VENDORS,
        needs=(Need(Feature.SYNC_ONE),),
        state=several(_sync),
        catches=(
            Catch("sync-ignores-frame", "other-frame-kept"),
            Catch("sync-ignores-quadrant", "another-entry"),
            Catch("sync-host-writable", "host-writable-changed"),
            Catch("sync-other-slot", "another-slot"),
            Catch("sync-unsyncs", "unsynced-meanwhile"),
            Catch("prefetch-not-accessed", "unusable-kept"),
            *showing(
                "rights-kept",
                "sync-keeps-rights",
                "sync-ignores-clean",
                "clean-gpte-writable",
                "dirty-flag-is-accessed",
                "follows-entry-without-parents",
                "gpte-access-ignores-nx",
            ),
            Catch("gpte-access-drops-read", "less-granted"),
        ),
    ),
)
