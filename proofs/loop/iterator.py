"""Where a step of the TDP MMU's iterator leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.tdp_iterators import LEVELS, TdpStep
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, boolean, eq, iff, ne, negate, ult
from mmuproof.spec import table_numbers

_CHILD = LEVELS
_ROOT_LEVELS = (4, 5)
_ORDER = "KVM's comment at tdp_iter_next(): pre-order"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Where a step has to lead in a case: to the entry of a level in a table, for the frames from ``gfn`` on."""

    case: Bool
    level: int
    table: int
    gfn: BitVec
    index: BitVec
    goal: BitVec


def _number(step: TdpStep, gfn: BitVec, level: int) -> BitVec:
    return table_numbers.number(gfn | step.gfn_bits, level)


def _entry_of_goal(step: TdpStep, case: Bool, level: int, table: int) -> _Way:
    first = table_numbers.first(step.goal, level)
    return _Way(case=case, level=level, table=table, gfn=first, index=_number(step, first, level), goal=step.goal)


def _ways(step: TdpStep) -> Iterator[_Way]:
    """Down where there is a table below, else to the next entry of the lowest table around that has one."""
    down = all_of(step.child, ult(step.min_level, step.level))
    if step.level > 1:
        yield _entry_of_goal(step, down, step.level - 1, _CHILD)
    stays = negate(down) if step.level > 1 else boolean(True)
    for level in range(step.level, step.root_level + 1):
        own = table_numbers.first(step.gfn, level)
        number = _number(step, own, level)
        is_last = eq(number, table_numbers.ENTRIES - 1)
        beyond = own + table_numbers.pages(level)
        case = all_of(stays, negate(is_last))
        yield _Way(case=case, level=level, table=level - 1, gfn=beyond, index=number + 1, goal=beyond)
        stays = all_of(stays, is_last)


def _claim(step: TdpStep, ways: tuple[_Way, ...], part: str, *assumptions: Assumption) -> Claim:
    after, name = step.after, f"{step.function}()"

    def wrong(differs: list[Bool]) -> Bool:
        return all_of(after.valid, any_of(*(all_of(way.case, each) for way, each in zip(ways, differs, strict=True))))

    def other_path(way: _Way) -> Bool:
        # The tables below the entry's own are those of no entry yet.
        wanted = [way.table if level == way.level else level - 1 for level in range(way.level, step.root_level + 1)]
        return any_of(*(negate(after.path[way.level - 1 + up][table]) for up, table in enumerate(wanted)))

    return never(
        given(
            *assumptions,
            shown=(
                Shown("iter.min_level", step.min_level),
                Shown("iter.gfn", step.gfn),
                Shown("iter.next_last_level_gfn", step.goal),
                Shown("level afterwards", after.level),
                Shown("gfn afterwards", after.gfn),
                Shown("entry afterwards", after.index),
            ),
            evidence=step.evidence,
            part=part,
        ),
        Wrong(
            "asks-for-another-child",
            step.asked_else,
            f"{name} takes the table below from another value than the entry holds now.",
        ).told("a stale table", "KVM's comment at try_step_down(): the SPTE is read again"),
        Wrong(
            "ends",
            negate(iff(after.valid, any_of(*(way.case for way in ways)))),
            f"{name} ends the walk while there is an entry left, or goes on where there is none.",
        ).told("the end is missed", _ORDER),
        Wrong(
            "another-level",
            wrong([ne(after.level, way.level) for way in ways]),
            f"{name} comes to another level than the next entry has.",
        ).told("another level", _ORDER),
        Wrong(
            "another-entry",
            wrong([negate(all_of(after.tables[way.table], eq(after.index, way.index))) for way in ways]),
            f"{name} comes to another entry than the next one.",
        ).told("another entry", _ORDER),
        Wrong(
            "another-frame",
            wrong([ne(after.gfn, way.gfn) for way in ways]),
            f"{name} takes the entry for that of another frame.",
        ).told("another frame", "SDM 31.3.2 and APM 5.3: 9 bits of the frame choose an entry at each level"),
        Wrong(
            "another-goal",
            wrong([ne(after.goal, way.goal) for way in ways]),
            f"{name} goes on to another frame than the first that has not been visited.",
        ).told("another goal", _ORDER),
        Wrong(
            "another-path",
            wrong([other_path(way) for way in ways]),
            f"{name} takes another table for the one that the entry is in, or for one above it.",
        ).told("another table", _ORDER),
        Wrong(
            "stale-snapshot",
            all_of(after.valid, negate(after.read)),
            f"{name} does not read the entry to which it comes.",
        ).told("a stale snapshot", "KVM: iter->old_spte is a snapshot of the entry"),
    )


def _next(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for root_level in _ROOT_LEVELS:
        for level in range(1, root_level + 1):
            step = kvm.tdp_iterators.next(root_level, level)
            may_go_down = Assumption(
                "min_level is at least 1, and not above the entry's level", ult(step.min_level - 1, level)
            )
            at_entry = Assumption(
                "gfn is the first frame of the entry", eq(step.gfn, table_numbers.first(step.gfn, level))
            )
            part = f"from level {level} of {root_level}"
            yield _claim(step, tuple(_ways(step)), part, may_go_down, at_entry)


def _again(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for root_level in _ROOT_LEVELS:
        for step, part in (
            (kvm.tdp_iterators.start(root_level), f"start, {root_level} levels"),
            (kvm.tdp_iterators.after_yield(root_level, 1), f"after a yield, {root_level} levels"),
        ):
            without_bits = any_of(eq(step.gfn_bits, 0), ult(step.goal, step.gfn_bits))
            assumption = Assumption("the goal has none of the bits that all frames of the root have", without_bits)
            to_goal = _entry_of_goal(step, boolean(True), root_level, root_level - 1)
            yield _claim(step, (to_goal,), part, assumption)


_TABLES = (Vendor.INTEL, Vendor.AMD)

THEOREMS = (
    Theorem(
        name="loop.iterator",
        claim="A step of the TDP MMU's iterator goes one level down, to the entry of its goal in the table that its "
        "entry leads to now, but not below min_level. Where there is no such table, it goes to the next entry of the "
        "lowest table that has one, and with it to the first frame behind. It ends behind the last entry of the root.",
        source="KVM's comments at tdp_iter_next() and try_step_down(); SDM 31.3.2 and APM 5.3",
        assumes=(
            "the iterator stands at the entry of its frame: every step leads to one, by this theorem and "
            "loop.iterator-start",
            "which table an entry leads to is for spte_to_child_pt() to say",
        ),
        vendors=_TABLES,
        state=several(_next),
        catches=(
            Catch("tdp-iter-below-min-level", "ends"),
            Catch("tdp-iter-past-the-table", "ends"),
            Catch("tdp-iter-one-page-aside", "another-frame"),
            Catch("tdp-iter-keeps-goal", "another-goal"),
            Catch("tdp-iter-stale-child", "asks-for-another-child"),
            Catch("tdp-iter-first-child", "another-entry"),
        ),
    ),
    Theorem(
        name="loop.iterator-start",
        claim="The TDP MMU's iterator starts, and after a yield starts again, at the entry of the root that "
        "translates "
        "its goal.",
        source="KVM's comments at tdp_iter_start() and tdp_iter_restart()",
        vendors=_TABLES,
        state=several(_again),
        catches=(Catch("tdp-iter-restarts-at-entry", "another-entry"),),
    ),
)
