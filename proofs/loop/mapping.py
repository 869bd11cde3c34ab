"""What a round of the loops does that map a page."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.map_rounds import Deed, MapRound
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, eq, implies, ne, negate, ult, zext

_LEVELS = 5
_MAPS_PAGE = 7
"""The bit of an entry of EPT or nested paging that lets it map a large page: SDM table 31-3, APM 5.4.1."""


def _not_at_goal(deed: Deed) -> Bool:
    return ne(deed.level, zext(deed.goal_level, 32))


def symptoms(made: MapRound) -> Iterator[Symptom]:
    """How a round can be wrong that may map a page."""
    name, maps, links = f"{made.function}()", made.maps, made.links
    goal = "KVM: a page is mapped at fault->goal_level, and at no other level"
    yield Wrong(
        "leaf-elsewhere", all_of(maps.when, _not_at_goal(maps)), f"{name} maps a page at another level than it is for."
    ).told("a leaf at the level where the walk has stopped", goal)
    tables = [links, made.splits]
    yield Wrong(
        "table-at-goal",
        any_of(*(all_of(each.when, negate(_not_at_goal(each))) for each in tables)),
        f"{name} links a table at the level at which the page is to be mapped.",
    ).told("a table", goal)
    yield Wrong(
        "another-entry",
        any_of(*(all_of(each.when, each.elsewhere) for each in (maps, *tables))),
        f"{name} changes another entry than that of its walk, or maps another frame there.",
    ).told("another entry", "KVM: the walk stands at the entry that translates the fault's frame")
    yield Wrong(
        "another-fault", made.another_fault, f"{name} changes the frame, slot or access of the fault that it maps."
    ).told("the fault is another", "KVM: a fault is mapped for what it was resolved to")
    yield from _around(made)
    yield Wrong(
        "huge-page-unasked",
        all_of(made.workaround, maps.when, maps.unadjusted),
        f"{name} does not ask whether small pages have replaced a huge one here because they are executed.",
    ).told("nobody asks", "KVM's comment at disallowed_hugepage_adjust()")


def _around(made: MapRound) -> Iterator[Symptom]:
    """How what is done before, in and behind the loop can be wrong."""
    name, tail = f"{made.function}()", made.tail
    yield Wrong(
        "another-address", tail.begins_elsewhere, f"{name} walks to the entry of another address than the fault's."
    ).told("the walk begins for another address", "KVM: the walk goes down to what translates the fault's address")
    yield Wrong(
        "another-page", tail.another_page, f"{name} maps another page of the host's, or elsewhere, than was found."
    ).told("another frame, size, slot or entry", "KVM: what was found for the fault, of the size that was chosen")
    yield Wrong("strays", tail.strays, f"{name} changes something besides that decides about a guest's access.").told(
        "something else changes", "KVM: a fault changes the entry that it is mapped at, and tables on the way"
    )
    yield Wrong(
        "answers-otherwise",
        tail.answers_otherwise,
        f"{name} answers otherwise than what maps the page, or as if a page were mapped where none is.",
    ).told("another answer", "KVM's comment at enum RET_PF_*")
    yield Wrong("changed-after", tail.changed_after, f"{name} changes an entry once its page is mapped.").told(
        "the entry is another", "KVM: what was made for the page stays in its entry"
    )
    yield Wrong(
        "unprepared",
        tail.unprepared,
        f"{name} puts a table somewhere whose page of SPTEs has no role and frame for that place.",
    ).told("the page is not set up", "KVM: a page's role says what its entries may grant, and at which level")
    yield Wrong(
        "refusal-unnoted",
        tail.refusal_unnoted,
        f"{name} puts a table somewhere without noting rightly whether a huge page was refused there.",
    ).told("the mark is wrong", "KVM's comment at nx_huge_page_disallowed")


def _stops_early(made: MapRound, gives_up: Bool) -> Symptom:
    """That a walk is left above its goal; ``gives_up``: the fault begins anew."""
    return Wrong(
        "stops-early",
        negate(any_of(made.at_end, made.maps.when, made.goes_on, gives_up)),
        f"{made.function}() leaves its walk at another level than the page is to be mapped at, and maps nothing.",
    ).told("the walk ends", "KVM: a walk goes down to fault->goal_level")


def before_its_goal(made: MapRound) -> tuple[Assumption, ...]:
    """What is taken for granted of the level at which a page is to be mapped."""
    maps = made.maps
    return (
        Assumption("the page is to be mapped at some level", ne(maps.goal_level, 0)),
        Assumption(
            "a walk that has come to its end is not at the level at which the page is to be mapped",
            implies(made.at_end, _not_at_goal(maps)),
        ),
    )


def _claim(made: MapRound, at_levels: Assumption, *further: Symptom) -> Claim:
    maps = made.maps
    return never(
        given(
            at_levels,
            *before_its_goal(made),
            shown=(
                Shown("level of the walk", maps.level),
                Shown("fault.goal_level", maps.goal_level),
                Shown("SPTE", maps.spte, kind=NumberKind.SPTE),
                Shown("fault.nx_huge_page_workaround_enabled", made.workaround),
            ),
            evidence=made.evidence,
            part=f"{made.function}()",
        ),
        *symptoms(made),
        *further,
    )


def _of_tdp(kvm: Kvm) -> Claim:
    made = kvm.map_rounds.tdp()
    name, present_mask = f"{made.function}()", kvm.constant("SPTE_MMU_PRESENT_MASK")

    def present(spte: BitVec) -> Bool:
        return ne(spte & present_mask, 0)

    frozen = kvm.constant("FROZEN_SPTE")
    deeds = (made.maps, made.links, made.splits)
    touched = any_of(*(all_of(each.when, eq(each.spte, frozen)) for each in deeds))
    replaced = any_of(
        all_of(made.links.when, present(made.links.spte)),
        all_of(made.splits.when, negate(all_of(present(made.splits.spte), bit(made.splits.spte, _MAPS_PAGE)))),
    )
    table = all_of(present(made.spte), negate(bit(made.spte, _MAPS_PAGE)))
    return _claim(
        made,
        Assumption("the walk stands at one of five levels", ult(made.maps.level - 1, _LEVELS)),
        Wrong("touches-frozen", touched, f"{name} changes an entry that another CPU has frozen.").told(
            "the entry changes", "KVM's comment at FROZEN_SPTE: only who has frozen an SPTE changes it"
        ),
        Wrong("replaces-another", replaced, f"{name} links a new table over an entry that is used.").told(
            "a table over another one, or over a page", "KVM: a table is linked where nothing is, a huge page is split"
        ),
        no_table(made, table),
        _stops_early(made, any_of(eq(made.maps.spte, frozen), made.fails)),
    )


def no_table(made: MapRound, table: Bool) -> Symptom:
    """That a walk goes on where it has put no table; ``table``: there is one already."""
    return Wrong(
        "goes-on-without-table",
        all_of(made.goes_on, negate(made.has_table), negate(table)),
        f"{made.function}() goes on below an entry that leads to no table.",
    ).told("the walk goes on", "KVM: the walk goes down to the table that its entry leads to")


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    if vendor is not Vendor.SHADOW:
        yield _of_tdp(kvm)
    direct = kvm.map_rounds.direct()
    at_levels = any_of(direct.at_end, ult(direct.maps.level - 1, _LEVELS))
    standing = Assumption("the walk stands at one of five levels, unless it has come to its end", at_levels)
    yield _claim(direct, standing, no_table(direct, FALSE), _stops_early(direct, FALSE))


THEOREMS = (
    Theorem(
        name="loop.map",
        claim="A round of the loops that map a page maps it only at the level that is wanted and at the entry "
        "of the walk, for the frame, slot and access of the fault. It does so only after it has been asked whether "
        "a huge page may be here, from the frame that was found, and the answer is what came of it. Above that level "
        "it puts a table only where nothing is, or where a huge page is split. It leaves a frozen entry alone, goes "
        "on only where there is a table, and is not left above that level. Nothing else changes on the way.",
        source="KVM's comments at kvm_tdp_mmu_map(), disallowed_hugepage_adjust() and FROZEN_SPTE",
        assumes=(
            "a walk comes to its end only above the level at which the page is to be mapped: a step aside begins above "
            "it, by loop.iterator; shadow_walk_okay() ends at level 0",
        ),
        state=several(_state),
        catches=(
            Catch("map-stops-early", "stops-early"),
            Catch("map-where-walk-stops", "leaf-elsewhere"),
            Catch("tdp-map-frozen", "touches-frozen"),
            Catch("tdp-map-goes-on-unlinked", "goes-on-without-table"),
            Catch("direct-map-unasked", "huge-page-unasked"),
            Catch("direct-map-last-frame", "another-entry"),
            Catch("direct-map-first-of-slot", "another-fault"),
            Catch("direct-map-other-address", "another-address"),
            Catch("tdp-map-next-frame", "another-page"),
            Catch("tdp-map-as-mmio", "strays"),
            Catch("direct-map-hides-protection", "answers-otherwise"),
            Catch("direct-map-prefetches-elsewhere", "changed-after"),
            Catch("tdp-map-refusal-unnoted", "refusal-unnoted"),
            Catch("tdp-map-unprepared", "unprepared"),
        ),
    ),
)
