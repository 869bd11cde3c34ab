"""Walks over the tables that KVM builds: which entries they read, and which they hand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.shadow_walks import ROOT_KINDS, MmioSpteFound, RootInUse, RootKind, SpteRead, TdpWalkRound
from mmuproof.model.statement import Shown
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
    bit,
    bv,
    eq,
    extract,
    iff,
    ite,
    ne,
    negate,
    sle,
    ult,
    zext,
)

_NO_ROOT = (1 << 64) - 1
_PAGE_SHIFT, _INDEX_BITS, _ENTRY_BYTES, _MAPS_PAGE = 12, 9, 8, 7
_LEVELS, _WITHOUT_PAE = 5, (4, 5)
_WALK = "SDM 31.3.2, APM 5.3: nine bits of the address choose the entry of each table, and its frame is the next table"


@dataclass(frozen=True)
class _Expected:
    """What a walk has to read of a table."""

    happens: Bool
    address: BitVec
    level: int


def _index(addr: BitVec, level: int) -> BitVec:
    low = _PAGE_SHIFT + (level - 1) * _INDEX_BITS
    return zext(extract(addr, low + _INDEX_BITS - 1, low), 64)


def _leads_on(kvm: Kvm, spte: BitVec, level: int) -> Bool:
    """Whether an entry leads to a table."""
    present = ne(spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    return all_of(present, FALSE if level == 1 else negate(bit(spte, _MAPS_PAGE)))


def _start(kind: RootKind, begins: RootInUse) -> tuple[BitVec, Bool]:
    """The table at which a walk begins, and whether there is any."""
    if not kind.is_pae:
        return begins.root, TRUE
    entry, number = bv(0, 64), extract(begins.addr, 31, 30)
    for each, value in enumerate(begins.pae_root):
        entry = ite(eq(number, each), value, entry)
    table = entry & begins.frame_bits
    return table, ne(table, 0)


def _walk(kvm: Kvm, kind: RootKind, begins: RootInUse, reads: Sequence[SpteRead]) -> tuple[_Expected, ...]:
    """What a walk has to read, by what it has found on the way."""
    table, some = _start(kind, begins)
    steps: list[_Expected] = []
    for number, each in enumerate(reads):
        level = kind.levels - number
        address = table + begins.linear_base + _index(begins.addr, level) * _ENTRY_BYTES
        steps.append(_Expected(some, address, level))
        table, some = each.spte & begins.frame_bits, all_of(some, _leads_on(kvm, each.spte, level))
    return tuple(steps)


def _strays(steps: Sequence[_Expected], reads: Sequence[SpteRead], reads_more: Bool) -> Bool:
    """Whether a walk reads another entry than it has to, or too many or too few."""
    wrong = (
        any_of(negate(iff(read.happens, step.happens)), all_of(read.happens, ne(read.address, step.address)))
        for step, read in zip(steps, reads, strict=True)
    )
    return any_of(*wrong, reads_more)


def _last(steps: Sequence[_Expected], values: Sequence[BitVec], otherwise: BitVec) -> BitVec:
    """Of some values, one for each step, that of the last that there is."""
    for step, value in zip(steps, values, strict=True):
        otherwise = ite(step.happens, value, otherwise)
    return otherwise


def _shown(begins: RootInUse, reads: Sequence[SpteRead]) -> tuple[Shown, ...]:
    return (
        Shown("root.hpa", begins.root),
        Shown("address", begins.addr),
        *(Shown(f"SPTE {number}", each.spte, kind=NumberKind.SPTE) for number, each in enumerate(reads, 1)),
    )


def _part(function: str, kind: RootKind) -> str:
    root = f"a root of level {kind.root_level}"
    return f"{function}, {root} of a guest with {kind.guest_level}{'' if kind.direct else ', shadowed'}"


def _all_sptes(kvm: Kvm, kind: RootKind) -> Claim:
    found = kvm.shadow_walks.sptes(kind)
    steps, reads = _walk(kvm, kind, found.begins, found.reads), found.reads
    kept = list(found.sptes_before)
    for step, read in zip(steps, reads, strict=True):
        kept[step.level] = ite(step.happens, read.spte, kept[step.level])
    leaf = _last(steps, [bv(step.level, 32) for step in steps], bv(-1, 32))
    none = negate(steps[0].happens)
    level = ite(none, bv(0, 32), bv(kind.levels, 32))
    mistaken = any_of(ne(found.leaf, leaf), ne(found.root_level, level))
    others = any_of(*(ne(has, want) for has, want in zip(found.sptes, kept, strict=True)))
    return never(
        given(shown=_shown(found.begins, reads), evidence=found.evidence, part=_part("get_walk()", kind)),
        _stray("get_walk()", _strays(steps, reads, found.reads_more)).told("another entry", _WALK),
        Wrong("another-level", mistaken, "get_walk() says of another level that the walk begins or ends there.").told(
            "another level", "KVM's comment at it: the level of the lowest SPTE that is handed out"
        ),
        Wrong(
            "handed-on-wrongly", others, "get_walk() hands out another SPTE for a level than it has read there."
        ).told("another SPTE", "KVM's comment at it: the SPTEs by their levels"),
    )


def _stray(function: str, when: Bool) -> Wrong:
    return Wrong(
        "another-entry", when, f"{function} reads another entry than the address leads to, or too many or few."
    )


def _last_spte(kvm: Kvm, kind: RootKind) -> Claim:
    found, function = kvm.shadow_walks.last_spte(kind), "fast_pf_get_last_sptep()"
    steps, reads = _walk(kvm, kind, found.begins, found.reads), found.reads
    last = _last(steps, [each.spte for each in reads], bv(0, 64))
    address = _last(steps, [step.address for step in steps], bv(0, 64))
    some = steps[0].happens
    other = any_of(ne(found.address, address), ne(found.spte, last))
    return never(
        given(shown=_shown(found.begins, reads), evidence=found.evidence, part=_part(function, kind)),
        _stray(function, _strays(steps, reads, found.reads_more)).told("another entry", _WALK),
        Wrong(
            "handed-on-wrongly",
            any_of(negate(iff(found.found, some)), all_of(some, other)),
            f"{function} hands out another entry or content than the last that it has read.",
        ).told("another entry or content", "KVM's comment at it: the last SPTE of the walk, and its value"),
    )


def _begun(kvm: Kvm, root_level: int) -> Claim:
    made = kvm.shadow_walks.begun(root_level)
    wrong = ne(made.level, ite(made.dummy, bv(0, 32), bv(root_level, 32)))
    return never(
        given(
            Assumption("the MMU has a root, as whoever walks its tables makes sure", ne(made.root, _NO_ROOT)),
            shown=(
                Shown("root.hpa", made.root),
                Shown("it stands for no root", made.dummy),
                Shown("level of the walk", made.level),
            ),
            evidence=made.evidence,
            part=f"shadow_walk_init(), a root of level {root_level}",
        ),
        Wrong(
            "begins-elsewhere", wrong, "shadow_walk_init() begins at another level than the root's, or walks no root."
        ).told("another level", "KVM: the level of the root in use, and no walk of a page that stands for none"),
    )


def _moved(kvm: Kvm) -> Claim:
    made = kvm.shadow_walks.moved()
    present = ne(made.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    leads_on = all_of(present, ne(made.level, 1), negate(bit(made.spte, _MAPS_PAGE)))
    frame = made.spte & made.frame_bits
    wrong = ite(
        leads_on,
        any_of(ne(made.level_after, made.level - 1), ne(made.table_after, frame)),
        sle(bv(1, 32), made.level_after),
    )
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(
                Shown("level of the walk", made.level),
                Shown("SPTE", made.spte, kind=NumberKind.SPTE),
                Shown("level afterwards", made.level_after),
            ),
            evidence=made.evidence,
            part="shadow_walk_next()",
        ),
        _stray("shadow_walk_next()", wrong).told("another table or level", _WALK),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for kind in ROOT_KINDS:
        yield _all_sptes(kvm, kind)
        # Faults on tables that shadow a guest's are never handled without KVM's lock.
        if kind.direct:
            yield _last_spte(kvm, kind)
    yield from (_begun(kvm, root_level) for root_level in _WITHOUT_PAE)
    yield _moved(kvm)


# -- mmio.found ----------------------------------------------------------------------------------------------


def _found(kvm: Kvm, root_level: int, found: MmioSpteFound) -> Claim:
    reads, function = found.reads, "get_mmio_spte()"
    needs = [all_of(each.happens, ne(each.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)) for each in reads]
    last = bv(0, 64)
    for each in reads:
        last = ite(each.happens, each.spte, last)
    rows = tuple(zip(needs, found.judged, found.reserved, strict=True))
    broken = any_of(*(all_of(need, asked, has) for need, asked, has in rows))
    return never(
        given(
            shown=(
                *(Shown(f"SPTE {number}", each.spte, kind=NumberKind.SPTE) for number, each in enumerate(reads, 1)),
                *(Shown(f"it is asked of SPTE {number}", asked) for number, asked in enumerate(found.judged, 1)),
                Shown("broken", found.broken),
            ),
            evidence=found.evidence,
            part=f"{function}, a root of level {root_level}",
        ),
        Wrong(
            "another-spte", ne(found.spte, last), f"{function} hands on another SPTE than the last of the walk."
        ).told("another SPTE", "KVM: the SPTE at which the access faulted"),
        Wrong(
            "unjudged",
            any_of(*(all_of(need, negate(asked)) for need, asked, _ in rows)),
            f"{function} does not ask of an SPTE on the way whether it has reserved bits.",
        ).told("it is not asked", "KVM's comment in it: to detect reserved bits on SPTEs that are none of MMIO"),
        Wrong(
            "judged-wrongly",
            any_of(*(all_of(asked, negate(need)) for need, asked, _ in rows), negate(iff(found.broken, broken))),
            f"{function} takes an SPTE for broken that is none that maps or leads on, or does not tell that one is.",
        ).told("another answer", "KVM's comment in it: SPTEs of MMIO have reserved bits by design"),
        Wrong("not-asked", negate(found.asks_tdp_mmu), f"{function} does not ask the TDP MMU for its own tables.").told(
            "other tables are walked", "KVM: the tables in use are the TDP MMU's"
        ),
    )


def _by_tdp_mmu(made: TdpWalkRound) -> Claim:
    name = f"{made.function}()"
    begins = any_of(
        ne(made.first_gfn, made.frame), ne(made.lowest, 1), ne(made.root, made.root_walked), negate(made.finds_none)
    )
    return never(
        given(
            Assumption("the walk stands at one of five levels", ult(made.level - 1, _LEVELS)),
            shown=(Shown("frame", made.frame), Shown("level of the walk", made.level), Shown("root.hpa", made.root)),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("another-walk", begins, f"{name} does not walk down to the frame from the root in use.").told(
            "another walk", "KVM's comment at the function: the walk of the address"
        ),
        Wrong(
            "another-spte",
            any_of(
                all_of(made.goes_on, negate(made.keeps)),
                all_of(made.ends, negate(made.hands_on)),
                negate(iff(made.in_range, made.goes_on)),
            ),
            f"{name} hands on another SPTE than the last of its walk, or another for a level than it has found there.",
        ).told("another SPTE", "KVM's comment at the function: the lowest SPTE that the walk comes to"),
    )


def _mmio(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for root_level in _WITHOUT_PAE:
        yield _found(kvm, root_level, kvm.shadow_walks.mmio_spte(root_level))
    if vendor is not Vendor.SHADOW:
        yield _by_tdp_mmu(kvm.shadow_walks.tdp_sptes())
        yield _by_tdp_mmu(kvm.shadow_walks.tdp_last_spte())


THEOREMS = (
    Theorem(
        name="loop.shadow-walk",
        claim="A walk over tables that KVM builds for shadow paging reads in each the entry that the address chooses. "
        "It begins at the root in use or its PAE entry, and goes on to the table that the entry's frame is. It ends at "
        "an entry that leads to none. What it hands on is what it has read last, and at which level.",
        source="SDM 31.3.2; APM 5.3; KVM's comments at get_walk() and fast_pf_get_last_sptep()",
        assumes=("what a kernel maps of physical memory it maps from page_offset_base on",),
        vendors=(Vendor.SHADOW,),
        state=several(_state),
        catches=(
            *showing("another-entry", "shadow-walk-through-huge", "shadow-walk-high-bits"),
            Catch("shadow-walk-level-of-role", "another-level"),
        ),
    ),
    Theorem(
        name="mmio.found",
        claim="A fault with RSVD is judged by the last SPTE that its address leads to. Of every SPTE on the way that "
        "maps a page or leads to a table it is asked, at its level, whether it has reserved bits. Of one that is of "
        "MMIO or not present it is not asked.",
        source="KVM's comments in get_mmio_spte(), and at kvm_tdp_mmu_get_walk()",
        assumes=(
            "the walk reads the entries that the address chooses, by loop.shadow-walk and loop.iterator",
            "what is_rsvd_spte() answers is right, by entry.shadow-reserved",
        ),
        state=several(_mmio),
        catches=(
            Catch("mmio-found-unjudged-leaf", "unjudged"),
            Catch("mmio-found-judges-mmio", "judged-wrongly"),
            Catch("tdp-walk-keeps-nothing", "another-spte"),
        ),
    ),
)
