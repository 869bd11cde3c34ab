"""What a change of a function comes to: the claims by which two versions are held against each other."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.statement import Case, Shown, Statement, Symptom
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, Term, all_of, any_of, bv, eq, ne, negate


class Change(enum.Enum):
    """What has become of a function."""

    EQUAL = "equal"
    """Both versions show the same for all inputs."""
    EQUAL_IF = "equal if"
    """They do so under a condition, and not otherwise."""
    MORE = "new allows more"
    """The new version allows what the old one does not, and all that it does; a WARN may differ as well."""
    LESS = "new allows less"
    """The new version does not allow all that the old one does, and nothing else; a WARN may differ as well."""
    DIFFERS = "differs"
    """They differ in another way."""
    UNKNOWN = "unknown"
    """The solver's budget ran out."""
    NOT_COMPARED = "not compared"
    """A version could not be understood; nothing is said about it."""


@dataclass(frozen=True)
class Permission:
    """How to read permissions off a number.

    Args:
        allows: the bits that allow something when they are set.
        denies: the bits that forbid something when they are set.
    """

    allows: int
    denies: int = 0


_ALL = (1 << 64) - 1
_ALLOWING = re.compile(r"(?:^|_)(?:allowed|writable|executable|access|accessible)(?:\(\)|$|_pte|_spte)")
_DENYING = re.compile(r"fault\(\)|(?:^|_)(?:rsvd|reserved|bad)_|rsvd_bits_mask|bad_mt_xwr|^permissions\[")
_SEPARATORS = re.compile(r"->|\.")


def permission_of(name: str, spte_bits: Permission | None, *, is_spte: bool) -> Permission | None:
    """How to read permissions off a number of this name, None if it has none.

    Args:
        name: what it is called; ``f()`` for what a function returns.
        spte_bits: the permission bits of SPTEs, None if they are not known.
        is_spte: whether it is an SPTE.
    """
    if is_spte:
        return spte_bits
    last = _SEPARATORS.split(name.lstrip("*"))[-1]
    if _DENYING.search(last) or _DENYING.search(name):
        return Permission(0, _ALL)
    return Permission(_ALL) if _ALLOWING.search(last) else None


@dataclass(frozen=True, kw_only=True)
class Shows:
    """Something that both versions show and in which they may differ.

    Args:
        name: what it is.
        differs: when they do.
        old: the old version's number, or truth value.
        new: the new version's.
        permission: how to read permissions off it, if it has any.
    """

    name: str
    differs: Bool
    old: Term | None
    new: Term | None
    permission: Permission | None

    @property
    def more(self) -> Bool:
        """When the new version allows something that the old one does not."""
        return self._gained(self.old, self.new)

    @property
    def less(self) -> Bool:
        """When the old version allows something that the new one does not."""
        return self._gained(self.new, self.old)

    def _gained(self, before: Term | None, after: Term | None) -> Bool:
        if self.permission is None or not isinstance(before, BitVec) or not isinstance(after, BitVec):
            return FALSE
        allows, denies = self.permission.allows, self.permission.denies
        if denies and before.width in (8, 32) and _is_flag(self.name):
            # A fault is no fault as soon as it is zero, whatever its bits.
            return all_of(self.differs, ne(before, 0), eq(after, 0))
        gained = (after & ~before & bv(allows, before.width)) | (before & ~after & bv(denies, before.width))
        return all_of(self.differs, ne(gained, 0))

    @property
    def otherwise(self) -> Bool:
        """When the two differ in something that is no permission."""
        if self.permission is None or not isinstance(self.old, BitVec) or not isinstance(self.new, BitVec):
            return self.differs
        if self.permission.denies and self.old.width in (8, 32) and _is_flag(self.name):
            return all_of(self.differs, ne(self.old, 0), ne(self.new, 0))
        rest = ~(self.permission.allows | self.permission.denies)
        return all_of(self.differs, ne((self.old ^ self.new) & bv(rest, self.old.width), 0))


def _is_flag(name: str) -> bool:
    return name.endswith("()")


def equality(shows: Sequence[Shows], assumptions: Sequence[Assumption], inputs: Sequence[Shown]) -> Statement:
    """That both versions show the same."""
    return Statement(
        negate(any_of(FALSE, *(each.differs for each in shows))),
        tuple(_symptoms(shows)),
        Case(assumptions=tuple(assumptions), shown=tuple(inputs)),
    )


def _symptoms(shows: Sequence[Shows]) -> Iterator[Symptom]:
    for each in shows:
        yield Symptom(name=each.name, when=each.differs, sentence="", actual="", expected="")


def with_evidence(claim: Statement, evidence: Evidence) -> Statement:
    """The same claim, told by the steps of one version."""
    return Statement(
        claim.holds,
        claim.symptoms,
        Case(assumptions=claim.case.assumptions, shown=claim.case.shown, evidence=Evidence(steps=evidence.steps)),
    )
