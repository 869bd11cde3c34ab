"""Which cases every run has, and which only the long one: `make test` is what every change needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


def sampled(cases: Iterable[str], one_in: int) -> Sequence[ParameterSet]:
    """All cases, of which every run has one in so many and the long one the rest."""
    return [_param(case, is_long=number % one_in != 0) for number, case in enumerate(sorted(cases))]


def only(always: Iterable[str], cases: Iterable[str]) -> Sequence[ParameterSet]:
    """All cases, of which every run has those that are named and the long one the rest.

    Raises:
        ValueError: a named one is none of the cases.
    """
    named, cases = set(always), list(cases)
    if not named <= set(cases):
        raise ValueError(f"no cases: {sorted(named - set(cases))}")
    return [_param(case, is_long=case not in named) for case in cases]


def kernels(newest: str, *older: str) -> Sequence[ParameterSet]:
    """The series of kernels, of which every run has the first and the long one the others."""
    return only((newest,), (newest, *older))


def _param(case: str, *, is_long: bool) -> ParameterSet:
    return pytest.param(case, marks=pytest.mark.long if is_long else ())
