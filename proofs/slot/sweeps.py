"""What is done to a slot, a mask of frames or a range: each SPTE that is meant is reached, in both MMUs."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.slot_sweeps import HUGEST, Aging, MaskRound, MaskSweep, RangeAged, SlotSweep, SlotSwept
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import Bool, all_of, any_of, boolean, bv, eq, ne, negate, ult

_SMALL, _WORD = 1, 64
_SPLITS = (SlotSweep.SPLIT, SlotSweep.SPLIT_RANGE)
_WITH_LEVEL = (SlotSweep.WRITE_PROTECT, *_SPLITS)


def _is_meant(sweep: SlotSweep, level: int, told: int) -> bool:
    """Whether SPTEs of a level are meant, by the level that is told."""
    if sweep is SlotSweep.CLEAR_DIRTY:
        return level == _SMALL
    if sweep is SlotSweep.RECOVER:
        return level < HUGEST
    return level > told if sweep in _SPLITS else level >= told


def _of_sweep(made: SlotSwept) -> Claim:
    name = f"{made.sweep.value}()"
    levels = range(_SMALL, HUGEST + 1)
    # The shadow MMU splits only beside the TDP MMU.
    wanted = all_of(made.shadowed, made.tdp_mmu) if made.sweep in _SPLITS else made.shadowed
    left = any_of(
        *(
            all_of(wanted, boolean(_is_meant(made.sweep, level, made.level)), negate(walked))
            for level, walked in zip(levels, made.walked, strict=True)
        )
    )
    return never(
        given(
            shown=(
                Shown("the TDP MMU is in use", made.tdp_mmu),
                Shown("SPTEs of the shadow MMU", made.shadowed),
                *(
                    Shown(f"level {level} is gone through", each)
                    for level, each in zip(levels, made.walked, strict=True)
                ),
            ),
            evidence=made.evidence,
            part=f"{name}, level {made.level}" if made.sweep in _WITH_LEVEL else name,
        ),
        Wrong("left-out", left, f"{name} leaves out SPTEs of the shadow MMU that it is to change.").told(
            "a level or a part of the range is left out",
            "KVM's comments in it: the levels that are meant, of all frames",
        ),
        Wrong(
            "tdp-left-out",
            all_of(made.tdp_mmu, negate(made.tdp_done)),
            f"{name} leaves out the TDP MMU, or tells it of other frames or another level.",
        ).told("left as it was", "KVM: the same in both MMUs"),
        Wrong(
            "gone-unflushed",
            all_of(boolean(made.sweep is SlotSweep.RECOVER), made.stale, negate(made.flushed)),
            f"{name} drops SPTEs, and leaves them to TLBs.",
        ).told("no flush", "KVM: what goes through SPTEs says whether a flush is due"),
    )


def _swept(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for sweep in SlotSweep:
        for level in range(_SMALL, HUGEST + 1) if sweep in _WITH_LEVEL else (_SMALL,):
            yield _of_sweep(kvm.slot_sweeps.swept(sweep, level))


def _of_mask(made: MaskRound) -> Claim:
    name, here = f"{made.sweep.value}()", all_of(made.shadowed, ne(made.mask, 0))
    one = bv(1, _WORD) << made.number
    in_word = ult(made.number, _WORD)
    return never(
        given(
            shown=(
                Shown("mask", made.asked),
                Shown("mask before the round", made.mask),
                Shown("mask after it", made.mask_after),
                Shown("number of the frame", made.number),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-mask", all_of(made.shadowed, ne(made.mask_at_first, made.asked)), f"{name} takes another mask."
        ).told("another mask", "KVM: the frames whose bits are set"),
        Wrong(
            "another-frame",
            all_of(made.handles, negate(all_of(in_word, ne(made.mask & one, 0)))),
            f"{name} changes an SPTE of a frame that is not meant.",
        ).told("a frame whose bit is clear", "KVM: the frames whose bits are set"),
        Wrong(
            "frame-lost",
            all_of(here, negate(all_of(made.handles, made.goes_on, eq(made.mask_after, made.mask & ~one)))),
            f"{name} passes over frames that are meant: their writes are not logged again.",
        ).told("left as it was", "KVM: the frames whose bits are set, each once"),
        Wrong(
            "tdp-left-out",
            all_of(made.tdp_mmu, negate(made.tdp_done)),
            f"{name} leaves out the TDP MMU, or tells it of other frames or another way to notice writes.",
        ).told("left as it was", "KVM: the same in both MMUs"),
    )


def _masked(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_mask(kvm.slot_sweeps.masked(sweep)) for sweep in MaskSweep)


def _of_aging(made: RangeAged) -> Claim:
    name, young = f"{made.aging.value}()", any_of(made.tdp_young, made.shadow_young)
    # Who only asks is told as soon as one says yes.
    enough: Bool = all_of(boolean(made.aging is Aging.TEST), made.answer)
    left = any_of(all_of(made.tdp_mmu, negate(made.tdp_done)), all_of(made.shadowed, negate(made.shadow_done)))
    return never(
        given(
            shown=(
                Shown("the TDP MMU is in use", made.tdp_mmu),
                Shown("SPTEs of the shadow MMU", made.shadowed),
                Shown("accessed, by the TDP MMU", made.tdp_young),
                Shown("accessed, by the shadow MMU", made.shadow_young),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "not-looked-at",
            all_of(left, negate(enough)),
            f"{name} does not look at all SPTEs of the range for whether they were accessed, or not in this way.",
        ).told("left out", "Linux: the host takes pages for idle of which no SPTE was accessed"),
        Wrong(
            "access-forgotten",
            all_of(young, negate(made.answer)),
            f"{name} says that nothing of the range was accessed.",
        ).told("no", "Linux: the host takes pages for idle of which no SPTE was accessed"),
        Wrong(
            "access-made-up", all_of(made.answer, negate(young)), f"{name} says that a range was accessed that was not."
        ).told("yes", "Linux: the host takes pages for idle of which no SPTE was accessed"),
    )


def _aged(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_aging(kvm.slot_sweeps.aged(aging)) for aging in Aging)


THEOREMS = (
    Theorem(
        name="slot.swept",
        claim="What is done to a slot is done to all its SPTEs that are meant, in both MMUs. Writes are forbidden "
        "from a level on, dirty flags of small pages are cleared, huge pages above a level are split. Small pages "
        "go that can be huge; what has gone is flushed.",
        source="KVM's comments at these functions",
        assumes=("a walk through a slot's SPTEs reaches those of the levels and frames that it is told",),
        state=several(_swept),
        catches=(
            Catch("sweep-huge-pages-writable", "left-out"),
            Catch("sweep-splits-too-little", "left-out"),
            Catch("sweep-recover-unflushed", "gone-unflushed"),
            Catch("sweep-dirty-of-tdp-kept", "tdp-left-out"),
        ),
    ),
    Theorem(
        name="slot.masked",
        claim="Of a mask of frames each that is set is write-protected, or has its dirty flag cleared, once and "
        "in both MMUs, and no other.",
        source="KVM: kvm_mmu_write_protect_pt_masked(), kvm_mmu_clear_dirty_pt_masked()",
        state=several(_masked),
        catches=(Catch("mask-first-only", "frame-lost"), Catch("mask-tdp-by-dirty-flag", "tdp-left-out")),
    ),
    Theorem(
        name="slot.aged",
        claim="Whether a range of frames was accessed is asked of both MMUs, and told if one of them says so.",
        source="Linux: what the host's memory management asks of secondary MMUs; KVM: kvm_age_gfn()",
        assumes=("where the TDP MMU is in use, the shadow MMU has SPTEs only below guest tables that it shadows",),
        state=several(_aged),
        catches=(Catch("aged-nested-never", "not-looked-at"), Catch("aged-shadow-told-only", "access-forgotten")),
    ),
)
