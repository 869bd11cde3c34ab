"""Which theorems, vendors and defects a user means; a name that fits nothing is answered with near ones."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.naming import is_pattern, near
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Theorem

_T = TypeVar("_T")


@dataclass(frozen=True)
class Task:
    """A theorem for one vendor."""

    theorem: Theorem
    vendor: Vendor


def select_theorems(theorems: Sequence[Theorem], wanted: Sequence[str]) -> tuple[Theorem, ...]:
    """The theorems that names or shell patterns select, in the catalogue's order; all if none is given.

    Raises:
        UsageProblem: a name or a pattern selects nothing.
    """
    if not theorems:
        raise UsageProblem("there are no theorems")
    names = [theorem.name for theorem in theorems]
    chosen = set(names if not wanted else ())
    for pattern in wanted:
        found = {name for name in names if fnmatch.fnmatchcase(name, pattern)}
        if not found:
            verb = "matches" if is_pattern(pattern) else "is called"
            groups = sorted({f"{name.partition('.')[0]}.*" for name in names})
            raise UsageProblem(f"no theorem {verb} {pattern!r}{near(pattern, [*names, *groups])}")
        chosen |= found
    return tuple(theorem for theorem in theorems if theorem.name in chosen)


def select_vendors(wanted: Sequence[str]) -> tuple[Vendor, ...]:
    """The vendors by name, all if none is given.

    Raises:
        UsageProblem: there is no such vendor.
    """
    known = {vendor.value: vendor for vendor in Vendor}
    chosen = {_lookup(known, name, "vendor") for name in wanted}
    return tuple(vendor for vendor in Vendor if not wanted or vendor in chosen)


def select_defect(defects: Mapping[str, _T], name: str) -> _T:
    """The defect of that name.

    Raises:
        UsageProblem: there is no such defect.
    """
    return _lookup(defects, name, "defect")


def select_tasks(theorems: Sequence[Theorem], wanted: Sequence[str], vendors: Sequence[str]) -> tuple[Task, ...]:
    """Every selected theorem with every selected vendor for which it is stated.

    Raises:
        UsageProblem: a name or a pattern selects nothing.
    """
    chosen_vendors = select_vendors(vendors)
    for pattern in wanted or ["*"]:
        found = select_theorems(theorems, [pattern])
        if not any(vendor in theorem.vendors for theorem in found for vendor in chosen_vendors):
            stated = {vendor for theorem in found for vendor in theorem.vendors}
            here = _vendors(chosen_vendors)
            raise UsageProblem(f"{pattern} is stated for {_vendors(stated)}, not for {here}")
    return tuple(
        Task(theorem, vendor)
        for theorem in select_theorems(theorems, wanted)
        for vendor in Vendor
        if vendor in theorem.vendors and vendor in chosen_vendors
    )


def _vendors(vendors: Iterable[Vendor]) -> str:
    names = [vendor.value for vendor in Vendor if vendor in set(vendors)]
    return ", ".join(names) or "no vendor"


def _lookup(known: Mapping[str, _T], name: str, kind: str) -> _T:
    if name not in known:
        raise UsageProblem(f"no {kind} is called {name!r}{near(name, known)}")
    return known[name]
