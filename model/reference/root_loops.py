"""What the TDP MMU of Linux 7.2.13 does root by root."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.root_loops import (
    GIVEN,
    ROOTS,
    TOLD,
    RootAged,
    RootDeed,
    RootLoop,
    RootLoops,
    RootsAged,
    RootsDone,
    RootsHandedOut,
)
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    boolean,
    bv,
    eq,
    ite,
    ne,
    negate,
    to_bv,
    ult,
    var,
    zext,
)

_TDX_VM, _BOOL, _LARGE = 5, 8, 7
_WORKERS: Mapping[RootLoop, tuple[str, int]] = MappingProxyType(
    {
        RootLoop.ZAP_FRAMES: ("tdp_mmu_zap_leafs", 1),
        RootLoop.UNMAP: ("tdp_mmu_zap_leafs", 1),
        RootLoop.WRITE_PROTECT: ("wrprot_gfn_range", 1),
        RootLoop.WRITE_PROTECT_FRAME: ("write_protect_gfn", 1),
        RootLoop.SPLIT: ("tdp_mmu_split_huge_pages_root", 32),
    }
)
"""What does the work of a loop and answers something, and how wide that is."""
_LISTED = (RootLoop.WRITE_PROTECT_FRAME, RootLoop.CLEAR_DIRTY_FRAMES)
"""The loops that go through the list of roots themselves."""
_WIDTHS = {"flush": _BOOL, "shared": _BOOL, "wrprot": _BOOL, "min_level": 32, "target_level": 32}
_WIDTHS |= {"slot->as_id": 16, "range->may_block": 1}


class Root:
    """One of the roots of a VM."""

    def __init__(self, number: int) -> None:
        self.name = f"root{number + 1}"
        role = var(f"{self.name}->role", PAGE_ROLE_BITS)
        self.invalid, self.mirror = role_flag(role, "invalid"), role_flag(role, "is_mirror")
        self.smm = ne(role_value(role, "smm"), 0)
        self.held = bool_var(f"a reference to {self.name} can be taken")
        self.scheduled = ne(var(f"{self.name}->mmu_valid_gen", 8), 0)

    def matches(self, invalid: Bool, direct: Bool, mirror: Bool) -> Bool:
        """Whether it is of one of the kinds that are asked for: ``tdp_mmu_root_match()``, but for its assertion."""
        return all_of(any_of(invalid, negate(self.invalid)), ite(self.mirror, mirror, direct))


def _told(name: str) -> BitVec:
    width = _WIDTHS.get(name, 64)
    return var(name, width) & 1 if width == _BOOL and "->" not in name else var(name, width)


def _flag(value: BitVec) -> Bool:
    return bit(value, 0)


class ReferenceRootLoops(ReferenceArea, RootLoops):
    """The loops over roots in ``tdp_mmu.c``."""

    def done(self, loop: RootLoop) -> RootsDone:
        """See `RootLoops.done`."""
        roots, given = [Root(number) for number in range(ROOTS)], {name: _told(name) for name in GIVEN[loop]}
        mirrors, meant = eq(var("kvm->arch.vm_type", 8), _TDX_VM), var("range->attr_filter", 32)
        kinds = self._kinds(loop, mirrors, _flag(meant), bit(meant, 1))
        due = _flag(given["flush"]) if "flush" in given else FALSE
        deeds: list[RootDeed] = []
        failed = FALSE
        for number, root in enumerate(roots):
            wanted = all_of(root.matches(*kinds) if loop in _LISTED else TRUE, self._in_space(loop, root))
            done = all_of(wanted, negate(failed))
            worker, width = _WORKERS.get(loop, ("", 0))
            answer = ne(var(numbered(f"{worker}()", number + 1), width), 0) if width else FALSE
            deed = self._deed(loop, root, given, due, done, answer, kinds)
            deeds.append(deed)
            if loop is RootLoop.SPLIT:
                failed = any_of(failed, all_of(done, answer))
            else:
                due = ite(done, self._due_after(loop, due, answer), due)
        return RootsDone(
            roots=tuple(deeds),
            given={name: zext(value, 64) for name, value in given.items()},
            has_mirrors=mirrors,
            of_shared=_flag(meant),
            of_private=bit(meant, 1),
            answer=FALSE if loop is RootLoop.SPLIT else due,
            evidence=Evidence(),
        )

    def _kinds(self, loop: RootLoop, mirrors: Bool, shared: Bool, private: Bool) -> tuple[Bool, Bool, Bool]:
        """Whether roots that are invalid, that are no mirrors, and that are mirrors, are asked for."""
        if loop is RootLoop.UNMAP:
            return TRUE, any_of(negate(mirrors), shared), all_of(mirrors, private)
        if loop is RootLoop.INVALIDATE:
            invalid, direct, mirror = (bit(var("root_types", 32), number) for number in range(3))
            return invalid, direct, mirror
        if loop in (RootLoop.ZAP_ALL, RootLoop.ZAP_INVALIDATED):
            return TRUE, TRUE, boolean(loop is RootLoop.ZAP_INVALIDATED)
        return FALSE, TRUE, TRUE

    def _in_space(self, loop: RootLoop, root: Root) -> Bool:
        """Whether a root is one that a loop is for, if it is handed out."""
        if loop is RootLoop.INVALIDATE:
            return FALSE
        if loop is RootLoop.ZAP_INVALIDATED:
            return root.scheduled
        if loop in (RootLoop.ZAP_FRAMES, RootLoop.ZAP_ALL):
            return TRUE
        return eq(to_bv(root.smm, 16), var("slot->as_id", 16))

    def _due_after(self, loop: RootLoop, due: Bool, answer: Bool) -> Bool:
        """Whether a flush is due after a root; who is told that one is due answers whether it still is."""
        return answer if "flush" in GIVEN[loop] else any_of(due, answer)

    def _deed(
        self,
        loop: RootLoop,
        root: Root,
        given: Mapping[str, BitVec],
        due: Bool,
        done: Bool,
        answer: Bool,
        kinds: tuple[Bool, Bool, Bool],
    ) -> RootDeed:
        invalidates = FALSE
        if loop is RootLoop.INVALIDATE:
            # Invalid roots are never asked for.
            asked, (_, direct, mirror) = any_of(*kinds[1:]), kinds
            invalidates = all_of(asked, root.matches(FALSE, direct, mirror), negate(root.invalid))
        scheduled = any_of(root.scheduled, all_of(invalidates, self._schedules()))
        zaps, put = loop is RootLoop.ZAP_INVALIDATED, FALSE
        if zaps or loop is RootLoop.SPLIT:
            put = done if zaps else all_of(done, answer)
        return RootDeed(
            invalid=root.invalid,
            mirror=root.mirror,
            smm=root.smm,
            scheduled=root.scheduled,
            handed_out=TRUE if loop in _LISTED else root.matches(*kinds),
            done=done,
            told={name: zext(self._passed(loop, name, given, due), 64) for name in TOLD[loop]},
            answer=answer,
            invalid_after=any_of(root.invalid, invalidates),
            scheduled_after=FALSE if zaps else scheduled,
            put=put,
        )

    def _schedules(self) -> Bool:
        """Whether it is noted of a root that becomes invalid that it is still to be zapped."""
        return TRUE

    def _passed(self, loop: RootLoop, name: str, given: Mapping[str, BitVec], due: Bool) -> BitVec:
        """What the function is told that does the work."""
        if name == "slot":
            return bv(1, 64)
        if name == "flush":
            return to_bv(due)
        if name == "can_yield":
            return bv(1, 64) if loop is RootLoop.ZAP_FRAMES else to_bv(_flag(given["range->may_block"]))
        if name in ("start", "end") and name not in given:
            if loop is RootLoop.UNMAP:
                return given[f"range->{name}"]
            first, pages = given["slot->base_gfn"], given["slot->npages"]
            return first if name == "start" else self._end(loop, first, pages)
        return given[name] if name in given else bv(0, 64)

    def _end(self, loop: RootLoop, first: BitVec, pages: BitVec) -> BitVec:
        """The first frame behind a slot."""
        return first + pages

    def handed_out(self) -> RootsHandedOut:
        """See `RootLoops.handed_out`."""
        roots, types = [Root(number) for number in range(ROOTS)], var("types", 32)
        invalid, direct, mirror = (bit(types, number) for number in range(3))
        # Roots are asked for whether they are invalid or not, so kinds of them have to be named.
        some = any_of(direct, mirror)
        found = [all_of(some, self._matches(root, invalid, direct, mirror), root.held) for root in roots]
        return RootsHandedOut(
            invalid=tuple(root.invalid for root in roots),
            mirror=tuple(root.mirror for root in roots),
            held=tuple(root.held for root in roots),
            wants_invalid=invalid,
            wants_direct=direct,
            wants_mirror=mirror,
            first=(found[0], all_of(found[1], negate(found[0]))),
            after_first=found[1],
            evidence=Evidence(),
        )

    def _matches(self, root: Root, invalid: Bool, direct: Bool, mirror: Bool) -> Bool:
        return root.matches(invalid, direct, mirror)

    def aged(self, tests: bool) -> RootsAged:
        """See `RootLoops.aged`."""
        mirrors, meant = eq(var("kvm->arch.vm_type", 8), _TDX_VM), var("range->attr_filter", 32)
        kinds = FALSE, any_of(negate(mirrors), bit(meant, 0)), all_of(mirrors, bit(meant, 1))
        space, found, roots = var("slot->as_id", 16), FALSE, list[RootAged]()
        for number in range(ROOTS):
            root, walk = Root(number), numbered("tdp_iter_start()", number + 1)
            # Who only asks is content with the first.
            walked = all_of(root.matches(*kinds), eq(to_bv(root.smm, 16), space), negate(all_of(boolean(tests), found)))
            gfn, level, spte = (
                var(f"iter.{name} after {walk}", width)
                for name, width in (("gfn", 64), ("level", 32), ("old_spte", 64))
            )
            in_range = ult(gfn, var("range->end", 64))
            is_page = all_of(ne(spte & self.constants.SPTE_MMU_PRESENT_MASK, 0), self._is_leaf(level, spte))
            accessed = ne(var(numbered("is_accessed_spte()", number + 1), 1), 0)
            young = all_of(walked, in_range, is_page, accessed)
            roots.append(
                RootAged(
                    invalid=root.invalid,
                    mirror=root.mirror,
                    smm=root.smm,
                    walked=walked,
                    first=self._from(var("range->start", 64)),
                    lowest=bv(1, 32),
                    in_range=in_range,
                    level=level,
                    spte=spte,
                    accessed=accessed,
                    aged=all_of(young, boolean(self._ages(tests))),
                )
            )
            found = self._is_young(found, young)
        return RootsAged(
            tests=tests,
            roots=tuple(roots),
            space=zext(space, 64),
            start=var("range->start", 64),
            has_mirrors=mirrors,
            of_shared=bit(meant, 0),
            of_private=bit(meant, 1),
            answer=found,
            evidence=Evidence(),
        )

    def _from(self, start: BitVec) -> BitVec:
        """From which frame on pages are aged."""
        return start

    def _is_leaf(self, level: BitVec, spte: BitVec) -> Bool:
        """Whether an entry that is present is one that is aged."""
        return any_of(eq(level, 1), bit(spte, _LARGE))

    def _ages(self, tests: bool) -> bool:
        """Whether what was used is aged."""
        return not tests

    def _is_young(self, before: Bool, young: Bool) -> Bool:
        """Whether it is told that a page was used, after one more."""
        return any_of(before, young)
