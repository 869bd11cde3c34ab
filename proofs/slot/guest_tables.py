"""Guest page tables that are shadowed: a write to one does not go unseen."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.guest_tables import HUGEST, FrameProtected, Shadowing, TableAccounted
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, boolean, eq, implies, ne, negate, ult

_LOWEST, _LEVELS, _SPACES, _MOST = 1, 5, 2, 0xFFFF
_TRACKED = "KVM's comment at mmu_try_to_unsync_pages(): upper-level tables of a guest are write-protected by tracking"


def _of_accounting(made: TableAccounted) -> Claim:
    name, upper = f"{made.function}()", ne(made.level, _LOWEST)
    change = 1 if made.begins else -1
    room = ult(made.writers_before, _MOST) if made.begins else ne(made.writers_before, 0)
    counted = eq(made.writers_after, made.writers_before + change)
    huge = made.forbidden if made.begins else made.allowed
    return never(
        given(
            Assumption("a table is one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("a VM that shadows tables counts who wants to know of writes", made.writes_counted),
            Assumption("the count has room, and what is taken back was counted", room),
            shown=(
                Shown("level", made.level),
                Shown("writers before", made.writers_before),
                Shown("writers afterwards", made.writers_after),
                Shown("an SPTE was writable", made.stale),
                Shown("flushed", made.flushed),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "of-another-frame",
            negate(made.in_slot),
            f"{name} looks for the table in another address space, or at another frame.",
        ).told("another slot or frame", "KVM's comment at role.smm: the slots of a page are those of its role"),
        Wrong(
            "writers-miscounted",
            negate(any_of(all_of(upper, counted), all_of(negate(upper), eq(made.writers_after, made.writers_before)))),
            f"{name} does not count that writes to a table above the lowest level have to be known.",
        ).told("another count", _TRACKED),
        Wrong(
            "huge-page-around",
            negate(all_of(huge, negate(made.allowed if made.begins else made.forbidden))),
            f"{name} does not count that huge pages around a table are forbidden while it is shadowed.",
        ).told("another count", "KVM's comment at KVM_LPAGE_MIXED_FLAG: a shadowed page table forbids huge pages"),
        Wrong(
            "stays-writable",
            all_of(boolean(made.begins), negate(made.protects)),
            f"{name} lets SPTEs of the table stay writable, so that the guest changes it unseen.",
        ).told("the frame is not write-protected", "KVM's comment in it: shadowed tables are kept read-only"),
        Wrong(
            "stale-permission",
            all_of(made.stale, negate(made.flushed)),
            f"{name} leaves to TLBs the permission to write to the table.",
        ).told("no flush", "SDM 31.4.3.3: a translation that was cached stays in use until it is invalidated"),
        Wrong(
            "tables-miscounted",
            ne(made.pages_after, made.pages_before + change),
            f"{name} does not count that there is a shadowed table, so that its writes may pass unseen.",
        ).told("another count", "KVM's comment in it: a write sees the count, and takes the lock"),
    )


def _of_other_space(made: TableAccounted) -> Claim:
    name = f"{made.function}()"
    return never(
        given(
            Assumption("a table is one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption("a VM that shadows tables counts who wants to know of writes", made.writes_counted),
            shown=(Shown("level", made.level), Shown("the other address space has the frame", made.other_slot)),
            evidence=made.evidence,
            part=f"{name}, the other address space",
        ),
        Wrong(
            "writable-elsewhere",
            all_of(made.other_slot, negate(made.protects_elsewhere)),
            f"{name} lets SPTEs of the table stay writable in the other address space of the VM, so that the guest "
            "changes it unseen.",
        ).told("the frame is write-protected in one of two", "KVM's comment in it: shadowed tables are kept read-only"),
    )


def _of_protecting(made: FrameProtected) -> Claim:
    name = f"{made.function}()"
    wanted = [boolean(level >= made.min_level) for level in range(_LOWEST, HUGEST + 1)]
    spared = any_of(
        *(all_of(made.shadowed, here, negate(done)) for here, done in zip(wanted, made.levels, strict=True)),
        all_of(made.tdp_mmu, negate(made.tdp)),
    )
    had = any_of(*made.had, all_of(made.tdp, made.tdp_had))
    return never(
        given(
            shown=(Shown("the TDP MMU is in use", made.tdp_mmu), Shown("answer", made.answer)),
            evidence=made.evidence,
            part=f"{name}, from level {made.min_level} on",
        ),
        Wrong(
            "spared", spared, f"{name} lets SPTEs of the frame stay writable, or be made so again without the lock."
        ).told("the permission stays", "KVM: SPTEs of both MMUs, from the level that is meant on"),
        Wrong(
            "change-untold",
            all_of(had, negate(made.answer)),
            f"{name} takes the permission to write away, and does not tell that a flush is due.",
        ).told("no", "KVM's callers flush if it is told"),
        Wrong(
            "beyond-asked",
            any_of(*(all_of(done, negate(here)) for here, done in zip(wanted, made.levels, strict=True))),
            f"{name} goes through levels that are not meant.",
        ).told("lower levels too", "KVM: from the level that is meant on"),
    )


def _shadowed(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_accounting(kvm.guest_tables.accounted(shadowing)) for shadowing in Shadowing)
    yield _of_other_space(kvm.guest_tables.accounted(Shadowing.BEGINS))
    yield from (_of_protecting(kvm.guest_tables.protected(level)) for level in range(_LOWEST, HUGEST + 1))


def _tracked(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    writes = kvm.guest_tables.tracked()
    name = f"{writes.function}()"
    in_other = all_of(writes.has_other_space, writes.other_slot, ne(writes.other, 0))
    wanted = all_of(writes.writes_counted, any_of(ne(writes.own, 0), in_other))
    yield never(
        given(
            Assumption("a slot is in one of two address spaces", ult(writes.space, _SPACES)),
            shown=(
                Shown("writers in its slot", writes.own),
                Shown("writers in the other address space", writes.other),
                Shown("answer", writes.answer),
            ),
            evidence=writes.evidence,
            part="writers",
        ),
        Wrong(
            "asks-of-another", negate(writes.asked), f"{name} looks at another frame, or at one address space twice."
        ).told("another frame or space", "KVM: the frame, in each address space of the VM"),
        Wrong(
            "wish-unknown",
            all_of(wanted, negate(writes.answer)),
            f"{name} does not know that writes to the frame have to be seen.",
        ).told("no", _TRACKED),
        Wrong(
            "wish-made-up",
            all_of(writes.answer, negate(wanted)),
            f"{name} says that writes to a frame have to be seen of which nobody wants to know.",
        ).told("yes", _TRACKED),
    )
    allowed = kvm.guest_tables.huge_allowed()
    if allowed is None:
        return
    name = f"{allowed.function}()"
    forbidden = any_of(ne(allowed.own, 0), all_of(allowed.has_other_space, allowed.other_slot, ne(allowed.other, 0)))
    yield never(
        given(
            Assumption("a slot is in one of two address spaces", ult(allowed.space, _SPACES)),
            shown=(
                Shown("forbidden by its slot", allowed.own),
                Shown("forbidden in the other address space", allowed.other),
                Shown("answer", allowed.answer),
            ),
            evidence=allowed.evidence,
            part="huge pages",
        ),
        Wrong(
            "asks-of-another", negate(allowed.asked), f"{name} looks at another frame, or at one address space twice."
        ).told("another frame or space", "KVM: the frame, in each address space of the VM"),
        Wrong(
            "table-overlooked",
            all_of(allowed.answer, forbidden),
            f"{name} says that a frame may be part of a huge page although something forbids it, such as a table.",
        ).told("yes", "KVM's comment at mmu_try_to_unsync_pages(): who may be huge has no shadow page"),
    )


def _unsynced(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.guest_tables.unsynced()
    name = f"{made.function}()"
    shadows = made.page.shadows
    writable = eq(made.answer, 0)
    met = all_of(shadows, made.goes_on)

    def changed(when: Bool) -> Bool:
        return all_of(when, made.goes_on, made.unsync_after, negate(made.unsync))

    return never(
        given(
            shown=(
                Shown("gfn", made.page.gfn),
                Shown("gfn of the page", made.page.page_gfn),
                Shown("the page was out of sync", made.unsync),
                Shown("synchronizing", made.synchronizing),
                Shown("prefetch", made.prefetch),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
        ),
        Wrong("asks-of-another", negate(made.asked), f"{name} asks of another frame than is to be writable.").told(
            "another frame or slot", "KVM: the frame and slot that are to be mapped"
        ),
        Wrong(
            "tracked-made-writable",
            all_of(made.tracked, writable),
            f"{name} lets a frame be writable although writes to it have to be seen.",
        ).told("may be writable", _TRACKED),
        Wrong(
            "left-in-sync",
            all_of(met, negate(made.unsync_after)),
            f"{name} leaves a page in sync although the guest may write to the table behind it.",
        ).told("the page stays in sync", "KVM's comment at it: 0 if all pages were marked unsync"),
        Wrong(
            "while-synchronizing",
            all_of(met, made.synchronizing),
            f"{name} lets a table be writable while a page is being synchronized.",
        ).told("goes on", "KVM's comment in it: a flush of the guest is to be complete before"),
        Wrong(
            "for-a-prefetch",
            changed(made.prefetch),
            f"{name} takes a page out of sync although nobody has written to the table.",
        ).told("out of sync", "KVM: -EEXIST where a mapping is made ahead"),
        Wrong(
            "another-page", changed(negate(shadows)), f"{name} takes a page out of sync that does not shadow the frame."
        ).told("out of sync", "KVM: the pages in use that shadow a table in this frame"),
        Wrong(
            "parents-untold",
            negate(implies(changed(shadows), made.parents_told)),
            f"{name} takes a page out of sync, and the pages that lead to it do not know.",
        ).told("only the page is marked", "KVM: a root is synchronized by what its pages know of those below"),
        Wrong(
            "stops-early",
            all_of(made.page.there, negate(any_of(made.goes_on, made.tracked, made.huge_allowed)), writable),
            f"{name} passes over pages that may shadow the frame.",
        ).told("may be writable", "KVM's comment at it: 0 if all pages were marked unsync"),
    )


THEOREMS = (
    Theorem(
        name="slot.shadowed-table",
        claim="While a guest's page table is shadowed, no SPTE lets the guest write to it unseen. Its frame is "
        "looked for in the address space of its role, is write-protected in both MMUs, and flushed. Huge pages "
        "around it are forbidden; above the lowest level it is counted that writes have to be seen. Each is taken "
        "back once.",
        source="KVM's comments at account_shadowed(), role.smm and mmu_try_to_unsync_pages()",
        assumes=(
            "a VM that shadows tables counts who wants to know of writes: KVM_BUG_ON() says so",
            "the count has room: its WARN says so",
        ),
        state=several(_shadowed),
        catches=(
            Catch("shadowed-high-tables-only", "writers-miscounted"),
            Catch("shadowed-keeps-forbidden", "huge-page-around"),
            Catch("shadowed-unflushed", "stale-permission"),
            *showing("spared", "protected-spares-first", "protected-may-be-writable"),
            Catch("protected-tdp-told", "change-untold"),
        ),
    ),
    Theorem(
        name="slot.written-table",
        claim="Writes to a frame have to be seen if they have to in either address space of the VM. A frame may be "
        "part of a huge page only if nothing in either forbids it.",
        source="KVM: kvm_gfn_is_write_tracked(), kvm_gfn_is_lpage_allowed()",
        assumes=("a slot is in one of two address spaces: KVM_MAX_NR_ADDRESS_SPACES",),
        state=several(_tracked),
        catches=(Catch("tracked-own-space", "wish-unknown"), Catch("tracked-huge-own-space", "table-overlooked")),
    ),
    Theorem(
        name="slot.unsynced-table",
        claim="A frame that holds a guest's page table becomes writable only after each page that shadows it is out "
        "of sync, and the pages that lead to it know. Never if writes have to be seen, while a page is synchronized, "
        "or for a mapping that is made ahead.",
        source="KVM's comment at mmu_try_to_unsync_pages()",
        assumes=("which pages shadow a frame: they are in the list of its hash, which is not followed",),
        state=alone(_unsynced),
        catches=(Catch("unsynced-left", "left-in-sync"), Catch("unsynced-ahead", "for-a-prefetch")),
    ),
)
