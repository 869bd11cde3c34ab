"""Tables that stand for huge pages, which were not to be executed, become huge pages again."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several
from mmuproof.smt.terms import all_of, any_of, iff, ne, negate

_LOG_DIRTY_PAGES = 1


def _of_list(kvm: Kvm, of_tdp: bool) -> Claim:
    made, name = kvm.nx_recovery.recovered(of_tdp), "kvm_recover_nx_huge_pages()"
    return never(
        given(
            shown=tuple(Shown(f"table {number} is logged", page.logged) for number, page in enumerate(made.pages, 1)),
            evidence=made.evidence,
            part=f"{name}, tables of the {'TDP' if of_tdp else 'shadow'} MMU",
        ),
        Wrong(
            "zapped-while-logged",
            any_of(*(all_of(page.logged, page.zapped) for page in made.pages)),
            f"{name} drops a table of a slot whose dirty pages are logged: it would come back at once.",
        ).told("dropped", "KVM's comment in it: they would be faulted back in as small pages"),
        Wrong(
            "never-recovered",
            any_of(*(all_of(negate(page.logged), negate(page.zapped)) for page in made.pages)),
            f"{name} does not drop a table that can become a huge page.",
        ).told("kept", "KVM: tables of the MMU's own list are dropped one after the other"),
        Wrong(
            "still-counted",
            any_of(*(any_of(page.disallowed, page.counted) for page in made.pages)),
            f"{name} leaves a table on the list, and comes to it again and again.",
        ).told("still on the list", "KVM: it is taken off the list first"),
        Wrong("of-another-mmu", made.by_other, f"{name} drops a table by what drops those of the other MMU.").told(
            "the other MMU", "KVM: each MMU has a list of its own"
        ),
        Wrong("beyond-the-list", made.beyond, f"{name} takes the head of a list that is empty for a table.").told(
            "what is no table is dropped", "KVM: the list ends at its head"
        ),
        Wrong(
            "freed-unflushed",
            made.unflushed,
            f"{name} gives a lock up that keeps a table, while TLBs may still lead to it.",
        ).told("no flush before", "KVM's comment in it: the flush is made under RCU, because tables are freed by it"),
    )


def _zapped(kvm: Kvm) -> Claim:
    made, name = kvm.nx_recovery.zapped(), "kvm_tdp_mmu_zap_possible_nx_huge_page()"
    empty = kvm.constant("SHADOW_NONPRESENT_VALUE")
    may = all_of(made.of_tdp, made.below, made.leads)
    return never(
        given(
            shown=(
                Shown("level of the table", made.level),
                Shown("gfn", made.gfn),
                Shown("the entry above", made.found, kind=NumberKind.SPTE),
                Shown("leads to the table", made.leads),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "zaps-another",
            all_of(made.sets, negate(all_of(may, made.own_entry))),
            f"{name} empties an entry that leads to something else than the table.",
        ).told("emptied", "KVM's comment in it: if and only if the SPTE leads to the page's table"),
        Wrong("another-value", all_of(made.sets, ne(made.written, empty)), f"{name} does not empty the entry.").told(
            "another value", "KVM: the non-present value"
        ),
        Wrong(
            "flush-untold",
            negate(iff(made.answer, all_of(made.sets, negate(made.lost)))),
            f"{name} does not tell whether it has dropped the table, and a flush is due.",
        ).told("another answer", "KVM: a table that is taken out of the tree may be in TLBs"),
    )


def _logged(kvm: Kvm) -> Claim:
    made, name = kvm.nx_recovery.logged(), "kvm_mmu_sp_dirty_logging_enabled()"
    wanted = all_of(made.any_slot, ne(made.flags & _LOG_DIRTY_PAGES, 0))
    return never(
        given(shown=(Shown("slot.flags", made.flags), Shown("answer", made.answer)), evidence=made.evidence, part=name),
        Wrong("of-another-slot", negate(made.own_slot), f"{name} asks a slot that is not the table's.").told(
            "another frame or address space", "KVM's comment at role.smm: the slots of a page are those of its role"
        ),
        Wrong(
            "logging-overlooked",
            negate(iff(made.answer, wanted)),
            f"{name} takes the dirty pages of a slot for logged that are not, or the other way round.",
        ).told("another answer", "KVM: the flag KVM_MEM_LOG_DIRTY_PAGES of the slot"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_list(kvm, of_tdp) for of_tdp in (True, False))
    yield _zapped(kvm)
    yield _logged(kvm)


def _toggled(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.nx_recovery.toggled()
    return never(
        given(
            shown=(Shown("nx_huge_pages before", made.before), Shown("nx_huge_pages", made.after)),
            evidence=made.evidence,
        ),
        Wrong(
            "vm-left",
            all_of(negate(iff(made.before, made.after)), negate(all_of(*made.zapped))),
            "set_nx_huge_pages() leaves a VM with SPTEs that were made for the setting of before.",
        ).told("it is not zapped", "CVE-2018-12207: with the mitigation no huge page is executable"),
    )


THEOREMS = (
    Theorem(
        name="slot.nx-toggled",
        claim="When the mitigation of iTLB multihit is turned on or off, all SPTEs of each VM are zapped.",
        source="KVM: nx_huge_pages; CVE-2018-12207",
        assumes=("two VMs stand for any number of them", "a zap of all leaves no SPTE in use: slot.gone"),
        state=alone(_toggled),
        catches=(Catch("nx-turned-on-zaps-nothing", "vm-left"),),
    ),
    Theorem(
        name="slot.huge-page-recovered",
        claim="A table that stands for a huge page which was not to be executed is dropped, so that it becomes huge"
        " again. That is done only by its own MMU, only while its entry leads to it, and not while its dirty pages "
        "are logged. TLBs lose it before it can be freed.",
        source="KVM's comments in kvm_recover_nx_huge_pages() and kvm_tdp_mmu_zap_possible_nx_huge_page()",
        assumes=("two tables stand for a list of any length",),
        needs=(Need(Feature.NX_LISTS),),
        state=several(_state),
        catches=(
            Catch("nx-recovers-logged", "zapped-while-logged"),
            Catch("nx-recovers-list-head", "beyond-the-list"),
            Catch("nx-forgets-flush", "freed-unflushed"),
            Catch("nx-zaps-whatever", "zaps-another"),
            Catch("nx-zap-untold", "flush-untold"),
        ),
    ),
)
