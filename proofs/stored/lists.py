"""Lists of SPTEs: what is put on one stays on it until it is taken off, and whoever goes through it meets it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import Kvm
from mmuproof.model.spte_lists import (
    ASKED,
    CAPACITY,
    EMPTY,
    LONG,
    LONGER,
    ONE,
    SHORT,
    ListChange,
    ListShape,
    ListStep,
    ListVisit,
    spte_address,
    spte_choice,
)
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.listed_sptes import length, list_well_kept, stands_on, stands_twice, well_kept
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, all_of, any_of, bv, eq, iff, ite, ne, negate, ult

_LISTS = "KVM's comment at struct pte_list_desc: all SPTEs of a frame, or of a page's parents, are on the list"
_KEPT = "KVM's comments at struct pte_list_desc and KVM_RMAP_MANY"
_LOOKED_AT = "the SPTE looked at"
_SPTE = spte_address(_LOOKED_AT)
_ADDS, _REMOVES, _COUNTS = "pte_list_add()", "pte_list_remove()", "pte_list_count()"
_FIRST, _NEXT, _WALKS = "rmap_get_first()", "rmap_get_next()", "rmap_write_protect()"
_EMPTIES, _ZAPS_ONE = "kvm_zap_all_rmap_sptes()", "kvm_zap_one_rmap_spte()"
_ADDS_PARENT, _DROPS_PARENT = "mmu_page_add_parent_pte()", "drop_parent_pte()"

_LENGTHS = (EMPTY, ONE, SHORT, LONG, LONGER)
_ASSERTIONS = (CheckKind.WARN, CheckKind.BUG)


def _place(function: str) -> str:
    """Where a function stands."""
    return f"arch/x86/kvm/mmu/mmu.c:{function.removesuffix('()')}"


def _shown(change: ListChange, asks: bool = True) -> tuple[Shown, ...]:
    asked = (Shown(ASKED, spte_choice(ASKED)),) if asks else ()
    counts = (
        Shown(f"SPTEs in descriptor {number}", each.count) for number, each in enumerate(change.before.descriptors, 1)
    )
    return (*asked, Shown(_LOOKED_AT, spte_choice(_LOOKED_AT)), *counts)


def _lost(change: ListChange, name: str, wanted: BitVec | None = None) -> Symptom:
    """That an SPTE goes from a list that is to stay, which is any but one that is ``wanted`` to go."""
    others = negate(eq(_SPTE, wanted)) if wanted is not None else ne(_SPTE, 0)
    return Wrong(
        "spte-lost",
        all_of(stands_on(change.before, _SPTE), others, negate(stands_on(change.after, _SPTE))),
        f"{name} loses an SPTE of the list.",
    ).told("an SPTE is on its list no more: what is done with all on it passes it over", _LISTS, place=_place(name))


def _badly_kept(change: ListChange, name: str) -> tuple[Symptom, ...]:
    return (
        Wrong("badly-kept", negate(well_kept(change.after)), f"{name} leaves a list that is not well kept.").told(
            "the head, a count or an empty place is wrong", _KEPT, place=_place(name)
        ),
        Wrong(
            "descriptor-stale", change.stale, f"{name} gives a descriptor back that is on the list, or gives it twice."
        ).told("memory is used that is free", _KEPT, place=_place(name)),
        Wrong("descriptor-leaked", change.leaked, f"{name} takes a descriptor off the list and keeps it.").told(
            "memory is never free again", _KEPT, place=_place(name)
        ),
    )


def _another(change: ListChange, name: str) -> Symptom:
    """That something comes on a list that was not asked for."""
    new = all_of(stands_on(change.after, _SPTE), negate(stands_on(change.before, _SPTE)), ne(_SPTE, change.spte))
    return Wrong("another-listed", new, f"{name} puts an SPTE on the list that it is not asked for.").told(
        "another SPTE is on the list", _LISTS, place=_place(name)
    )


def _added(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in _LENGTHS:
        made = kvm.spte_lists.added(shape)
        kept = list_well_kept(made.before)
        yield never(
            given(kept, shown=_shown(made), evidence=made.evidence, part=shape.words),
            Wrong("not-added", negate(stands_on(made.after, made.spte)), f"{_ADDS} does not add the SPTE.").told(
                "the SPTE is not on the list", _LISTS, place=_place(_ADDS)
            ),
            _lost(made, _ADDS),
            *_badly_kept(made, _ADDS),
            Wrong(
                "another-length",
                ne(length(made.after), length(made.before) + 1),
                f"{_ADDS} does not make the list longer by one.",
            ).told("another length", _LISTS, place=_place(_ADDS)),
            _another(made, _ADDS),
        )
        yield never(
            given(kept, shown=_shown(made), evidence=made.evidence, part=f"the answer for {shape.words}"),
            Wrong(
                "another-answer",
                ne(made.answer, length(made.before)),
                f"{_ADDS} answers another number of SPTEs than were on the list.",
            ).told("another number", "KVM's comment at pte_list_add()", place=_place(_ADDS)),
        )


def _removed(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in _shapes_to_remove_from(kvm):
        made = kvm.spte_lists.removed(shape)
        yield never(
            given(
                list_well_kept(made.before),
                _on_list_once(made),
                shown=_shown(made),
                evidence=made.evidence,
                part=shape.words,
            ),
            _lost(made, _REMOVES, made.spte),
            Wrong(
                "not-removed", stands_on(made.after, made.spte), f"{_REMOVES} leaves the SPTE on the list that goes."
            ).told("the list leads to an entry that is free", _LISTS, place=_place(_REMOVES)),
            *_badly_kept(made, _REMOVES),
            Wrong(
                "assertion-fails",
                any_of(*(negate(each.holds) for each in made.evidence.checks if each.kind in _ASSERTIONS)),
                f"{_REMOVES} takes a list for corrupt that is not.",
            ).told("the WARN fires, or the BUG", "KVM's own assertion: it never does", place=_place(_REMOVES)),
            Wrong(
                "another-length",
                ne(length(made.after), length(made.before) - 1),
                f"{_REMOVES} does not make the list shorter by one.",
            ).told("another length", _LISTS, place=_place(_REMOVES)),
            _another(made, _REMOVES),
        )


def _shapes_to_remove_from(kvm: Kvm) -> Iterator[ListShape]:
    """Lists up to three descriptors; those behind may have room left where kernels do not note what stands there."""
    full = kvm.spte_lists.removed(ListShape(1, 1)).before.descriptors[0]
    room = range(1, len(full.sptes) + 1)
    yield ONE
    yield from (ListShape(number, first) for number in (1, 2) for first in room)
    yield from (ListShape(3, first) for first in (1, CAPACITY))
    if full.behind is None:
        yield from (ListShape(2, first, second) for first, second in ((1, 1), (1, 2), (2, 1), (CAPACITY, 1)))


def _counted(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in _LENGTHS:
        made = kvm.spte_lists.counted(shape)
        yield never(
            given(
                list_well_kept(made.before), shown=_shown(made, asks=False), evidence=made.evidence, part=shape.words
            ),
            Wrong(
                "another-answer",
                ne(made.answer, length(made.before)),
                f"{_COUNTS} answers another number of SPTEs than are on the list.",
            ).told("another number", _LISTS, place=_place(_COUNTS)),
            _lost(made, _COUNTS),
            *_badly_kept(made, _COUNTS),
        )


def _walked(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in (EMPTY, ONE, SHORT, LONG):
        yield _stepped(kvm.spte_lists.begun(shape), _FIRST, f"the first SPTE of {shape.words}", begins=True)
    for shape in (ONE, SHORT, LONG):
        yield _stepped(kvm.spte_lists.stepped(shape), _NEXT, f"the next SPTE of {shape.words}", begins=False)
    for shape in (EMPTY, ONE, SHORT):
        yield _visited(kvm.spte_lists.walked(shape), _WALKS, f"all SPTEs of {shape.words}")


def _stepped(made: ListStep, name: str, part: str, *, begins: bool) -> Claim:
    descriptors = made.before.descriptors
    first = descriptors[0] if descriptors else None
    stays, place = FALSE, bv(0, 32)
    if first is not None:
        following = bv(0, 32) if begins else made.place + 1
        stays = ult(following, first.count)
        place = ite(stays, following, 0)
    wanted = made.before.alone if begins else bv(0, 64)
    if len(descriptors) > 1:
        wanted = descriptors[1].sptes[0]
    for number, each in enumerate(first.sptes if first is not None else ()):
        wanted = ite(all_of(stays, eq(place, number)), each, wanted)
    at = tuple(stays if number == 0 else negate(stays) for number in range(len(descriptors)))
    return never(
        given(
            list_well_kept(made.before),
            *((Assumption("the iterator is at an SPTE", ult(made.place, first.count)),) if first is not None else ()),
            shown=(
                Shown("place", made.place),
                *(Shown(f"SPTEs in descriptor {n}", each.count) for n, each in enumerate(descriptors, 1)),
                Shown("what is found", made.found),
            ),
            evidence=made.evidence,
            part=part,
        ),
        Wrong("passed-over", ne(made.found, wanted), f"{name} does not find the SPTE that comes next.").told(
            "an SPTE is passed over, or something else is found", _LISTS, place=_place(name)
        ),
        Wrong(
            "stands-elsewhere",
            any_of(
                *(negate(each) & want | each & negate(want) for each, want in zip(made.at, at, strict=True)),
                ne(made.place_after, place),
            ),
            f"{name} does not stand at the SPTE that it has found.",
        ).told("the next SPTE is another one", _LISTS, place=_place(name)),
    )


def _visited(made: ListVisit, name: str, part: str, *more: Symptom) -> Claim:
    change = made.change
    met = any_of(*(all_of(each.happens, eq(each.spte, _SPTE)) for each in made.visited))
    return never(
        given(list_well_kept(change.before), shown=_shown(change, asks=False), evidence=change.evidence, part=part),
        Wrong(
            "passed-over",
            all_of(stands_on(change.before, _SPTE), negate(met)),
            f"{name} passes an SPTE of the list over.",
        ).told("the SPTE stays as it is", _LISTS, place=_place(name)),
        Wrong(
            "another-met",
            all_of(met, negate(stands_on(change.before, _SPTE))),
            f"{name} changes an SPTE that is not on the list.",
        ).told("another SPTE is changed", _LISTS, place=_place(name)),
        *more,
        *_badly_kept(change, name),
    )


def _emptied(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in _LENGTHS:
        made = kvm.spte_lists.emptied(shape)
        left, was_there = ne(length(made.change.after), 0), ne(length(made.change.before), 0)
        yield _visited(
            made,
            _EMPTIES,
            shape.words,
            Wrong("not-emptied", left, f"{_EMPTIES} leaves SPTEs on the list that it has emptied.").told(
                "the list leads to entries that are free", _LISTS, place=_place(_EMPTIES)
            ),
            Wrong(
                "untold",
                negate(iff(ne(made.change.answer, 0), was_there)),
                f"{_EMPTIES} does not answer whether an SPTE has gone.",
            ).told("another answer: a flush is forgotten, or needless", "KVM's comment at it", place=_place(_EMPTIES)),
        )


def _used(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for shape in (EMPTY, ONE, SHORT):
        made = kvm.spte_lists.parent_added(shape)
        yield never(
            given(
                list_well_kept(made.before),
                shown=_shown(made),
                evidence=made.evidence,
                part=f"{_ADDS_PARENT}, {shape.words}",
            ),
            Wrong(
                "not-added", negate(stands_on(made.after, made.spte)), f"{_ADDS_PARENT} does not note the entry."
            ).told("the page does not know what leads to it", _LISTS, place=_place(_ADDS_PARENT)),
            _lost(made, _ADDS_PARENT),
            *_badly_kept(made, _ADDS_PARENT),
        )
    for shape in (ONE, ListShape(1, 2)):
        yield _dropped(kvm.spte_lists.zapped(shape), _ZAPS_ONE, shape)
        yield _dropped(kvm.spte_lists.parent_dropped(shape), _DROPS_PARENT, shape)


def _dropped(made: ListVisit, name: str, shape: ListShape) -> Claim:
    change = made.change
    emptied = any_of(*(all_of(each.happens, eq(each.spte, change.spte)) for each in made.visited))
    others = any_of(*(all_of(each.happens, ne(each.spte, change.spte)) for each in made.visited))
    return never(
        given(
            list_well_kept(change.before),
            _on_list_once(change),
            shown=_shown(change),
            evidence=change.evidence,
            part=f"{name}, {shape.words}",
        ),
        Wrong("passed-over", negate(emptied), f"{name} does not empty the entry.").told(
            "the entry stays as it is", _LISTS, place=_place(name)
        ),
        Wrong("another-met", others, f"{name} empties another entry.").told(
            "another entry is changed", _LISTS, place=_place(name)
        ),
        Wrong(
            "not-removed", stands_on(change.after, change.spte), f"{name} leaves the entry on the list that it empties."
        ).told("the list leads to an entry that is free", _LISTS, place=_place(name)),
        _lost(change, name, change.spte),
        *_badly_kept(change, name),
    )


def _on_list_once(change: ListChange) -> Assumption:
    return Assumption(
        "the SPTE is on the list, once: stored.translation puts it there, and stored.listed takes it off",
        all_of(stands_on(change.before, change.spte), negate(stands_twice(change.before, change.spte))),
    )


_ASSUMED = (
    "the list is well kept to begin with: each theorem of lists says that it is left so",
    "nobody changes the list meanwhile: whoever does holds KVM's lock",
)
_LENGTH = "a list has three descriptors at most"
_OF_SHADOW_MMU = (Vendor.SHADOW,)
"""Lists are those of the shadow MMU, and no vendor's: nested guests have the same under TDP."""

THEOREMS = (
    Theorem(
        name="stored.list-add",
        claim="An SPTE that is added to a list is on it then, and so is all that was there, and nothing else. The list "
        "is well kept afterwards, and the answer is how many were there.",
        source=_KEPT,
        assumes=(*_ASSUMED, _LENGTH, "a new descriptor is all zeros: kvm_mmu_create() asks for __GFP_ZERO"),
        vendors=_OF_SHADOW_MMU,
        state=several(_added),
        catches=(Catch("list-add-drops-former", "spte-lost"), Catch("list-add-unlinks-full", "spte-lost")),
    ),
    Theorem(
        name="stored.list-remove",
        claim="An SPTE that is taken off a list is on it no more, and all others that were there are. The list is well "
        "kept afterwards. A descriptor is given back exactly if the list has it no more.",
        source=_KEPT,
        assumes=(
            *_ASSUMED,
            _LENGTH,
            "the SPTE is on the list, once: stored.translation and stored.listed say when one is put on and taken off",
        ),
        vendors=_OF_SHADOW_MMU,
        state=several(_removed),
        catches=(Catch("list-remove-moves-first", "spte-lost"), Catch("list-remove-leaves-last", "badly-kept")),
    ),
    Theorem(
        name="stored.list-count",
        claim="The number of SPTEs on a list is as many as stand on it, and counting changes nothing.",
        source=_KEPT,
        assumes=(*_ASSUMED, _LENGTH),
        vendors=_OF_SHADOW_MMU,
        state=several(_counted),
        catches=(Catch("list-count-of-first", "another-answer"),),
    ),
    Theorem(
        name="stored.list-walk",
        claim="Whoever goes through a list begins with its first SPTE. From each he comes to the one at the next "
        "place, from the last of a descriptor to the first of the one behind it. So each is met once.",
        source=_KEPT,
        assumes=_ASSUMED,
        vendors=_OF_SHADOW_MMU,
        state=several(_walked),
        catches=(Catch("list-walk-skips-last-place", "passed-over"), Catch("list-walk-ends-early", "passed-over")),
    ),
    Theorem(
        name="stored.list-emptied",
        claim="Where all that is on a list goes, each SPTE on it is emptied, and nothing else. The list is empty then, "
        "and all its descriptors are given back. The answer is whether there was an SPTE.",
        source=_KEPT,
        assumes=(*_ASSUMED, _LENGTH),
        vendors=_OF_SHADOW_MMU,
        state=several(_emptied),
        catches=(Catch("list-emptied-but-first", "passed-over"), Catch("list-emptied-untold", "untold")),
    ),
    Theorem(
        name="stored.list-used",
        claim="An entry that leads to a page is put on the page's list of parents. An SPTE "
        "that is zapped alone, or that leads to a page no more, is emptied and taken off its list, and no other is.",
        source=_KEPT,
        assumes=(
            *_ASSUMED,
            "the list has one descriptor at most: stored.list-add and stored.list-remove speak of longer ones",
        ),
        vendors=_OF_SHADOW_MMU,
        state=several(_used),
        catches=(
            Catch("list-keeps-zapped", "not-removed"),
            Catch("list-lacks-parent", "not-added"),
            Catch("list-parent-not-emptied", "passed-over"),
        ),
    ),
)
