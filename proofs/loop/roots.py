"""Which roots of the TDP MMU a change reaches, with which frames, and whether the flush that is due then is told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.root_loops import RootDeed, RootLoop, RootsAged, RootsDone
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    boolean,
    bv,
    eq,
    iff,
    implies,
    ite,
    ne,
    negate,
    to_bv,
    ult,
)

_SPACES, _FRAMES, _LEVELS, _LARGE = 2, 1 << 40, 5, 7
_OF_A_SLOT = frozenset(RootLoop) - {
    RootLoop.ZAP_FRAMES,
    RootLoop.ZAP_ALL,
    RootLoop.INVALIDATE,
    RootLoop.ZAP_INVALIDATED,
}
_TELL_OF_FLUSHES = (RootLoop.ZAP_FRAMES, RootLoop.UNMAP, RootLoop.WRITE_PROTECT, RootLoop.WRITE_PROTECT_FRAME)
_FOR: Mapping[RootLoop, str] = MappingProxyType(
    {
        RootLoop.ZAP_FRAMES: "KVM's comment at it: all valid roots",
        RootLoop.UNMAP: "MMU notifiers: no translation of the frames may be left, not even below an invalid root",
        RootLoop.ZAP_ALL: "KVM's comment in it: all direct roots, including invalid ones",
        RootLoop.ZAP_INVALIDATED: "KVM's comment at it: all roots that are scheduled to be zapped",
    }
)
_VALID = "KVM: the valid roots of the slot's address space, of which a vCPU may use any"


def _in_space(loop: RootLoop, done: RootsDone, root: RootDeed) -> Bool:
    """Whether a root is one of the address space that is meant."""
    return eq(to_bv(root.smm, 64), done.given["slot->as_id"]) if loop in _OF_A_SLOT else TRUE


def _meant(loop: RootLoop, done: RootsDone, root: RootDeed) -> Bool:
    """Whether a loop may change what is below a root."""
    kind = TRUE
    if loop is RootLoop.UNMAP:
        kind = ite(root.mirror, done.of_private, any_of(negate(done.has_mirrors), done.of_shared))
    elif loop is RootLoop.ZAP_ALL:
        kind = negate(root.mirror)
    elif loop is RootLoop.ZAP_INVALIDATED:
        kind = root.scheduled
    return all_of(kind, _in_space(loop, done, root))


def _wanted(loop: RootLoop, done: RootsDone, root: RootDeed) -> Bool:
    """Whether a loop has to."""
    whatever = loop in (RootLoop.UNMAP, RootLoop.ZAP_ALL, RootLoop.ZAP_INVALIDATED)
    return all_of(_meant(loop, done, root), any_of(boolean(whatever), negate(root.invalid)))


def _expected(loop: RootLoop, done: RootsDone, name: str) -> BitVec | None:
    """What the function is to be told that does the work; None if that is nothing that is given."""
    of = done.given
    if loop is RootLoop.UNMAP and name in ("start", "end"):
        return of[f"range->{name}"]
    if loop in (RootLoop.WRITE_PROTECT, RootLoop.CLEAR_DIRTY) and name in ("start", "end"):
        first = of["slot->base_gfn"]
        return first if name == "start" else first + of["slot->npages"]
    if name == "slot":
        return bv(1, 64)
    if loop is RootLoop.ZAP_ALL and name == "shared":
        return bv(0, 64)
    return None if name in ("flush", "can_yield") else of[name]


def _told_otherwise(loop: RootLoop, done: RootsDone, root: RootDeed) -> Bool:
    wrong: list[Bool] = []
    for name, told in root.told.items():
        expected = _expected(loop, done, name)
        if expected is not None:
            wrong.append(ne(told, expected))
        elif name == "can_yield" and loop is RootLoop.UNMAP:
            wrong.append(all_of(ne(told, 0), eq(done.given["range->may_block"], 0)))
    return any_of(*wrong)


def _flushes(loop: RootLoop, done: RootsDone) -> Iterator[Symptom]:
    """What is wrong if a flush is due, at the beginning or because something below a root has changed."""
    name = f"{loop.value}()"
    due, hidden = ne(done.given["flush"], 0) if "flush" in done.given else FALSE, FALSE
    for root in done.roots:
        works = all_of(root.handed_out, root.done)
        if "flush" in root.told:
            hidden = any_of(hidden, all_of(works, due, eq(root.told["flush"], 0)))
            due = ite(works, root.answer, due)
        else:
            due = any_of(due, all_of(works, root.answer))
    yield Wrong(
        "flush-forgotten",
        any_of(hidden, all_of(due, negate(done.answer))),
        f"{name} forgets that a flush is due when it comes to another root, or does not tell its caller.",
    ).told("no flush is due", "KVM: whoever is told flushes, before the lock is let go or at the end")


def _shown(done: RootsDone) -> tuple[Shown, ...]:
    of_roots = (
        shown
        for number, root in enumerate(done.roots, 1)
        for shown in (
            Shown(f"root {number} is invalid", root.invalid),
            Shown(f"root {number} is of system management mode", root.smm),
            Shown(f"root {number} is worked on", all_of(root.handed_out, root.done)),
            *(Shown(f"{name} that is told for root {number}", value) for name, value in root.told.items()),
        )
    )
    return (*of_roots, *(Shown(name, value) for name, value in done.given.items()))


def _kinds(done: RootsDone | RootsAged) -> tuple[Assumption, ...]:
    return (
        Assumption(
            "only a VM that has mirrors of TDX's tables has a root that is one",
            all_of(*(implies(root.mirror, done.has_mirrors) for root in done.roots)),
        ),
        Assumption("frames of some kind are meant", any_of(done.of_shared, done.of_private)),
    )


def _case(loop: RootLoop, done: RootsDone) -> tuple[Assumption, ...]:
    unanswered = (
        implies(
            all_of(root.done, negate(root.handed_out)),
            iff(root.answer, ne(root.told["flush"], 0) if "flush" in root.told else FALSE),
        )
        for root in done.roots
    )
    return (
        *_kinds(done),
        Assumption("of a root that is not handed out nothing is answered", all_of(*unanswered)),
        *(
            (Assumption("a slot is one of two address spaces", ult(done.given["slot->as_id"], _SPACES)),)
            if loop in _OF_A_SLOT
            else ()
        ),
        *((_of_frames(done),) if "slot->npages" in done.given else ()),
    )


def _of_frames(done: RootsDone) -> Assumption:
    first, pages = done.given["slot->base_gfn"], done.given["slot->npages"]
    return Assumption(
        "a slot has at least one frame, and only such as a guest-physical address of 52 bits can name",
        all_of(ult(first, _FRAMES), ult(pages - 1, _FRAMES)),
    )


def _worked_on(kvm: Kvm, loop: RootLoop) -> Claim:
    done = kvm.root_loops.done(loop)
    name, source = f"{loop.value}()", _FOR.get(loop, _VALID)
    left: list[Bool] = []
    failed = FALSE
    for root in done.roots:
        works = all_of(root.handed_out, root.done)
        left.append(all_of(_wanted(loop, done, root), negate(works), negate(failed)))
        if loop is RootLoop.SPLIT:
            failed = any_of(failed, all_of(works, root.answer))
    working = [(all_of(root.handed_out, root.done), root) for root in done.roots]
    zaps = loop is RootLoop.ZAP_INVALIDATED
    again = any_of(*(all_of(works, any_of(root.scheduled_after, negate(root.put))) for works, root in working))
    return never(
        given(*_case(loop, done), shown=_shown(done), evidence=done.evidence, part=name),
        Wrong("left-out", any_of(*left), f"{name} leaves out a root whose entries it is to change.").told(
            "what is below the root stays", source
        ),
        Wrong(
            "another-root",
            any_of(*(all_of(works, negate(_meant(loop, done, root))) for works, root in working)),
            f"{name} changes what is below a root that it is not for.",
        ).told("what is below the root changes", source),
        Wrong(
            "told-otherwise",
            any_of(*(all_of(works, _told_otherwise(loop, done, root)) for works, root in working)),
            f"{name} has another range of a root changed than it is told, or otherwise.",
        ).told("another range, mask or level, or it may sleep", "KVM: the frames that the caller names, as it says"),
        *(_flushes(loop, done) if loop in _TELL_OF_FLUSHES else ()),
        *(
            (
                Wrong(
                    "zapped-again",
                    again,
                    f"{name} leaves a root scheduled to be zapped again, or keeps the reference that was held for "
                    "that, or lets it go before the root is zapped.",
                ).told("the root is not done with", "KVM's comment in it: the reference is put after zapping the root"),
            )
            if zaps
            else ()
        ),
    )


def _invalidated(kvm: Kvm) -> Claim:
    loop = RootLoop.INVALIDATE
    done, name = kvm.root_loops.done(loop), f"{loop.value}()"
    turns = [all_of(root.handed_out, negate(root.invalid)) for root in done.roots]
    stays = [negate(all_of(root.invalid_after, root.scheduled_after)) for root in done.roots]
    same = [
        all_of(iff(root.invalid, root.invalid_after), iff(root.scheduled, root.scheduled_after)) for root in done.roots
    ]
    return never(
        given(*_case(loop, done), shown=_shown(done), evidence=done.evidence, part=name),
        Wrong(
            "stays-valid",
            any_of(*(map(all_of, turns, stays))),
            f"{name} leaves a root valid, or does not note that it is to be zapped.",
        ).told("vCPUs may use it", "KVM's comment at it: no vCPU may use a root that is about to be zapped again"),
        Wrong(
            "another-root",
            any_of(*(all_of(negate(turn), negate(kept)) for turn, kept in zip(turns, same, strict=True))),
            f"{name} changes a root of another kind, or schedules again one that is invalid already.",
        ).told("the root changes", "KVM: whoever zaps a scheduled root lets one reference go, and there is only one"),
    )


def _next_root(kvm: Kvm) -> Claim:
    found = kvm.root_loops.handed_out()
    name = "tdp_mmu_next_root()"
    rows = zip(found.invalid, found.mirror, found.held, strict=True)
    fits = [
        all_of(any_of(found.wants_invalid, negate(invalid)), ite(mirror, found.wants_mirror, found.wants_direct), held)
        for invalid, mirror, held in rows
    ]
    none = negate(any_of(*found.first))
    passed_over = (
        all_of(fits[0], negate(found.first[0])),
        all_of(fits[1], none),
        all_of(fits[1], negate(found.after_first)),
    )
    mistaken = (
        *(all_of(first, negate(fit)) for first, fit in zip(found.first, fits, strict=True)),
        all_of(found.after_first, negate(fits[1])),
    )
    shown = (
        *(Shown(f"root {number} is invalid", each) for number, each in enumerate(found.invalid, 1)),
        Shown("invalid roots are asked for", found.wants_invalid),
    )
    return never(
        given(
            Assumption("roots of some kind are asked for", any_of(found.wants_direct, found.wants_mirror)),
            shown=shown,
            evidence=found.evidence,
            part=name,
        ),
        Wrong("passed-over", any_of(*passed_over), f"{name} passes a root over that is asked for.").told(
            "another root, or none", "KVM's comment at it: the next root that matches"
        ),
        Wrong(
            "hands-out-another",
            any_of(*mistaken),
            f"{name} hands out a root of another kind, or one that is about to be freed.",
        ).told("that root", "KVM's comment at it: roots that do not match are skipped"),
    )


def _aged(kvm: Kvm, tests: bool) -> Claim:
    made, name = kvm.root_loops.aged(tests), f"kvm_tdp_mmu_{'test_age_gfn' if tests else 'age_gfn_range'}()"
    present = kvm.constant("SPTE_MMU_PRESENT_MASK")
    left: list[Bool] = []
    other: list[Bool] = []
    another: list[Bool] = []
    beside: list[Bool] = []
    found = FALSE
    for root in made.roots:
        mine = ite(root.mirror, made.of_private, any_of(negate(made.has_mirrors), made.of_shared))
        meant = all_of(mine, eq(to_bv(root.smm, 64), made.space))
        page = all_of(ne(root.spte & present, 0), any_of(eq(root.level, 1), ne(root.spte & 1 << _LARGE, 0)))
        young = all_of(root.walked, root.in_range, page, root.accessed)
        wanted = all_of(meant, negate(root.invalid), negate(all_of(boolean(tests), found)))
        from_start = all_of(eq(root.first, made.start), eq(root.lowest, 1))
        left.append(all_of(wanted, negate(all_of(root.walked, from_start))))
        another.append(all_of(root.walked, negate(meant)))
        other.append(all_of(root.aged, negate(all_of(young, boolean(not tests)))))
        beside.append(all_of(young, boolean(not tests), negate(root.aged)))
        found = any_of(found, young)
    shown = tuple(
        each
        for number, root in enumerate(made.roots, 1)
        for each in (
            Shown(f"root {number} is invalid", root.invalid),
            Shown(f"the SPTE below root {number}", root.spte),
            Shown(f"its level, below root {number}", root.level),
            Shown(f"it tells of an access, below root {number}", root.accessed),
        )
    )
    return never(
        given(
            *_kinds(made),
            Assumption("a slot is one of two address spaces", ult(made.space, _SPACES)),
            *(
                Assumption(f"an entry below root {n} stands at one of five levels", ult(root.level - 1, _LEVELS))
                for n, root in enumerate(made.roots, 1)
            ),
            shown=shown,
            evidence=made.evidence,
            part=name,
        ),
        Wrong("left-out", any_of(*left), f"{name} leaves out a root, or the first frames of the range.").told(
            "the host takes pages that the guest uses for such as it does not", _VALID
        ),
        Wrong("another-root", any_of(*another), f"{name} ages pages below a root that it is not for.").told(
            "the root is gone through", _VALID
        ),
        Wrong(
            "aged-another",
            any_of(*other),
            f"{name} ages what maps no page of the range, tells of no access, or is only to be looked at.",
        ).told("the entry changes", "KVM: leaf SPTEs of the range that tell of an access"),
        Wrong("aged-none", any_of(*beside), f"{name} leaves it in an SPTE that the page was used.").told(
            "the SPTE stays", "KVM: leaf SPTEs of the range that tell of an access"
        ),
        Wrong(
            "answer",
            any_of(all_of(made.answer, negate(found)), all_of(found, negate(made.answer))),
            f"{name} says of a range that was used that it was not, or the reverse.",
        ).told("another answer", "MMU notifiers: whether a page of the range was used"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for loop in RootLoop:
        yield _invalidated(kvm) if loop is RootLoop.INVALIDATE else _worked_on(kvm, loop)
    yield _aged(kvm, tests=False)
    yield _aged(kvm, tests=True)
    yield _next_root(kvm)


THEOREMS = (
    Theorem(
        name="loop.roots",
        claim="What zaps, write-protects, splits, recovers or ages pages of the TDP MMU, or clears their dirty flags, "
        "does so below every root that it is for, and below no other. It does so with the frames that it is told. It "
        "tells of every flush that is due. A root that becomes invalid is scheduled to be zapped once, and its last "
        "reference is let go after that.",
        source="KVM's comments at kvm_tdp_mmu_zap_leafs(), kvm_tdp_mmu_zap_all(), kvm_tdp_mmu_invalidate_roots(), "
        "kvm_tdp_mmu_zap_invalidated_roots() and tdp_mmu_next_root()",
        assumes=(
            "a VM has two roots: what is done to one of more than two depends on none of the others but for the flush "
            "that is due, which goes from each to the next",
            "what does the work below a root keeps to its range, by loop.zap and loop.range",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=several(_state),
        catches=(
            *showing("left-out", "roots-unmap-spares-invalid", "roots-space-mistaken"),
            *showing("flush-forgotten", "roots-forget-flush"),
            *showing("told-otherwise", "roots-slot-one-short"),
            Catch("roots-not-scheduled", "stays-valid"),
            Catch("roots-hand-out-invalid", "hands-out-another"),
            *showing("aged-another", "roots-age-tables", "roots-age-when-asked"),
            Catch("roots-age-from-second", "left-out"),
            Catch("roots-age-untold", "answer"),
        ),
    ),
)
