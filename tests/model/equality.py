"""The one notion of "the reference model equals the lifted code".

Two results are compared field by field, whatever they are made of, and each field is a claim of its own: a field that
is added to a result is compared without anybody saying so.  What is left out is said by the fields themselves
(`mmuproof.model.result_fields`), or is here:

* the steps and cuts of evidence tell how a result came about, which the model does in steps of its own; its checks
  are compared kind by kind;
* a field of type ``object`` holds what only the implementation that made it understands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

import pytest

from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide, satisfiable
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, all_of, boolean, eq, iff, implies, var

_T = TypeVar("_T", BitVec, Bool)

_NOTHING: Mapping[Term, Term] = MappingProxyType({})
_INLINE_ASSEMBLY: Mapping[Term, Term] = MappingProxyType(
    {var("boot_cpu_has_bug(X86_BUG_L1TF)", 1): var("variable_test_bit()", 1)}
)
"""boot_cpu_has_bug() reads a bit with inline assembly, which is cut."""


@dataclass(frozen=True)
class Both:
    """The two descriptions of one kernel."""

    reference: Kvm
    lifted: Kvm

    def __iter__(self) -> Iterator[Kvm]:
        return iter((self.reference, self.lifted))


@dataclass(frozen=True)
class SameField:
    """That one field of two results is the same.

    Args:
        path: the field, such as ``metadata.permissions[3]``.
        holds: the claim.
    """

    path: str
    holds: Bool


@dataclass(frozen=True)
class HowCompared:
    """How results are compared.

    Args:
        stands_for: for terms of the reference model, what the lifted code has there: an input under another name, or
            what the model leaves open.
        where: for the paths of fields and of what they are made of, the condition under which they are compared.
        partial: the kinds of checks of which the model has not all; what it has has to follow from the code's.
    """

    stands_for: Mapping[Term, Term]
    where: Mapping[str, Bool]
    partial: Collection[CheckKind]

    def claims(self, mine: object, theirs: object, path: str = "") -> Iterator[SameField]:
        """A claim for each field of two results, the reference's and the lifted one."""
        condition = self.where.get(path, TRUE)
        for claim in self._unconditional(mine, theirs, path):
            of_part = self.where.get(claim.path, TRUE)
            yield SameField(claim.path, implies(all_of(condition, of_part), claim.holds))

    def _unconditional(self, mine: object, theirs: object, path: str) -> Iterator[SameField]:
        if isinstance(mine, BitVec) and isinstance(theirs, BitVec):
            yield SameField(path, eq(self._read(mine), theirs) if mine.width == theirs.width else FALSE)
        elif isinstance(mine, Bool) and isinstance(theirs, Bool):
            yield SameField(path, iff(self._read(mine), theirs))
        elif isinstance(mine, Evidence) and isinstance(theirs, Evidence):
            for kind in CheckKind:
                same = implies if kind in self.partial else iff
                yield SameField(f"{path}.{kind.name}", same(checked(theirs, kind), self._read(checked(mine, kind))))
        elif isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield SameField(f"{path}.keys()", boolean(list(mine) == list(theirs)))
            for key in mine.keys() & theirs.keys():
                yield from self.claims(mine[key], theirs[key], f"{path}[{key}]")
        elif isinstance(mine, tuple) and isinstance(theirs, tuple):
            yield SameField(f"len({path})", boolean(len(mine) == len(theirs)))
            for number, (one, other) in enumerate(zip(mine, theirs, strict=False)):
                yield from self.claims(one, other, f"{path}[{number}]")
        elif is_dataclass(mine) and type(mine) is type(theirs):
            for each in fields(mine):
                if each.type != "object" and not each.metadata.get("line"):
                    yield from self._of_field(each, mine, theirs, f"{path}.{each.name}".lstrip("."))
        elif type(mine) is type(theirs) and isinstance(mine, bool | int | str | Enum | None):
            yield SameField(path, boolean(mine == theirs))
        else:
            raise TypeError(f"{path}: a {type(mine).__name__} cannot be compared with a {type(theirs).__name__}")

    def _of_field(self, field: Field[object], mine: object, theirs: object, path: str) -> Iterator[SameField]:
        one, other = getattr(mine, field.name), getattr(theirs, field.name)
        if field.metadata.get("at_least"):
            yield SameField(path, implies(other, self._read(one)))
            return
        if field.metadata.get("function"):
            one, other = (place.rpartition(":")[2] for place in (one, other))
        counts = field.metadata.get("counts_where")
        where = getattr(theirs, counts) if counts else TRUE
        for claim in self.claims(one, other, path):
            yield SameField(claim.path, implies(where, claim.holds))

    def _read(self, term: _T) -> _T:
        return substitute(term, {**_INLINE_ASSEMBLY, **self.stands_for})


def checked(evidence: Evidence, *kinds: CheckKind) -> Bool:
    """That all checks of these kinds hold."""
    return all_of(*(check.holds for check in evidence.checks if check.kind in kinds))


def demanded(evidence: Evidence) -> Bool:
    """That all holds that C demands, and without which a result means nothing."""
    return checked(evidence, *(kind for kind in CheckKind if not kind.is_stated))


def prove(claim: Bool, *assuming: Bool) -> None:
    """Fail unless a claim holds for all inputs that satisfy the assumptions, of which there are some."""
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assuming), claim))
    assert answer.verdict is Verdict.PROVED, answer


def prove_equal(
    mine: object,
    theirs: object,
    *,
    assuming: Collection[Bool] = (),
    stands_for: Mapping[Term, Term] = _NOTHING,
    where: Mapping[str, Bool] = MappingProxyType({}),
    partial: Collection[CheckKind] = (),
) -> None:
    """Fail, and name the fields, unless the reference model's result is the lifted one; see `HowCompared`."""
    premises, wrong = tuple(Assumption(repr(each), each) for each in assuming), []
    for claim in HowCompared(stands_for, where, partial).claims(mine, theirs):
        if claim.holds is TRUE and not premises:
            continue
        answer = decide(Obligation(premises, claim.holds))
        if answer.verdict is not Verdict.PROVED:
            found = answer.assignment.values if answer.assignment else answer.core or answer.reason
            wrong.append(f"{claim.path or 'the result'}: {answer.verdict.value} {found}")
    assert not wrong, "\n".join(wrong)


def can_hold(condition: Bool) -> bool:
    """Whether some inputs make a condition true: what is proved where it holds says nothing otherwise."""
    return satisfiable(condition) is True


def host(masks: ShadowMasks) -> Bool:
    """That the masks are those of a host that there can be."""
    return all_of(*(each.term for each in plausible_host(masks)))


def reads(value: object) -> str:
    """Part of a test's name."""
    return str(getattr(value, "value", value)).replace(" ", "-")


each_vendor = pytest.mark.parametrize("vendor", Vendor, ids=reads)
