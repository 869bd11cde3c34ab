"""What an operation on an SPTE hands over to the theorems that speak of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SplitRequest, SpteAt
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.statement import Case, Shown
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool


class How(enum.Enum):
    """What an operation starts from, and what it leaves."""

    MAKES = "makes an SPTE that maps a page"
    LINKS = "makes an entry that leads to a page table"
    ENDS = "makes an entry that ends a walk"
    SPLITS = "makes a small SPTE of a huge one"
    COLLAPSES = "makes a huge SPTE of a small one"
    CHANGES = "changes an SPTE in place"
    MARKS = "is a step of an operation that changes an SPTE in place"
    FIXES = "changes an SPTE without KVM's lock"


@dataclass(frozen=True, kw_only=True)
class Done:
    """An operation, done to free inputs.

    Args:
        after: the entry that it leaves.
        evidence: how that came about.
        found: what is taken for granted of its inputs.
        needs: what its callers guarantee besides.
        shown: the inputs that a counterexample names.
        before: the entry that it finds, if it finds one.
        asked: what it is asked for, if it is asked for an SPTE.
        flushes: whether it says that TLBs have to be flushed; None if it leaves that to its caller.
        ad_disabled: ``role.ad_disabled`` of the page table, where it is an input.
        name: what it is called; the list of operations says it.
        how: what it starts from and what it leaves; the list of operations says it.
    """

    after: SpteAt
    evidence: Evidence
    found: tuple[Assumption, ...] = ()
    needs: tuple[Assumption, ...] = ()
    shown: tuple[Shown, ...] = ()
    before: SpteAt | None = None
    asked: SpteRequest | SplitRequest | None = None
    flushes: Bool | None = FALSE
    ad_disabled: Bool = FALSE
    name: str = ""
    how: How = How.CHANGES

    @property
    def held(self) -> SpteAt:
        """The entry that it finds, of an operation that finds one."""
        assert self.before is not None, self.name
        return self.before

    def case(self, *extra: Assumption, of_before: tuple[Assumption, ...] = (), shown: tuple[Shown, ...] = ()) -> Case:
        """The case of a claim about what is left.

        Args:
            extra: what a theorem takes for granted besides.
            of_before: the same, of the entry that is found.
            shown: what a counterexample names besides the inputs; the entry afterwards by default.
        """
        return Case(
            assumptions=(*self.found, *of_before, *self.needs, *extra),
            shown=(*self.shown, *(shown or (Shown("spte afterwards", self.after.spte, kind=NumberKind.SPTE),))),
            evidence=self.evidence,
            part=self.name,
        )
