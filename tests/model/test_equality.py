"""The comparison of results finds whatever differs, and names the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from mmuproof.model.evidence import Check, CheckKind, Evidence
from mmuproof.model.result_fields import AT_LEAST, FUNCTION, LINE, counts_where
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bool_var, bv, negate, var
from tests.model.equality import prove_equal

_X, _Y, _A = var("x", 8), var("y", 8), bool_var("a")


@dataclass(frozen=True)
class _Inner:
    term: BitVec
    flags: Mapping[str, BitVec]


@dataclass(frozen=True, kw_only=True)
class _Outer:
    inner: _Inner = field(default_factory=lambda: _Inner(_X, {"one": _X}))
    several: tuple[BitVec, ...] = (_X, _X)
    maybe: Bool | None = _A
    name: str = "name"
    happens: Bool = field(default=_A, metadata=AT_LEAST)
    told: BitVec = field(default=_X, metadata=counts_where("happens"))
    at: str = field(default="reference: f", metadata=LINE)
    place: str = field(default="reference:f", metadata=FUNCTION)
    evidence: Evidence = field(default_factory=Evidence)
    state: object = None


def warned(holds: Bool) -> Evidence:
    return Evidence((Check(CheckKind.WARN, "f.c:1", holds),))


@pytest.mark.parametrize(
    ("theirs", "path"),
    [
        (_Outer(inner=_Inner(_Y, {"one": _X})), "inner.term"),
        (_Outer(inner=_Inner(_X, {"one": _Y})), "inner.flags[one]"),
        (_Outer(inner=_Inner(_X, {"two": _X})), "inner.flags.keys()"),
        (_Outer(several=(_X, _Y)), "several[1]"),
        (_Outer(several=(_X,)), "len(several)"),
        (_Outer(several=(_X, var("x", 9))), "several[1]"),
        (_Outer(maybe=TRUE), "maybe"),
        (_Outer(name="another"), "name"),
        (_Outer(happens=TRUE), "happens"),
        (_Outer(told=_Y), "told"),
        (_Outer(place="a/b.c:g"), "place"),
        (_Outer(evidence=warned(_A)), "evidence.WARN"),
    ],
)
def test_a_field_that_differs_is_named(theirs: _Outer, path: str) -> None:
    with pytest.raises(AssertionError) as failure:
        prove_equal(_Outer(), theirs)
    assert [line.partition(": ")[0] for line in str(failure.value).splitlines() if " REFUTED " in line] == [path]


def test_what_says_nothing_is_not_compared() -> None:
    prove_equal(_Outer(), _Outer(at="a/b.c:12", place="a/b.c:f", state=object()))
    prove_equal(_Outer(happens=FALSE), _Outer(happens=FALSE, told=_Y))
    prove_equal(_Outer(happens=TRUE), _Outer(happens=_A))


def test_results_of_two_types_are_not_compared() -> None:
    with pytest.raises(TypeError, match="maybe"):
        prove_equal(_Outer(), _Outer(maybe=None))


def test_an_input_stands_for_another() -> None:
    prove_equal(_X, _Y, stands_for={_X: _Y})
    with pytest.raises(AssertionError):
        prove_equal(_X, bv(1, 8), stands_for={_X: _Y})


def test_a_field_is_compared_where_it_is_said() -> None:
    mine, theirs = _Outer(), _Outer(evidence=warned(_A))
    prove_equal(mine, theirs, where={"evidence": _A})
    prove_equal(mine, theirs, where={"evidence.WARN": _A})
    with pytest.raises(AssertionError):
        prove_equal(mine, theirs, where={"evidence.WARN": negate(_A)})


def test_a_model_that_has_not_all_checks_has_no_others() -> None:
    prove_equal(warned(TRUE), warned(_A), partial={CheckKind.WARN})
    with pytest.raises(AssertionError):
        prove_equal(warned(_A), warned(TRUE), partial={CheckKind.WARN})
