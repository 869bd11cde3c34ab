"""Which translations are flushed when an entry is taken away: all that hardware may have cached by way of it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.flush_ranges import MapFlushed, RangeFlushed
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.hardware_spte import address
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bv,
    eq,
    iff,
    implies,
    ne,
    negate,
    ule,
    ult,
)
from mmuproof.spec import table_numbers

_MMU_C, _TDP_MMU_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/tdp_mmu.c"
_LEVELS = (1, 2, 3)
"""Those at which a page is mapped: SDM table 31-3, APM 5.3."""
_MAPS_PAGE = 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""
_FRAME_BITS = 52
_CACHED = "SDM 31.4.3.1 and APM 15.16: what hardware has cached by way of an entry lives until it is flushed"


def _is_table(made: RangeFlushed) -> Bool:
    return all_of(ne(made.level, 1), negate(bit(made.before, _MAPS_PAGE)))


def _present(kvm: Kvm, made: RangeFlushed) -> Bool:
    return ne(made.before & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)


def _each_level(made: RangeFlushed, per_level: dict[int, Bool]) -> Bool:
    return all_of(*(implies(eq(made.level, level), holds) for level, holds in per_level.items()))


def _covered(made: RangeFlushed, frame: BitVec) -> Bool:
    """Whether the frames that are flushed contain all that an entry translates that begins with a frame."""
    return _each_level(
        made,
        {
            level: all_of(
                ule(made.first, frame), ule(frame - made.first + bv(table_numbers.pages(level), 64), made.pages)
            )
            for level in _LEVELS
        },
    )


def _is_first(made: RangeFlushed, frame: BitVec) -> Assumption:
    """A fact of who calls: `loop.map` and FNAME(fetch)() round a frame so."""
    holds = _each_level(made, {level: eq(frame, table_numbers.first(frame, level)) for level in _LEVELS})
    return Assumption("the frame is the first that the entry translates", holds)


def _place_in(made: RangeFlushed, frame: BitVec) -> Assumption:
    """In a page that shadows nothing, what an entry translates is known from where it stands."""
    at = {level: eq(frame, made.page_gfn + made.index * table_numbers.pages(level)) for level in _LEVELS}
    return Assumption("the page's entries translate one range after the other", _each_level(made, at))


def _claim(
    made: RangeFlushed,
    part: str,
    frame: BitVec | None,
    stale: Bool,
    *assumptions: Assumption,
    more: tuple[Wrong, ...] = (),
) -> Claim:
    """The claim on one function.

    Args:
        made: what it does.
        part: as in `Case`.
        frame: the first frame that the entry translates; None if these are not one range.
        stale: hardware may use what the entry does not hold any more.
        assumptions: what is known of its callers.
        more: other ways to be wrong.
    """
    caller = f"{made.caller}()"
    place = f"{_TDP_MMU_C if made.caller.startswith('tdp_') else _MMU_C}:{made.caller}"
    covered = FALSE if frame is None else _covered(made, frame)
    levels = Assumption("the entry stands at a level at which pages are mapped", ult(made.level - 1, len(_LEVELS)))
    frames = (
        ()
        if frame is None
        else (Assumption("frames have at most 52 bits, and so has a page's", ult(frame >> _FRAME_BITS, 1)),)
    )
    shown = () if frame is None else (Shown("first frame that the entry translates", frame),)
    return never(
        given(
            levels,
            *frames,
            *assumptions,
            shown=(
                Shown("the entry before", made.before, kind=NumberKind.SPTE),
                Shown("its level", made.level),
                *shown,
                Shown("first frame that is flushed", made.first),
                Shown("frames that are flushed", made.pages),
            ),
            evidence=made.evidence,
            part=part,
        ),
        Wrong(
            "not-flushed",
            all_of(stale, negate(made.asked), negate(made.everything)),
            f"{caller} takes an entry away and flushes nothing.",
        ).told("no flush", _CACHED, place=place),
        Wrong(
            "pages-left-out",
            all_of(stale, made.asked, negate(made.everything), negate(covered)),
            f"{caller} does not flush all frames that the entry has translated which it takes away.",
        ).told("other frames are flushed", _CACHED, place=place),
        *(each.told("another table stays or goes", "KVM's comment in it", place=place) for each in more),
    )


def _mapped(kvm: Kvm, made: MapFlushed, *assumptions: Assumption) -> Claim:
    other = any_of(_is_table(made), ne(made.pfn, address(made.before) >> 12))
    stale = all_of(made.changes, _present(kvm, made), other)
    return _claim(made, f"{made.caller}()", made.gfn, stale, _is_first(made, made.gfn), *assumptions)


def _tdp(kvm: Kvm) -> Claim:
    made = kvm.flush_ranges.tdp_map()
    table = _each_level(made, {level: eq(made.page_gfn, table_numbers.first(made.gfn, level + 1)) for level in _LEVELS})
    same = any_of(negate(_present(kvm, made)), _is_table(made), eq(made.pfn, address(made.before) >> 12))
    return _mapped(
        kvm,
        made,
        Assumption("the page's gfn is the first frame that its table translates", table),
        Assumption("an entry that maps a page maps the fault's: what maps another is zapped before", same),
    )


def _recycled(kvm: Kvm) -> Claim:
    made = kvm.flush_ranges.recycled()
    return _claim(made, f"{made.caller}()", made.gfn, made.changes, _is_first(made, made.gfn))


def _of_pages(made: RangeFlushed, *, direct: bool) -> tuple[Assumption, ...]:
    notes = all_of(negate(made.page_passthrough), iff(made.notes, negate(made.page_direct)))
    return (
        Assumption("only a page that shadows one of the guest's has notes of what it shadows", notes),
        Assumption(
            f"the page {'is direct' if direct else 'shadows one of the guest'}",
            iff(made.page_direct, TRUE if direct else FALSE),
        ),
    )


def _dropped(kvm: Kvm) -> Iterator[Claim]:
    made = kvm.flush_ranges.dropped()
    wrong = all_of(_present(kvm, made), _is_table(made), ne(made.child_access, made.wanted))
    more = (
        Wrong(
            "keeps-or-drops-another",
            negate(iff(made.changes, wrong)),
            f"{made.caller}() keeps a table that may grant something else than it should, or drops another.",
        ),
    )
    above = Assumption("a table stands above level 1", ne(made.level, 1))
    first = _is_first(made, made.gfn)
    yield _claim(
        made,
        f"{made.caller}(), in a direct page",
        made.gfn,
        made.changes,
        above,
        first,
        _place_in(made, made.gfn),
        *_of_pages(made, direct=True),
        more=more,
    )
    yield _claim(
        made,
        f"{made.caller}(), in a page that shadows one of the guest",
        made.gfn,
        made.changes,
        above,
        first,
        *_of_pages(made, direct=False),
        more=more,
    )


def _linked(kvm: Kvm) -> Iterator[Claim]:
    made = kvm.flush_ranges.linked()
    above = Assumption("a table is linked above level 1", ne(made.level, 1))
    stale = all_of(made.changes, _present(kvm, made), made.flushes)
    table = _is_table(made)
    for direct in (True, False):
        where = "in a direct page" if direct else "in a page that shadows one of the guest"
        pages = _of_pages(made, direct=direct)
        own = made.shadowed >> 12
        if direct:
            yield _claim(
                made,
                f"{made.caller}(), {where}",
                made.gfn,
                stale,
                above,
                _is_first(made, made.gfn),
                _place_in(made, made.gfn),
                *pages,
            )
        else:
            yield _claim(
                made,
                f"{made.caller}(), a huge page, {where}",
                own,
                all_of(stale, negate(table)),
                above,
                _is_first(made, own),
                *pages,
            )
            yield _claim(made, f"{made.caller}(), a table, {where}", None, all_of(stale, table), above, *pages)


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield _tdp(kvm)
    yield _mapped(kvm, kvm.flush_ranges.shadow_map())
    yield _recycled(kvm)
    yield from _dropped(kvm)
    yield from _linked(kvm)


THEOREMS = (
    Theorem(
        name="stored.flush-range",
        claim="Who takes away an entry, puts a page in the place of a table or of another page, or a table in the "
        "place of either, flushes all frames that the entry has translated. A direct page whose access is not "
        "what the guest's entry grants is taken away.",
        source="SDM 31.4.3.1, APM 15.16; KVM's comments at kvm_flush_remote_tlbs_gfn(), kvm_flush_remote_tlbs_sptep(), "
        "__link_shadow_page() and in validate_direct_spte()",
        assumes=(
            "a flush of some frames does that for each of them; only Hyper-V below is asked for less than all, for EPT "
            "and NPT",
            "pages that shadow one of the guest note frames where an entry maps a page, and only there: "
            "kvm_mmu_page_set_translation() is called when a page is mapped",
            "kvm_mmu_commit_zap_page() flushes all where there is something to free",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_state),
        catches=(
            Catch("direct-page-keeps-access", "keeps-or-drops-another"),
            Catch("tdp-map-flushes-one-page", "pages-left-out"),
            Catch("shadow-map-flushes-no-table", "not-flushed"),
            Catch("flush-keeps-frame", "pages-left-out"),
        ),
    ),
)
